// SPDX-License-Identifier: BSD-2-Clause
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/sandbox.h"
#include "net/loop.h"

#define WAIT_MS 5000

/* A pipe may have nobody at its other end, or one who is slow. */
static bool
has_come(int fd, uint64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now_ms;
	int rc;

	do {
		now_ms = loop_clock_ms();
		rc = now_ms < until_ms ?
		    poll(&p, 1, (int)(until_ms - now_ms)) : 0;
	} while (rc == -1 && errno == EINTR);
	return rc > 0;
}

/* One octet more than max is asked for: that shows a longer file. */
static int
fill(struct file *f, int fd, size_t max, char **why_r)
{
	uint64_t until_ms = loop_clock_ms() + WAIT_MS;
	ssize_t got;

	f->text = xmalloc(max + 2);
	while (f->n <= max) {
		if (!has_come(fd, until_ms)) {
			*why_r = xasprintf("no end of it within %d s",
			    WAIT_MS / 1000);
			return -1;
		}
		got = read(fd, f->text + f->n, max + 1 - f->n);
		if (got == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got == -1) {
			*why_r = xstrdup(strerror(errno));
			return -1;
		}
		if (got == 0) {
			f->text[f->n] = '\0';
			return 0;
		}
		f->n += (size_t)got;
	}
	*why_r = xasprintf("longer than %zu octets", max);
	return -1;
}

int
file_read(struct file *f, const char *path, size_t max, char **why_r)
{
	int fd, rc = -1;

	memset(f, 0, sizeof(*f));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1 && !sandbox_covers(path, SANDBOX_READ))
		*why_r = xstrdup("outside of the sandbox; restart to use it");
	else if (fd == -1 || fstat(fd, &f->st) == -1)
		*why_r = xstrdup(strerror(errno));
	else if (S_ISDIR(f->st.st_mode))
		*why_r = xstrdup(strerror(EISDIR));
	else
		rc = fill(f, fd, max, why_r);
	if (fd != -1)
		close(fd);
	if (rc == -1)
		file_fini(f);
	return rc;
}

char *
file_make_absolute(const char *path)
{
	static char start[PATH_MAX];

	if (*start == '\0' && getcwd(start, sizeof(start)) == NULL)
		strcpy(start, "/");
	return *path == '/' ? xstrdup(path) : xasprintf("%s/%s", start, path);
}

char *
file_find(const char *name)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");

	if (directory == NULL || strchr(name, '/') != NULL)
		return file_make_absolute(name);
	return xasprintf("%s/%s", directory, name);
}

void
file_fini(struct file *f)
{
	if (f->text != NULL)
		explicit_bzero(f->text, f->n);
	free(f->text);
	f->text = NULL;
	f->n = 0;
}
