// SPDX-License-Identifier: BSD-2-Clause
/* stream - the bytes of one connection, whatever carries them.
 *
 * An interface with two implementations: a socket as it is, and TLS over one
 * (stream_tls.h); their users need not know. Owner: the thread that owns the
 * client or backend connection. Never blocks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum io_rc {
	IO_OK,
	IO_AGAIN,	/* nothing possible now: wait for the event */
	IO_EOF,		/* the peer will send no more */
	IO_CUT,		/* the same, but TLS was not told so by the peer:
			 * anybody in between may have cut it */
	IO_FAIL,	/* broken; errno tells */
};

struct stream;
struct stream_tls;

struct stream_ops {
	enum io_rc (*read)(struct stream *, void *buf, size_t size,
	    size_t *n_r);
	enum io_rc (*write)(struct stream *, const struct iovec *iov,
	    int iov_n, size_t *n_r);
	bool (*is_quiet)(struct stream *);
	void (*end_writing)(struct stream *);
	size_t (*get_untaken)(struct stream *);
	void (*acknowledge)(struct stream *);
	void (*fini)(struct stream *);
};

struct stream {
	const struct stream_ops *ops;
	int fd;			/* -1: closed */
	struct stream_tls *tls;	/* of stream_tls.c, or NULL */
	bool has_more;		/* read ahead: see loop_set_more() */
	bool is_read_blocked;	/* it must send before it can read on */
	bool holds_back;	/* stream_hold_back() */
};

/* Takes fd, a non-blocking stream socket. */
void stream_init_plain(struct stream *, int fd);

/* IO_OK: *n_r > 0 bytes were read. */
enum io_rc stream_read(struct stream *, void *buf, size_t size, size_t *n_r)
    __attribute__((warn_unused_result));
/* IO_OK: *n_r > 0 bytes were taken, perhaps not all. */
enum io_rc stream_write(struct stream *, const struct iovec *iov, int iov_n,
    size_t *n_r) __attribute__((warn_unused_result));
/* Behind the next write another one follows in this turn or the next: its last
 * packet need not leave before it is full. If none does the kernel sends it
 * after 200 ms. */
void stream_hold_back(struct stream *);
/* True when the peer has sent nothing and not closed, as far as known here. */
bool stream_is_quiet(struct stream *);
/* Tells the peer that no more comes; reading goes on. */
void stream_end_writing(struct stream *);
/* The same, but TLS is not told: to the peer it looks broken off. */
void stream_cut(struct stream *);
/* Bytes that were written and that the peer's system has not taken yet. */
size_t stream_get_untaken(struct stream *);
/* Tells the peer at once what has arrived: one that sends a first small piece
 * and waits for its acknowledgement (Nagle) goes on 40 ms earlier. */
void stream_acknowledge(struct stream *);
/* What its watch must wait for, if these events are wanted; and what an event
 * means that came then. They differ while reading is blocked. */
uint32_t stream_get_mask(const struct stream *, uint32_t events);
uint32_t stream_translate(struct stream *, uint32_t events);
/* What passes is what the socket carries: nothing is encrypted. */
bool stream_is_plain(const struct stream *);
/* Plain: bytes that have come and were not read. */
size_t stream_get_unread(const struct stream *);
/* Closes the descriptor (loop_close()). */
void stream_close(struct stream *);
