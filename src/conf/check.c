// SPDX-License-Identifier: BSD-2-Clause
#include "conf/check.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "conf/check_tls.h"
#include "conf/conf.h"
#include "conf/file.h"
#include "conf/identity.h"
#include "conf/paths.h"
#include "conf/report.h"
#include "conf/section.h"
#include "net/congestion.h"

/* The first line of a password_file may be followed by others. */
#define PASSWORD_FILE_MAX 65536

static const char *
place(const struct conf_backend *b, const char *key)
{
	return section_get_place(&b->s, KIND_BACKEND, key);
}

/* The key is there, whether its value was right or not. */
static bool
has_key(const struct conf_backend *b, const char *key)
{
	return section_get_origin(&b->s, settings_find(KIND_BACKEND,
	    key)) != NULL;
}

#define BACKEND_ERROR(b, key, ...)                                            \
	report_add(report, SEVERITY_ERROR, place(b, key), __VA_ARGS__)

/* Puts the first line of the file where the password belongs. */
static void
take_password(struct conf_backend *b, struct file *f,
    struct conf_report *report)
{
	const struct setting *set = settings_find(KIND_BACKEND, "password");
	size_t n = strcspn(f->text, "\r\n");
	char *why;

	if (strlen(f->text) < n || memchr(f->text, '\0', f->n) != NULL) {
		BACKEND_ERROR(b, "password_file", "password_file %s: holds a"
		    " NUL", b->password_file);
		return;
	}
	f->text[n] = '\0';
	if (section_put(&b->s, set, f->text, &why) == -1) {
		BACKEND_ERROR(b, "password_file", "password_file %s: %s",
		    b->password_file, why);
		free(why);
	}
	if (S_ISREG(f->st.st_mode) && (f->st.st_mode & S_IROTH) != 0)
		report_add(report, SEVERITY_WARNING, place(b,
		    "password_file"), "password_file %s: everybody may read"
		    " it", b->password_file);
}

static int
read_password(struct conf_backend *b, struct conf_report *report)
{
	struct file f;
	char *why;
	int rc = file_read(&f, b->password_file, PASSWORD_FILE_MAX, &why);

	if (rc == 0) {
		take_password(b, &f, report);
		file_fini(&f);
	} else {
		BACKEND_ERROR(b, "password_file", "password_file %s: %s",
		    b->password_file, why);
		free(why);
	}
	return rc;
}

static void
check_login(struct conf_backend *b, struct conf_report *report)
{
	bool has_file = has_key(b, "password_file") &&
	    b->password_file != NULL;
	bool has_password = has_key(b, "password") || has_file;

	if (has_key(b, "password") && has_file) {
		BACKEND_ERROR(b, "password_file", "[backend %s] has a password"
		    " and a password_file", b->s.name);
	} else if (has_file && read_password(b, report) == -1) {
		return;
	}
	if (has_key(b, "username") && !has_password)
		BACKEND_ERROR(b, "username", "[backend %s] has a username and"
		    " no password", b->s.name);
	if (!has_key(b, "username") && has_password)
		BACKEND_ERROR(b, has_file ? "password_file" :
		    "password", "[backend %s] has a password and no username",
		    b->s.name);
}

static void
check_backend(struct conf_backend *b, struct conf_report *report)
{
	const char *error;

	if (!has_key(b, "address"))
		BACKEND_ERROR(b, "address", "[backend %s] has no address",
		    b->s.name);
	if (b->address != NULL)
		CHECK(addr_split(b->address, b->tls == TLS_IMPLICIT ? 563 :
		    119, &b->host, &b->port, &error) == 0);
	if (b->min_idle > b->max_connections)
		BACKEND_ERROR(b, "min_idle", "min_idle = %u is more than"
		    " max_connections = %u", b->min_idle, b->max_connections);
	check_login(b, report);
	check_tls_backend(b, report);
}

/* Names that mean this machine everywhere. */
static bool
is_local_name(const char *host)
{
	static const char *const names[] = {
		"localhost", "localhost.localdomain", "ip6-localhost",
		"ip6-loopback", "localhost.", NULL
	};
	size_t n = strlen(host);

	for (size_t i = 0; names[i] != NULL; i++)
		if (strcasecmp(host, names[i]) == 0)
			return true;
	return n > 10 && strcasecmp(host + n - 10, ".localhost") == 0;
}

/* A connection to the backend would end at the listener. Of a name only those
 * of this machine are known: nothing is resolved here. */
static bool
is_self(const struct conf_backend *b, const struct addr *listener)
{
	struct addr to;

	if (addr_is_unix(listener) || addr_get_port(listener) != b->port)
		return false;
	if (is_local_name(b->host))
		return addr_is_loopback(listener) ||
		    addr_is_wildcard(listener);
	if (addr_parse_numeric(&to, b->host, b->port) == -1)
		return false;
	/* Connecting to 0.0.0.0 or [::] means this machine. */
	if (addr_is_wildcard(&to))
		return addr_is_loopback(listener) ||
		    addr_is_wildcard(listener);
	/* Of the addresses behind a wildcard only loopback is certain. */
	return addr_is_covered(&to, listener) &&
	    (addr_is_loopback(&to) || !addr_is_wildcard(listener));
}

static void
check_self(const struct conf *c, const struct conf_backend *b,
    struct conf_report *report)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < c->listens_n && b->host != NULL; i++)
		if (is_self(b, &c->listens[i].address))
			BACKEND_ERROR(b, "address", "address = %s: that is"
			    " this proxy itself, listening at %s", b->address,
			    addr_format(&c->listens[i].address, text));
}

static void
check_backends(struct conf *c, const char *where, struct conf_report *report)
{
	if (c->backends_n == 0 && where != NULL)
		report_add(report, SEVERITY_ERROR, where,
		    "no backend: there is no [backend NAME] section and no"
		    " -b");
	if (c->backends_n > CONF_BACKENDS_MAX)
		report_add(report, SEVERITY_ERROR,
		    c->backends[CONF_BACKENDS_MAX].s.where,
		    "%zu backends; at most %d are possible", c->backends_n,
		    CONF_BACKENDS_MAX);
	for (size_t i = 0; i < c->backends_n; i++) {
		check_backend(&c->backends[i], report);
		check_self(c, &c->backends[i], report);
	}
}

/* The bits of the backends that are listed; none listed: of all. */
static uint64_t
get_mask(const struct conf *c, const struct conf_section *s,
    enum section_kind kind, const struct conf_names *names,
    struct conf_report *report)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < names->n; i++) {
		size_t b = 0;

		while (b < c->backends_n &&
		    strcmp(c->backends[b].s.name, names->v[i]) != 0)
			b++;
		if (b == c->backends_n)
			report_add(report, SEVERITY_ERROR,
			    section_get_place(s, kind, "backends"),
			    "[%s %s] names backend %.60s, which is not there",
			    sections[kind].word, s->name, names->v[i]);
		else if (b < CONF_BACKENDS_MAX)
			mask |= UINT64_C(1) << b;
	}
	if (names->n > 0)
		return mask;
	return c->backends_n >= CONF_BACKENDS_MAX ? UINT64_MAX :
	    (UINT64_C(1) << c->backends_n) - 1;
}

/* Both at once can't be bound. */
static bool
is_conflict(const struct addr *a, const struct addr *b)
{
	if (!addr_is_unix(a) && addr_get_port(a) == 0)
		return false;
	return addr_is_covered(a, b) || addr_is_covered(b, a);
}

/* A header that anybody may send tells nothing. */
static void
check_proxy_protocol(const struct conf_listen *l, struct conf_report *report)
{
	bool is_unix = addr_is_unix(&l->address);
	const char *where = section_get_place(&l->s, KIND_LISTEN,
	    l->proxy_protocol_from.n > 0 ? "proxy_protocol_from" :
	    "proxy_protocol");

	if (l->proxy_protocol == PROXY_PROTOCOL_REQUIRE && !is_unix &&
	    l->proxy_protocol_from.n == 0)
		report_add(report, SEVERITY_ERROR, where, "[listen %s]:"
		    " proxy_protocol = require needs proxy_protocol_from, or"
		    " anybody could say that he is somebody else", l->s.name);
	if (l->proxy_protocol == PROXY_PROTOCOL_NO &&
	    l->proxy_protocol_from.n > 0)
		report_add(report, SEVERITY_WARNING, where, "[listen %s]:"
		    " proxy_protocol_from means nothing without"
		    " proxy_protocol = require", l->s.name);
	if (is_unix && l->proxy_protocol_from.n > 0)
		report_add(report, SEVERITY_ERROR, where, "[listen %s]:"
		    " proxy_protocol_from means nothing for a unix socket",
		    l->s.name);
}

bool
check_is_open(const struct conf *c, const struct conf_listen *l,
    const struct addr *bound)
{
	return c->users_n == 0 && l->allow.n == 0 &&
	    (l->proxy_protocol == PROXY_PROTOCOL_REQUIRE ||
	    !addr_is_loopback(bound));
}

static void
check_listen(const struct conf *c, struct conf_listen *l,
    struct conf_report *report)
{
	const char *where = section_get_place(&l->s, KIND_LISTEN, "address");
	bool is_unix = addr_is_unix(&l->address);
	char text[ADDR_TEXT_MAX];

	addr_format(&l->address, text);
	for (const struct conf_listen *other = c->listens; other < l; other++)
		if (is_conflict(&other->address, &l->address))
			report_add(report, SEVERITY_ERROR, where,
			    "[listen %s] and [listen %s] can't both have %s",
			    other->s.name, l->s.name, text);
	if (is_unix && l->proxy_protocol == PROXY_PROTOCOL_NO &&
	    l->allow.n + l->deny.n > 0)
		report_add(report, SEVERITY_ERROR, where, "[listen %s]: allow"
		    " and deny mean nothing for a unix socket", l->s.name);
	if (!is_unix && l->unix_mode != 0660)
		report_add(report, SEVERITY_WARNING, where, "[listen %s]:"
		    " unix_mode means nothing for %s", l->s.name, text);
	check_proxy_protocol(l, report);
	if (check_is_open(c, l, &l->address))
		report_add(report, SEVERITY_WARNING, where, "[listen %s] at %s"
		    " can be reached from outside%s and has neither users nor"
		    " allow: everybody may use the backends", l->s.name,
		    text, l->proxy_protocol == PROXY_PROTOCOL_REQUIRE ?
		    ", through another proxy," : "");
	check_tls_listen(l, report);
	l->backends_mask = get_mask(c, &l->s, KIND_LISTEN, &l->backends,
	    report);
}

/* In stateful mode nothing is reserved. */
static bool
has_slots(const struct conf *c, const struct conf_backend *b)
{
	return c->proxy.mode == MODE_STATEFUL ||
	    b->max_connections > c->routing.stateful_reserve;
}

/* Where the reserve was set; else where the backend got so few connections. */
static const char *
place_of_reserve(const struct conf *c, const struct conf_backend *b)
{
	const char *origin = section_get_origin(&c->routing.s,
	    settings_find(KIND_ROUTING, "stateful_reserve"));

	return origin != NULL ? origin : place(b, "max_connections");
}

/* An account of one connection is enough to download with, but a newsreader
 * would get 403 for ever and never learn why. */
static void
check_groups(const struct conf *c, const struct conf_listen *l,
    struct conf_report *report)
{
	const struct conf_backend *first = NULL;

	for (size_t i = 0; i < c->backends_n && i < CONF_BACKENDS_MAX; i++) {
		const struct conf_backend *b = &c->backends[i];

		if ((l->backends_mask & UINT64_C(1) << i) == 0)
			continue;
		if (has_slots(c, b))
			return;
		if (first == NULL)
			first = b;
	}
	if (first != NULL)
		report_add(report, SEVERITY_WARNING,
		    place_of_reserve(c, first), "[listen %s]: no client can"
		    " select a group, for no backend has max_connections above"
		    " stateful_reserve = %u; lower that, or set mode ="
		    " per-command if nobody needs groups", l->s.name,
		    c->routing.stateful_reserve);
}

/* What the mode makes of the other keys. */
static void
check_mode(const struct conf *c, struct conf_report *report)
{
	if (c->proxy.mode == MODE_STATEFUL && c->routing.stateful_reserve > 1)
		report_add(report, SEVERITY_WARNING, section_get_place(
		    &c->routing.s, KIND_ROUTING, "stateful_reserve"),
		    "stateful_reserve = %u means nothing with mode ="
		    " stateful: clients may keep all connections",
		    c->routing.stateful_reserve);
	if (c->proxy.mode == MODE_HYBRID)
		for (size_t i = 0; i < c->listens_n; i++)
			check_groups(c, &c->listens[i], report);
	for (size_t i = 0; i < c->backends_n; i++)
		if (c->backends[i].posting && !has_slots(c, &c->backends[i]))
			report_add(report, SEVERITY_WARNING,
			    place(&c->backends[i], "posting"), "[backend %s]"
			    " has posting = yes, but nothing can be posted"
			    " there: max_connections = %u is not above"
			    " stateful_reserve = %u", c->backends[i].s.name,
			    c->backends[i].max_connections,
			    c->routing.stateful_reserve);
}

/* There is a quota and nowhere to keep it. */
static void
check_quotas(const struct conf *c, struct conf_report *report)
{
	static const char text[] = "[%s %s] has a quota, which begins at 0 with"
	    " each start, for there is no state_dir";

	if (c->proxy.state_dir != NULL)
		return;
	for (size_t i = 0; i < c->backends_n; i++)
		if (c->backends[i].quota_bytes > 0)
			report_add(report, SEVERITY_WARNING,
			    place(&c->backends[i], "quota"), text, "backend",
			    c->backends[i].s.name);
	for (size_t i = 0; i < c->users_n; i++)
		if (c->users[i].quota_bytes > 0)
			report_add(report, SEVERITY_WARNING,
			    section_get_place(&c->users[i].s, KIND_USER,
			    "quota"), text, "user", c->users[i].s.name);
}

/* What only root may choose it may have chosen before it became the user. */
static void
check_congestion(const struct conf_proxy *p, struct conf_report *report)
{
	int error;

	if (p->congestion_control == NULL)
		return;
	error = congestion_try(p->congestion_control);
	if (error == 0 || (error == EPERM && p->user != NULL))
		return;
	report_add(report, SEVERITY_ERROR, section_get_place(&p->s,
	    KIND_PROXY, "congestion_control"), "congestion_control = %s: %s",
	    p->congestion_control, congestion_explain(error));
}

static void
check_user(const struct conf_user *u, struct conf_report *report)
{
	size_t n, keys_n = 0;
	const struct setting *rows = settings_get(KIND_USER, &n);

	for (size_t i = 0; i < n; i++)
		if (setting_is_secret(&rows[i]) &&
		    section_get_origin(&u->s, &rows[i]) != NULL)
			keys_n++;
	if (keys_n > 1)
		report_add(report, SEVERITY_ERROR, u->s.where, "[user %s] has"
		    " a password and a password_plain", u->s.name);
	if (keys_n == 0)
		report_add(report, SEVERITY_ERROR, u->s.where,
		    "[user %s] has no password", u->s.name);
	/* sha256crypt counts as old there, but it is not weak. */
	if (u->password != NULL && strncmp(u->password, "$5$", 3) != 0 &&
	    crypt_checksalt(u->password) == CRYPT_SALT_METHOD_LEGACY)
		report_add(report, SEVERITY_WARNING, section_get_place(&u->s,
		    KIND_USER, "password"), "[user %s]: an old, weak kind of"
		    " hash; --hash-password makes a better one", u->s.name);
}

/* A user who can log in somewhere and then finds nothing there. */
static void
check_reach(const struct conf *c, const struct conf_user *u,
    struct conf_report *report)
{
	for (size_t i = 0; i < c->listens_n && u->backends_mask != 0; i++)
		if ((c->listens[i].backends_mask & u->backends_mask) == 0)
			report_add(report, SEVERITY_WARNING,
			    section_get_place(&u->s, KIND_USER, "backends"),
			    "[user %s] has no backend at [listen %s]",
			    u->s.name, c->listens[i].s.name);
}

static void
fill_log(struct conf_log *log)
{
	if (strcmp(log->target, "stderr") == 0) {
		log->target_kind = TARGET_STDERR;
	} else if (strcmp(log->target, "syslog") == 0) {
		log->target_kind = TARGET_SYSLOG;
	} else {
		log->target_kind = TARGET_FILE;
		log->target_path = xstrdup(log->target + strlen("file:"));
	}
}

void
check_conf(struct conf *c, const char *where, struct conf_report *report)
{
	check_backends(c, where, report);
	for (size_t i = 0; i < c->listens_n; i++)
		check_listen(c, &c->listens[i], report);
	check_mode(c, report);
	check_congestion(&c->proxy, report);
	check_quotas(c, report);
	for (size_t i = 0; i < c->users_n; i++) {
		struct conf_user *u = &c->users[i];

		check_user(u, report);
		u->backends_mask = get_mask(c, &u->s, KIND_USER, &u->backends,
		    report);
		check_reach(c, u, report);
	}
	fill_log(&c->log);
	identity_find(&c->proxy, report);
}
