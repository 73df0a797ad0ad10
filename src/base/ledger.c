// SPDX-License-Identifier: BSD-2-Clause
#include "base/ledger.h"

#include "base/check.h"
#include "base/list.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_NAME "quotas"
#define FILE_NAME_NEW "quotas.new"
#define HEADER "nntpmux quotas 1\n"
#define LINE_MAX_N 256

struct entry {
	struct list link;
	char *kind, *name;		/* const */
	_Atomic uint64_t used;
};

struct ledger {
	int dir_fd;			/* const; -1: nothing is kept */
	char *saved;			/* owner: who saves. What the file has */

	struct {
		pthread_mutex_t mutex;
		struct list entries;	/* only ever longer */
	} sh; /* guarded by sh.mutex */
};

/* --- the table ------------------------------------------------------------- */

static struct entry *
find_locked(struct ledger *l, const char *kind, const char *name)
{
	LIST_EACH(link, &l->sh.entries) {
		struct entry *e = LIST_ENTRY(link, struct entry, link);

		if (strcmp(e->kind, kind) == 0 && strcmp(e->name, name) == 0)
			return e;
	}
	return NULL;
}

static struct entry *
add_locked(struct ledger *l, const char *kind, const char *name,
    uint64_t used)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	e->kind = xstrdup(kind);
	e->name = xstrdup(name);
	atomic_init(&e->used, used);
	list_push_back(&l->sh.entries, &e->link);
	return e;
}

_Atomic uint64_t *
ledger_get(struct ledger *l, const char *kind, const char *name)
{
	struct entry *e;

	SYS_OK(pthread_mutex_lock(&l->sh.mutex));
	e = find_locked(l, kind, name);
	if (e == NULL)
		e = add_locked(l, kind, name, 0);
	SYS_OK(pthread_mutex_unlock(&l->sh.mutex));
	return &e->used;
}

/* --- reading --------------------------------------------------------------- */

/* A word up to this octet, which is cut off; *text moves behind it. NULL: it
 * is not there. */
static char *
cut(char **text, char end)
{
	char *word = *text, *at = strchr(word, end);

	if (at == NULL || at == word)
		return NULL;
	*at = '\0';
	*text = at + 1;
	return word;
}

static bool
parse_number(const char *text, uint64_t *n_r)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n_r = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* "kind name bytes" or "end count"; false: neither. */
static bool
take_line(struct ledger *l, char *line, size_t *entries_n, bool *is_end_r)
{
	char *kind = cut(&line, ' '), *name;
	uint64_t n;

	*is_end_r = kind != NULL && strcmp(kind, "end") == 0;
	name = *is_end_r ? NULL : cut(&line, ' ');
	line[strcspn(line, "\n")] = '\0';
	if (kind == NULL || !parse_number(line, &n))
		return false;
	if (*is_end_r)
		return n == *entries_n;
	if (name == NULL || find_locked(l, kind, name) != NULL)
		return false;
	add_locked(l, kind, name, n);
	(*entries_n)++;
	return true;
}

/* The number of the line that is wrong, or 0. */
static unsigned
take_lines(struct ledger *l, FILE *f)
{
	char line[LINE_MAX_N];
	bool is_end = false;
	size_t entries_n = 0;
	unsigned n = 1;

	if (fgets(line, sizeof(line), f) == NULL || strcmp(line, HEADER) != 0)
		return n;
	while (!is_end) {
		n++;
		if (fgets(line, sizeof(line), f) == NULL ||
		    strchr(line, '\n') == NULL ||
		    !take_line(l, line, &entries_n, &is_end))
			return n;
	}
	return fgetc(f) == EOF && !ferror(f) ? 0 : n + 1;
}

static int
read_file(struct ledger *l, const char *dir, char **error_r)
{
	/* Nobody is waited for, should it be a pipe. */
	int fd = openat(l->dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC |
	    O_NONBLOCK);
	unsigned bad_line;
	FILE *f;

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1) {
		*error_r = xasprintf("%s/" FILE_NAME ": %s", dir,
		    strerror(errno));
		return -1;
	}
	f = fdopen(fd, "r");
	CHECK(f != NULL);
	bad_line = take_lines(l, f);
	fclose(f);
	if (bad_line == 0)
		return 0;
	*error_r = xasprintf("%s/" FILE_NAME ":%u: not as nntpmux has written"
	    " it; it is left as it is: mend it, or move it away and all quotas"
	    " begin at 0", dir, bad_line);
	return -1;
}

/* --- writing --------------------------------------------------------------- */

/* Gives. */
static char *
make_text(struct ledger *l)
{
	size_t size, entries_n = 0;
	char *text;
	FILE *f = open_memstream(&text, &size);

	CHECK(f != NULL);
	fputs(HEADER, f);
	SYS_OK(pthread_mutex_lock(&l->sh.mutex));
	LIST_EACH(link, &l->sh.entries) {
		struct entry *e = LIST_ENTRY(link, struct entry, link);
		uint64_t used = atomic_load_explicit(&e->used,
		    memory_order_relaxed);

		if (used == 0)
			continue;
		fprintf(f, "%s %s %" PRIu64 "\n", e->kind, e->name, used);
		entries_n++;
	}
	SYS_OK(pthread_mutex_unlock(&l->sh.mutex));
	fprintf(f, "end %zu\n", entries_n);
	CHECK(fclose(f) == 0);
	return text;
}

static int
write_all(int fd, const char *text)
{
	size_t n = strlen(text);

	while (n > 0) {
		ssize_t done = write(fd, text, n);

		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return -1;
		text += done;
		n -= (size_t)done;
	}
	return fsync(fd);
}

static int
write_file(int dir_fd, const char *text)
{
	int fd = openat(dir_fd, FILE_NAME_NEW, O_WRONLY | O_CREAT | O_TRUNC |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc, error;

	if (fd == -1)
		return -1;
	rc = write_all(fd, text);
	error = errno;
	if (close(fd) == -1 && rc == 0) {
		rc = -1;
		error = errno;
	}
	errno = error;
	if (rc == -1 || renameat(dir_fd, FILE_NAME_NEW, dir_fd, FILE_NAME) ==
	    -1)
		return -1;
	return fsync(dir_fd);
}

int
ledger_save(struct ledger *l)
{
	char *text;

	if (l->dir_fd == -1)
		return 0;
	text = make_text(l);
	if (l->saved != NULL && strcmp(text, l->saved) == 0) {
		free(text);
		return 0;
	}
	if (write_file(l->dir_fd, text) == -1) {
		int error = errno;

		free(text);
		errno = error;
		return -1;
	}
	free(l->saved);
	l->saved = text;
	return 0;
}

/* --- life ------------------------------------------------------------------ */

static int
open_dir(struct ledger *l, const char *dir, char **error_r)
{
	l->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd != -1 && flock(l->dir_fd, LOCK_EX | LOCK_NB) == 0)
		return read_file(l, dir, error_r);
	*error_r = xasprintf("%s: %s", dir, errno == EWOULDBLOCK ?
	    "another process keeps its quotas there" : strerror(errno));
	return -1;
}

struct ledger *
ledger_open(const char *dir, char **error_r)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	l->dir_fd = -1;
	SYS_OK(pthread_mutex_init(&l->sh.mutex, NULL));
	list_init(&l->sh.entries);
	if (dir == NULL || open_dir(l, dir, error_r) == 0)
		return l;
	ledger_close(l);
	return NULL;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	LIST_EACH(link, &l->sh.entries) {
		struct entry *e = LIST_ENTRY(link, struct entry, link);

		free(e->kind);
		free(e->name);
		free(e);
	}
	if (l->dir_fd != -1)
		close(l->dir_fd);
	SYS_OK(pthread_mutex_destroy(&l->sh.mutex));
	free(l->saved);
	free(l);
}
