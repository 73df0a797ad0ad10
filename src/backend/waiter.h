// SPDX-License-Identifier: BSD-2-Clause
/* waiter - one that waits in the queues of several pools for whatever comes
 * first.
 *
 * A grant is a compare and swap WAITING -> GRANTED, made under the mutex of
 * the pool that has something; the losers skip the waiter. What is granted
 * travels in the waiter's message to its own loop, so nobody can overtake it.
 *
 * Owner: the user on its loop, who keeps it until its message has come or
 * waiter_cancel() was in time. A pool touches it only while its ticket stands
 * in that pool's queue, or after it won. */
#pragma once

#include "base/inbox.h"
#include "base/list.h"

#include <stdatomic.h>
#include <stdbool.h>

struct loop;
struct pool;
struct pool_item;

enum waiter_state {
	WAITER_WAITING,
	WAITER_GRANTED,		/* its message is under way or delivered */
	WAITER_CANCELLED,	/* gave up; no message comes */
};

struct waiter {
	struct message message;	/* to its own loop */
	message_cb_f *deliver;	/* of the user; const */
	struct loop *loop;	/* whose thread waits; const */
	_Atomic enum waiter_state state;
	_Atomic unsigned queues_n;	/* it stands in, + 1 while joining */

	/* with WAITER_GRANTED: what came. item NULL: every pool it waited for
	 * went down. is_blank: the item must still be made. */
	struct pool_item *item;
	bool is_blank;
};

/* A waiter's place in one queue. Owned by the waiter's user. */
struct ticket {
	struct list link;		/* under the pool's mutex */
	struct pool *pool;		/* set by pool_join() */
	struct waiter *waiter;
};

/* Before the first pool_join(). deliver runs on l with the waiter's message. */
void waiter_init(struct waiter *w, struct loop *l, message_cb_f *deliver);
/* After the last pool_join(). False when every queue it joined has dropped it
 * meanwhile: then no message comes. */
bool waiter_is_ready(struct waiter *w) __attribute__((warn_unused_result));
/* True: no message will come. False: a grant is under way, the waiter must
 * live until its message arrives. */
bool waiter_cancel(struct waiter *w) __attribute__((warn_unused_result));
bool waiter_is_granted(struct waiter *w);

/* For pools, under the mutex: true if the grant is this caller's to make. */
bool waiter_win(struct waiter *w) __attribute__((warn_unused_result));
/* The waiter stands in one queue less: true if it was the last. */
bool waiter_lose_queue(struct waiter *w);

/* Waiters that were won, to be told when the mutex is released. */
struct grants {
	struct message *first, **end;
};

void grants_init(struct grants *g);
void grants_add(struct grants *g, struct waiter *w, struct pool_item *item,
    bool is_blank);
/* Without the mutex. */
void grants_post(struct grants *g);
