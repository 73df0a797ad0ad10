// SPDX-License-Identifier: BSD-2-Clause
#include "net/pipe.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Where the user has no pages left for PIPE_BYTES. */
#define SIZE_LESS (256 * 1024)
/* With a smaller one the system calls cost more than the copying. */
#define SIZE_MIN (64 * 1024)
/* There were no descriptors, or no pages for it. */
#define RETRY_MS 1000

static int
enlarge(int fd)
{
	int size = fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);

	if (size < 0)
		size = fcntl(fd, F_SETPIPE_SZ, SIZE_LESS);
	return size < 0 ? fcntl(fd, F_GETPIPE_SZ) : size;
}

static struct pipe *
make(void)
{
	struct pipe *p;
	int fds[2];

	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return NULL;
	if (enlarge(fds[1]) < SIZE_MIN) {
		close(fds[0]);
		close(fds[1]);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->out = fds[0];
	p->in = fds[1];
	return p;
}

static void
end(struct pipe *p)
{
	close(p->in);
	close(p->out);
	free(p);
}

struct pipe *
pipe_get(struct pipes *all, uint64_t now_ms)
{
	struct pipe *p;

	if (all->idle_n > 0)
		return all->idle[--all->idle_n];
	if (all->all_n == PIPES_MAX || now_ms < all->not_before_ms)
		return NULL;
	p = make();
	if (p == NULL)
		all->not_before_ms = now_ms + RETRY_MS;
	else
		all->all_n++;
	return p;
}

void
pipe_put(struct pipes *all, struct pipe *p)
{
	if (p->n == 0) {
		CHECK(all->idle_n < PIPES_MAX);
		all->idle[all->idle_n++] = p;
		return;
	}
	end(p);
	all->all_n--;
}

void
pipes_fini(struct pipes *all)
{
	while (all->idle_n > 0)
		end(all->idle[--all->idle_n]);
}

bool
pipes_are_used_up(const struct pipes *all)
{
	return all->idle_n == 0 && all->all_n == PIPES_MAX;
}

enum io_rc
pipe_fill(struct pipe *p, int fd, size_t n, size_t *n_r)
{
	ssize_t rc = splice(fd, NULL, p->in, NULL, n,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	CHECK(p->n == 0);
	*n_r = 0;
	if (rc > 0) {
		p->n = *n_r = (size_t)rc;
		return IO_OK;
	}
	/* An end, or an error, shows when it is read. */
	return IO_AGAIN;
}

enum io_rc
pipe_drain(struct pipe *p, int fd, bool has_more, size_t *n_r)
{
	*n_r = 0;
	while (p->n > 0) {
		ssize_t rc = splice(p->out, NULL, fd, NULL, p->n,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK |
		    (has_more ? SPLICE_F_MORE : 0u));

		if (rc <= 0)
			return rc < 0 && (errno == EAGAIN || errno == EINTR) ?
			    IO_AGAIN : IO_FAIL;
		p->n -= (size_t)rc;
		*n_r += (size_t)rc;
	}
	return IO_OK;
}

enum io_rc
pipe_read(struct pipe *p, char *buf)
{
	while (p->n > 0) {
		ssize_t rc = read(p->out, buf, p->n);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			return IO_FAIL;
		buf += rc;
		p->n -= (size_t)rc;
	}
	return IO_OK;
}
