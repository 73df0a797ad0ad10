// SPDX-License-Identifier: BSD-2-Clause
#include "conf/field.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/settings.h"
#include "conf/value.h"

/* More members than any list needs. */
#define LIST_MAX 1024

static void *
at(const struct setting *s, void *section)
{
	return (char *)section + s->offset;
}

static const void *
const_at(const struct setting *s, const void *section)
{
	return (const char *)section + s->offset;
}

void
field_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void
clear_names(struct conf_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
	memset(names, 0, sizeof(*names));
}

static void
clear_networks(struct conf_networks *networks)
{
	free(networks->v);
	memset(networks, 0, sizeof(*networks));
}

static bool
is_text(const struct setting *s)
{
	switch (s->type) {
	case SETTING_STRING:
	case SETTING_WORD:
	case SETTING_PATH:
	case SETTING_PATTERN:
	case SETTING_SECRET:
	case SETTING_HASH:
	case SETTING_HOST:
	case SETTING_TARGET:
		return true;
	default:
		return false;
	}
}

void
field_clear(const struct setting *s, void *section)
{
	void *field = at(s, section);

	if (s->type == SETTING_NAMES)
		clear_names(field);
	else if (s->type == SETTING_NETWORKS)
		clear_networks(field);
	else if (is_text(s)) {
		field_wipe(*(char **)field);
		*(char **)field = NULL;
	}
}

/* "must be 1 to 16", "must be lifo | fifo". */
static int
fail_as_described(const struct setting *s, char **why_r)
{
	char *words = setting_describe(s);

	*why_r = xasprintf("must be %s%s", words,
	    s->type == SETTING_DURATION ? " with a unit: ms, s, m, h or d" :
	    s->type == SETTING_INSTANT ? " with the unit us" :
	    s->type == SETTING_SIZE ? " with K, M or G, or in bytes" : "");
	free(words);
	return -1;
}

static int
set_enum(const struct setting *s, void *field, const char *text)
{
	for (unsigned i = 0; s->words[i] != NULL; i++) {
		if (strcmp(s->words[i], text) == 0) {
			memcpy(field, &i, sizeof(i));
			return 0;
		}
	}
	return -1;
}

/* Numbers of all kinds; the range is in the unit of the field. */
static int
set_number(const struct setting *s, void *field, const char *text)
{
	uint64_t v;
	int rc;

	if (s->type == SETTING_INT && s->words != NULL &&
	    strcmp(text, s->words[0]) == 0) {
		*(unsigned *)field = 0;
		return 0;
	}
	if (s->type == SETTING_INT)
		rc = value_parse_uint(&v, text);
	else if (s->type == SETTING_SIZE)
		rc = value_parse_size(&v, text);
	else if (s->type == SETTING_INSTANT)
		rc = value_parse_instant(&v, text);
	else
		rc = value_parse_duration(&v, text);
	if (rc == -1 || v < s->min || v > s->max)
		return -1;
	if (s->type == SETTING_INT)
		*(unsigned *)field = (unsigned)v;
	else
		*(uint64_t *)field = v;
	return 0;
}

/* How long the last part of a hash is; crypt_checksalt(3) looks only at what
 * stands before it. 0 = no fixed length known. */
static size_t
get_digest_n(const char *hash)
{
	static const struct {
		const char *prefix;
		size_t n;
	} kinds[] = {
		{ "$6$", 86 }, { "$5$", 43 }, { "$y$", 43 }, { "$gy$", 43 },
		{ "$7$", 43 }, { "$2", 53 }, { "$1$", 22 },
	};

	for (size_t i = 0; i < ARRAY_N(kinds); i++)
		if (strncmp(hash, kinds[i].prefix,
		    strlen(kinds[i].prefix)) == 0)
			return kinds[i].n;
	return 0;
}

/* Without a $ a hash would be DES, and any plain text looks like one. */
static int
check_hash(const char *text, char **why_r)
{
	int kind = crypt_checksalt(text);
	size_t digest_n = get_digest_n(text);

	if (strcmp(text, CONF_MASK) == 0)
		return 0;
	if (text[0] != '$' || kind == CRYPT_SALT_INVALID)
		*why_r = xstrdup("not a crypt(3) hash; a password in the clear"
		    " is written as password_plain");
	else if (kind == CRYPT_SALT_METHOD_DISABLED)
		*why_r = xstrdup("a kind of hash that crypt(3) does not do");
	else if (digest_n > 0 && strlen(strrchr(text, '$') + 1) != digest_n)
		*why_r = xstrdup("a crypt(3) hash that is cut or has something"
		    " behind it");
	else
		return 0;
	return -1;
}

static int
check_host(const char *text, char **why_r)
{
	const char *error;
	char *host;
	uint16_t port;

	if (addr_split(text, 119, &host, &port, &error) == -1) {
		*why_r = xstrdup(error);
		return -1;
	}
	free(host);
	if (port != 0)
		return 0;
	*why_r = xstrdup("port 0 can't be connected to");
	return -1;
}

static int
check_target(const char *text, char **why_r)
{
	if (strcmp(text, "stderr") == 0 || strcmp(text, "syslog") == 0 ||
	    strncmp(text, "file:/", 6) == 0)
		return 0;
	*why_r = xstrdup("must be stderr, syslog or file:/path");
	return -1;
}

/* What the type asks of a text beyond its length. */
static int
check_kind_of_text(const struct setting *s, const char *text, char **why_r)
{
	switch (s->type) {
	case SETTING_HASH:
		return check_hash(text, why_r);
	case SETTING_HOST:
		return check_host(text, why_r);
	case SETTING_TARGET:
		return check_target(text, why_r);
	case SETTING_WORD:
		if (strpbrk(text, " \t,") == NULL)
			return 0;
		*why_r = xstrdup("must be one word");
		return -1;
	default:
		return 0;
	}
}

static int
set_text(const struct setting *s, void *field, const char *text, char **why_r)
{
	if (strlen(text) > s->max) {
		*why_r = xasprintf("longer than %ju octets",
		    (uintmax_t)s->max);
		return -1;
	}
	if (check_kind_of_text(s, text, why_r) == -1)
		return -1;
	field_wipe(*(char **)field);
	*(char **)field = *text != '\0' ? xstrdup(text) : NULL;
	return 0;
}

static int
set_names(struct conf_names *field, const char *text, char **why_r)
{
	struct conf_names names = { 0 };
	char *word;

	while ((word = value_next_word(&text)) != NULL) {
		bool is_new = true;

		for (size_t i = 0; i < names.n; i++)
			is_new &= strcmp(names.v[i], word) != 0;
		if (!is_new || names.n == LIST_MAX) {
			*why_r = is_new ? xstrdup("too long a list") :
			    xasprintf("%s is listed twice", word);
			free(word);
			clear_names(&names);
			return -1;
		}
		names.v = xrealloc(names.v,
		    (names.n + 1) * sizeof(*names.v));
		names.v[names.n++] = word;
	}
	clear_names(field);
	*field = names;
	return 0;
}

static int
set_networks(struct conf_networks *field, const char *text, char **why_r)
{
	struct conf_networks networks = { 0 };
	const char *error = "too long a list";
	struct network network;
	char *word;

	while ((word = value_next_word(&text)) != NULL) {
		if (networks.n == LIST_MAX ||
		    network_parse(&network, word, &error) == -1) {
			*why_r = xasprintf("%s: %s", word, error);
			free(word);
			clear_networks(&networks);
			return -1;
		}
		free(word);
		networks.v = xrealloc(networks.v,
		    (networks.n + 1) * sizeof(*networks.v));
		networks.v[networks.n++] = network;
	}
	clear_networks(field);
	*field = networks;
	return 0;
}

static int
set_time(uint64_t *field, const char *text)
{
	uint64_t time = 0;

	if (*text != '\0' && value_parse_time(&time, text) == -1)
		return -1;
	*field = time;
	return 0;
}

static int
set_address(struct addr *field, const char *text, char **why_r)
{
	const char *error;
	struct addr a;

	if (addr_parse_listen(&a, text, &error) == -1) {
		*why_r = xstrdup(error);
		return -1;
	}
	*field = a;
	return 0;
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

/* What holds for every value, whatever its type. */
static int
check_any(const struct setting *s, const char *text, char **why_r)
{
	bool is_list = s->type == SETTING_NAMES ||
	    s->type == SETTING_NETWORKS;

	if (*text == '\0' && (s->is_needed || !(is_text(s) || is_list ||
	    s->type == SETTING_TIME)))
		*why_r = xstrdup("the value is empty");
	else if (has_control(text) && !(is_list && !strpbrk(text, "\r\n")))
		*why_r = xstrdup("holds a control character");
	else if (!setting_is_secret(s) && (strstr(text, " ;") != NULL ||
	    strstr(text, "\t;") != NULL))
		*why_r = xstrdup("holds a ; after a blank, which would start"
		    " a comment");
	else
		return 0;
	return -1;
}

int
field_set(const struct setting *s, void *section, const char *text,
    char **why_r)
{
	void *field = at(s, section);
	int rc;

	*why_r = NULL;
	if (check_any(s, text, why_r) == -1)
		return -1;
	switch (s->type) {
	case SETTING_BOOL:
		rc = value_parse_bool(field, text);
		break;
	case SETTING_INT:
	case SETTING_SIZE:
	case SETTING_DURATION:
	case SETTING_INSTANT:
		rc = set_number(s, field, text);
		break;
	case SETTING_TIME:
		rc = set_time(field, text);
		break;
	case SETTING_ENUM:
		rc = set_enum(s, field, text);
		break;
	case SETTING_MODE:
		rc = value_parse_mode(field, text);
		break;
	case SETTING_NAMES:
		return set_names(field, text, why_r);
	case SETTING_NETWORKS:
		return set_networks(field, text, why_r);
	case SETTING_ADDRESS:
		return set_address(field, text, why_r);
	default:
		return set_text(s, field, text, why_r);
	}
	return rc == 0 ? 0 : fail_as_described(s, why_r);
}

static char *
get_int(const struct setting *s, unsigned v)
{
	if (v == 0 && s->words != NULL)
		return xstrdup(s->words[0]);
	return xasprintf("%u", v);
}

static char *
get_time(uint64_t time)
{
	char buf[VALUE_TEXT_MAX];

	return time != 0 ? xstrdup(value_format_time(time, buf)) : NULL;
}

/* The members with blanks between. */
static char *
get_list(const struct setting *s, const void *field)
{
	const struct conf_names *names = field;
	const struct conf_networks *networks = field;
	size_t n = s->type == SETTING_NAMES ? names->n : networks->n, size;
	char buf[ADDR_TEXT_MAX], *text;
	FILE *f;

	if (n == 0)
		return NULL;
	f = open_memstream(&text, &size);
	CHECK(f != NULL);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s", i > 0 ? " " : "",
		    s->type == SETTING_NAMES ? names->v[i] :
		    network_format(&networks->v[i], buf));
	CHECK(fclose(f) == 0);
	return text;
}

char *
field_get(const struct setting *s, const void *section)
{
	const void *field = const_at(s, section);
	char buf[VALUE_TEXT_MAX], address[ADDR_TEXT_MAX];
	const char *text;

	switch (s->type) {
	case SETTING_BOOL:
		return xstrdup(*(const bool *)field ? "yes" : "no");
	case SETTING_INT:
		return get_int(s, *(const unsigned *)field);
	case SETTING_SIZE:
		return xstrdup(value_format_size(*(const uint64_t *)field,
		    buf));
	case SETTING_DURATION:
		return xstrdup(value_format_duration(
		    *(const uint64_t *)field, buf));
	case SETTING_INSTANT:
		return xstrdup(value_format_instant(
		    *(const uint64_t *)field, buf));
	case SETTING_TIME:
		return get_time(*(const uint64_t *)field);
	case SETTING_ENUM:
		return xstrdup(s->words[*(const unsigned *)field]);
	case SETTING_MODE:
		return xasprintf("0%03o", *(const unsigned *)field);
	case SETTING_NAMES:
	case SETTING_NETWORKS:
		return get_list(s, field);
	case SETTING_ADDRESS:
		return xstrdup(addr_format(field, address));
	default:
		text = *(char *const *)field;
		return text != NULL ? xstrdup(text) : NULL;
	}
}
