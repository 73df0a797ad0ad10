// SPDX-License-Identifier: BSD-2-Clause
/* Who gets an item: get, put, waiters. test_pool_limits.c has failures and
 * housekeeping, test_pool_threads.c what many threads do at once. */
#include "pool_tools.h"

/* --- get and put ---------------------------------------------------------- */

POOL_TEST(opens_up_to_its_limit_and_no_more)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2 });
	struct pool_item *a = get_made(p, &loops[0], START);
	struct pool_item *b = get(p, &loops[1], START, POOL_CREATE);

	assert_status(p, 0, 1, 1, 0, 0, 0);
	get(p, &loops[0], START, POOL_BUSY);
	put(a, START);
	assert_status(p, 1, 0, 1, 0, 0, 0);
	cr_assert_null(atomic_load(&a->lessee));
	cr_assert_eq(get(p, &loops[0], START, POOL_ITEM), a);
	pool_made(b, START);
	put(a, START);
	put(b, START);
	assert_status(p, 2, 0, 0, 0, 0, 0);
	cr_assert_eq(pool_get_status(p).max_size, 2);
}

POOL_TEST(lifo_takes_the_newest_first)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 3 });
	struct pool_item *items[3];

	take_three(p, items);
	for (int i = 2; i >= 0; i--)
		cr_assert_eq(get(p, &loops[0], START, POOL_ITEM), items[i]);
	for (int i = 0; i < 3; i++)
		put(items[i], START);
}

POOL_TEST(fifo_takes_the_oldest_first)
{
	struct pool *p = make(0,
	    (struct pool_settings){ .max_size = 3, .is_fifo = true });
	struct pool_item *items[3];

	take_three(p, items);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(get(p, &loops[0], START, POOL_ITEM), items[i]);
	for (int i = 0; i < 3; i++)
		put(items[i], START);
}

POOL_TEST(a_loop_gets_its_own_first_then_others)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 3 });
	struct pool_item *items[3];

	for (int i = 0; i < 3; i++)
		items[i] = get_made(p, &loops[i], START);
	for (int i = 0; i < 3; i++)
		put(items[i], START);
	cr_assert_eq(get(p, &loops[1], START, POOL_ITEM), items[1]);
	cr_assert_eq(get(p, &loops[0], START, POOL_ITEM), items[0]);
	cr_assert_eq(get(p, &loops[0], START, POOL_ITEM), items[2]);
	for (int i = 0; i < 3; i++)
		put(items[i], START);
}

/* --- waiters -------------------------------------------------------------- */

POOL_TEST(waiters_are_served_in_order)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 1 });
	struct pool_item *item = get_made(p, &loops[0], START);
	struct wait waits[4];

	for (unsigned i = 0; i < 4; i++)
		queue(&waits[i], &loops[i % LOOPS], 1, START);
	assert_status(p, 0, 1, 0, 0, 0, 4);
	for (unsigned i = 0; i < 4; i++) {
		put(item, START);
		turn();
		for (unsigned j = 0; j < 4; j++)
			cr_assert_eq(waits[j].delivered_n, j <= i);
		cr_assert_eq(waits[i].w.item, item);
		cr_assert_not(waits[i].w.is_blank);
		cr_assert_eq(waits[i].lessee, &loops[i % LOOPS]);
		leave(&waits[i], 1);
		assert_status(p, 0, 1, 0, 0, 0, 3 - i);
	}
	/* From loop 0 to itself once, else to another's. */
	cr_assert_eq(before_n, 3);
	put(item, START);
}

POOL_TEST(get_never_overtakes_a_waiter)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2 });
	struct pool_item *item = get_made(p, &loops[0], START);
	struct pool_item *broken = get(p, &loops[0], START, POOL_CREATE);
	struct wait wait;
	uint64_t next;

	pool_discard(broken, DISCARD_UNMADE, START);
	queue(&wait, &loops[1], 1, START);
	next = pool_tick(p, START);
	/* The back-off is over, nobody has looked yet: he is first. */
	get(p, &loops[0], next, POOL_BUSY);
	pool_tick(p, next);
	turn();
	cr_assert_eq(wait.delivered_n, 1);
	cr_assert(wait.w.is_blank);
	cr_assert_eq(wait.lessee, &loops[1]);
	leave(&wait, 1);
	pool_discard(wait.w.item, DISCARD_ORDERLY, next);
	put(item, next);
}

POOL_TEST(joining_a_pool_with_room_is_granted_at_once)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2 });
	struct pool_item *item = get_made(p, &loops[0], START);
	struct wait first, second;

	put(item, START);
	begin(&first, &loops[1]);
	cr_assert_eq(pool_join(p, &first.w, &first.tickets[0], START),
	    POOL_GRANTED);
	begin(&second, &loops[1]);
	cr_assert_eq(pool_join(p, &second.w, &second.tickets[0], START),
	    POOL_GRANTED);
	cr_assert(waiter_is_ready(&first.w));
	cr_assert(waiter_is_ready(&second.w));
	turn();
	cr_assert_eq(first.w.item, item);
	cr_assert_not(first.w.is_blank);
	cr_assert(second.w.is_blank);
	assert_status(p, 0, 1, 1, 0, 0, 0);
	put(item, START);
	pool_discard(second.w.item, DISCARD_ORDERLY, START);
}

POOL_TEST(one_in_three_queues_gets_one)
{
	struct pool_item *items[3];
	struct wait wait;

	make_three(1);
	for (int i = 0; i < 3; i++)
		items[i] = get_made(pools[i], &loops[0], START);
	queue(&wait, &loops[1], 3, START);
	put(items[1], START);
	put(items[2], START);
	turn();
	cr_assert_eq(wait.delivered_n, 1);
	cr_assert_eq(wait.w.item, items[1]);
	assert_status(pools[0], 0, 1, 0, 0, 0, 1);
	assert_status(pools[1], 0, 1, 0, 0, 0, 0);
	assert_status(pools[2], 1, 0, 0, 0, 0, 0);
	leave(&wait, 3);
	assert_status(pools[0], 0, 1, 0, 0, 0, 0);
	put(items[0], START);
	put(items[1], START);
}

POOL_TEST(one_that_gave_up_in_time_hears_nothing)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 1 });
	struct pool_item *item = get_made(p, &loops[0], START);
	struct wait waits[2];

	queue(&waits[0], &loops[1], 1, START);
	queue(&waits[1], &loops[2], 1, START);
	cr_assert(waiter_cancel(&waits[0].w));
	put(item, START);	/* skips him, though he is in the queue still */
	turn();
	cr_assert_eq(waits[0].delivered_n, 0);
	cr_assert_eq(waits[1].w.item, item);
	leave(&waits[0], 1);
	leave(&waits[1], 1);
	put(item, START);
	assert_status(p, 1, 0, 0, 0, 0, 0);
}

POOL_TEST(one_that_gave_up_too_late_must_give_it_back)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 1 });
	struct pool_item *item = get_made(p, &loops[0], START);
	struct wait wait;

	queue(&wait, &loops[1], 1, START);
	put(item, START);
	cr_assert_not(waiter_cancel(&wait.w));
	assert_status(p, 0, 1, 0, 0, 0, 0);
	turn();
	cr_assert_eq(wait.delivered_n, 1);
	put(wait.w.item, START);
	assert_status(p, 1, 0, 0, 0, 0, 0);
}

/* An event that comes first must not find it in use: its new user hasn't seen
 * it yet. */
POOL_TEST(a_grant_under_way_is_nobodys)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2 });
	struct pool_item *item = get_made(p, &loops[0], START);
	struct wait wait, blank;

	put(item, START);
	begin(&wait, &loops[0]);
	cr_assert_eq(pool_join(p, &wait.w, &wait.tickets[0], START),
	    POOL_GRANTED);
	cr_assert_null(atomic_load(&item->lessee));
	cr_assert_not(pool_claim(item, &loops[0]));
	turn();
	cr_assert_eq(wait.lessee, &loops[0]);
	cr_assert_eq(atomic_load(&item->lessee), &loops[0]);

	begin(&blank, &loops[1]);
	cr_assert_eq(pool_join(p, &blank.w, &blank.tickets[0], START),
	    POOL_GRANTED);
	cr_assert_null(atomic_load(&blank.w.item->lessee));
	turn();
	cr_assert_eq(blank.lessee, &loops[1]);
	pool_discard(blank.w.item, DISCARD_ORDERLY, START);

	pool_resize(p, 1, START);
	queue(&wait, &loops[0], 1, START);
	put(item, START);
	cr_assert_null(atomic_load(&item->lessee));
	turn();
	cr_assert_eq(wait.lessee, &loops[0]);
	put(item, START);
}

POOL_TEST(whoever_waits_nowhere_else_is_told_that_all_is_down)
{
	struct pool_item *items[3];
	struct wait wait;

	make_three(1);
	for (int i = 0; i < 3; i++)
		items[i] = get(pools[i], &loops[0], START, POOL_CREATE);
	queue(&wait, &loops[1], 3, START);
	pool_discard(items[0], DISCARD_UNMADE, START);
	pool_discard(items[2], DISCARD_UNMADE, START);
	turn();
	cr_assert_eq(wait.delivered_n, 0);
	assert_status(pools[0], 0, 0, 0, 0, 0, 0);
	assert_status(pools[1], 0, 0, 1, 0, 0, 1);
	pool_discard(items[1], DISCARD_UNMADE, START);
	turn();
	cr_assert_eq(wait.delivered_n, 1);
	cr_assert_null(wait.w.item);
	cr_assert_not(waiter_cancel(&wait.w));
	leave(&wait, 3);
}

POOL_TEST(who_joined_only_what_went_down_meanwhile_is_not_ready)
{
	struct wait wait;
	struct pool_item *items[2];

	make_three(1);
	for (int i = 0; i < 2; i++)
		items[i] = get(pools[i], &loops[0], START, POOL_CREATE);
	begin(&wait, &loops[1]);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pool_join(pools[i], &wait.w, &wait.tickets[i],
		    START), POOL_QUEUED);
	for (int i = 0; i < 2; i++)
		pool_discard(items[i], DISCARD_UNMADE, START);
	cr_assert_not(waiter_is_ready(&wait.w));
	turn();
	cr_assert_eq(wait.delivered_n, 0);
}

POOL_TEST(one_failure_of_several_tells_nobody)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2 });
	struct pool_item *good = get_made(p, &loops[0], START);
	struct pool_item *bad = get(p, &loops[0], START, POOL_CREATE);
	struct wait wait;

	queue(&wait, &loops[0], 1, START);
	pool_discard(bad, DISCARD_UNMADE, START);
	turn();
	cr_assert_eq(wait.delivered_n, 0);
	assert_status(p, 0, 1, 0, 0, 0, 1);
	put(good, START);
	turn();
	cr_assert_eq(wait.w.item, good);
	put(good, START);
}
