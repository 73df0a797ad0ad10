// SPDX-License-Identifier: BSD-2-Clause
#include "conf/paths.h"

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/field.h"
#include "conf/file.h"
#include "conf/section.h"

struct visit {
	conf_path_f *f;
	void *arg;
};

static void
visit_value(const struct visit *v, const struct setting *row, const char *text)
{
	char *path = row->access == SANDBOX_READ ? file_find(text) : NULL;

	v->f(v->arg, path != NULL ? path : text, row->access);
	free(path);
}

static void
visit_section(const struct visit *v, const struct conf_section *s,
    enum section_kind kind)
{
	size_t n;
	const struct setting *rows = settings_get(kind, &n);

	for (size_t i = 0; i < n; i++) {
		char *text;

		if (rows[i].type != SETTING_PATH)
			continue;
		text = field_get(&rows[i], s);
		if (text != NULL)
			visit_value(v, &rows[i], text);
		free(text);
	}
}

void
conf_each_path(const struct conf *c, conf_path_f *f, void *arg)
{
	struct visit v = { f, arg };

	for (size_t i = 0; i < c->files.n; i++)
		f(arg, c->files.v[i], SANDBOX_READ);
	for (enum section_kind kind = 0; kind < KIND_N; kind++)
		for (size_t i = 0; i < conf_count_sections(c, kind); i++)
			visit_section(&v, conf_get_section((struct conf *)c,
			    kind, i), kind);
	for (size_t i = 0; i < c->listens_n; i++)
		if (addr_is_unix(&c->listens[i].address))
			f(arg, c->listens[i].address.un.sun_path,
			    SANDBOX_SOCKET);
	if (c->log.target_path != NULL)
		f(arg, c->log.target_path, SANDBOX_LOG);
}
