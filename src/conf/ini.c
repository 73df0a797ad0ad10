// SPDX-License-Identifier: BSD-2-Clause
/* One text, line by line:
 *
 *	ini_parse_stream() -> give_line()  the next line, or an empty one in
 *	                                   the place of a line that is refused;
 *	                                   section headers are seen here
 *	                   -> on_value()   what the library made of the line:
 *	                                   a key, or a continuation of one
 *
 * The library asks for a line, calls on_value() for it at most once and only
 * then asks for the next, so the line number of give_line() is exact. */
#include "conf/ini.h"

#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/field.h"
#include "conf/report.h"
#include "conf/section.h"

/* What the library adds to a line: CR, LF and NUL. */
#define LINE_END_N 3

/* A value with all its continuations. */
#define VALUE_MAX 16384

static const char blanks[] = " \t\r\v\f";

enum ini_state {
	INI_OUTSIDE,		/* before the first header */
	INI_SKIPPING,		/* the header was wrong: no key has a meaning */
	INI_INSIDE
};

struct ini {
	struct conf *conf;
	const char *path;
	struct conf_report *report;
	struct ini_result *result;
	char *place;			/* "path:line" of the current line */

	/* the text and the current line */
	const char *next, *end;
	unsigned line_n;
	char *line;			/* what the library gets */
	size_t line_size;
	bool is_indented;
	bool is_open;			/* given, and not yet called back for */

	/* the section */
	enum ini_state state;
	enum section_kind kind;
	char *title;			/* as the library has to see it */
	struct conf_section *section;
	bool is_scratch;		/* a duplicate, looked at and dropped */
	char *seen[KIND_N];		/* places of the unnamed ones */

	/* the key whose value may go on in the next line */
	bool has_key;			/* as the library has it */
	const struct setting *set;	/* NULL = the value is not wanted */
	char *value, *where;
};

static void
fail(struct ini *in, const char *text)
{
	report_add(in->report, SEVERITY_ERROR, in->place, "%s", text);
}

/* A value is complete when the next key, header or the end shows up. */
static void
finish_key(struct ini *in)
{
	struct ini_result *result = in->result;
	const struct setting *set = in->set;

	if (set != NULL && set->type == SETTING_PATTERN &&
	    *in->value != '\0') {
		free(result->include);
		free(result->include_where);
		result->include = xstrdup(in->value);
		result->include_where = xstrdup(in->where);
	}
	if (set != NULL)
		section_assign(in->section, set, in->value, in->where,
		    in->report);
	field_wipe(in->value);
	free(in->where);
	in->value = in->where = NULL;
	in->set = NULL;
}

static void
leave_section(struct ini *in)
{
	finish_key(in);
	if (in->is_scratch) {
		section_fini(in->section, in->kind);
		free(in->section);
	}
	in->section = NULL;
	in->is_scratch = false;
	in->has_key = false;
	in->state = INI_SKIPPING;
}

/* Where a section of this kind and name was before, or NULL. Those without a
 * name may stand once in each file. */
static const char *
find_earlier(struct ini *in, const char *name)
{
	struct conf_section *s;

	if (!sections[in->kind].is_named)
		return in->seen[in->kind];
	s = conf_find_section(in->conf, in->kind, name);
	return s != NULL ? s->where : NULL;
}

static void
enter_section(struct ini *in, const char *name)
{
	const char *earlier = find_earlier(in, name);

	in->state = INI_INSIDE;
	if (earlier != NULL) {
		report_add(in->report, SEVERITY_ERROR, in->place,
		    "[%s] is there already: %s", in->title, earlier);
		in->section = xcalloc(1, sections[in->kind].size);
		in->is_scratch = true;
		section_init(in->section, in->kind, name, in->place);
	} else if (sections[in->kind].is_named) {
		in->section = conf_add_section(in->conf, in->kind, name,
		    in->place);
	} else {
		in->section = conf_get_section(in->conf, in->kind, 0);
		in->seen[in->kind] = xstrdup(in->place);
		free(in->section->where);
		in->section->where = xstrdup(in->place);
	}
}

static void
fail_unknown_section(struct ini *in)
{
	char word[16];
	const char *guess;
	size_t n = strcspn(in->title, " \t");

	if (n >= sizeof(word))
		n = sizeof(word) - 1;
	memcpy(word, in->title, n);
	word[n] = '\0';
	guess = sections_guess(word);
	report_add(in->report, SEVERITY_ERROR, in->place,
	    "unknown section [%.60s]%s%s%s", in->title,
	    guess != NULL ? "; did you mean " : "",
	    guess != NULL ? guess : "", guess != NULL ? "?" : "");
}

/* Finds the title between the brackets. NULL, and an error, when the line is
 * not a header. */
static char *
cut_title(struct ini *in, const char *line)
{
	const char *start = line + 1, *end = strchr(line, ']'), *rest;

	if (in->is_indented) {
		fail(in, "a [section] begins in the first column");
		return NULL;
	}
	if (end == NULL) {
		fail(in, "the ] is missing");
		return NULL;
	}
	rest = end + 1 + strspn(end + 1, blanks);
	if (*rest != '\0' && *rest != ';' && *rest != '#') {
		fail(in, "there is something behind the ]");
		return NULL;
	}
	return xstrndup(start, (size_t)(end - start));
}

/* false: the library shall not see this line. */
static bool
is_header_fine(struct ini *in, const char *line)
{
	const struct section *section;
	const char *name;
	char *title;

	leave_section(in);
	title = cut_title(in, line);
	if (title == NULL)
		return false;
	free(in->title);
	in->title = title;
	in->kind = sections_split(title, &name);
	if (in->kind == KIND_N) {
		fail_unknown_section(in);
		return false;
	}
	section = &sections[in->kind];
	if (!section->is_named && title[strlen(section->word)] != '\0') {
		report_add(in->report, SEVERITY_ERROR, in->place,
		    "[%s] has no name", section->word);
		return false;
	}
	if (section->is_named && (name != title + strlen(section->word) + 1 ||
	    !sections_is_name(in->kind, name))) {
		report_add(in->report, SEVERITY_ERROR, in->place, *name == '\0'
		    ? "[%s NAME] needs a name" : "[%s NAME]: one blank, and a"
		    " name of at most 40 letters, digits and ._-@+",
		    section->word);
		return false;
	}
	enter_section(in, name);
	return true;
}

/* What to give to the library; "" when the line is refused or says nothing. */
static const char *
judge_line(struct ini *in, const char *raw, size_t n, size_t max)
{
	const char *first;

	if (memchr(raw, '\0', n) != NULL) {
		fail(in, "holds a NUL");
		return "";
	}
	if (n > max) {
		report_add(in->report, SEVERITY_ERROR, in->place,
		    "longer than %zu octets", max);
		return "";
	}
	memcpy(in->line, raw, n);
	in->line[n] = '\0';
	first = in->line + strspn(in->line, blanks);
	in->is_indented = first > in->line;
	if (*first == '\0' || *first == ';' || *first == '#')
		return "";
	if (*first == '[' && !(in->is_indented && in->has_key))
		return is_header_fine(in, first) ? in->line : "";
	in->is_open = true;
	return in->line;
}

static void
close_line(struct ini *in)
{
	if (in->is_open)
		fail(in, "neither a [section] nor key = value");
	in->is_open = false;
}

/* The reader for inih, as fgets(3). */
static char *
give_line(char *str, int num, void *stream)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct ini *in = stream;
	const char *raw = in->next, *eol;

	close_line(in);
	if (raw == in->end)
		return NULL;
	eol = memchr(raw, '\n', (size_t)(in->end - raw));
	if (eol == NULL)
		eol = in->end;
	in->next = eol < in->end ? eol + 1 : eol;
	in->line_n++;
	free(in->place);
	in->place = xasprintf("%s:%u", in->path, in->line_n);
	/* All of them: the library takes one off as well. */
	while (in->line_n == 1 && eol - raw >= 3 && memcmp(raw, bom, 3) == 0)
		raw += 3;
	if (eol > raw && eol[-1] == '\r')
		eol--;
	CHECK(num > LINE_END_N);
	if (in->line == NULL)
		in->line = xcalloc(1, in->line_size = (size_t)num);
	strcpy(str, judge_line(in, raw, (size_t)(eol - raw),
	    (size_t)num - LINE_END_N));
	strcat(str, "\n");
	return str;
}

static void
continue_value(struct ini *in, const char *value)
{
	const struct setting *set = in->set;
	char *longer, *comment;

	if (set == NULL)
		return;
	if (set->type != SETTING_NAMES && set->type != SETTING_NETWORKS) {
		report_add(in->report, SEVERITY_ERROR, in->place, "an indented"
		    " line goes on with the one above, and %s is no list; a"
		    " key begins in the first column", set->key);
		return;
	}
	if (strlen(in->value) + strlen(value) > VALUE_MAX) {
		fail(in, "the list is too long");
		return;
	}
	longer = xasprintf("%s %s", in->value, value);
	/* The library cuts comments off keys only. */
	comment = strstr(longer + strlen(in->value), " ;");
	if (comment == NULL)
		comment = strstr(longer + strlen(in->value), "\t;");
	if (comment != NULL)
		*comment = '\0';
	free(in->value);
	in->value = longer;
}

static void
fail_unknown_key(struct ini *in, const char *name)
{
	const char *guess = settings_guess(in->kind, name);
	enum section_kind owner = settings_owner(name);

	if (*name == '\0')
		fail(in, "the key is missing");
	else if (guess != NULL)
		report_add(in->report, SEVERITY_ERROR, in->place,
		    "unknown key %s in [%s]; did you mean %s?", name,
		    in->title, guess);
	else if (owner != KIND_N)
		report_add(in->report, SEVERITY_ERROR, in->place,
		    "unknown key %s in [%s]; it belongs into [%s%s]", name,
		    in->title, sections[owner].word,
		    sections[owner].is_named ? " NAME" : "");
	else
		report_add(in->report, SEVERITY_ERROR, in->place,
		    "unknown key %.60s in [%s]", name, in->title);
}

/* false: the value of this key is not wanted. */
static bool
is_key_fine(struct ini *in, const struct setting *set)
{
	const char *origin = section_get_origin(in->section, set);

	if (set->type == SETTING_PATTERN)
		origin = in->result->include_where;
	if (origin != NULL) {
		report_add(in->report, SEVERITY_ERROR, in->place,
		    "%s is there already: %s", set->key, origin);
		return false;
	}
	if (!setting_is_secret(set))
		return true;
	if (in->result->secret_where == NULL)
		in->result->secret_where = xstrdup(in->place);
	/* The library has cut a comment off: look at the line itself. */
	if (strchr(in->line, ';') == NULL)
		return true;
	section_mark(in->section, set, in->place);
	report_add(in->report, SEVERITY_ERROR, in->place, "%s: a ; starts a"
	    " comment, so it can't stand in a secret; a password_file may hold"
	    " any password of a backend, a hash stands for any of a user",
	    set->key);
	return false;
}

/* The handler for inih; 1 = go on. */
static int
on_value(void *user, const char *section, const char *name, const char *value)
{
	struct ini *in = user;
	const struct setting *set;

	in->is_open = false;
	if (in->is_indented && in->has_key) {
		continue_value(in, value);
		return 1;
	}
	finish_key(in);
	in->has_key = *name != '\0';	/* that is how the library tells */
	if (in->state == INI_OUTSIDE)
		fail(in, "a key before the first [section]");
	if (in->state != INI_INSIDE)
		return 1;
	CHECK(strcmp(section, in->title) == 0);
	set = settings_find(in->kind, name);
	if (set == NULL) {
		fail_unknown_key(in, name);
		return 1;
	}
	if (!is_key_fine(in, set))
		return 1;
	in->set = set;
	in->value = xstrdup(value);
	in->where = xstrdup(in->place);
	return 1;
}

void
ini_read(struct conf *c, const char *path, const char *text, size_t n,
    struct ini_result *result_r, struct conf_report *report)
{
	struct ini in = {
		.conf = c, .path = path, .report = report, .result = result_r,
		.next = text, .end = text + n,
	};
	size_t errors_n = report->errors_n;
	int line;

	memset(result_r, 0, sizeof(*result_r));
#if HAVE_DECL_INI_MAX_LINE
	ini_max_line = INI_LINE_MAX + LINE_END_N;
#endif
	line = ini_parse_stream(give_line, &in, on_value, &in);
	close_line(&in);
	leave_section(&in);
	/* Nothing that the library refuses may pass without our noticing. */
	if (line != 0 && report->errors_n == errors_n)
		report_add(report, SEVERITY_ERROR, in.place != NULL ?
		    in.place : path, "the INI parser failed (%d)", line);
	for (size_t i = 0; i < KIND_N; i++)
		free(in.seen[i]);
	if (in.line != NULL)
		explicit_bzero(in.line, in.line_size);
	free(in.line);
	free(in.title);
	free(in.place);
}

void
ini_result_fini(struct ini_result *result)
{
	free(result->include);
	free(result->include_where);
	free(result->secret_where);
	memset(result, 0, sizeof(*result));
}
