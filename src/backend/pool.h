// SPDX-License-Identifier: BSD-2-Clause
/* pool - the connections of one backend, lent to one user at a time.
 *
 * Only book-keeping: who has which connection and who waits for one. It opens,
 * reads and closes nothing, so no system call is made while its mutex is held
 * (a message that carries a granted connection is posted after the unlock).
 *
 * One invariant, checked after every change:
 *
 *     idle + lent + connecting + closing + cooling <= max_size
 *
 * where an item counts until its socket is really closed (a provider counts it
 * until then too), and after a shrink nothing new begins until it holds again.
 * What the server takes just now may be less than max_size (ceiling.h), and
 * while its breaker is open nothing is lent or begun but for a probe.
 *
 *     place            whose it is                     who may touch it
 *     PLACE_FREE       pool's spare memory             nobody
 *     PLACE_CONNECTING the user that makes it          its loop, no lock
 *     PLACE_IDLE       the pool                        under the mutex; still
 *                      watched by item->home, which gets its events, locks and
 *                      looks whether it is idle and its own (pool_claim())
 *     PLACE_LENT       one user                        its loop, no lock
 *     PLACE_CLOSING    the loop that closes it         its loop, no lock
 *     (cooling)        a bare slot: nothing is opened there until it is over
 *
 * Items are never freed before the pool is, so an event of an epoll turn that
 * began before the item changed hands still finds memory of the right type.
 *
 * A waiter stands in the queues of several pools. A grant is a compare and
 * swap WAITING -> GRANTED of the waiter under the mutex of the granting pool;
 * the losers skip it. The grant travels in a message with the connection, so
 * nobody can overtake it. */
#pragma once

#include "backend/waiter.h"
#include "base/list.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct breaker;
struct loop;
struct pool;

enum pool_place {
	PLACE_FREE, PLACE_CONNECTING, PLACE_IDLE, PLACE_LENT, PLACE_CLOSING,
	PLACE_COUNT
};

/* First member of every pooled thing. */
struct pool_item {
	struct list all_link;		/* of the pool's items; const */
	struct list link;		/* idle or free list; under the mutex */
	struct pool *pool;		/* const */
	_Atomic(struct loop *) lessee;	/* whose it is while lent, connecting
					 * or closing; NULL when idle or on its
					 * way to a waiter. Only its own thread
					 * enters a loop here */
	enum pool_place place;		/* under the mutex */
	struct loop *home;		/* the loop that watches it while idle;
					 * under the mutex */
	uint64_t born_ms;		/* when it became usable */
	uint64_t idle_since_ms;
	uint64_t lifetime_ms;		/* max_lifetime less its share of jitter */
};

struct pool_settings {
	size_t max_size;
	bool is_fifo;			/* else the newest idle item goes first */
	uint64_t idle_timeout_ms;	/* 0 = for ever */
	uint64_t max_lifetime_ms;	/* 0 = for ever; spread by jitter */
	uint64_t cooldown_ms;
	size_t min_idle;
	uint64_t rise_ms;		/* see ceiling.h */
	const struct breaker *breaker;	/* NULL: never open. Keeps */
};

enum pool_rc {
	POOL_ITEM,	/* an idle item, now lent to the caller */
	POOL_CREATE,	/* a blank item, connecting: the caller makes it */
	POOL_BUSY,	/* none now; one will come back */
	POOL_DOWN,	/* none: the breaker is open, or none is there and
			 * making one failed a moment ago */
	POOL_CLOSED,
	POOL_QUEUED,	/* the waiter stands in the queue */
	POOL_GRANTED,	/* the waiter had its grant already: see its message */
};

/* What is where, under one lock at one moment. */
struct pool_status {
	size_t max_size;
	size_t limit;		/* that the server takes just now */
	size_t size;		/* idle + lent + connecting + closing */
	size_t available;	/* idle */
	size_t waiting;
	size_t lent, connecting, closing, cooling;
};

/* How an item leaves its user when it can't be used again. */
enum pool_discard {
	DISCARD_ORDERLY,	/* said good-bye, or closed unused: slot is free
				 * at once */
	DISCARD_FAILED,		/* broke in use or was cut off: slot cools */
	DISCARD_LIMITED,	/* the server wants no more than what runs: the
				 * ceiling falls; UNMADE if nothing runs */
	DISCARD_UNMADE,		/* could not be made: slot cools, pool backs
				 * off, waiters go to their next candidate */
};

/* items are made of item_size bytes, zeroed, with struct pool_item first;
 * loops_n: loops whose index may appear. Gives. */
struct pool *pool_new(const struct pool_settings *settings, size_t item_size,
    unsigned loops_n);
/* Takes it; nothing may be lent, connecting, closing or waiting. */
void pool_free(struct pool *p);

/* Called without the lock, on any thread, when pool_tick() is wanted before
 * its time. Set once, before threads run. */
void pool_set_alarm(struct pool *p, void (*alarm)(void *arg), void *arg);

/* Tries now and never overtakes a waiter. With POOL_ITEM and POOL_CREATE
 * *item_r is the caller's on this loop. The caller then looks at an item
 * (is it still alive?) and may discard it and ask again. */
enum pool_rc pool_get(struct pool *p, struct loop *l, uint64_t now_ms,
    struct pool_item **item_r) __attribute__((warn_unused_result));

/* The same for a probe: while the breaker is open a blank item may be had
 * though nobody else gets one. POOL_BUSY when there is no room. */
enum pool_rc pool_get_probe(struct pool *p, struct loop *l, uint64_t now_ms,
    struct pool_item **item_r) __attribute__((warn_unused_result));

/* Puts the waiter at the tail of this pool's queue. POOL_QUEUED; POOL_GRANTED;
 * POOL_CLOSED. Keeps ticket and waiter until pool_leave(). */
enum pool_rc pool_join(struct pool *p, struct waiter *w,
    struct ticket *ticket, uint64_t now_ms)
    __attribute__((warn_unused_result));
/* Takes the ticket out of its queue, wherever it is. */
void pool_leave(struct ticket *ticket);
/* A connecting item has become usable: it is lent now. Ends a back-off, so
 * waiters may be served. */
void pool_made(struct pool_item *item, uint64_t now_ms);

/* Gives a clean item back: to the first waiter, or to the idle ones. False:
 * it is the caller's still, closing now, because it is too old or one too
 * many: close it, then pool_closed(). before_grant is called (if the item goes
 * to a waiter) without the lock and before the waiter can see the item: the
 * caller takes it out of its own epoll there. */
bool pool_put(struct pool_item *item, uint64_t now_ms,
    void (*before_grant)(struct pool_item *item))
    __attribute__((warn_unused_result));

/* The same for an item that served nobody: how long it is idle goes on. */
bool pool_put_unused(struct pool_item *item, uint64_t now_ms,
    void (*before_grant)(struct pool_item *item))
    __attribute__((warn_unused_result));

/* A lent or connecting item whose socket is closed already. Takes it. */
void pool_discard(struct pool_item *item, enum pool_discard how,
    uint64_t now_ms);
/* A lent item that is being closed politely: it counts until pool_closed(). */
void pool_closing(struct pool_item *item);
/* Takes an item that was closing and whose socket is closed now. */
void pool_closed(struct pool_item *item, uint64_t now_ms);

/* An event for an idle item: takes it out of the pool, lent to this loop, if
 * it is idle and at home here; else false, and the event means nothing. */
bool pool_claim(struct pool_item *item, struct loop *l)
    __attribute__((warn_unused_result));

/* The breaker has opened: who waits nowhere else is told, and pool_reap() takes
 * what is idle. Or it has closed: waiters are served. */
void pool_heed_breaker(struct pool *p, uint64_t now_ms);

/* What connections are made with has changed: those that could not be made say
 * nothing any more. */
void pool_end_back_off(struct pool *p);

/* Housekeeping: cooled slots are free again, a back-off ends, the ceiling
 * rises. Gives when it
 * must be called next (UINT64_MAX: when something happens). */
uint64_t pool_tick(struct pool *p, uint64_t now_ms);
/* One idle item that is too old, too long idle or one too many, lent to this
 * loop; or NULL. */
struct pool_item *pool_reap(struct pool *p, struct loop *l, uint64_t now_ms);
/* A blank item to be made ahead of need (min_idle), or NULL. */
struct pool_item *pool_prewarm(struct pool *p, struct loop *l,
    uint64_t now_ms);

/* An item that is connecting, lent or closing on this loop, or NULL: for the
 * end of the loop, which owns it. */
struct pool_item *pool_find_leased(struct pool *p, const struct loop *l);

/* True when something but this item is idle, lent or connecting. */
bool pool_has_others(const struct pool_item *item);

/* True when somebody stands in the queue. Cheap; a hint at once out of date. */
bool pool_has_waiters(struct pool *p);
struct pool_status pool_get_status(struct pool *p);

/* deadpool's: a new limit; what is above it goes when it comes back. */
void pool_resize(struct pool *p, size_t max_size, uint64_t now_ms);
/* The same for all settings; the breaker stays. */
void pool_configure(struct pool *p, const struct pool_settings *settings,
    uint64_t now_ms);
/* deadpool's: takes out one idle item that keep() does not want, lent to this
 * loop; or NULL. keep() runs under the lock and must not block. */
struct pool_item *pool_retain(struct pool *p, struct loop *l,
    bool (*keep)(const struct pool_item *item, void *arg), void *arg);
/* deadpool's: no more gets, waiters are told; what is lent goes when it comes
 * back, what is idle with pool_reap(). */
void pool_close(struct pool *p);
/* A closed pool lends again. */
void pool_reopen(struct pool *p);
/* Nothing is lent, idle, connecting or closing, and nobody waits. */
bool pool_is_at_rest(struct pool *p);
