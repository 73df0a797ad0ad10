// SPDX-License-Identifier: BSD-2-Clause
#include "conf/check_tls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "conf/field.h"
#include "conf/report.h"
#include "conf/section.h"
#include "net/addr.h"

/* What a wrong setting of a context is called. */
static const char *const backend_keys[TLS_SETTING_COUNT] = {
	[TLS_SETTING_CA] = "tls_ca_file",
	[TLS_SETTING_CIPHERS] = "tls_ciphers",
};
static const char *const listen_keys[TLS_SETTING_COUNT] = {
	[TLS_SETTING_CERT] = "tls_cert",
	[TLS_SETTING_KEY] = "tls_key",
	[TLS_SETTING_CA] = "tls_client_ca",
	[TLS_SETTING_CIPHERS] = "tls_ciphers",
};

static bool
is_default(const struct conf_section *s, const struct setting *set)
{
	char *value = field_get(set, s);
	bool is_same = value == NULL ? set->def == NULL :
	    set->def != NULL && strcmp(value, set->def) == 0;

	free(value);
	return is_same;
}

/* Keys that do nothing as long as tls says no. */
static void
check_unused(const struct conf_section *s, enum section_kind kind,
    struct conf_report *report)
{
	size_t n;
	const struct setting *rows = settings_get(kind, &n);

	for (size_t i = 0; i < n; i++)
		if (strncmp(rows[i].key, "tls_", 4) == 0 &&
		    !is_default(s, &rows[i]))
			report_add(report, SEVERITY_WARNING,
			    section_get_place(s, kind, rows[i].key),
			    "[%s %s]: %s means nothing with tls = no",
			    sections[kind].word, s->name, rows[i].key);
}

/* OpenSSL reads to the end, and waits for it: a pipe or a device may have
 * none. One that is not there it tells of itself. */
static bool
is_readable(const struct conf_section *s, enum section_kind kind,
    const char *key, const char *path, struct conf_report *report)
{
	struct stat st;

	if (path == NULL || stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return true;
	report_add(report, SEVERITY_ERROR, section_get_place(s, kind, key),
	    "%s: %s is no regular file", key, path);
	return false;
}

/* --- listeners ------------------------------------------------------------ */

static const char *
listen_place(const struct conf_listen *l, const char *key)
{
	return section_get_place(&l->s, KIND_LISTEN, key);
}

static void
check_key_file(const struct conf_listen *l, const char *key, const char *path,
    struct conf_report *report)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & S_IROTH) != 0)
		report_add(report, SEVERITY_WARNING, listen_place(l, key),
		    "%s %s: everybody may read the key in it", key, path);
}

static void
make_listen_context(struct conf_listen *l, struct conf_report *report)
{
	const struct tls_server_settings settings = {
		.cert_file = l->tls_cert,
		.key_file = l->tls_key,
		.client_ca_file = l->tls_client_ca,
		.min_version = l->tls_min_version,
		.ciphers = l->tls_ciphers,
	};
	enum tls_setting wrong;
	const char *warning;
	char *why;

	l->tls_context = tls_new_server(&settings, &wrong, &why);
	if (l->tls_context == NULL) {
		report_add(report, SEVERITY_ERROR,
		    listen_place(l, listen_keys[wrong]), "%s: %s",
		    listen_keys[wrong], why);
		free(why);
		return;
	}
	warning = tls_get_warning(l->tls_context);
	if (warning != NULL)
		report_add(report, SEVERITY_WARNING,
		    listen_place(l, "tls_cert"), "tls_cert: %s", warning);
}

/* All are looked at. */
static bool
has_readable_files(const struct conf_listen *l, struct conf_report *report)
{
	bool is_fine = is_readable(&l->s, KIND_LISTEN, "tls_cert",
	    l->tls_cert, report);

	is_fine &= is_readable(&l->s, KIND_LISTEN, "tls_key", l->tls_key,
	    report);
	return is_readable(&l->s, KIND_LISTEN, "tls_client_ca",
	    l->tls_client_ca, report) && is_fine;
}

void
check_tls_listen(struct conf_listen *l, struct conf_report *report)
{
	if (l->tls == TLS_NO) {
		check_unused(&l->s, KIND_LISTEN, report);
		return;
	}
	if (l->tls_cert == NULL) {
		report_add(report, SEVERITY_ERROR, listen_place(l, "tls"),
		    "[listen %s] has tls and no tls_cert", l->s.name);
		return;
	}
	if (l->tls_key != NULL)
		check_key_file(l, "tls_key", l->tls_key, report);
	else
		check_key_file(l, "tls_cert", l->tls_cert, report);
	if (has_readable_files(l, report))
		make_listen_context(l, report);
}

/* --- backends ------------------------------------------------------------- */

static void
make_backend_context(struct conf_backend *b, struct conf_report *report)
{
	const struct tls_client_settings settings = {
		.name = b->tls_name != NULL ? b->tls_name : b->host,
		.verifies = b->tls_verify,
		.ca_file = b->tls_ca_file,
		.min_version = b->tls_min_version,
		.ciphers = b->tls_ciphers,
	};
	enum tls_setting wrong;
	char *why;

	b->tls_context = tls_new_client(&settings, &wrong, &why);
	if (b->tls_context != NULL)
		return;
	report_add(report, SEVERITY_ERROR, section_get_place(&b->s,
	    KIND_BACKEND, backend_keys[wrong]), "%s: %s",
	    backend_keys[wrong], why);
	free(why);
}

void
check_tls_backend(struct conf_backend *b, struct conf_report *report)
{
	if (b->tls == TLS_NO) {
		check_unused(&b->s, KIND_BACKEND, report);
		return;
	}
	if (!b->tls_verify)
		report_add(report, SEVERITY_WARNING, section_get_place(&b->s,
		    KIND_BACKEND, "tls_verify"), "[backend %s] has tls_verify ="
		    " no: anybody in between can read the password and change"
		    " articles", b->s.name);
	/* What OpenSSL would make of others is no check of one name: a first
	 * dot stands for all that is below it. */
	if (b->tls_name != NULL && !addr_is_host(b->tls_name))
		report_add(report, SEVERITY_ERROR, section_get_place(&b->s,
		    KIND_BACKEND, "tls_name"), "tls_name: not a host name or"
		    " address");
	else if (is_readable(&b->s, KIND_BACKEND, "tls_ca_file",
	    b->tls_ca_file, report) && b->host != NULL)
		make_backend_context(b, report);
}
