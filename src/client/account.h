// SPDX-License-Identifier: BSD-2-Clause
/* account - one user, over all its connections, addresses and workers.
 *
 * A connection that is logged in has a seat, of max_connections. When all are
 * taken it may wait for one: first come, first served, and nobody who comes
 * later gets a seat before.
 *
 *     seat_take() ─► TAKEN ◄── delivered ── GRANTED ◄─── a seat is left
 *              └───► WAITING ─────────────────┘
 *
 * A seat is granted under the mutex of its account and travels in a message. A
 * connection that leaves meanwhile is found out when the message arrives, and
 * the seat goes to the next one.
 *
 * All of them share a rate (base/bucket.h) and a quota (base/quota.h).
 *
 * Known by name, so an account outlives a change of the configuration: it is
 * freed at the end only. Owner: the server. Any thread; one mutex per account
 * and one for the table, held for some instructions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct account;
struct accounts;
struct bucket;
struct conf;
struct ledger;
struct loop;
struct quota;
struct seat;

/* Keeps ledger. Gives, without any. */
struct accounts *accounts_new(struct ledger *ledger);
/* Takes it; no seat may be left, and no message under way. */
void accounts_free(struct accounts *);

/* Main thread: these are the users and their limits from now on. Seats that are
 * too many stay taken until they are left. Of who is no user any more no seat
 * is given: a worker that does not know it yet must not let anybody in whom it
 * throws out in a moment. Who waits for one is thrown out, too: login_change(). */
void accounts_set(struct accounts *, const struct conf *conf);
/* Of a user who is or was configured; NULL: never. Borrowed for ever. */
struct account *accounts_find(struct accounts *, const char *name);

/* Borrowed for ever. */
struct bucket *account_get_bucket(struct account *);
struct quota *account_get_quota(struct account *);

enum seat_rc {
	SEAT_IS_TAKEN,
	SEAT_IS_AWAITED,	/* granted() will be called, on the loop */
	SEAT_IS_REFUSED		/* no seat, *seat_r is NULL */
};

typedef void seat_granted_f(void *user);

/* On the given loop. Gives *seat_r, whether taken or awaited. */
enum seat_rc seat_take(struct account *, struct loop *, bool may_wait,
    seat_granted_f *granted, void *user, struct seat **seat_r)
    __attribute__((warn_unused_result));
/* On the same loop. Takes it; granted() is not called any more. */
void seat_leave(struct seat *);
size_t seat_get_size(void);
