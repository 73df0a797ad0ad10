// SPDX-License-Identifier: BSD-2-Clause
/* What bounds a pool: failures, housekeeping, changes of its size. */
#include "pool_tools.h"

/* --- failures ------------------------------------------------------------- */

POOL_TEST(backs_off_after_one_that_could_not_be_made)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2 });
	uint64_t now = START, next, delay = 0;

	for (int i = 0; i < 12; i++) {
		struct pool_item *item = get(p, &loops[0], now, POOL_CREATE);

		pool_discard(item, DISCARD_UNMADE, now);
		cr_assert_eq(alarms_n, (unsigned)i + 1);
		get(p, &loops[0], now, POOL_DOWN);
		next = pool_tick(p, now);
		cr_assert(next > now && next - now <= 30000);
		delay = next - now;
		cr_assert(i > 0 || (delay >= 125 && delay <= 250));
		cr_assert(i != 3 || (delay >= 1000 && delay <= 2000));
		get(p, &loops[0], next - 1, POOL_DOWN);
		now = next;
	}
	cr_assert_geq(delay, 15000);
	cr_assert_eq(pool_tick(p, now), UINT64_MAX);
	/* Success forgets it all. */
	put(get_made(p, &loops[0], now), now);
	pool_discard(get(p, &loops[0], now, POOL_ITEM), DISCARD_ORDERLY, now);
	pool_discard(get(p, &loops[0], now, POOL_CREATE), DISCARD_UNMADE, now);
	cr_assert_leq(pool_tick(p, now), now + 250);
}

POOL_TEST(busy_not_down_while_one_is_there)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 3 });
	struct pool_item *good = get_made(p, &loops[0], START);

	pool_discard(get(p, &loops[0], START, POOL_CREATE), DISCARD_UNMADE,
	    START);
	get(p, &loops[0], START, POOL_BUSY);
	put(good, START);
}

POOL_TEST(a_back_off_that_ends_early_serves_who_waits)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2 });
	struct pool_item *slow = get(p, &loops[0], START, POOL_CREATE);
	struct wait wait;

	pool_discard(get(p, &loops[0], START, POOL_CREATE), DISCARD_UNMADE,
	    START);
	queue(&wait, &loops[1], 1, START);
	pool_made(slow, START + 1);
	turn();
	cr_assert_eq(wait.delivered_n, 1);
	cr_assert(wait.w.is_blank);
	pool_discard(wait.w.item, DISCARD_ORDERLY, START);
	put(slow, START);
}

POOL_TEST(a_failed_slot_cools)
{
	struct pool *p = make(0,
	    (struct pool_settings){ .max_size = 2, .cooldown_ms = 5000 });
	struct pool_item *a = get_made(p, &loops[0], START);
	struct pool_item *b = get_made(p, &loops[0], START);
	struct wait wait;

	pool_discard(a, DISCARD_FAILED, START);
	pool_discard(b, DISCARD_FAILED, START + 100);
	cr_assert_eq(alarms_n, 2);
	assert_status(p, 0, 0, 0, 0, 2, 0);
	get(p, &loops[0], START + 100, POOL_BUSY);
	queue(&wait, &loops[0], 1, START + 100);
	cr_assert_eq(pool_tick(p, START + 4999), START + 5000);
	turn();
	cr_assert_eq(wait.delivered_n, 0);
	cr_assert_eq(pool_tick(p, START + 5000), START + 5100);
	turn();
	cr_assert(wait.w.is_blank);
	assert_status(p, 0, 0, 1, 0, 1, 0);
	get(p, &loops[0], START + 5099, POOL_BUSY);
	pool_discard(get(p, &loops[0], START + 5100, POOL_CREATE),
	    DISCARD_ORDERLY, START + 5100);
	pool_discard(wait.w.item, DISCARD_ORDERLY, START + 5100);
	assert_status(p, 0, 0, 0, 0, 0, 0);
}

POOL_TEST(an_orderly_end_cools_nothing)
{
	struct pool *p = make(0,
	    (struct pool_settings){ .max_size = 1, .cooldown_ms = 5000 });

	pool_discard(get_made(p, &loops[0], START), DISCARD_ORDERLY, START);
	put(get_made(p, &loops[0], START), START);
	assert_status(p, 1, 0, 0, 0, 0, 0);
	cr_assert_eq(alarms_n, 0);
}

POOL_TEST(what_is_closing_counts_until_it_is_closed)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 1 });
	struct pool_item *item = get_made(p, &loops[0], START);
	struct wait wait;

	pool_closing(item);
	assert_status(p, 0, 0, 0, 1, 0, 0);
	get(p, &loops[0], START, POOL_BUSY);
	queue(&wait, &loops[0], 1, START);
	turn();
	cr_assert_eq(wait.delivered_n, 0);
	pool_closed(item, START);
	turn();
	cr_assert_eq(wait.delivered_n, 1);
	pool_discard(wait.w.item, DISCARD_ORDERLY, START);
}

/* --- events and housekeeping ---------------------------------------------- */

POOL_TEST(an_event_takes_what_is_idle_and_at_home_only)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 1 });
	struct pool_item *item = get_made(p, &loops[0], START);

	cr_assert_not(pool_claim(item, &loops[0]));	/* lent */
	put(item, START);
	cr_assert_not(pool_claim(item, &loops[1]));	/* not its home */
	cr_assert(pool_claim(item, &loops[0]));
	cr_assert_not(pool_claim(item, &loops[0]));
	assert_status(p, 0, 1, 0, 0, 0, 0);
	pool_discard(item, DISCARD_ORDERLY, START);
	cr_assert_not(pool_claim(item, &loops[0]));	/* gone, memory is not */
}

POOL_TEST(reaps_what_idles_too_long)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2,
	    .idle_timeout_ms = 1000 });
	struct pool_item *a = get_made(p, &loops[0], START);
	struct pool_item *b = get_made(p, &loops[1], START);

	put(a, START);
	put(b, START + 500);
	cr_assert_null(pool_reap(p, &loops[2], START + 999));
	cr_assert_eq(pool_reap(p, &loops[2], START + 1000), a);
	cr_assert_eq(atomic_load(&a->lessee), &loops[2]);
	cr_assert_null(pool_reap(p, &loops[2], START + 1000));
	pool_closing(a);
	pool_closed(a, START + 1000);
	assert_status(p, 1, 0, 0, 0, 0, 0);
}

POOL_TEST(lives_are_spread_and_end)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 50,
	    .max_lifetime_ms = 80000 });
	struct pool_item *items[50];
	uint64_t least = UINT64_MAX, most = 0;

	for (int i = 0; i < 50; i++) {
		items[i] = get_made(p, &loops[0], START);
		cr_assert(items[i]->lifetime_ms > 70000 &&
		    items[i]->lifetime_ms <= 80000);
		if (items[i]->lifetime_ms < least)
			least = items[i]->lifetime_ms;
		if (items[i]->lifetime_ms > most)
			most = items[i]->lifetime_ms;
	}
	cr_assert_gt(most - least, 1000);
	for (int i = 0; i < 49; i++)
		put(items[i], START + least - 1);
	cr_assert_null(pool_reap(p, &loops[0], START + least - 1));
	for (int i = 0; i < 49; i++) {
		struct pool_item *item = pool_reap(p, &loops[0], START + most);

		cr_assert_not_null(item);
		pool_closing(item);
		pool_closed(item, START + most);
	}
	cr_assert_not(pool_put(items[49], START + most, before_grant));
	assert_status(p, 0, 0, 0, 1, 0, 0);
	pool_closed(items[49], START + most);
}

POOL_TEST(prewarms_to_min_idle)
{
	struct pool *p = make(0,
	    (struct pool_settings){ .max_size = 3, .min_idle = 2 });
	struct pool_item *a = pool_prewarm(p, &loops[0], START);
	struct pool_item *b = pool_prewarm(p, &loops[0], START);

	cr_assert_not_null(a);
	cr_assert_not_null(b);
	cr_assert_null(pool_prewarm(p, &loops[0], START));
	a->home = b->home = &loops[0];
	pool_made(a, START);
	pool_made(b, START);
	put(a, START);
	put(b, START);
	cr_assert_null(pool_prewarm(p, &loops[0], START));
	a = get(p, &loops[0], START, POOL_ITEM);
	b = pool_prewarm(p, &loops[0], START);
	cr_assert_not_null(b);
	cr_assert_null(pool_prewarm(p, &loops[0], START));
	put(a, START);
	pool_discard(b, DISCARD_ORDERLY, START);
}

/* --- deadpool's management ------------------------------------------------- */

POOL_TEST(shrinks_while_lent)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 3 });
	struct pool_item *items[3];
	struct wait wait;

	for (int i = 0; i < 3; i++)
		items[i] = get_made(p, &loops[0], START);
	pool_resize(p, 1, START);
	cr_assert_eq(pool_get_status(p).max_size, 1);
	assert_status(p, 0, 3, 0, 0, 0, 0);
	queue(&wait, &loops[0], 1, START);
	cr_assert_not(pool_put(items[0], START, before_grant));
	pool_closed(items[0], START);
	pool_discard(items[1], DISCARD_ORDERLY, START);
	turn();
	/* 1 of 1 is out: nothing new, and nobody was served. */
	cr_assert_eq(wait.delivered_n, 0);
	assert_status(p, 0, 1, 0, 0, 0, 1);
	put(items[2], START);
	turn();
	cr_assert_eq(wait.w.item, items[2]);
	get(p, &loops[0], START, POOL_BUSY);
	put(items[2], START);
}

POOL_TEST(shrinks_to_its_limit_and_not_below)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 3 });
	struct pool_item *items[3];

	for (int i = 0; i < 3; i++)
		items[i] = get_made(p, &loops[0], START);
	pool_resize(p, 1, START);
	/* They come back before the server has closed any. */
	cr_assert_not(pool_put(items[0], START, before_grant));
	cr_assert_not(pool_put(items[1], START, before_grant));
	put(items[2], START);
	assert_status(p, 1, 0, 0, 2, 0, 0);
	cr_assert_null(pool_reap(p, &loops[0], START));
	pool_closed(items[0], START);
	pool_closed(items[1], START);
	assert_status(p, 1, 0, 0, 0, 0, 0);
}

POOL_TEST(shrinking_takes_idle_ones_away)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 3 });
	struct pool_item *items[3];

	take_three(p, items);
	pool_resize(p, 1, START);
	for (int i = 0; i < 2; i++) {
		struct pool_item *item = pool_reap(p, &loops[0], START);

		cr_assert_not_null(item);
		pool_closing(item);
		cr_assert_eq(pool_get_status(p).size, 3 - (size_t)i);
		pool_closed(item, START);
	}
	cr_assert_null(pool_reap(p, &loops[0], START));
	assert_status(p, 1, 0, 0, 0, 0, 0);
}

POOL_TEST(growing_serves_who_waits)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 1,
	    .cooldown_ms = 1000 });
	struct pool_item *item = get_made(p, &loops[0], START);
	struct wait waits[3];

	pool_discard(item, DISCARD_FAILED, START);
	for (int i = 0; i < 3; i++)
		queue(&waits[i], &loops[i], 1, START);
	pool_resize(p, 3, START);
	turn();
	cr_assert_eq(waits[0].delivered_n, 1);
	cr_assert_eq(waits[1].delivered_n, 1);
	cr_assert_eq(waits[2].delivered_n, 0);	/* the third slot cools */
	assert_status(p, 0, 0, 2, 0, 1, 1);
	pool_discard(waits[0].w.item, DISCARD_FAILED, START + 1);
	pool_discard(waits[1].w.item, DISCARD_FAILED, START + 2);
	assert_status(p, 0, 0, 0, 0, 3, 1);
	cr_assert_eq(pool_tick(p, START + 1000), START + 1001);
	turn();
	cr_assert_eq(waits[2].delivered_n, 1);
	pool_discard(waits[2].w.item, DISCARD_ORDERLY, START + 1000);
}

static bool
keeps_all_but(const struct pool_item *item, void *arg)
{
	return item != arg;
}

POOL_TEST(retain_takes_out_what_is_not_wanted)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 3 });
	struct pool_item *items[3];

	take_three(p, items);
	cr_assert_eq(pool_retain(p, &loops[1], keeps_all_but, items[1]),
	    items[1]);
	cr_assert_null(pool_retain(p, &loops[1], keeps_all_but, items[1]));
	assert_status(p, 2, 1, 0, 0, 0, 0);
	pool_discard(items[1], DISCARD_ORDERLY, START);
}

POOL_TEST(a_closed_pool_gives_nothing_and_takes_all_back)
{
	struct pool *p = make(0,
	    (struct pool_settings){ .max_size = 3, .min_idle = 3 });
	struct pool_item *lent = get_made(p, &loops[0], START);
	struct pool_item *coming = get(p, &loops[0], START, POOL_CREATE);
	struct pool_item *idle = get_made(p, &loops[0], START);
	struct wait wait, late;

	queue(&wait, &loops[1], 1, START);
	put(idle, START);	/* to the waiter */
	turn();
	put(idle, START);	/* this time it stays */
	begin(&wait, &loops[1]);
	idle = get(p, &loops[0], START, POOL_ITEM);
	cr_assert_eq(pool_join(p, &wait.w, &wait.tickets[0], START),
	    POOL_QUEUED);
	cr_assert(waiter_is_ready(&wait.w));
	pool_close(p);
	turn();
	cr_assert_eq(wait.delivered_n, 1);
	cr_assert_null(wait.w.item);
	get(p, &loops[0], START, POOL_CLOSED);
	cr_assert_null(pool_prewarm(p, &loops[0], START));
	begin(&late, &loops[0]);
	cr_assert_eq(pool_join(p, &late.w, &late.tickets[0], START),
	    POOL_CLOSED);
	cr_assert_not(waiter_is_ready(&late.w));
	pool_leave(&late.tickets[0]);
	pool_made(coming, START);
	cr_assert_not(pool_put(lent, START, before_grant));
	cr_assert_not(pool_put(coming, START, before_grant));
	cr_assert_not(pool_put(idle, START, before_grant));
	assert_status(p, 0, 0, 0, 3, 0, 0);
	pool_closed(lent, START);
	pool_closed(coming, START);
	pool_closed(idle, START);
}

POOL_TEST(configured_settings_hold_for_what_comes)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2,
	    .idle_timeout_ms = 1000 });
	struct pool_settings settings = { .max_size = 1,
	    .idle_timeout_ms = 10, .cooldown_ms = 500 };
	struct pool_item *items[2];

	for (int i = 0; i < 2; i++)
		items[i] = get_made(p, &loops[0], START);
	pool_configure(p, &settings, START);
	cr_assert_not(pool_put(items[0], START, before_grant));
	pool_closed(items[0], START);
	put(items[1], START);
	cr_assert_null(pool_reap(p, &loops[0], START + 9));
	items[1] = pool_reap(p, &loops[0], START + 10);
	cr_assert_not_null(items[1]);
	pool_discard(items[1], DISCARD_FAILED, START + 10);
	assert_status(p, 0, 0, 0, 0, 1, 0);
}

POOL_TEST(configured_alike_the_ceiling_stays)
{
	struct pool_settings settings = { .max_size = 3, .rise_ms = 1000 };
	struct pool *p = make(0, settings);
	struct pool_item *made = get_made(p, &loops[0], START);
	struct pool_item *refused = get(p, &loops[0], START, POOL_CREATE);

	pool_discard(refused, DISCARD_LIMITED, START);
	cr_assert_eq(pool_get_status(p).limit, 1);
	pool_configure(p, &settings, START);
	cr_assert_eq(pool_get_status(p).limit, 1);
	settings.max_size = 4;
	pool_configure(p, &settings, START);
	cr_assert_eq(pool_get_status(p).limit, 4);
	put(made, START);
}

POOL_TEST(closed_it_comes_to_rest_and_may_open_again)
{
	struct pool *p = make(0, (struct pool_settings){ .max_size = 2 });
	struct pool_item *item = get_made(p, &loops[0], START);

	pool_close(p);
	cr_assert_not(pool_is_at_rest(p));
	get(p, &loops[0], START, POOL_CLOSED);
	cr_assert_not(pool_put(item, START, before_grant));
	cr_assert_not(pool_is_at_rest(p));
	pool_closed(item, START);
	cr_assert(pool_is_at_rest(p));
	pool_reopen(p);
	item = get_made(p, &loops[0], START);
	put(item, START);
	cr_assert_not(pool_is_at_rest(p));
}
