// SPDX-License-Identifier: BSD-2-Clause
#include "route/selector.h"

#include "backend/backend.h"
#include "conf/conf.h"
#include "net/loop.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "threads.h"

enum { BACKENDS = 3, ALL = 7 };

static struct selector *selector;
static struct conf_backend confs[BACKENDS];
static const struct conf_health health = {
	.unhealthy_threshold = 3, .healthy_threshold = 1,
};
static struct backend *backends[BACKENDS];

static void
build(enum selector_strategy strategy, unsigned reserve, unsigned n,
    const unsigned *connections, const unsigned *weights)
{
	static char name[] = "somebody";

	selector = selector_new(strategy, reserve);
	memset(confs, 0, sizeof(confs));
	memset(backends, 0, sizeof(backends));
	for (unsigned i = 0; i < n; i++) {
		confs[i].s.name = name;
		confs[i].max_connections = connections[i];
		confs[i].weight = weights != NULL ? weights[i] : 0;
		backends[i] = backend_new(&confs[i], &health, i, 1, NULL);
		cr_assert_eq(selector_add_backend(selector, backends[i]), 0);
	}
	selector_seal(selector);
}

static void
tear_down(void)
{
	selector_free(selector);
	for (int i = 0; i < BACKENDS; i++)
		if (backends[i] != NULL)
			backend_free(backends[i]);
}

/* The next n choices as letters; each is complete at once. */
static void
expect_choices(uint64_t candidates, const char *expected)
{
	for (size_t i = 0; expected[i] != '\0'; i++) {
		int id = selector_route_command(selector, candidates);

		cr_assert_eq(id, expected[i] - '0', "choice %zu is %d", i, id);
		selector_complete_command(selector, id);
	}
}

static const unsigned tens[] = { 10, 10, 10 };

#define SELECTOR_TEST(name, ...)                                              \
	Test(selector, name, .fini = tear_down, ##__VA_ARGS__)

SELECTOR_TEST(round_robin_rotates)
{
	build(SELECT_ROUND_ROBIN, 1, 3, tens, NULL);
	expect_choices(ALL, "012012012");
}

SELECTOR_TEST(least_loaded_ties_rotate)
{
	build(SELECT_LEAST_LOADED, 1, 3, tens, NULL);
	expect_choices(ALL, "012012");
}

SELECTOR_TEST(only_candidates_are_chosen)
{
	build(SELECT_ROUND_ROBIN, 1, 3, tens, NULL);
	expect_choices(5, "0202");
	expect_choices(2, "111");
	cr_assert_eq(selector_route_command(selector, 0), SELECTOR_NONE);
	cr_assert_eq(selector_route_command(selector, 8), SELECTOR_NONE);
	cr_assert_eq(selector_route_command(selector, UINT64_C(1) << 63),
	    SELECTOR_NONE);
}

SELECTOR_TEST(each_strategy_keeps_to_the_candidates)
{
	const unsigned weights[] = { 1, 2, 3 };

	for (int strategy = SELECT_LEAST_LOADED;
	    strategy <= SELECT_WEIGHTED_ROUND_ROBIN; strategy++) {
		build((enum selector_strategy)strategy, 1, 3, tens, weights);
		for (uint64_t mask = 1; mask <= ALL; mask++)
			for (int i = 0; i < 20; i++) {
				int id = selector_route_command(selector, mask);

				cr_assert(id >= 0 && (mask >> id & 1) != 0);
			}
		for (int id = 0; id < BACKENDS; id++)
			while (selector_backend_load(selector, id) > 0)
				selector_complete_command(selector, id);
		if (strategy < SELECT_WEIGHTED_ROUND_ROBIN)
			tear_down();
	}
}

/* The second try of a command must not make the next begin where it did. */
SELECTOR_TEST(a_second_try_does_not_stop_the_rotation)
{
	build(SELECT_ROUND_ROBIN, 1, 2, tens, NULL);
	for (int i = 0; i < 6; i++) {
		int id = selector_route_command(selector, 3);

		cr_assert_eq(id, i % 2);
		selector_complete_command(selector, id);
		id = selector_route_command(selector, UINT64_C(3) ^
		    UINT64_C(1) << id);
		cr_assert_eq(id, 1 - i % 2);
		selector_complete_command(selector, id);
	}
}

SELECTOR_TEST(loads_go_up_and_down)
{
	build(SELECT_ROUND_ROBIN, 1, 1, tens, NULL);
	cr_assert_eq(selector_backend_load(selector, 0), 0);
	cr_assert_eq(selector_route_command(selector, 1), 0);
	cr_assert_eq(selector_backend_load(selector, 0), 1);
	cr_assert_eq(selector_route_command(selector, 1), 0);
	cr_assert_eq(selector_backend_load(selector, 0), 2);
	selector_complete_command(selector, 0);
	cr_assert_eq(selector_backend_load(selector, 0), 1);
	selector_complete_command(selector, 0);
	cr_assert_eq(selector_backend_load(selector, 0), 0);
}

SELECTOR_TEST(counts_never_go_below_zero)
{
	build(SELECT_ROUND_ROBIN, 1, 1, tens, NULL);
	cr_assert_eq(selector_route_command(selector, 1), 0);
	selector_complete_command(selector, 0);
	selector_complete_command(selector, 0);
	cr_assert_eq(selector_backend_load(selector, 0), 0);
	selector_release_stateful(selector, 0);
	cr_assert_eq(selector_stateful_count(selector, 0), 0);
	cr_assert(selector_try_acquire_stateful(selector, 0));
	cr_assert_eq(selector_stateful_count(selector, 0), 1);
	selector_release_stateful(selector, 0);
	selector_release_stateful(selector, 0);
	cr_assert_eq(selector_stateful_count(selector, 0), 0);
}

SELECTOR_TEST(an_unknown_id_is_none)
{
	const int ids[] = { -1, 3, 63, 64, 65, 1000000, -1000000 };

	build(SELECT_ROUND_ROBIN, 0, 3, tens, NULL);
	cr_assert_eq(selector_backend_count(selector), 3);
	for (size_t i = 0; i < ARRAY_N(ids); i++) {
		cr_assert_null(selector_backend(selector, ids[i]));
		cr_assert_null(selector_backend_pool(selector, ids[i]));
		cr_assert_eq(selector_backend_load(selector, ids[i]), 0);
		cr_assert_eq(selector_stateful_count(selector, ids[i]), 0);
		cr_assert_not(selector_try_acquire_stateful(selector, ids[i]));
		selector_complete_command(selector, ids[i]);
		selector_release_stateful(selector, ids[i]);
	}
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(selector_backend(selector, i), backends[i]);
		cr_assert_eq(selector_backend_pool(selector, i),
		    backends[i]->pool);
	}
}

SELECTOR_TEST(an_id_is_added_once)
{
	struct backend big = { .index = SELECTOR_BACKENDS_MAX };

	build(SELECT_ROUND_ROBIN, 0, 2, tens, NULL);
	cr_assert_eq(selector_add_backend(selector, backends[1]), -1);
	cr_assert_eq(selector_add_backend(selector, &big), -1);
	cr_assert_eq(selector_backend_count(selector), 2);
}

SELECTOR_TEST(nobody_at_all)
{
	build(SELECT_WEIGHTED_ROUND_ROBIN, 0, 0, tens, NULL);
	cr_assert_eq(selector_route_command(selector, UINT64_MAX),
	    SELECTOR_NONE);
	cr_assert_eq(selector_backend_count(selector), 0);
}

/* --- weights ---------------------------------------------------------------- */

static void
count_choices(unsigned n, uint64_t candidates, unsigned *counts, unsigned *run)
{
	unsigned length = 0;
	int last = SELECTOR_NONE;

	memset(counts, 0, BACKENDS * sizeof(counts[0]));
	*run = 0;
	for (unsigned i = 0; i < n; i++) {
		int id = selector_route_command(selector, candidates);

		cr_assert(id >= 0 && id < BACKENDS);
		counts[id]++;
		length = id == last ? length + 1 : 1;
		if (length > *run)
			*run = length;
		last = id;
	}
}

SELECTOR_TEST(weights_1_2_3_share_600_smoothly)
{
	const unsigned weights[] = { 1, 2, 3 };
	unsigned counts[BACKENDS], run;

	build(SELECT_WEIGHTED_ROUND_ROBIN, 1, 3, tens, weights);
	for (int round = 0; round < 100; round++) {
		count_choices(6, ALL, counts, &run);
		cr_assert_eq(counts[0], 1);
		cr_assert_eq(counts[1], 2);
		cr_assert_eq(counts[2], 3);
	}
	count_choices(600, ALL, counts, &run);
	cr_assert_eq(counts[0], 100);
	cr_assert_eq(counts[1], 200);
	cr_assert_eq(counts[2], 300);
	cr_assert_leq(run, 2, "%u in a row", run);
}

SELECTOR_TEST(a_heavy_one_is_interrupted)
{
	const unsigned weights[] = { 50, 10 };
	unsigned counts[BACKENDS], run;

	build(SELECT_WEIGHTED_ROUND_ROBIN, 1, 2, tens, weights);
	count_choices(600, 3, counts, &run);
	cr_assert_eq(counts[0], 500);
	cr_assert_eq(counts[1], 100);
	cr_assert_leq(run, 5, "%u in a row", run);
}

SELECTOR_TEST(no_weight_means_connections)
{
	const unsigned connections[] = { 10, 40, 10 };
	unsigned counts[BACKENDS], run;

	build(SELECT_WEIGHTED_ROUND_ROBIN, 1, 3, connections, NULL);
	count_choices(600, ALL, counts, &run);
	cr_assert_eq(counts[0], 100);
	cr_assert_eq(counts[1], 400);
	cr_assert_eq(counts[2], 100);
}

SELECTOR_TEST(shares_hold_among_the_candidates)
{
	const unsigned weights[] = { 1, 2, 3 };
	unsigned counts[BACKENDS], run;

	build(SELECT_WEIGHTED_ROUND_ROBIN, 1, 3, tens, weights);
	count_choices(400, 5, counts, &run);
	cr_assert_eq(counts[0], 100);
	cr_assert_eq(counts[2], 300);
}

/* --- load --------------------------------------------------------------------- */

SELECTOR_TEST(fills_by_ratio)
{
	const unsigned connections[] = { 10, 40 };

	build(SELECT_LEAST_LOADED, 1, 2, connections, NULL);
	for (unsigned i = 1; i <= 50; i++) {
		double a, b;

		cr_assert_geq(selector_route_command(selector, 3), 0);
		a = selector_backend_load(selector, 0) / 10.0;
		b = selector_backend_load(selector, 1) / 40.0;
		cr_assert(a - b <= 0.1 + 1e-9 && b - a <= 0.1 + 1e-9,
		    "after %u: %f and %f", i, a, b);
	}
	cr_assert_eq(selector_backend_load(selector, 0), 10);
	cr_assert_eq(selector_backend_load(selector, 1), 40);
}

SELECTOR_TEST(the_least_loaded_gets_the_next)
{
	build(SELECT_LEAST_LOADED, 1, 3, tens, NULL);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(selector_route_command(selector, 1), 0);
		cr_assert_eq(selector_route_command(selector, 4), 2);
	}
	selector_complete_command(selector, 2);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(selector_route_command(selector, ALL), 1);
	selector_complete_command(selector, 0);
	selector_complete_command(selector, 0);
	cr_assert_eq(selector_route_command(selector, ALL), 0);
}

/* --- stateful slots ------------------------------------------------------------- */

SELECTOR_TEST(the_last_connection_is_kept)
{
	const unsigned connections[] = { 3, 1 };

	build(SELECT_LEAST_LOADED, 1, 2, connections, NULL);
	cr_assert(selector_try_acquire_stateful(selector, 0));
	cr_assert(selector_try_acquire_stateful(selector, 0));
	cr_assert_not(selector_try_acquire_stateful(selector, 0));
	cr_assert_eq(selector_stateful_count(selector, 0), 2);
	cr_assert_not(selector_try_acquire_stateful(selector, 1));
	cr_assert_eq(selector_stateful_count(selector, 1), 0);
	selector_release_stateful(selector, 0);
	cr_assert(selector_try_acquire_stateful(selector, 0));
}

SELECTOR_TEST(without_a_reserve_the_only_one_is_granted)
{
	const unsigned connections[] = { 1 };

	build(SELECT_LEAST_LOADED, 0, 1, connections, NULL);
	cr_assert(selector_try_acquire_stateful(selector, 0));
	cr_assert_not(selector_try_acquire_stateful(selector, 0));
}

SELECTOR_TEST(a_reserve_above_the_size_grants_none)
{
	const unsigned connections[] = { 2 };

	build(SELECT_LEAST_LOADED, 5, 1, connections, NULL);
	cr_assert_not(selector_try_acquire_stateful(selector, 0));
}

/* --- threads ----------------------------------------------------------------------- */

enum { WORKERS = 16 };

static _Atomic unsigned running_n, over_n, granted_n, refused_n;
static unsigned rounds_n;

/* Ten to a slot: most of the time nine are out and all want the last. Whoever
 * got it looks at once whether it was one too many. */
static void
acquire_and_release(unsigned index)
{
	uint64_t random = index + 1;

	for (unsigned i = 0; i < rounds_n; i++) {
		unsigned held = 0;

		for (unsigned n = 1 + random_next(&random) % 12; n > 0; n--) {
			if (!selector_try_acquire_stateful(selector, 0)) {
				atomic_fetch_add(&refused_n, 1);
				continue;
			}
			held++;
			if (selector_stateful_count(selector, 0) > 9)
				atomic_fetch_add(&over_n, 1);
		}
		atomic_fetch_add(&granted_n, held);
		if (i % 64 == 0)
			sched_yield();
		while (held-- > 0)
			selector_release_stateful(selector, 0);
	}
	atomic_fetch_sub(&running_n, 1);
}

static void
watch_limit(unsigned i)
{
	if (i < WORKERS) {
		acquire_and_release(i);
		return;
	}
	while (atomic_load(&running_n) > 0)
		if (selector_stateful_count(selector, 0) > 9)
			atomic_fetch_add(&over_n, 1);
}

SELECTOR_TEST(the_limit_holds_under_sixteen_threads, .timeout = 60)
{
	struct crew crew;

	build(SELECT_LEAST_LOADED, 1, 1, tens, NULL);
	atomic_store(&running_n, WORKERS);
	over_n = granted_n = refused_n = 0;
	rounds_n = THREADS_SCALE(50000);
	crew_start(&crew, WORKERS + 1, watch_limit);
	crew_join(&crew);
	cr_assert_eq(over_n, 0);
	cr_assert_gt(granted_n, 0);
	cr_assert_gt(refused_n, 0);	/* the limit was reached */
	cr_assert_eq(selector_stateful_count(selector, 0), 0);
}

static _Atomic unsigned chosen_n[BACKENDS];

static void
route_and_complete(unsigned index)
{
	(void)index;
	for (unsigned i = 0; i < rounds_n; i++) {
		int id = selector_route_command(selector, ALL);

		atomic_fetch_add(&chosen_n[id], 1);
		selector_complete_command(selector, id);
	}
}

SELECTOR_TEST(shares_and_counts_hold_under_sixteen_threads, .timeout = 60)
{
	const unsigned weights[] = { 1, 2, 3 };
	struct crew crew;

	build(SELECT_WEIGHTED_ROUND_ROBIN, 1, 3, tens, weights);
	memset(chosen_n, 0, sizeof(chosen_n));
	rounds_n = 6 * THREADS_SCALE(2000);
	crew_start(&crew, WORKERS, route_and_complete);
	crew_join(&crew);
	for (int i = 0; i < BACKENDS; i++) {
		cr_assert_eq(chosen_n[i],
		    WORKERS * rounds_n / 6 * weights[i]);
		cr_assert_eq(selector_backend_load(selector, i), 0);
	}
}
