// SPDX-License-Identifier: BSD-2-Clause
#include "conf/environ.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/report.h"
#include "conf/section.h"

static const char prefix[] = "NNTPMUX_";
static const char config_key[] = "CONFIG";

/* The row that a variable means, and its section. */
struct match {
	const struct setting *set;
	struct conf_section *section;
	unsigned n;		/* how many fit */
};

const char *
environ_get_config(char *const *env)
{
	static const char start[] = "NNTPMUX_CONFIG=";

	for (; *env != NULL; env++)
		if (strncmp(*env, start, strlen(start)) == 0 &&
		    (*env)[strlen(start)] != '\0')
			return *env + strlen(start);
	return NULL;
}

/* text as it stands in a variable's name: upper case, else "_". Where it fits
 * the start of name, what is behind it; else NULL. */
static const char *
skip_mapped(const char *name, const char *text)
{
	for (; *text != '\0'; text++, name++) {
		unsigned char c = (unsigned char)*text;

		if (*name != (c < 0x80 && isalnum(c) ? toupper(c) : '_'))
			return NULL;
	}
	return name;
}

/* "PROXY__" or "BACKEND_PRIMARY__": what is behind it, or NULL. */
static const char *
skip_section(const char *name, enum section_kind kind,
    const struct conf_section *s)
{
	name = skip_mapped(name, sections[kind].word);
	if (name != NULL && sections[kind].is_named)
		name = skip_mapped(name, " ");
	if (name != NULL)
		name = skip_mapped(name, s->name);
	return name != NULL ? skip_mapped(name, "__") : NULL;
}

static void
match_key(struct match *m, const char *key, enum section_kind kind,
    struct conf_section *s)
{
	size_t n;
	const struct setting *rows = settings_get(kind, &n);

	for (size_t i = 0; i < n; i++) {
		const char *end = skip_mapped(key, rows[i].key);

		if (end == NULL || *end != '\0')
			continue;
		m->set = &rows[i];
		m->section = s;
		m->n++;
	}
}

static struct match
find(struct conf *c, const char *name)
{
	struct match m = { 0 };

	for (enum section_kind kind = 0; kind < KIND_N; kind++) {
		for (size_t i = 0; i < conf_count_sections(c, kind); i++) {
			struct conf_section *s = conf_get_section(c, kind, i);
			const char *key = skip_section(name, kind, s);

			if (key != NULL)
				match_key(&m, key, kind, s);
		}
	}
	return m;
}

static void
read_variable(struct conf *c, const char *name, const char *value,
    struct conf_report *report)
{
	char *where = xasprintf("environment %s%s", prefix, name);
	struct match m = find(c, name);

	if (strstr(name, "__") == NULL)
		report_add(report, SEVERITY_NOTE, where,
		    "not a setting, left alone");
	else if (m.n == 0)
		report_add(report, SEVERITY_ERROR, where,
		    "fits no key of any section that is there");
	else if (m.n > 1)
		report_add(report, SEVERITY_ERROR, where,
		    "fits more than one section");
	else if (m.set->type == SETTING_PATTERN)
		report_add(report, SEVERITY_ERROR, where,
		    "include works in a file only");
	else
		section_assign(m.section, m.set, value, where, report);
	free(where);
}

void
environ_read(struct conf *c, char *const *env, struct conf_report *report)
{
	for (; *env != NULL; env++) {
		const char *name = *env + strlen(prefix), *value;
		char *copy;

		if (strncmp(*env, prefix, strlen(prefix)) != 0)
			continue;
		value = strchr(name, '=');
		if (value == NULL)
			continue;
		copy = xstrndup(name, (size_t)(value - name));
		if (strcmp(copy, config_key) != 0)
			read_variable(c, copy, value + 1, report);
		free(copy);
	}
}
