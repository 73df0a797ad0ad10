// SPDX-License-Identifier: BSD-2-Clause
#include "conf/doc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/settings.h"

#define COLUMNS 78

void
doc_print_wrapped(FILE *f, const char *start, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column > 0 && column + 1 + n > COLUMNS) {
			putc('\n', f);
			column = 0;
		}
		if (column == 0) {
			fputs(start, f);
			column = strlen(start);
		} else {
			putc(' ', f);
			column++;
		}
		fwrite(text, 1, n, f);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	putc('\n', f);
}

/* The value to show behind "key =". */
static const char *
get_value(const struct setting *s)
{
	if (s->def != NULL)
		return s->def;
	CHECK(s->example != NULL);
	return s->example;
}

/* The text with the range behind it, and what HUP does not change. */
static char *
make_text(const struct setting *s)
{
	char *range = setting_describe(s), *text;

	text = xasprintf("%s (%s%s)", s->text, range,
	    s->change == CHANGE_RESTART ? "; a change needs a restart" : "");
	free(range);
	return text;
}

static void
print_title(FILE *f, enum section_kind kind)
{
	const struct section *section = &sections[kind];

	fprintf(f, "[%s%s%s]", section->word, section->is_named ? " " : "",
	    section->is_named ? section->example : "");
}

void
doc_print_help(FILE *f)
{
	for (enum section_kind kind = 0; kind < KIND_N; kind++) {
		size_t n;
		const struct setting *rows = settings_get(kind, &n);

		fputs("\n  ", f);
		print_title(f, kind);
		putc('\n', f);
		for (size_t i = 0; i < n; i++) {
			char *text = make_text(&rows[i]);

			fprintf(f, "  %s =%s%s\n", rows[i].key,
			    rows[i].def != NULL ? " " : "",
			    rows[i].def != NULL ? rows[i].def : "");
			doc_print_wrapped(f, "        ", text);
			free(text);
		}
	}
}

/* Users are optional, and the program should not get one from a sample. */
static bool
is_active(enum section_kind kind)
{
	return kind != KIND_USER;
}

static void
print_sample_key(FILE *f, const struct setting *s)
{
	char *text = make_text(s);

	putc('\n', f);
	doc_print_wrapped(f, "; ", text);
	fprintf(f, "%s%s = %s\n", s->def == NULL && s->is_needed &&
	    s->type == SETTING_HOST ? "" : ";", s->key, get_value(s));
	free(text);
}

void
doc_print_sample(FILE *f)
{
	fputs("; Sample configuration of nntpmux: every key with its default,"
	    " or with an\n; example where there is none. nntpmux.ini(5) says"
	    " more.\n", f);
	for (enum section_kind kind = 0; kind < KIND_N; kind++) {
		size_t n;
		const struct setting *rows = settings_get(kind, &n);

		putc('\n', f);
		doc_print_wrapped(f, "; ", sections[kind].text);
		if (!is_active(kind))
			putc(';', f);
		print_title(f, kind);
		putc('\n', f);
		for (size_t i = 0; i < n; i++)
			print_sample_key(f, &rows[i]);
	}
}

/* Text with each sentence on a line of its own, as mdoc(7) wants it. */
static void
print_mdoc_text(FILE *f, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\e", f);
		else if (*text == ' ' && (text[-1] == '.') &&
		    isupper((unsigned char)text[1]))
			putc('\n', f);
		else
			putc(*text, f);
	}
	putc('\n', f);
}

void
doc_print_mdoc(FILE *f)
{
	for (enum section_kind kind = 0; kind < KIND_N; kind++) {
		const struct section *section = &sections[kind];
		size_t n;
		const struct setting *rows = settings_get(kind, &n);

		fprintf(f, ".Ss [%s%s]\n", section->word,
		    section->is_named ? " NAME" : "");
		print_mdoc_text(f, section->text);
		fputs(".Bl -tag -width Ds\n", f);
		for (size_t i = 0; i < n; i++) {
			char *text = make_text(&rows[i]);

			fprintf(f, ".It Cm %s No = %s%s\n", rows[i].key,
			    rows[i].def != NULL ? "Ar " : "",
			    rows[i].def != NULL ? rows[i].def : "");
			print_mdoc_text(f, text);
			if (rows[i].def == NULL)
				fprintf(f, "Example: %s = %s\n", rows[i].key,
				    rows[i].example);
			free(text);
		}
		fputs(".El\n", f);
	}
}
