// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/spool.h"

#include "base/check.h"
#include "newsd/article.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define GROUPS_MAX 10000
#define ARTICLES_MAX 4000000
#define FILE_MAX (256u << 20)
#define GROUPS_PER_ARTICLE 32

struct spool {
	/* const once clients come */
	uint32_t first;
	uint64_t max_bytes;
	struct group **groups;
	size_t groups_n, groups_room_n;
	struct {
		pthread_mutex_t lck;
		struct article **all; /* in the order of arrival */
		size_t n, room_n;
		uint64_t bytes;
		uint32_t *table; /* by message-id: index into all, plus 1 */
		size_t table_n;	 /* a power of two, at most half full */
	} sh;			 /* guarded by sh.lck */
};

struct spool *
spool_new(uint32_t first, uint64_t max_bytes)
{
	struct spool *sp = xcalloc(1, sizeof(*sp));

	sp->first = first;
	sp->max_bytes = max_bytes;
	SYS_OK(pthread_mutex_init(&sp->sh.lck, NULL));
	sp->sh.table_n = 256;
	sp->sh.table = xcalloc(sp->sh.table_n, sizeof(*sp->sh.table));
	return sp;
}

void
spool_free(struct spool *sp)
{
	for (size_t i = 0; i < sp->groups_n; i++) {
		struct group *g = sp->groups[i];

		for (size_t k = 0; k < g->n; k++)
			article_unref(g->articles[k]);
		free(g->articles);
		free(g->name);
		free(g->text);
		free(g);
	}
	for (size_t i = 0; i < sp->sh.n; i++)
		article_unref(sp->sh.all[i]);
	free(sp->groups);
	free(sp->sh.all);
	free(sp->sh.table);
	SYS_OK(pthread_mutex_destroy(&sp->sh.lck));
	free(sp);
}

/* Room for one more element; doubles. */
static void *
grow(void *array, size_t n, size_t *room_n, size_t size)
{
	if (n < *room_n)
		return array;
	*room_n = *room_n > 0 ? *room_n * 2 : 16;
	return xrealloc(array, *room_n * size);
}

static uint64_t
hash_id(const char *id)
{
	uint64_t h = 14695981039346656037u;

	for (; *id != '\0'; id++)
		h = (h ^ (unsigned char)*id) * 1099511628211u;
	return h ^ h >> 32;
}

/* The slot that has the id, or the empty one where it belongs. */
static uint32_t *
find_slot_locked(struct spool *sp, const char *id)
{
	size_t i = hash_id(id) & (sp->sh.table_n - 1);

	while (sp->sh.table[i] != 0 &&
	    strcmp(sp->sh.all[sp->sh.table[i] - 1]->id, id) != 0)
		i = (i + 1) & (sp->sh.table_n - 1);
	return &sp->sh.table[i];
}

static void
grow_table_locked(struct spool *sp)
{
	if (sp->sh.n * 2 < sp->sh.table_n)
		return;
	free(sp->sh.table);
	sp->sh.table_n *= 2;
	sp->sh.table = xcalloc(sp->sh.table_n, sizeof(*sp->sh.table));
	for (size_t i = 0; i < sp->sh.n; i++)
		*find_slot_locked(sp, sp->sh.all[i]->id) = (uint32_t)i + 1;
}

struct group *
spool_get_group(const struct spool *sp, const char *name)
{
	for (size_t i = 0; i < sp->groups_n; i++)
		if (strcmp(sp->groups[i]->name, name) == 0)
			return sp->groups[i];
	return NULL;
}

struct group *
spool_add_group(struct spool *sp, const char *name, const char *text)
{
	struct group *g = spool_get_group(sp, name);

	if (g != NULL || sp->groups_n >= GROUPS_MAX)
		return g;
	g = xcalloc(1, sizeof(*g));
	g->name = xstrdup(name);
	g->text = xstrdup(text != NULL ? text : "");
	g->created = time(NULL);
	g->first = sp->first;
	sp->groups = grow(sp->groups, sp->groups_n, &sp->groups_room_n,
	    sizeof(struct group *));
	sp->groups[sp->groups_n++] = g;
	return g;
}

static int
compare_groups(const void *a, const void *b)
{
	const struct group *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void
spool_seal(struct spool *sp)
{
	if (sp->groups_n > 0)
		qsort(sp->groups, sp->groups_n, sizeof(struct group *),
		    compare_groups);
}

static void
file_under_locked(struct group *g, struct article *a)
{
	if (g->n > 0 && g->articles[g->n - 1] == a)
		return; /* named twice in one Newsgroups header */
	g->articles = grow(g->articles, g->n, &g->room_n,
	    sizeof(struct article *));
	g->articles[g->n++] = article_ref(a);
}

static enum spool_result
add_locked(struct spool *sp, struct article *a, struct group **groups,
    size_t groups_n)
{
	uint32_t *slot;

	if (sp->sh.n >= ARTICLES_MAX ||
	    sp->sh.bytes + a->bytes_n > sp->max_bytes)
		return SPOOL_FULL;
	grow_table_locked(sp);
	slot = find_slot_locked(sp, a->id);
	if (*slot != 0)
		return SPOOL_DUPLICATE;
	sp->sh.all = grow(sp->sh.all, sp->sh.n, &sp->sh.room_n,
	    sizeof(struct article *));
	sp->sh.all[sp->sh.n++] = article_ref(a);
	*slot = (uint32_t)sp->sh.n;
	sp->sh.bytes += a->bytes_n;
	for (size_t i = 0; i < groups_n; i++)
		file_under_locked(groups[i], a);
	return SPOOL_ADDED;
}

enum spool_result
spool_add(struct spool *sp, struct article *a, bool make_groups)
{
	struct group *groups[GROUPS_PER_ARTICLE];
	size_t groups_n = 0;
	enum spool_result result = SPOOL_NO_GROUP;
	char names[4096], *save = NULL;

	if (article_header(a, "Newsgroups", names, sizeof(names)) < 0)
		names[0] = '\0';
	for (char *name = strtok_r(names, ", ", &save);
	     name != NULL && groups_n < GROUPS_PER_ARTICLE;
	     name = strtok_r(NULL, ", ", &save)) {
		struct group *g = make_groups ?
		    spool_add_group(sp, name, NULL) :
		    spool_get_group(sp, name);

		if (g != NULL)
			groups[groups_n++] = g;
	}
	if (groups_n > 0) {
		SYS_OK(pthread_mutex_lock(&sp->sh.lck));
		result = add_locked(sp, a, groups, groups_n);
		SYS_OK(pthread_mutex_unlock(&sp->sh.lck));
	}
	article_unref(a);
	return result;
}

struct article *
spool_get_id(struct spool *sp, const char *id)
{
	struct article *a = NULL;
	uint32_t slot;

	SYS_OK(pthread_mutex_lock(&sp->sh.lck));
	slot = *find_slot_locked(sp, id);
	if (slot != 0)
		a = article_ref(sp->sh.all[slot - 1]);
	SYS_OK(pthread_mutex_unlock(&sp->sh.lck));
	return a;
}

struct article *
spool_get_number(struct spool *sp, const struct group *g, uint32_t number)
{
	struct article *a = NULL;

	SYS_OK(pthread_mutex_lock(&sp->sh.lck));
	if (number >= g->first && number - g->first < g->n)
		a = article_ref(g->articles[number - g->first]);
	SYS_OK(pthread_mutex_unlock(&sp->sh.lck));
	return a;
}

struct article *
spool_get_nth(struct spool *sp, size_t nth)
{
	struct article *a = NULL;

	SYS_OK(pthread_mutex_lock(&sp->sh.lck));
	if (nth < sp->sh.n)
		a = article_ref(sp->sh.all[nth]);
	SYS_OK(pthread_mutex_unlock(&sp->sh.lck));
	return a;
}

size_t
spool_get_count(struct spool *sp)
{
	size_t n;

	SYS_OK(pthread_mutex_lock(&sp->sh.lck));
	n = sp->sh.n;
	SYS_OK(pthread_mutex_unlock(&sp->sh.lck));
	return n;
}

size_t
spool_get_groups_n(const struct spool *sp)
{
	return sp->groups_n;
}

struct group *
spool_get_group_nth(const struct spool *sp, size_t nth)
{
	return nth < sp->groups_n ? sp->groups[nth] : NULL;
}

struct group_range
spool_get_range(struct spool *sp, const struct group *g)
{
	struct group_range r = { .low = g->first };

	SYS_OK(pthread_mutex_lock(&sp->sh.lck));
	r.n = g->n;
	SYS_OK(pthread_mutex_unlock(&sp->sh.lck));
	r.high = r.low + (uint32_t)r.n - 1;
	return r;
}

/* The whole file; gives malloc memory, or NULL with errno. */
static char *
read_file(const char *path, size_t *n_r)
{
	struct stat st;
	char *text = NULL;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) != 0)
		goto out;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		errno = EFBIG;
		goto out;
	}
	text = xmalloc((size_t)st.st_size + 1);
	*n_r = fread(text, 1, (size_t)st.st_size, f);
	text[*n_r] = '\0';
out:
	fclose(f);
	return text;
}

static void
load_names(struct spool *sp, const char *dir)
{
	char *path = xasprintf("%s/newsgroups", dir), *save = NULL;
	size_t n;
	char *text = read_file(path, &n);

	free(path);
	if (text == NULL)
		return;
	for (char *line = strtok_r(text, "\r\n", &save); line != NULL;
	     line = strtok_r(NULL, "\r\n", &save)) {
		size_t name_n = strcspn(line, " \t");
		char *about = line + name_n + strspn(line + name_n, " \t");

		if (name_n == 0 || line[0] == '#')
			continue;
		line[name_n] = '\0';
		spool_add_group(sp, line, about);
	}
	free(text);
}

static int
load_article(struct spool *sp, const char *path, char *err, size_t err_size)
{
	static const char *const words[] = { "", "its message-id is there",
		"no Newsgroups header", "the spool is full" };
	size_t n = 0;
	char *text = read_file(path, &n);
	struct article *a;
	enum spool_result result;

	if (text == NULL) {
		snprintf(err, err_size, "%s: %s", path, strerror(errno));
		return -1;
	}
	a = article_new(text, n, false);
	free(text);
	if (a == NULL) {
		snprintf(err, err_size, "%s: no header with a Message-ID",
		    path);
		return -1;
	}
	result = spool_add(sp, a, true);
	if (result == SPOOL_ADDED)
		return 0;
	snprintf(err, err_size, "%s: %s", path, words[result]);
	return -1;
}

static int
is_article_name(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && strcmp(d->d_name + n - 4, ".art") == 0;
}

/* alphasort() follows the locale; article numbers shall not. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int
spool_load(struct spool *sp, const char *dir, char *err, size_t err_size)
{
	struct dirent **names = NULL;
	int result = 0, n;

	load_names(sp, dir);
	n = scandir(dir, &names, is_article_name, by_name);
	if (n < 0) {
		snprintf(err, err_size, "%s: %s", dir, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, names[i]->d_name);

		if (result == 0)
			result = load_article(sp, path, err, err_size);
		free(path);
		free(names[i]);
	}
	free(names);
	return result;
}
