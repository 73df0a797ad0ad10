// SPDX-License-Identifier: BSD-2-Clause
#include "conf/dump.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/field.h"
#include "conf/ini.h"
#include "conf/section.h"

#define WRAP_COLUMN 72
/* What of an origin is shown on a line of its own. */
#define ORIGIN_MAX 120

/* A list may be of any length: it goes on in indented lines. */
static void
print_list(FILE *f, const char *key, const char *value)
{
	size_t column = strlen(key) + 2;

	fprintf(f, "%s =", key);
	while (*value != '\0') {
		size_t n = strcspn(value, " ");

		if (column + 1 + n > WRAP_COLUMN && column > 8) {
			fputs("\n\t", f);
			column = 8;
		} else {
			putc(' ', f);
			column++;
		}
		fwrite(value, 1, n, f);
		column += n;
		value += n;
		value += *value == ' ';
	}
	putc('\n', f);
}

/* The line fits that has so many octets besides key and value. */
static bool
fits_line(const struct setting *set, const char *value, size_t more)
{
	return strlen(set->key) + strlen(value) + more <= INI_LINE_MAX;
}

/* The origin stands behind the value; above it for a list, where it would be
 * in the way, for a secret, which has no comments, and for a long one. */
static void
print_value(FILE *f, const struct setting *set, const char *value,
    const char *origin)
{
	bool is_list = set->type == SETTING_NAMES ||
	    set->type == SETTING_NETWORKS;

	if (set->type == SETTING_PATTERN && *value != '\0') {
		fprintf(f, "; %s of %.*s: its files are in here\n", set->key,
		    ORIGIN_MAX, origin);
	} else if (setting_is_secret(set)) {
		fprintf(f, "; %.*s\n%s = %s\n", ORIGIN_MAX, origin, set->key,
		    CONF_MASK);
	} else if (is_list && *value != '\0') {
		fprintf(f, "; %.*s\n", ORIGIN_MAX, origin);
		print_list(f, set->key, value);
	} else if (fits_line(set, value, 8 + strlen(origin))) {
		fprintf(f, "%s = %s%s; %s\n", set->key, value,
		    *value != '\0' ? " " : "", origin);
	} else if (fits_line(set, value, 1)) {
		fprintf(f, "; %.*s\n%s=%s\n", ORIGIN_MAX, origin, set->key,
		    value);
	} else {
		/* From the environment or the command line. */
		fprintf(f, "; %s is too long for a file\n", set->key);
	}
}

static void
print_section(FILE *f, enum section_kind kind, const struct conf_section *s)
{
	size_t n;
	const struct setting *rows = settings_get(kind, &n);

	fprintf(f, "\n[%s%s%s]\n", sections[kind].word,
	    *s->name != '\0' ? " " : "", s->name);
	for (size_t i = 0; i < n; i++) {
		const char *origin = section_get_origin(s, &rows[i]);
		char *value = field_get(&rows[i], s);

		/* What password_file brought has no origin of its own. */
		if (origin == NULL && setting_is_secret(&rows[i])) {
			field_wipe(value);
			continue;
		}
		if (value != NULL || !rows[i].is_needed)
			print_value(f, &rows[i], value != NULL ? value : "",
			    origin != NULL ? origin : "default");
		field_wipe(value);
	}
}

void
conf_dump(const struct conf *c, FILE *f)
{
	fputs("; The effective configuration; where each value comes from"
	    " stands beside it.\n", f);
	for (enum section_kind kind = 0; kind < KIND_N; kind++)
		for (size_t i = 0; i < conf_count_sections(c, kind); i++) {
			const struct conf_section *s = conf_get_section(
			    (struct conf *)c, kind, i);

			/* Else it would be there twice, read again. */
			if (!s->is_listed)
				print_section(f, kind, s);
		}
}
