// SPDX-License-Identifier: BSD-2-Clause
#include "conf/section.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/field.h"
#include "conf/file.h"
#include "conf/report.h"

void
section_init(struct conf_section *s, enum section_kind kind, const char *name,
    const char *where)
{
	size_t n;
	const struct setting *rows = settings_get(kind, &n);
	char *why;

	memset(s, 0, sections[kind].size);
	s->name = xstrdup(name);
	s->where = xstrdup(where);
	s->origins = xcalloc(n, sizeof(*s->origins));
	for (size_t i = 0; i < n; i++)
		if (rows[i].def != NULL)
			CHECK(field_set(&rows[i], s, rows[i].def, &why) == 0);
}

/* What is made from other keys and has no row of its own. */
static void
clear_derived(struct conf_section *s, enum section_kind kind)
{
	struct conf_backend *backend;
	struct conf_listen *listen;
	struct conf_log *log;

	if (kind == KIND_BACKEND) {
		backend = (struct conf_backend *)s;
		free(backend->host);
		tls_unref(backend->tls_context);
	} else if (kind == KIND_LISTEN) {
		listen = (struct conf_listen *)s;
		tls_unref(listen->tls_context);
	} else if (kind == KIND_LOG) {
		log = (struct conf_log *)s;
		free(log->target_path);
	}
}

void
section_fini(struct conf_section *s, enum section_kind kind)
{
	size_t n;
	const struct setting *rows = settings_get(kind, &n);

	for (size_t i = 0; i < n; i++) {
		field_clear(&rows[i], s);
		free(s->origins[i]);
	}
	clear_derived(s, kind);
	free(s->origins);
	free(s->name);
	free(s->where);
	memset(s, 0, sections[kind].size);
}

static bool
is_quoted(const char *text)
{
	size_t n = strlen(text);

	return n >= 2 && (text[0] == '"' || text[0] == '\'') &&
	    text[n - 1] == text[0];
}

void
section_mark(struct conf_section *s, const struct setting *set,
    const char *where)
{
	size_t i = settings_index(set);

	free(s->origins[i]);
	s->origins[i] = xstrdup(where);
}

void
section_assign(struct conf_section *s, const struct setting *set,
    const char *text, const char *where, struct conf_report *report)
{
	char *why;

	section_mark(s, set, where);
	if (field_set(set, s, text, &why) == -1) {
		if (setting_is_secret(set) || *text == '\0')
			report_add(report, SEVERITY_ERROR, where, "%s: %s",
			    set->key, why);
		else
			report_add(report, SEVERITY_ERROR, where,
			    "%s = %.100s: %s", set->key, text, why);
		free(why);
		return;
	}
	if (is_quoted(text))
		report_add(report, SEVERITY_WARNING, where,
		    "%s: the quotes are part of the value", set->key);
	if (setting_is_secret(set) && strcmp(text, CONF_MASK) == 0)
		report_add(report, SEVERITY_WARNING, where,
		    "%s: this is the mask of --dump-config, not a secret",
		    set->key);
}

int
section_put(struct conf_section *s, const struct setting *set,
    const char *text, char **why_r)
{
	return field_set(set, s, text, why_r);
}

int
section_check(const struct setting *set, const char *text, char **why_r)
{
	struct conf_section *s = xcalloc(1, sections[set->kind].size);
	int rc;

	section_init(s, set->kind, "", "");
	rc = field_set(set, s, text, why_r);
	section_fini(s, set->kind);
	free(s);
	return rc;
}

const char *
section_get_origin(const struct conf_section *s, const struct setting *set)
{
	return s->origins[settings_index(set)];
}

const char *
section_get_place(const struct conf_section *s, enum section_kind kind,
    const char *key)
{
	const struct setting *set = settings_find(kind, key);
	const char *origin;

	CHECK(set != NULL);
	origin = section_get_origin(s, set);
	return origin != NULL ? origin : s->where;
}

struct conf *
conf_new(void)
{
	struct conf *c = xcalloc(1, sizeof(*c));

	atomic_store(&c->refs_n, 1);
	section_init(&c->proxy.s, KIND_PROXY, "", "default");
	section_init(&c->routing.s, KIND_ROUTING, "", "default");
	section_init(&c->health.s, KIND_HEALTH, "", "default");
	section_init(&c->log.s, KIND_LOG, "", "default");
	return c;
}

/* Where the sections of a kind stand, and the count of a named kind. */
static void *
get_array(struct conf *c, enum section_kind kind, size_t **n_r)
{
	*n_r = NULL;
	switch (kind) {
	case KIND_PROXY:
		return &c->proxy;
	case KIND_ROUTING:
		return &c->routing;
	case KIND_HEALTH:
		return &c->health;
	case KIND_LOG:
		return &c->log;
	case KIND_LISTEN:
		*n_r = &c->listens_n;
		return c->listens;
	case KIND_BACKEND:
		*n_r = &c->backends_n;
		return c->backends;
	case KIND_USER:
		*n_r = &c->users_n;
		return c->users;
	case KIND_N:
		break;
	}
	NEVER("a kind of section without a place");
}

static void
set_array(struct conf *c, enum section_kind kind, void *array)
{
	if (kind == KIND_LISTEN)
		c->listens = array;
	else if (kind == KIND_BACKEND)
		c->backends = array;
	else
		c->users = array;
}

struct conf_section *
conf_add_section(struct conf *c, enum section_kind kind, const char *name,
    const char *where)
{
	size_t *n, size = sections[kind].size;
	void *array = get_array(c, kind, &n);

	CHECK(n != NULL);
	array = xrealloc(array, (*n + 1) * size);
	set_array(c, kind, array);
	(*n)++;
	section_init(conf_get_section(c, kind, *n - 1), kind, name, where);
	return conf_get_section(c, kind, *n - 1);
}

size_t
conf_count_sections(const struct conf *c, enum section_kind kind)
{
	switch (kind) {
	case KIND_LISTEN:
		return c->listens_n;
	case KIND_BACKEND:
		return c->backends_n;
	case KIND_USER:
		return c->users_n;
	default:
		return 1;
	}
}

struct conf_section *
conf_get_section(struct conf *c, enum section_kind kind, size_t i)
{
	size_t *n;
	char *array = get_array(c, kind, &n);

	CHECK(i < conf_count_sections(c, kind));
	return (struct conf_section *)(void *)(array +
	    i * sections[kind].size);
}

struct conf_section *
conf_find_section(struct conf *c, enum section_kind kind, const char *name)
{
	for (size_t i = 0; i < conf_count_sections(c, kind); i++) {
		struct conf_section *s = conf_get_section(c, kind, i);

		if (strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

void
conf_add_file(struct conf *c, const char *path)
{
	struct conf_names *files = &c->files;

	files->v = xrealloc(files->v, (files->n + 1) * sizeof(files->v[0]));
	files->v[files->n++] = file_make_absolute(path);
}

void
conf_drop_sections(struct conf *c, enum section_kind kind)
{
	size_t *n;
	void *array = get_array(c, kind, &n);

	CHECK(n != NULL);
	for (size_t i = 0; i < *n; i++)
		section_fini(conf_get_section(c, kind, i), kind);
	free(array);
	set_array(c, kind, NULL);
	*n = 0;
}
