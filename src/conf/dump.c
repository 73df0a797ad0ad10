// SPDX-License-Identifier: BSD-2-Clause
#include "conf/dump.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/field.h"
#include "conf/section.h"

/* The longest line that the reader takes (ini.c). */
#define LINE_MAX_N 197
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

static void
print_value(FILE *f, const struct setting *set, const char *value)
{
	if (set->type == SETTING_NAMES || set->type == SETTING_NETWORKS)
		print_list(f, set->key, value);
	else if (setting_is_secret(set))
		fprintf(f, "%s = %s\n", set->key, CONF_MASK);
	else if (set->type == SETTING_PATTERN)
		fprintf(f, "; %s = %s (its files are in here)\n", set->key,
		    value);
	else if (strlen(set->key) + strlen(value) + 3 > LINE_MAX_N)
		fprintf(f, "; %s is too long for a line of a file\n",
		    set->key);
	else
		fprintf(f, "%s = %s\n", set->key, value);
}

static void
print_section(FILE *f, enum section_kind kind, const struct conf_section *s)
{
	size_t n;
	const struct setting *rows = settings_get(kind, &n);

	fprintf(f, "\n; %.180s\n[%s%s%s]\n", s->where, sections[kind].word,
	    *s->name != '\0' ? " " : "", s->name);
	for (size_t i = 0; i < n; i++) {
		const char *origin = section_get_origin(s, &rows[i]);
		char *value = field_get(&rows[i], s);

		/* What password_file brought has no origin of its own. */
		if (value != NULL &&
		    (origin != NULL || !setting_is_secret(&rows[i]))) {
			fprintf(f, "; %.180s\n", origin != NULL ? origin :
			    "default");
			print_value(f, &rows[i], value);
		}
		field_wipe(value);
	}
}

void
conf_dump(const struct conf *c, FILE *f)
{
	fputs("; The effective configuration; where each value comes from"
	    " stands above it.\n", f);
	for (enum section_kind kind = 0; kind < KIND_N; kind++)
		for (size_t i = 0; i < conf_count_sections(c, kind); i++)
			print_section(f, kind, conf_get_section(
			    (struct conf *)c, kind, i));
}
