// SPDX-License-Identifier: BSD-2-Clause
/* pool_tools - three loops, up to three pools of small things, and one that
 * waits; for the tests of the pool that need no threads. */
#pragma once

#include "backend/pool.h"

#include "base/check.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { LOOPS = 3, START = 10000 };

struct thing {
	struct pool_item item;
	int n;
};

struct wait {
	struct waiter w;
	struct ticket tickets[3];
	unsigned delivered_n;
	struct loop *lessee;	/* of the item at delivery */
};

static struct loop loops[LOOPS];
static struct pool *pools[3];
static unsigned alarms_n, before_n;

static inline void
set_up(void)
{
	loop_table_init(1024);
	for (unsigned i = 0; i < LOOPS; i++)
		cr_assert_eq(loop_init(&loops[i], i), 0);
	memset(pools, 0, sizeof(pools));
	alarms_n = before_n = 0;
}

/* Everything is given back by the test; so counts must be zero. */
static inline void
tear_down(void)
{
	for (unsigned i = 0; i < ARRAY_N(pools); i++) {
		struct pool_item *item;
		struct pool_status s;

		if (pools[i] == NULL)
			continue;
		pool_close(pools[i]);
		while ((item = pool_reap(pools[i], &loops[0], 0)) != NULL) {
			pool_closing(item);
			pool_closed(item, 0);
		}
		s = pool_get_status(pools[i]);
		cr_assert_eq(s.size, 0, "pool %u", i);
		cr_assert_eq(s.waiting, 0, "pool %u", i);
		pool_free(pools[i]);
	}
	for (unsigned i = 0; i < LOOPS; i++)
		loop_fini(&loops[i]);
}

static inline void
on_alarm(void *arg)
{
	(void)arg;
	alarms_n++;
}

static inline struct pool *
make(unsigned i, struct pool_settings settings)
{
	pools[i] = pool_new(&settings, sizeof(struct thing), LOOPS);
	pool_set_alarm(pools[i], on_alarm, NULL);
	return pools[i];
}

static inline void
make_three(size_t max_size)
{
	for (unsigned i = 0; i < 3; i++)
		make(i, (struct pool_settings){ .max_size = max_size });
}

static inline void
before_grant(struct pool_item *item)
{
	before_n++;
	item->home = NULL;
}

static inline struct pool_item *
get(struct pool *p, struct loop *l, uint64_t now_ms, enum pool_rc expected)
{
	struct pool_item *item;
	enum pool_rc rc = pool_get(p, l, now_ms, &item);

	cr_assert_eq(rc, expected, "rc %d, not %d", rc, expected);
	cr_assert_eq(item != NULL, rc == POOL_ITEM || rc == POOL_CREATE);
	if (item != NULL) {
		cr_assert_eq(item->pool, p);
		cr_assert_eq(atomic_load(&item->lessee), l);
		item->home = l;
	}
	return item;
}

static inline struct pool_item *
get_made(struct pool *p, struct loop *l, uint64_t now_ms)
{
	struct pool_item *item = get(p, l, now_ms, POOL_CREATE);

	pool_made(item, now_ms);
	return item;
}

static inline void
put(struct pool_item *item, uint64_t now_ms)
{
	cr_assert(pool_put(item, now_ms, before_grant));
}

static inline void
on_delivered(struct message *m)
{
	struct wait *wait = (struct wait *)(void *)LIST_ENTRY(m,
	    struct waiter, message);

	wait->delivered_n++;
	if (wait->w.item != NULL) {
		wait->lessee = atomic_load(&wait->w.item->lessee);
		wait->w.item->home = wait->w.loop;
	}
}

static inline void
begin(struct wait *wait, struct loop *l)
{
	memset(wait, 0, sizeof(*wait));
	waiter_init(&wait->w, l, on_delivered);
}

/* Joins the first n of the three pools. */
static inline void
queue(struct wait *wait, struct loop *l, unsigned n, uint64_t now_ms)
{
	begin(wait, l);
	for (unsigned i = 0; i < n; i++)
		cr_assert_eq(pool_join(pools[i], &wait->w, &wait->tickets[i],
		    now_ms), POOL_QUEUED);
	cr_assert(waiter_is_ready(&wait->w));
}

static inline void
leave(struct wait *wait, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pool_leave(&wait->tickets[i]);
}

static inline void
turn(void)
{
	for (unsigned i = 0; i < LOOPS; i++)
		loop_turn(&loops[i], 0);
}

static inline void
assert_status(struct pool *p, size_t idle, size_t lent, size_t connecting,
    size_t closing, size_t cooling, size_t waiting)
{
	struct pool_status s = pool_get_status(p);

	cr_assert_eq(s.available, idle, "%zu idle", s.available);
	cr_assert_eq(s.lent, lent, "%zu lent", s.lent);
	cr_assert_eq(s.connecting, connecting, "%zu connecting", s.connecting);
	cr_assert_eq(s.closing, closing, "%zu closing", s.closing);
	cr_assert_eq(s.cooling, cooling, "%zu cooling", s.cooling);
	cr_assert_eq(s.waiting, waiting, "%zu waiting", s.waiting);
	cr_assert_eq(s.size, idle + lent + connecting + closing);
	cr_assert_eq(pool_has_waiters(p), waiting > 0);
}

static inline void
take_three(struct pool *p, struct pool_item **items)
{
	for (int i = 0; i < 3; i++)
		items[i] = get_made(p, &loops[0], START);
	for (int i = 0; i < 3; i++)
		put(items[i], START + (uint64_t)i);
}

#define POOL_TEST(name) Test(pool, name, .init = set_up, .fini = tear_down)

