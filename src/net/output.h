// SPDX-License-Identifier: BSD-2-Clause
/* output - what one stream has still to send.
 *
 * Small pieces are gathered and leave with one system call; a large one goes
 * out directly behind them, and only what the socket does not take is kept.
 * It has no limit of its own: whoever feeds it stops while output_pending()
 * is above what it allows. Memory is held only while something is pending.
 * What output_splice() could not move on at once waits in a pipe and leaves
 * before all else.
 * With a pace no more leaves at a time than that allows: what is pending then
 * waits for pace->not_before_ms and not for EPOLLOUT. Owner: the stream's. */
#pragma once

#include "net/pace.h"
#include "net/pipe.h"
#include "net/stream.h"

#include <stdint.h>

struct output {
	struct stream *stream;	/* keeps */
	struct pace *pace;	/* NULL: none. Keeps */
	struct pipe *pipe;	/* NULL: nothing is in one */
	char *buf;		/* NULL when nothing is pending in it */
	size_t start, end, size;	/* buf[start..end) is pending */
	size_t offered;		/* of what is pending: TLS may have made a
				 * record of it, and takes all that or none */
	uint64_t sent_bytes;	/* since init */
	bool is_broken;		/* a write has failed; nothing more is taken */
};

void output_init(struct output *, struct stream *);
void output_fini(struct output *);

/* Inline: it is asked for all the time. */
static inline size_t
output_pending(const struct output *o)
{
	return (o->pipe != NULL ? o->pipe->n : 0) + (o->end - o->start);
}

/* The memory it holds if never more than so many bytes are pending. */
size_t output_get_size_max(size_t pending_max_bytes);
/* Copies the bytes; they leave with the next flush or large write. */
void output_append(struct output *, const void *data, size_t n);
/* Sends what is pending and then data, keeping a copy of what was not taken.
 * IO_OK: all is out. IO_AGAIN: something is pending, wait for EPOLLOUT, or for
 * the pace.
 * IO_FAIL: the stream is broken, pending bytes are gone. */
enum io_rc output_write(struct output *, const void *data, size_t n)
    __attribute__((warn_unused_result));
enum io_rc output_flush(struct output *) __attribute__((warn_unused_result));

/* Bytes may go on without being in our memory: nothing is pending, nothing is
 * encrypted, and no rate says how many. */
bool output_may_splice(const struct output *);
/* Moves at most n bytes that have come on from; others follow, in this turn or
 * the next. *n_r: so many were taken from it; 0: it can't be done now. They count
 * as output_write()'s do, and so does the result. After output_may_splice(). */
enum io_rc output_splice(struct output *, const struct stream *from, size_t n,
    size_t *n_r) __attribute__((warn_unused_result));
