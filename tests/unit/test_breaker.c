// SPDX-License-Identifier: BSD-2-Clause
#include "backend/breaker.h"

#include "backend/ceiling.h"
#include "base/check.h"

#include <pthread.h>
#include <string.h>

#include "test.h"

#define START UINT64_C(100000)

static struct breaker b;

static void
set_up(void)
{
	breaker_init(&b, 3, 1);
}

#define BREAKER_TEST(name) Test(breaker, name, .init = set_up)

/* Opens it at this time. */
static void
trip(uint64_t now_ms)
{
	cr_assert_eq(breaker_fail(&b, now_ms), BREAKER_SAME);
	cr_assert_eq(breaker_fail(&b, now_ms), BREAKER_SAME);
	cr_assert_eq(breaker_fail(&b, now_ms), BREAKER_TRIPPED);
}

BREAKER_TEST(opens_at_the_threshold)
{
	cr_assert_not(breaker_is_open(&b));
	cr_assert_eq(breaker_get_next_ms(&b), UINT64_MAX);
	trip(START);
	cr_assert(breaker_is_open(&b));
	cr_assert_str_eq(breaker_format(&b), "open");
	cr_assert_eq(breaker_fail(&b, START), BREAKER_SAME);
}

BREAKER_TEST(failures_count_in_a_row_only)
{
	for (unsigned i = 0; i < 10; i++) {
		cr_assert_eq(breaker_fail(&b, START), BREAKER_SAME);
		cr_assert_eq(breaker_fail(&b, START), BREAKER_SAME);
		cr_assert_eq(breaker_succeed(&b, START), BREAKER_SAME);
	}
	cr_assert_not(breaker_is_open(&b));
}

BREAKER_TEST(one_probe_at_a_time)
{
	uint64_t at;

	cr_assert_not(breaker_try(&b, START));
	trip(START);
	at = breaker_get_next_ms(&b);
	cr_assert_geq(at, START + 250);
	cr_assert_leq(at, START + 500);
	cr_assert_not(breaker_try(&b, at - 1));
	cr_assert(breaker_try(&b, at));
	cr_assert_eq(breaker_get_state(&b), BREAKER_HALF_OPEN);
	cr_assert(breaker_is_open(&b));
	cr_assert_not(breaker_try(&b, at + 100000));
}

BREAKER_TEST(a_probe_that_succeeds_closes_it)
{
	trip(START);
	cr_assert(breaker_try(&b, START + 500));
	cr_assert_eq(breaker_succeed(&b, START + 501), BREAKER_RECOVERED);
	cr_assert_not(breaker_is_open(&b));
	breaker_yield(&b, START + 502);
	cr_assert_not(breaker_is_open(&b));
	/* and its failures begin anew */
	trip(START + 1000);
}

BREAKER_TEST(healthy_threshold)
{
	uint64_t now_ms = START;

	breaker_init(&b, 1, 3);
	cr_assert_eq(breaker_fail(&b, now_ms), BREAKER_TRIPPED);
	for (unsigned i = 0; i < 2; i++) {
		now_ms += 500;
		cr_assert(breaker_try(&b, now_ms));
		cr_assert_eq(breaker_succeed(&b, now_ms), BREAKER_SAME);
		cr_assert_eq(breaker_get_state(&b), BREAKER_OPEN);
	}
	/* They are in a row, too. */
	now_ms += 500;
	cr_assert(breaker_try(&b, now_ms));
	cr_assert_eq(breaker_fail(&b, now_ms), BREAKER_STAYED);
	for (unsigned i = 0; i < 3; i++) {
		now_ms += 1000;
		cr_assert(breaker_try(&b, now_ms));
		cr_assert_eq(breaker_succeed(&b, now_ms), i < 2 ?
		    BREAKER_SAME : BREAKER_RECOVERED);
	}
}

/* Gives the delay that the next failed probe leads to. */
static uint64_t
fail_probe(uint64_t *now_ms)
{
	*now_ms = breaker_get_next_ms(&b);
	cr_assert(breaker_try(&b, *now_ms));
	cr_assert_eq(breaker_fail(&b, *now_ms), BREAKER_STAYED);
	return breaker_get_next_ms(&b) - *now_ms;
}

BREAKER_TEST(probes_become_seldom)
{
	uint64_t now_ms = START;

	trip(now_ms);
	for (uint64_t most = 1000; most <= 32000; most *= 2) {
		uint64_t delay = fail_probe(&now_ms);
		uint64_t cap = most < 30000 ? most : 30000;

		cr_assert_geq(delay, cap / 2);
		cr_assert_leq(delay, cap);
	}
	for (unsigned i = 0; i < 100; i++)
		cr_assert_leq(fail_probe(&now_ms), 30000);
}

BREAKER_TEST(delays_have_jitter)
{
	uint64_t first = 0;
	bool differs = false;

	for (uint64_t i = 0; i < 20; i++) {
		uint64_t delay;

		set_up();
		trip(START + i);
		delay = breaker_get_next_ms(&b) - (START + i);
		if (i > 0 && delay != first)
			differs = true;
		first = delay;
	}
	cr_assert(differs);
}

BREAKER_TEST(good_probes_and_bad_traffic_are_tried_ever_more_seldom)
{
	uint64_t now_ms = START, delay = 0;

	for (unsigned i = 0; i < 5; i++) {
		trip(now_ms);
		delay = breaker_get_next_ms(&b) - now_ms;
		now_ms += delay;
		cr_assert(breaker_try(&b, now_ms));
		cr_assert_eq(breaker_succeed(&b, now_ms), BREAKER_RECOVERED);
	}
	cr_assert_geq(delay, 4000);
	/* until it answers as it should */
	cr_assert_eq(breaker_succeed(&b, now_ms), BREAKER_SAME);
	trip(now_ms);
	cr_assert_leq(breaker_get_next_ms(&b) - now_ms, 500);
}

BREAKER_TEST(a_probe_without_a_verdict_is_repeated_soon)
{
	trip(START);
	cr_assert(breaker_try(&b, START + 500));
	breaker_yield(&b, START + 500);
	cr_assert_eq(breaker_get_state(&b), BREAKER_OPEN);
	cr_assert_leq(breaker_get_next_ms(&b), START + 750);
	cr_assert_gt(breaker_get_next_ms(&b), START + 500);
}

BREAKER_TEST(connections_lost_together_are_one_failure)
{
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(breaker_fail_together(&b, START - 10, START),
		    BREAKER_SAME);
	cr_assert_not(breaker_is_open(&b));
	/* those made since are another matter */
	cr_assert_eq(breaker_fail_together(&b, START, START + 1),
	    BREAKER_SAME);
	cr_assert_eq(breaker_fail_together(&b, START + 2, START + 3),
	    BREAKER_TRIPPED);
}

BREAKER_TEST(a_late_answer_is_an_answer)
{
	trip(START);
	cr_assert_eq(breaker_succeed(&b, START + 1), BREAKER_RECOVERED);
}

enum { THREADS = 4, ROUNDS = 2000 };

static _Atomic unsigned tripped_n, recovered_n;

static void *
hammer(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t now_ms = START + i * UINT64_C(60000);

		if (breaker_fail(&b, now_ms) == BREAKER_TRIPPED)
			atomic_fetch_add(&tripped_n, 1);
		if (!breaker_try(&b, now_ms + 40000))
			continue;
		if (breaker_succeed(&b, now_ms) == BREAKER_RECOVERED)
			atomic_fetch_add(&recovered_n, 1);
	}
	return NULL;
}

BREAKER_TEST(threads_see_each_change_once)
{
	pthread_t threads[THREADS];
	unsigned open;

	atomic_store(&tripped_n, 0);
	atomic_store(&recovered_n, 0);
	for (unsigned i = 0; i < THREADS; i++)
		SYS_OK(pthread_create(&threads[i], NULL, hammer, NULL));
	for (unsigned i = 0; i < THREADS; i++)
		SYS_OK(pthread_join(threads[i], NULL));
	open = breaker_is_open(&b);
	cr_assert_gt(atomic_load(&tripped_n), 0);
	cr_assert_eq(atomic_load(&tripped_n),
	    atomic_load(&recovered_n) + open);
}

/* --- the ceiling -------------------------------------------------------------- */

Test(ceiling, falls_to_what_runs_and_rises_slowly)
{
	struct ceiling c;

	ceiling_init(&c, 8, 1000);
	ceiling_rise(&c, START);
	cr_assert_eq(c.now, 8);
	ceiling_fall(&c, 3, START);
	cr_assert_eq(c.now, 3);
	ceiling_rise(&c, START + 999);
	cr_assert_eq(c.now, 3);
	for (size_t i = 1; i <= 5; i++) {
		ceiling_rise(&c, START + 1000 * i);
		cr_assert_eq(c.now, 3 + i);
	}
	ceiling_rise(&c, START + 100000);
	cr_assert_eq(c.now, 8, "never above what is configured");
	cr_assert_eq(c.next_ms, UINT64_MAX);
}

Test(ceiling, is_at_least_one_and_never_raised_by_a_refusal)
{
	struct ceiling c;

	ceiling_init(&c, 8, 1000);
	ceiling_fall(&c, 0, START);
	cr_assert_eq(c.now, 1);
	ceiling_fall(&c, 5, START + 900);
	cr_assert_eq(c.now, 1);
	ceiling_rise(&c, START + 1000);
	cr_assert_eq(c.now, 1, "a refusal puts it off");
	ceiling_rise(&c, START + 1900);
	cr_assert_eq(c.now, 2);
}

static bool
is_told(int code, const char *line)
{
	return ceiling_is_told(code, line, strlen(line));
}

Test(ceiling, words)
{
	cr_assert(is_told(502, "502 Too many connections for you\r\n"));
	cr_assert(is_told(400, "400 session LIMIT reached\r\n"));
	cr_assert(is_told(482, "482 max threads\r\n"));
	cr_assert(is_told(481, "481 you exceeded something\r\n"));
	cr_assert(is_told(502, "502 connections"));
	cr_assert_not(is_told(502, "502 access denied\r\n"));
	cr_assert_not(is_told(502, "502 toomany connection"));
	cr_assert_not(is_told(200, "200 no limit\r\n"));
	cr_assert_not(is_told(430, "430 too many\r\n"));
	cr_assert_not(is_told(502, ""));
}
