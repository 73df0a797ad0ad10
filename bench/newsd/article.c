// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/article.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_FROM 65536 /* smaller ones are copied anyway */
#define FILES_MAX 4096	/* of all articles together */
#define HEADER_MAX 1000 /* in the overview */

static bool may_use_files;
static atomic_uint files_n;

void
article_use_files(void)
{
	may_use_files = true;
}

bool
article_is_id(const char *s)
{
	size_t n = strlen(s);

	if (n < 3 || n > ARTICLE_ID_MAX || s[0] != '<' || s[n - 1] != '>')
		return false;
	for (size_t i = 1; i < n - 1; i++)
		if (s[i] <= ' ' || s[i] == '>' || s[i] == '<' || s[i] == 127)
			return false;
	return true;
}

/* The value of a header as it stands, folded, or NULL. */
static const char *
find_header(const struct article *a, const char *name, const char **end_r)
{
	const char *p = a->bytes, *end = a->bytes + a->head_n;
	size_t n = strlen(name);

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		CHECK(eol != NULL);
		if ((size_t)(eol - p) > n && p[n] == ':' &&
		    strncasecmp(p, name, n) == 0) {
			while (eol + 1 < end &&
			    (eol[1] == ' ' || eol[1] == '\t')) {
				eol = memchr(eol + 1, '\n',
				    (size_t)(end - eol - 1));
				CHECK(eol != NULL);
			}
			*end_r = eol;
			return p + n + 1;
		}
		p = eol + 1;
	}
	return NULL;
}

int
article_header(const struct article *a, const char *name, char *buf,
    size_t size)
{
	const char *end, *p = find_header(a, name, &end);
	size_t n = 0;

	if (p == NULL)
		return -1;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	for (; p < end && n + 1 < size; p++) {
		if (*p == '\r' || *p == '\n')
			continue;
		buf[n++] = *p == '\t' || *p == '\0' ? ' ' : *p;
	}
	buf[n] = '\0';
	return (int)n;
}

static char *
make_overview(const struct article *a)
{
	static const char *const names[] = { "Subject", "From", "Date",
		"Message-ID", "References" };
	char value[ARRAY_N(names)][HEADER_MAX];

	for (size_t i = 0; i < ARRAY_N(names); i++)
		if (article_header(a, names[i], value[i], HEADER_MAX) < 0)
			value[i][0] = '\0';
	return xasprintf("%s\t%s\t%s\t%s\t%s\t%zu\t%zu", value[0], value[1],
	    value[2], value[3], value[4], a->plain_n, a->lines_n);
}

/* Finds the end of the header and counts lines and stuffed dots. */
static bool
measure(struct article *a)
{
	const char *p = a->bytes, *end = a->bytes + a->bytes_n - 3;
	bool in_body = false;

	a->plain_n = a->bytes_n - 3;
	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		if (eol == NULL)
			return false;
		if (in_body)
			a->lines_n++;
		if (*p == '.')
			a->plain_n--;
		if (!in_body && *p == '\r') {
			in_body = true;
			a->head_n = (size_t)(p - a->bytes);
			a->body_at = (size_t)(eol + 1 - a->bytes);
		}
		p = eol + 1;
	}
	return in_body && a->head_n > 0;
}

/* Moves the bytes into a memory file when that pays and can be had. */
static void
move_to_file(struct article *a)
{
	size_t done = 0;
	void *map;
	int fd;

	if (!may_use_files || a->bytes_n < FILE_FROM ||
	    atomic_load(&files_n) >= FILES_MAX)
		return;
	fd = memfd_create("article", MFD_CLOEXEC);
	if (fd < 0)
		return;
	while (done < a->bytes_n) {
		ssize_t n = write(fd, a->bytes + done, a->bytes_n - done);

		if (n <= 0)
			goto out;
		done += (size_t)n;
	}
	map = mmap(NULL, a->bytes_n, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		goto out;
	atomic_fetch_add(&files_n, 1);
	free(a->bytes);
	a->bytes = map;
	a->fd = fd;
	return;
out:
	close(fd);
}

struct article *
article_new_wire(char *wire, size_t n)
{
	struct article *a = xcalloc(1, sizeof(*a));
	char id[ARTICLE_ID_MAX + 2];

	atomic_init(&a->refs_n, 1);
	a->fd = -1;
	a->bytes = wire;
	a->bytes_n = n;
	a->arrived = time(NULL);
	if (!measure(a) ||
	    article_header(a, "Message-ID", id, sizeof(id)) < 0 ||
	    !article_is_id(id)) {
		article_unref(a);
		return NULL;
	}
	a->id = xstrdup(id);
	a->overview = make_overview(a);
	move_to_file(a);
	return a;
}

struct article *
article_new(const char *text, size_t n, bool stuffed)
{
	const char *p = text, *end = text + n;
	/* Worst case: a line of one dot, or none, doubles. */
	char *wire = xmalloc(2 * n + 8), *w = wire;
	bool empty_line = false;

	while (p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		const char *next = eol != NULL ? eol + 1 : end;
		size_t len;

		if (eol == NULL)
			eol = end;
		if (eol > p && eol[-1] == '\r')
			eol--;
		len = (size_t)(eol - p);
		if (len == 0)
			empty_line = true;
		if (!stuffed && len > 0 && *p == '.')
			*w++ = '.';
		memcpy(w, p, len);
		w += len;
		*w++ = '\r';
		*w++ = '\n';
		p = next;
	}
	if (!empty_line) {
		*w++ = '\r';
		*w++ = '\n';
	}
	memcpy(w, ".\r\n", 3);
	w += 3;
	return article_new_wire(xrealloc(wire, (size_t)(w - wire)),
	    (size_t)(w - wire));
}

struct article *
article_ref(struct article *a)
{
	atomic_fetch_add_explicit(&a->refs_n, 1, memory_order_relaxed);
	return a;
}

void
article_unref(struct article *a)
{
	if (atomic_fetch_sub_explicit(&a->refs_n, 1, memory_order_acq_rel) !=
	    1)
		return;
	if (a->fd >= 0) {
		munmap(a->bytes, a->bytes_n);
		close(a->fd);
		atomic_fetch_sub(&files_n, 1);
	} else {
		free(a->bytes);
	}
	free(a->id);
	free(a->overview);
	free(a);
}
