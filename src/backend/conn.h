// SPDX-License-Identifier: BSD-2-Clause
/* conn - one connection to a backend: how it is made, used and closed.
 *
 *                                (TLS)      (STARTTLS -> LATE_TLS)
 *                                  |             |
 *   BLANK -> RESOLVING -> CONNECTING -> GREETING -> MODE_READER -> USER -> PASS
 *     ^                                                  |           |      |
 *     |        +-----------------------------------------+-----------+------+
 *     |        v
 *     |  (LATE_MODE_READER) -> (CAPABILITIES -> CAPABILITY_BLOCK) -> READY
 *     |                                                                |
 *     +-------- failed, in any of them <-------- PARTING <-------------+
 *
 * With TLS what the server says before the handshake counts for nothing (RFC
 * 4642, 2.2.2). Then MODE READER comes first, for a transit server hands over to a reader there
 * (RFC 3977, 5.3); one that wants a login before it (480) is asked again
 * afterwards. CAPABILITIES comes last, for the answer depends on all of that,
 * and only now and then (backend.h); a server that does not know it is as
 * good as any.
 *
 * Owner: the loop that has it on loan, in every state but idle: then the pool,
 * see pool.h. The memory is the pool's. A conn knows its user only by the
 * calls in struct conn_user. It never looks into answers to its user's
 * commands. */
#pragma once

#include "backend/pool.h"
#include "net/loop.h"
#include "net/output.h"
#include "net/pace.h"
#include "net/stream.h"
#include "nntp/capabilities.h"
#include "nntp/reason.h"

#include <stddef.h>
#include <stdint.h>

struct backend;
struct conf_backend;
struct conn;
struct resolve;

enum conn_state {
	CONN_BLANK,
	CONN_RESOLVING,
	CONN_CONNECTING,
	CONN_TLS,		/* the handshake comes before the greeting */
	CONN_GREETING,
	CONN_STARTTLS,		/* asked, the answer is awaited */
	CONN_LATE_TLS,		/* the handshake comes behind the greeting */
	CONN_MODE_READER,
	CONN_USER,
	CONN_PASS,
	CONN_LATE_MODE_READER,	/* after a login that had to come first */
	CONN_CAPABILITIES,
	CONN_CAPABILITY_BLOCK,	/* 101 has come, its block is being read */
	CONN_READY,	/* idle, or lent and in use */
	CONN_PARTING,	/* QUIT is said, the server's close is awaited */
	CONN_STATE_COUNT
};

/* What its users have left on the server's side; it only grows. */
enum conn_trace {
	CONN_UNTOUCHED,		/* nothing that another user could notice */
	CONN_GROUP_SELECTED,	/* hidden from users without a group, but not
				 * from commands that nobody knows */
	CONN_UNKNOWN_SENT,	/* who knows: not for anybody else */
};

/* Who uses a conn. Calls come on the loop that has it on loan, never from
 * inside a call that the user makes. */
struct conn_user {
	/* It was made: usable from now on. */
	void (*ready)(struct conn *, void *user);
	/* It could not be made; it is the pool's again already. */
	void (*unmade)(void *user, enum reason);
	/* In use: there is something to read, an end or an error among it. */
	void (*readable)(struct conn *, void *user);
	/* The time set with conn_set_deadline() is over. */
	void (*expired)(struct conn *, void *user);
	/* All that waited to be sent has been. */
	void (*drained)(struct conn *, void *user);
	/* While it is made: a phase has ended, and what was said there, by the
	 * server (masked) or by us. May be NULL. */
	void (*noted)(struct conn *, void *user, const char *phase,
	    const char *said);
};

struct conn {
	struct pool_item item;	/* first; item.home watches the socket */
	struct backend *backend;
	const struct conf_backend *conf;	/* that it was made with; a
						 * reference, NULL: BLANK */
	unsigned generation;		/* of the backend's, when it began */
	enum conn_state state;
	struct loop *loop;	/* that has it on loan */
	struct stream stream;
	struct output output;
	uint64_t charged_bytes;	/* of what was sent */
	struct pace pace;	/* of its backend; what it owes goes with it */
	struct timer pace_timer;	/* set while it is waited for */
	struct timer timer;
	struct task flush;

	uint64_t put_turn_n;	/* of its home, when it was put back */
	_Atomic bool has_stirred;	/* since; written by its home */
	enum conn_trace trace;
	const struct conn_user *user_ops;
	void *user;

	/* while it is being made */
	struct task failure;		/* tells of a failure at the turn's end */
	enum reason failed;
	uint64_t deadline_ms;		/* connect_timeout, all addresses */
	struct resolve *resolve;	/* addresses to try, or NULL */
	size_t addrs_tried;
	char *line;			/* RESPONSE_LINE_MAX octets, or NULL */
	size_t line_n;
	bool wants_late_mode_reader;
	struct capabilities announced;	/* in the block, so far */
	unsigned announced_n;		/* its lines */

	bool is_reading;		/* conn_set_reading() */
	bool is_resting;		/* not read until pace_timer is over */
	unsigned blocks_n;		/* answers with a block, so far */
};

/* A connection of this backend, without waiting, on which the users before
 * left at most this trace. The caller sets the user before it returns to the
 * loop.
 * POOL_ITEM    *conn_r is ready
 * POOL_CREATE  *conn_r is being made; ready() or unmade() will be called
 * POOL_BUSY, POOL_DOWN, POOL_CLOSED  none; *conn_r is NULL. BUSY also when the
 *              idle ones are too much used; then one of them is closed
 * A connection that turned out dead, too old or made with other settings is
 * closed and another taken: the caller never hears of it. */
enum pool_rc conn_get(struct backend *, struct loop *, enum conn_trace most,
    struct conn **conn_r)
    __attribute__((warn_unused_result));

/* The same for a probe (pool_get_probe()). */
enum pool_rc conn_get_probe(struct backend *, struct loop *,
    struct conn **conn_r) __attribute__((warn_unused_result));

/* The same with what a waiter was granted. NULL: it turned out to be of no use.
 * Else the conn, ready when conn_is_ready(), or being made. */
struct conn *conn_from_grant(struct backend *, struct loop *,
    enum conn_trace most, const struct waiter *w)
    __attribute__((warn_unused_result));
/* Gives back what a waiter was granted that is gone meanwhile. */
void conn_return_grant(struct backend *, struct loop *,
    const struct waiter *w);

void conn_set_user(struct conn *, const struct conn_user *user_ops,
    void *user);

/* Makes one ahead of need, from pool_prewarm(); it goes to the pool. */
void conn_prewarm(struct backend *, struct loop *, struct pool_item *item);

bool conn_is_ready(const struct conn *);

/* Nobody waits for it any more: when it is made, it goes to the pool. */
void conn_abandon(struct conn *);

/* Reads what has come, as much as the backend's rate allows: IO_AGAIN may also
 * mean that readable() is called when it allows more. Charges it. */
enum io_rc conn_read(struct conn *, void *buf, size_t size, size_t *n_r)
    __attribute__((warn_unused_result));
/* Sends what waits to be sent; the same. */
enum io_rc conn_flush(struct conn *) __attribute__((warn_unused_result));

/* Bytes that have come, may go on unread (output_splice()), and are not held
 * back by a rate; 0 also where that is not so. */
size_t conn_get_unread(const struct conn *);
/* output_splice() from here; charges it. */
enum io_rc conn_splice(struct conn *, struct output *to, size_t n, size_t *n_r)
    __attribute__((warn_unused_result));

/* Sends at the end of the turn, with whatever else is sent until then. A
 * failure shows when reading. */
void conn_send(struct conn *, const void *data, size_t n);

/* Whether readable() is wanted. While it is not, bytes wait in the kernel. */
void conn_set_reading(struct conn *, bool on);

/* The backend's rate allows nothing at this moment: what does not come, or does
 * not go, is not the server's fault. */
bool conn_is_held(const struct conn *);

/* expired() at this time, UINT64_MAX: never. */
void conn_set_deadline(struct conn *, uint64_t deadline_ms);


/* Its user leaves this on it. */
void conn_leave_trace(struct conn *, enum conn_trace);

/* Octets given to conn_send() that the socket has not taken yet. */
size_t conn_get_unsent(const struct conn *);

/* Takes it: no command outstanding, no unread bytes. */
void conn_put(struct conn *);
/* The same, but it has served nobody: it is as long idle as before. */
void conn_put_unused(struct conn *);
/* Takes it: closes it at once. */
void conn_discard(struct conn *, enum pool_discard how);
/* Takes it, ready: it failed its user. Closes it at once, and the backend is
 * blamed; said: its words, masked, or NULL. */
void conn_fail(struct conn *, const char *phase, enum reason,
    const char *said);
/* Whether the backend is to blame: not for one connection too many, while it
 * serves others, nor for one that was made with other settings. */
bool conn_is_to_blame(const struct conn *, enum reason);
/* The end of a loop, on its thread, when nobody uses its connections any more:
 * turns it until every connection it has is closed. The pools are closed. */
void conn_end_all(struct backend **backends, size_t n, struct loop *);
/* Whether it was made with what the backend's settings are now: for
 * pool_retain(). */
bool conn_is_current(const struct pool_item *item, void *unused);
/* Takes it, lent by pool_reap() or the like: closes it politely. */
void conn_retire(struct pool_item *item, struct loop *);
