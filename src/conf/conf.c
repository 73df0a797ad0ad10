// SPDX-License-Identifier: BSD-2-Clause
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/section.h"
#include "conf/settings.h"

/* The count is not part of what never changes. */
static struct conf *
get_counted(const struct conf *c)
{
	return (struct conf *)(uintptr_t)c;
}

const struct conf *
conf_ref(const struct conf *c)
{
	if (c != NULL)
		atomic_fetch_add(&get_counted(c)->refs_n, 1);
	return c;
}

static void
free_conf(struct conf *c)
{
	conf_drop_sections(c, KIND_LISTEN);
	conf_drop_sections(c, KIND_BACKEND);
	conf_drop_sections(c, KIND_USER);
	section_fini(&c->proxy.s, KIND_PROXY);
	section_fini(&c->routing.s, KIND_ROUTING);
	section_fini(&c->health.s, KIND_HEALTH);
	section_fini(&c->log.s, KIND_LOG);
	for (size_t i = 0; i < c->files.n; i++)
		free(c->files.v[i]);
	free(c->files.v);
	free(c);
}

void
conf_unref(const struct conf *c)
{
	if (c != NULL && atomic_fetch_sub(&get_counted(c)->refs_n, 1) == 1)
		free_conf(get_counted(c));
}

const struct conf_listen *
conf_find_listen(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->listens_n; i++)
		if (strcmp(c->listens[i].s.name, name) == 0)
			return &c->listens[i];
	return NULL;
}

const struct conf_user *
conf_find_user(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->users_n; i++)
		if (strcmp(c->users[i].s.name, name) == 0)
			return &c->users[i];
	return NULL;
}

static const char *
get_word(enum section_kind kind, const char *key, unsigned i)
{
	const struct setting *s = settings_find(kind, key);

	CHECK(s != NULL && s->type == SETTING_ENUM);
	return s->words[i];
}

const char *
conf_mode_word(enum conf_mode mode)
{
	return get_word(KIND_PROXY, "mode", mode);
}

const char *
conf_strategy_word(enum conf_strategy strategy)
{
	return get_word(KIND_ROUTING, "strategy", strategy);
}

const char *
conf_log_level_word(enum log_level level)
{
	return get_word(KIND_LOG, "level", level);
}
