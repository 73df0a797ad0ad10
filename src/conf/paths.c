// SPDX-License-Identifier: BSD-2-Clause
#include "conf/paths.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/field.h"
#include "conf/file.h"
#include "conf/section.h"

typedef void path_value_f(struct conf_section *s, const struct setting *row,
    const char *text, void *arg);

/* Every path that is set. */
static void
each_value(struct conf *c, enum section_kind kind, path_value_f *f, void *arg)
{
	size_t rows_n;
	const struct setting *rows = settings_get(kind, &rows_n);

	for (size_t i = 0; i < conf_count_sections(c, kind) * rows_n; i++) {
		struct conf_section *s = conf_get_section(c, kind, i / rows_n);
		const struct setting *row = &rows[i % rows_n];
		char *text;

		if (row->type != SETTING_PATH)
			continue;
		text = field_get(row, s);
		if (text != NULL)
			f(s, row, text, arg);
		free(text);
	}
}

static void
resolve(struct conf_section *s, const struct setting *row, const char *text,
    void *arg)
{
	char *path = row->access == SANDBOX_READ ? file_find(text) :
	    file_make_absolute(text), *why;

	(void)arg;
	/* One that becomes too long stays as it is, and is not found. */
	if (section_put(s, row, path, &why) == -1)
		free(why);
	free(path);
}

void
conf_resolve_paths(struct conf *c)
{
	for (enum section_kind kind = 0; kind < KIND_N; kind++)
		each_value(c, kind, resolve, NULL);
}

struct visit {
	conf_path_f *f;
	void *arg;
};

static void
visit(struct conf_section *s, const struct setting *row, const char *text,
    void *arg)
{
	const struct visit *v = arg;

	(void)s;
	v->f(v->arg, text, row->access);
}

void
conf_each_path(const struct conf *c, conf_path_f *f, void *arg)
{
	struct visit v = { f, arg };

	for (size_t i = 0; i < c->files.n; i++)
		f(arg, c->files.v[i], SANDBOX_READ);
	for (enum section_kind kind = 0; kind < KIND_N; kind++)
		each_value((struct conf *)c, kind, visit, &v);
	for (size_t i = 0; i < c->listens_n; i++)
		if (addr_is_unix(&c->listens[i].address))
			f(arg, c->listens[i].address.un.sun_path,
			    SANDBOX_SOCKET);
	if (c->log.target_path != NULL)
		f(arg, c->log.target_path, SANDBOX_LOG);
}
