// SPDX-License-Identifier: BSD-2-Clause
#include "conf/load.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "conf/check.h"
#include "conf/conf.h"
#include "conf/environ.h"
#include "conf/include.h"
#include "conf/options.h"
#include "conf/paths.h"
#include "conf/report.h"
#include "conf/section.h"
#include "conf/users_file.h"

#define DEFAULT_FILE SYSCONFDIR "/nntpmux/nntpmux.ini"

/* The file to read; NULL when none is needed. */
static const char *
choose_file(const struct options *o)
{
	const char *from_env = environ_get_config(environ);

	if (o->config_file != NULL)
		return o->config_file;
	if (from_env != NULL)
		return from_env;
	if (o->backends_n > 0 && access(DEFAULT_FILE, F_OK) == -1)
		return NULL;
	return DEFAULT_FILE;
}

/* -l: they take the place of all [listen NAME] sections. */
static void
make_listens(struct conf *c, const struct options *o)
{
	if (o->listens_n > 0)
		conf_drop_sections(c, KIND_LISTEN);
	for (size_t i = 0; i < o->listens_n; i++) {
		char *name = i == 0 ? xstrdup("main") :
		    xasprintf("main-%zu", i + 1);

		conf_add_section(c, KIND_LISTEN, name, "command line -l");
		free(name);
	}
	if (c->listens_n == 0)
		conf_add_section(c, KIND_LISTEN, "main", "default");
}

static void
apply_listens(struct conf *c, const struct options *o,
    struct conf_report *report)
{
	const struct setting *set = settings_find(KIND_LISTEN, "address");

	for (size_t i = 0; i < o->listens_n; i++)
		section_assign(conf_get_section(c, KIND_LISTEN, i), set,
		    o->listens[i], "command line -l", report);
}

/* A host as the name of a section that is not there yet. Gives. */
static char *
make_name(struct conf *c, const char *host)
{
	char *base = xstrndup(host, 32), *name;
	unsigned i = 1;

	for (char *p = base; *p != '\0'; p++)
		*p = isalnum((unsigned char)*p) || *p == '.' || *p == '-' ?
		    (char)tolower((unsigned char)*p) : '_';
	name = xstrdup(base);
	while (conf_find_section(c, KIND_BACKEND, name) != NULL) {
		free(name);
		name = xasprintf("%s-%u", base, ++i);
	}
	free(base);
	return name;
}

static void
make_backends(struct conf *c, const struct options *o)
{
	for (size_t i = 0; i < o->backends_n; i++) {
		char *name = make_name(c, o->backends[i].name);

		conf_add_section(c, KIND_BACKEND, name, "command line -b");
		free(name);
	}
}

/* Those of -b are the last ones, in their order. */
static void
apply_backends(struct conf *c, const struct options *o,
    struct conf_report *report)
{
	size_t first = c->backends_n - o->backends_n;

	for (size_t i = 0; i < o->backends_n; i++) {
		const struct options_backend *b = &o->backends[i];
		struct conf_section *s = conf_get_section(c, KIND_BACKEND,
		    first + i);

		for (size_t j = 0; j < b->sets_n; j++)
			section_assign(s, settings_find(KIND_BACKEND,
			    b->sets[j].key), b->sets[j].value,
			    b->sets[j].where, report);
	}
}

static void
apply_sets(struct conf *c, const struct options *o,
    struct conf_report *report)
{
	for (size_t i = 0; i < o->sets_n; i++) {
		const struct options_set *set = &o->sets[i];
		const char *name;
		enum section_kind kind = sections_split(set->section, &name);
		struct conf_section *s = conf_find_section(c, kind, name);

		if (s == NULL)
			report_add(report, SEVERITY_ERROR, set->where,
			    "%s: there is no section [%.60s]", set->key,
			    set->section);
		else
			section_assign(s, settings_find(kind, set->key),
			    set->value, set->where, report);
	}
}

/* -v and -q are steps from the level that was configured. */
static void
apply_verbosity(struct conf *c, const struct options *o,
    struct conf_report *report)
{
	const struct setting *set = settings_find(KIND_LOG, "level");
	int level = (int)c->log.level + o->verbosity;

	if (o->verbosity == 0)
		return;
	if (level < LEVEL_ERROR)
		level = LEVEL_ERROR;
	if (level > LEVEL_TRACE)
		level = LEVEL_TRACE;
	section_assign(&c->log.s, set, set->words[level],
	    o->verbosity > 0 ? "command line -v" : "command line -q", report);
}

/* The sections stay where they are from now on. */
static void
link_sections(struct conf *c)
{
	for (size_t i = 0; i < c->listens_n; i++)
		c->listens[i].whole = c;
	for (size_t i = 0; i < c->backends_n; i++)
		c->backends[i].whole = c;
}

int
conf_load(const struct options *o, struct conf **conf_r,
    struct conf_report *report)
{
	const char *file = choose_file(o);
	struct conf *c = conf_new();
	char *where = file != NULL ? xasprintf("%s:0", file) :
	    xstrdup("command line");

	*conf_r = NULL;
	if (file != NULL && include_read(c, file, report) == -1) {
		free(where);
		where = NULL;
	}
	/* The environment may set keys of any section, so all come first. */
	make_listens(c, o);
	make_backends(c, o);
	environ_read(c, environ, report);
	apply_listens(c, o, report);
	apply_backends(c, o, report);
	apply_sets(c, o, report);
	conf_resolve_paths(c);
	users_file_read(c, report);
	apply_verbosity(c, o, report);
	check_conf(c, where, report);
	free(where);
	if (c->proxy.strict)
		report_harden(report);
	if (report->errors_n > 0) {
		conf_unref(c);
		return -1;
	}
	link_sections(c);
	*conf_r = c;
	return 0;
}
