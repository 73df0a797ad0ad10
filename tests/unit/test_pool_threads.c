// SPDX-License-Identifier: BSD-2-Clause
/* The pool under many threads: each has a loop of its own, which it turns to
 * get its grants, and does to three pools whatever can be done, at random. An
 * observer checks the invariant all the while. */
#include "backend/pool.h"

#include "net/loop.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "threads.h"

enum { WORKERS = 16, POOLS = 3, SIZE = 5, HELD = 3, WAITS = 2 };

struct thing {
	struct pool_item item;
	_Atomic unsigned holders_n;	/* 0 or 1 */
	unsigned uses_n;		/* the holder's: no lock */
};

struct wait {
	struct waiter w;
	struct ticket tickets[POOLS];
	bool is_waiting, has_given_up, is_delivered;
	struct worker *worker;
};

struct worker {
	struct loop loop;
	uint64_t random;
	struct pool_item *held[HELD];
	struct wait waits[WAITS];
	uint64_t grants_n, late_n, told_n;
};

static struct worker workers[WORKERS];
static struct pool *pools[POOLS];
static _Atomic uint64_t now_ms;
static _Atomic unsigned running_n, defects_n;
static _Atomic bool is_resizing;
static uint64_t ops_n;

static void
expect(bool ok)
{
	if (!ok)
		atomic_fetch_add(&defects_n, 1);
}

static uint64_t
tick(void)
{
	return atomic_fetch_add(&now_ms, 1);
}

static struct thing *
thing_of(struct pool_item *item)
{
	return LIST_ENTRY(item, struct thing, item);
}

/* --- one thing in hand ----------------------------------------------------- */

static void
hold(struct worker *w, struct pool_item *item)
{
	expect(atomic_fetch_add(&thing_of(item)->holders_n, 1) == 0);
	expect(atomic_load(&item->lessee) == &w->loop);
	thing_of(item)->uses_n++;
	item->home = &w->loop;
}

static void
let_go(struct pool_item *item)
{
	thing_of(item)->uses_n++;
	expect(atomic_fetch_sub(&thing_of(item)->holders_n, 1) == 1);
}

static void
before_grant(struct pool_item *item)
{
	item->home = NULL;
}

static void
close_politely(struct worker *w, struct pool_item *item)
{
	if (random_next(&w->random) % 2 == 0)
		sched_yield();
	let_go(item);
	pool_closed(item, tick());
}

static void
give_back(struct worker *w, struct pool_item *item)
{
	let_go(item);
	if (!pool_put(item, tick(), before_grant)) {
		expect(atomic_fetch_add(&thing_of(item)->holders_n, 1) == 0);
		close_politely(w, item);
	}
}

/* Ends its use in one of all ways. */
static void
dispose(struct worker *w, struct pool_item *item)
{
	unsigned how = random_next(&w->random) % 16;

	if (how < 11) {
		give_back(w, item);
	} else if (how == 11) {
		pool_closing(item);
		close_politely(w, item);
	} else {
		let_go(item);
		pool_discard(item, how < 14 ? DISCARD_ORDERLY :
		    DISCARD_FAILED, tick());
	}
}

/* Makes a blank one, or fails to; then it is in hand. */
static struct pool_item *
make(struct worker *w, struct pool_item *item)
{
	if (random_next(&w->random) % 8 == 0) {
		let_go(item);
		pool_discard(item, DISCARD_UNMADE, tick());
		return NULL;
	}
	pool_made(item, tick());
	return item;
}

static void
keep(struct worker *w, struct pool_item *item)
{
	unsigned i = random_next(&w->random) % HELD;

	if (item == NULL)
		return;
	if (w->held[i] != NULL)
		dispose(w, w->held[i]);
	w->held[i] = item;
}

/* --- waiting ------------------------------------------------------------------ */

static void
leave(struct wait *wait)
{
	for (int i = 0; i < POOLS; i++)
		pool_leave(&wait->tickets[i]);
}

static void
on_delivered(struct message *m)
{
	struct wait *wait = (struct wait *)(void *)LIST_ENTRY(m,
	    struct waiter, message);
	struct worker *w = wait->worker;
	struct pool_item *item = wait->w.item;

	expect(wait->is_waiting && !wait->is_delivered);
	expect(!waiter_cancel(&wait->w));
	wait->is_delivered = true;
	leave(wait);
	wait->is_waiting = false;
	if (item == NULL) {
		w->told_n++;
		return;
	}
	w->grants_n++;
	hold(w, item);
	if (wait->w.is_blank)
		item = make(w, item);
	if (item != NULL && wait->has_given_up)
		give_back(w, item);
	else
		keep(w, item);
}

static void
start_waiting(struct worker *w, struct wait *wait)
{
	unsigned first = random_next(&w->random) % POOLS;

	waiter_init(&wait->w, &w->loop, on_delivered);
	wait->worker = w;
	wait->is_waiting = true;
	wait->has_given_up = wait->is_delivered = false;
	for (unsigned i = 0; i < POOLS; i++) {
		unsigned k = (first + i) % POOLS;

		expect(pool_join(pools[k], &wait->w, &wait->tickets[k],
		    tick()) != POOL_CLOSED);
	}
	if (!waiter_is_ready(&wait->w)) {
		leave(wait);
		wait->is_waiting = false;
	}
}

static void
give_up(struct worker *w, struct wait *wait)
{
	if (wait->has_given_up)
		return;
	leave(wait);
	if (waiter_cancel(&wait->w)) {
		wait->is_waiting = false;
	} else {
		wait->has_given_up = true;
		w->late_n++;
	}
}

/* --- the work ------------------------------------------------------------------ */

static void
get_one(struct worker *w, struct pool *p)
{
	struct pool_item *item;
	enum pool_rc rc = pool_get(p, &w->loop, tick(), &item);

	if (item == NULL)
		return;
	hold(w, item);
	keep(w, rc == POOL_CREATE ? make(w, item) : item);
}

static void
keep_house(struct worker *w, struct pool *p)
{
	struct pool_item *item;

	pool_tick(p, tick());
	if ((item = pool_reap(p, &w->loop, tick())) != NULL) {
		hold(w, item);
		pool_closing(item);
		close_politely(w, item);
	}
	if ((item = pool_prewarm(p, &w->loop, tick())) != NULL) {
		hold(w, item);
		if ((item = make(w, item)) != NULL)
			give_back(w, item);
	}
}

static void
work_once(struct worker *w)
{
	struct pool *p = pools[random_next(&w->random) % POOLS];
	struct wait *wait = &w->waits[random_next(&w->random) % WAITS];
	unsigned i = random_next(&w->random) % HELD;

	switch (random_next(&w->random) % 8) {
	case 0:
	case 1:
		get_one(w, p);
		break;
	case 2:
	case 3:
		if (w->held[i] != NULL)
			dispose(w, w->held[i]);
		w->held[i] = NULL;
		break;
	case 4:
		if (!wait->is_waiting)
			start_waiting(w, wait);
		else
			give_up(w, wait);
		break;
	case 5:
		keep_house(w, p);
		break;
	case 6:
		if (atomic_load(&is_resizing) && i == 0)
			pool_resize(p, random_next(&w->random) % (SIZE + 1),
			    tick());
		break;
	default:
		loop_turn(&w->loop, 0);
	}
}

/* An event of an idle thing: it must be claimed, or nothing happens. */
static void
claim_one(struct worker *w, struct pool_item *item)
{
	if (item != NULL && pool_claim(item, &w->loop)) {
		hold(w, item);
		let_go(item);
		pool_discard(item, DISCARD_ORDERLY, tick());
	}
}

static void
work(unsigned index)
{
	struct worker *w = &workers[index];
	struct pool_item *known = NULL;

	for (uint64_t i = 0; i < ops_n; i++) {
		work_once(w);
		if (random_next(&w->random) % 32 == 0)
			sched_yield();
		if (w->held[0] != NULL)
			known = w->held[0];
		if (i % 16 == 0 && (w->held[0] != known))
			claim_one(w, known);
	}
	for (int i = 0; i < WAITS; i++)
		if (w->waits[i].is_waiting)
			give_up(w, &w->waits[i]);
	for (int i = 0; i < WAITS; i++)
		while (w->waits[i].is_waiting)
			loop_turn(&w->loop, 10);
	for (int i = 0; i < HELD; i++)
		if (w->held[i] != NULL)
			dispose(w, w->held[i]);
	atomic_fetch_sub(&running_n, 1);
}

static void
observe(void)
{
	for (int i = 0; i < POOLS; i++) {
		struct pool_status s = pool_get_status(pools[i]);
		size_t limit = atomic_load(&is_resizing) ? SIZE : s.max_size;

		expect(s.available + s.lent + s.connecting + s.closing ==
		    s.size);
		expect(s.size + s.cooling <= limit);
	}
}

static void
run_crew(unsigned i)
{
	if (i < WORKERS) {
		work(i);
		return;
	}
	while (atomic_load(&running_n) > 0)
		observe();
}

static const struct pool_settings stormy = {
	.max_size = SIZE, .cooldown_ms = 20, .idle_timeout_ms = 300,
	.max_lifetime_ms = 2000, .min_idle = 1,
};

static void
begin(struct pool_settings settings)
{
	loop_table_init(1024);
	atomic_store(&now_ms, 1000);
	atomic_store(&defects_n, 0);
	memset(workers, 0, sizeof(workers));
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].random = 77 + i;
		cr_assert_eq(loop_init(&workers[i].loop, i), 0);
	}
	for (int i = 0; i < POOLS; i++)
		pools[i] = pool_new(&settings, sizeof(struct thing), WORKERS);
}

static void
end(void)
{
	for (int i = 0; i < POOLS; i++) {
		struct loop *l = &workers[0].loop;
		struct pool_item *item;
		struct pool_status s;

		pool_close(pools[i]);
		while ((item = pool_reap(pools[i], l, 0)) != NULL)
			pool_discard(item, DISCARD_ORDERLY, 0);
		pool_tick(pools[i], UINT64_MAX);
		s = pool_get_status(pools[i]);
		cr_assert_eq(s.size, 0, "%zu there", s.size);
		cr_assert_eq(s.waiting, 0, "%zu waiting", s.waiting);
		cr_assert_eq(s.cooling, 0, "%zu cooling", s.cooling);
		pool_free(pools[i]);
	}
	for (int i = 0; i < WORKERS; i++)
		loop_fini(&workers[i].loop);
	cr_assert_eq(atomic_load(&defects_n), 0);
}

static void
storm(bool with_resize)
{
	struct crew crew;
	uint64_t grants = 0, late = 0;

	begin(stormy);
	atomic_store(&is_resizing, with_resize);
	atomic_store(&running_n, WORKERS);
	ops_n = THREADS_SCALE(200000);
	crew_start(&crew, WORKERS + 1, run_crew);
	crew_join(&crew);
	for (int i = 0; i < WORKERS; i++) {
		grants += workers[i].grants_n;
		late += workers[i].late_n;
	}
	end();
	/* It was a storm. */
	cr_assert_gt(grants, ops_n / 100, "%llu",
	    (unsigned long long)grants);
	cr_assert_gt(late, 0);
}

Test(pool_threads, holds_its_limit_through_random_faults, .timeout = 120)
{
	storm(false);
}

Test(pool_threads, holds_its_limit_while_it_is_resized, .timeout = 120)
{
	storm(true);
}

/* --- one waiter, two pools at the same moment ------------------------------------ */

enum { RACERS = 2 };

static _Atomic unsigned race_round, race_ready_n;
static unsigned rounds_n;
static struct pool_item *race_items[RACERS];

/* Gives its item back in each round, at the same time as the other. */
static void
race(unsigned i)
{
	for (unsigned round = 1; round <= rounds_n; round++) {
		while (atomic_load(&race_round) < round)
			sched_yield();
		let_go(race_items[i]);
		expect(pool_put(race_items[i], 1000, before_grant));
		atomic_fetch_add(&race_ready_n, 1);
	}
}

static void
queue_everywhere(struct worker *w, struct wait *wait)
{
	waiter_init(&wait->w, &w->loop, on_delivered);
	wait->worker = w;
	wait->is_waiting = true;
	wait->has_given_up = wait->is_delivered = false;
	for (int i = 0; i < POOLS; i++)
		cr_assert_eq(pool_join(pools[i], &wait->w, &wait->tickets[i],
		    1000), POOL_QUEUED);
	cr_assert(waiter_is_ready(&wait->w));
}

/* Takes every pool's only item: for the racers those of the first two. */
static void
take_all(struct worker *w, struct pool_item **third)
{
	for (int i = 0; i < POOLS; i++) {
		struct pool_item *item;
		enum pool_rc rc = pool_get(pools[i], &w->loop, 1000, &item);

		if (rc == POOL_CREATE)
			pool_made(item, 1000);
		else
			cr_assert(i == 2 || rc == POOL_ITEM);
		if (i == 2 && item == NULL)
			continue;	/* has it still */
		hold(w, item);
		if (i < RACERS) {
			/* on its racer's loop from here on */
			atomic_store(&item->lessee, &workers[i + 1].loop);
			item->home = &workers[i + 1].loop;
			race_items[i] = item;
		} else {
			*third = item;
		}
	}
}

Test(pool_threads, two_pools_grant_one_waiter_once, .timeout = 120)
{
	struct worker *w = &workers[0];
	struct pool_item *third = NULL;
	struct crew crew;

	begin((struct pool_settings){ .max_size = 1 });
	atomic_store(&race_round, 0);
	atomic_store(&race_ready_n, 0);
	rounds_n = THREADS_SCALE(10000);
	memset(w->waits, 0, sizeof(w->waits));
	take_all(w, &third);
	crew_start(&crew, RACERS, race);
	for (unsigned round = 1; round <= rounds_n; round++) {
		struct wait *wait = &w->waits[0];
		size_t idle;

		queue_everywhere(w, wait);
		atomic_store(&race_round, round);
		/* In every other round he gives up meanwhile. */
		if (round % 2 == 0)
			give_up(w, wait);
		while (atomic_load(&race_ready_n) < RACERS * round)
			sched_yield();
		while (wait->is_waiting)
			loop_turn(&w->loop, 10000);
		/* What he got he holds or has given back; the other is idle. */
		idle = pool_get_status(pools[0]).available +
		    pool_get_status(pools[1]).available;
		for (int i = 0; i < HELD; i++) {
			if (w->held[i] == NULL)
				continue;
			give_back(w, w->held[i]);
			w->held[i] = NULL;
			idle++;
		}
		cr_assert_eq(idle, 2, "%zu idle in round %u", idle, round);
		cr_assert_eq(pool_get_status(pools[2]).lent, 1);
		cr_assert_eq(pool_get_status(pools[2]).waiting, 0);
		take_all(w, &third);
	}
	crew_join(&crew);
	for (int i = 0; i < RACERS; i++)
		give_back(w, race_items[i]);
	give_back(w, third);
	cr_assert_gt(w->grants_n, 0);
	end();
}
