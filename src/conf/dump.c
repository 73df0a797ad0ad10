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

/* The origin stands behind the value; above it for a list, where it would be
 * in the way, and for a secret, which has no comments. */
static void
print_value(FILE *f, const struct setting *set, const char *value,
    const char *origin)
{
	if (set->type == SETTING_PATTERN) {
		fprintf(f, "; %s = %s ; %s, and its files are in here\n",
		    set->key, value, origin);
	} else if (setting_is_secret(set)) {
		fprintf(f, "; %s\n%s = %s\n", origin, set->key, CONF_MASK);
	} else if (set->type == SETTING_NAMES ||
	    set->type == SETTING_NETWORKS) {
		fprintf(f, "; %s\n", origin);
		print_list(f, set->key, value);
	} else {
		fprintf(f, "%s = %s ; %s\n", set->key, value, origin);
	}
}

/* A file name may be longer than a line of an INI file; it can come from the
 * environment or the command line only. */
static bool
fits_line(const struct setting *set, const char *value, const char *origin)
{
	return strlen(set->key) + strlen(value) + strlen(origin) + 40 <
	    INI_LINE_MAX;
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
		if (origin == NULL)
			origin = "default";
		if (value != NULL && fits_line(&rows[i], value, origin))
			print_value(f, &rows[i], value, origin);
		else if (value != NULL)
			fprintf(f, "; %s is too long for a line\n",
			    rows[i].key);
		else if (!rows[i].is_needed)
			fprintf(f, "%s = ; %s\n", rows[i].key, origin);
		field_wipe(value);
	}
}

void
conf_dump(const struct conf *c, FILE *f)
{
	fputs("; The effective configuration; where each value comes from"
	    " stands beside it.\n", f);
	for (enum section_kind kind = 0; kind < KIND_N; kind++)
		for (size_t i = 0; i < conf_count_sections(c, kind); i++)
			print_section(f, kind, conf_get_section(
			    (struct conf *)c, kind, i));
}
