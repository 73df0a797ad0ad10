// SPDX-License-Identifier: BSD-2-Clause
/* pipe - bytes on their way from one socket to another that never are in our
 * memory: splice(2) can only move them by a pipe.
 *
 * A loop makes at most PIPES_MAX of them and keeps them for the next; the one
 * that was used last is taken first. None to be had is nothing bad: an
 * unprivileged user gets only so many pages for pipes (pipe(7)), and the bytes
 * are copied then.
 *
 * Owner: whoever has got it; its loop while it is idle. */
#pragma once

#include "net/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Clients that take slowly hold theirs; the last one is for the others. */
#define PIPES_MAX 16
/* As much as a connection moves in a turn; for an unprivileged user the most that
 * there is. */
#define PIPE_BYTES (1024 * 1024)

struct pipe {
	int in, out;
	size_t n;		/* bytes in it */
};

/* Of one loop. All zero: none yet. */
struct pipes {
	struct pipe *idle[PIPES_MAX];
	unsigned idle_n;
	unsigned all_n;		/* idle or in use */
	uint64_t not_before_ms;	/* one could not be made: no other until then */
};

/* An empty one, or NULL. Gives. */
struct pipe *pipe_get(struct pipes *, uint64_t now_ms);
/* Takes it. What is in it is lost. */
void pipe_put(struct pipes *, struct pipe *);
/* Closes the idle ones. */
void pipes_fini(struct pipes *);
/* All there may be are in use. */
bool pipes_are_used_up(const struct pipes *);

/* Moves at most n bytes from the socket into an empty pipe. IO_OK: *n_r > 0.
 * IO_AGAIN: none, or this socket can't be spliced. */
enum io_rc pipe_fill(struct pipe *, int fd, size_t n, size_t *n_r)
    __attribute__((warn_unused_result));
/* Moves what is in it to the socket; has_more: other bytes follow at once.
 * *n_r have left, whatever the result is. IO_OK: it is empty. */
enum io_rc pipe_drain(struct pipe *, int fd, bool has_more, size_t *n_r)
    __attribute__((warn_unused_result));
/* Reads all that is in it, pipe->n bytes. IO_FAIL: it can't be done. */
enum io_rc pipe_read(struct pipe *, char *buf)
    __attribute__((warn_unused_result));
