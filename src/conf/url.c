// SPDX-License-Identifier: BSD-2-Clause
#include "conf/url.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "conf/options.h"
#include "conf/section.h"
#include "conf/settings.h"
#include "net/addr.h"

static const char where[] = "command line -b";

static int
fail(char **error_r, const char *why)
{
	*error_r = xasprintf("-b: %s", why);
	return -1;
}

static int
fail_secret(char **error_r)
{
	return fail(error_r, "a password among the arguments can be seen by"
	    " everybody; use password_file=PATH, or the environment"
	    " (NNTPMUX_BACKEND_NAME__PASSWORD)");
}

static int
get_hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ?
	    c + 'a' - 'A' : c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* n octets with %XX resolved; NULL when one is cut or makes a NUL. */
static char *
decode(const char *text, size_t n)
{
	char *out = xmalloc(n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		int hi, lo;

		if (text[i] != '%') {
			*o++ = text[i];
			continue;
		}
		hi = i + 2 < n ? get_hex(text[i + 1]) : -1;
		lo = i + 2 < n ? get_hex(text[i + 2]) : -1;
		if (hi == -1 || lo == -1 || (hi == 0 && lo == 0)) {
			free(out);
			return NULL;
		}
		*o++ = (char)(hi * 16 + lo);
		i += 2;
	}
	*o = '\0';
	return out;
}

/* Adds a key with its value; takes value. */
static void
add(struct options_backend *b, const char *key, char *value)
{
	struct options_set *set;

	b->sets = xrealloc(b->sets, (b->sets_n + 1) * sizeof(*b->sets));
	set = &b->sets[b->sets_n++];
	set->section = NULL;
	set->key = xstrdup(key);
	set->value = value;
	set->where = xstrdup(where);
}

static bool
has(const struct options_backend *b, const char *key)
{
	for (size_t i = 0; i < b->sets_n; i++)
		if (strcmp(b->sets[i].key, key) == 0)
			return true;
	return false;
}

/* "key=value" of n octets. */
static int
parse_pair(struct options_backend *b, const char *pair, size_t n,
    char **error_r)
{
	const char *eq = memchr(pair, '=', n);
	char *key = decode(pair, eq != NULL ? (size_t)(eq - pair) : n);
	char *value = eq != NULL ? decode(eq + 1,
	    n - (size_t)(eq + 1 - pair)) : NULL;
	const struct setting *set = key == NULL ? NULL :
	    settings_find(KIND_BACKEND, key);
	char *why = NULL;
	int rc = -1;

	if (set != NULL && setting_is_secret(set))
		fail_secret(error_r);
	else if (eq == NULL || key == NULL || value == NULL)
		fail(error_r, "behind the ? stands key=value&key=value");
	else if (set == NULL)
		fail(error_r, "an unknown key behind the ?; the keys are those"
		    " of [backend NAME]");
	else if (has(b, set->key))
		*error_r = xasprintf("-b: %s is given twice", set->key);
	else if (section_check(set, value, &why) == -1)
		*error_r = xasprintf("-b: %s: %s", set->key, why);
	else
		rc = 0;
	if (rc == 0)
		add(b, set->key, value);
	else
		free(value);
	free(why);
	free(key);
	return rc;
}

static int
parse_query(struct options_backend *b, const char *query, char **error_r)
{
	while (*query != '\0') {
		size_t n = strcspn(query, "&");

		if (n > 0 && parse_pair(b, query, n, error_r) == -1)
			return -1;
		query += n;
		query += *query == '&';
	}
	return 0;
}

/* "host[:port]" of n octets. */
static int
parse_host(struct options_backend *b, const char *text, size_t n,
    char **error_r)
{
	char *address = decode(text, n), *why = NULL, *host;
	const char *error;
	uint16_t port;

	if (address == NULL || *address == '\0') {
		free(address);
		return fail(error_r, "the host is missing");
	}
	if (section_check(settings_find(KIND_BACKEND, "address"), address,
	    &why) == -1) {
		fail(error_r, why);
		free(why);
		free(address);
		return -1;
	}
	CHECK(addr_split(address, 0, &host, &port, &error) == 0);
	add(b, "address", address);
	b->name = host;
	return 0;
}

static int
parse_user(struct options_backend *b, const char *text, size_t n,
    char **error_r)
{
	char *user = decode(text, n), *why = NULL;

	if (user == NULL || section_check(settings_find(KIND_BACKEND,
	    "username"), user, &why) == -1) {
		free(user);
		free(why);
		return fail(error_r, "the user before the @ is wrong or"
		    " empty");
	}
	add(b, "username", user);
	return 0;
}

static int
parse_authority(struct options_backend *b, const char *text, size_t n,
    char **error_r)
{
	const char *at = memrchr(text, '@', n);
	const char *host = at != NULL ? at + 1 : text;

	if (parse_host(b, host, n - (size_t)(host - text), error_r) == -1)
		return -1;
	if (at == NULL)
		return 0;
	return parse_user(b, text, (size_t)(at - text), error_r);
}

/* A password before the last @, wherever the rest of the URL is wrong. */
static bool
has_password(const char *text)
{
	const char *at = strrchr(text, '@');

	return at != NULL && memchr(text, ':', (size_t)(at - text)) != NULL;
}

static int
parse_parts(struct options_backend *b, const char *url, char **error_r)
{
	const char *text = strstr(url, "://");
	bool is_tls = strncasecmp(url, "nntps://", 8) == 0;
	size_t n;

	if (has_password(text != NULL ? text + 3 : url))
		return fail_secret(error_r);
	if (!is_tls && strncasecmp(url, "nntp://", 7) != 0)
		return fail(error_r, "must be nntp:// or nntps://[user@]"
		    "host[:port][?key=value&...]");
	text += 3;
	n = strcspn(text, "/?#");
	if (parse_authority(b, text, n, error_r) == -1)
		return -1;
	if (is_tls)
		add(b, "tls", xstrdup("implicit"));
	text += n;
	text += *text == '/';
	if (*text == '\0')
		return 0;
	if (*text != '?' || strchr(text, '#') != NULL)
		return fail(error_r, "a path or # has no meaning");
	return parse_query(b, text + 1, error_r);
}

int
url_parse(struct options_backend *b_r, const char *url, char **error_r)
{
	memset(b_r, 0, sizeof(*b_r));
	if (parse_parts(b_r, url, error_r) == 0)
		return 0;
	options_backend_fini(b_r);
	return -1;
}
