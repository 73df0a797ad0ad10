// SPDX-License-Identifier: BSD-2-Clause
#include "net/timer.h"

#include "test.h"
#include "threads.h"

enum { TIMERS = 300 };

static struct timers timers;
static struct model {
	struct timer timer;
	uint64_t deadline_ms;	/* UINT64_MAX: not armed */
	unsigned expired_n;
} model[TIMERS];
static uint64_t now_ms;
static unsigned wrong_n;

static void
on_expired(struct timer *t)
{
	struct model *m = (struct model *)t;

	if (m->deadline_ms > now_ms || timer_is_set(t))
		wrong_n++;
	m->deadline_ms = UINT64_MAX;
	m->expired_n++;
}

static void
set_up(void)
{
	timers_init(&timers);
	now_ms = 1000;
	wrong_n = 0;
	for (int i = 0; i < TIMERS; i++) {
		model[i] = (struct model){ .deadline_ms = UINT64_MAX };
		timer_init(&model[i].timer, on_expired);
	}
}

static void
tear_down(void)
{
	timers_fini(&timers);
}

static void
set(struct model *m, uint64_t deadline_ms)
{
	m->deadline_ms = deadline_ms;
	timer_set(&timers, &m->timer, deadline_ms);
}

static void
clear(struct model *m)
{
	m->deadline_ms = UINT64_MAX;
	timer_clear(&timers, &m->timer);
}

static uint64_t
get_earliest(void)
{
	uint64_t earliest = UINT64_MAX;

	for (int i = 0; i < TIMERS; i++)
		if (model[i].deadline_ms < earliest)
			earliest = model[i].deadline_ms;
	return earliest;
}

/* What is armed, against the naive list; nothing due was forgotten; the next
 * look comes in time. */
static void
compare(void)
{
	for (int i = 0; i < TIMERS; i++) {
		cr_assert_eq(timer_is_set(&model[i].timer),
		    model[i].deadline_ms != UINT64_MAX, "timer %d", i);
		cr_assert(model[i].deadline_ms > now_ms, "timer %d late", i);
	}
	cr_assert_leq(timers_next(&timers), get_earliest());
	cr_assert_eq(wrong_n, 0);
}

static void
expire(uint64_t until_ms)
{
	timers_new_turn(&timers);
	while (timers_expire(&timers, until_ms))
		;
}

Test(timer, agrees_with_a_naive_list, .init = set_up, .fini = tear_down)
{
	uint64_t random = 42;

	for (int round = 0; round < THREADS_SCALE(20000); round++) {
		for (int i = 0; i < 5; i++) {
			struct model *m =
			    &model[random_next(&random) % TIMERS];

			if (random_next(&random) % 4 == 0)
				clear(m);
			else
				set(m, now_ms + 1 + random_next(&random) % 500);
		}
		now_ms += random_next(&random) % 8;
		expire(now_ms);
		compare();
	}
	now_ms += 1000;
	expire(now_ms);
	compare();
	cr_assert_eq(timers_next(&timers), UINT64_MAX);
}

Test(timer, expires_in_order_at_its_time, .init = set_up, .fini = tear_down)
{
	set(&model[0], 1300);
	set(&model[1], 1100);
	set(&model[2], 1200);
	cr_assert_eq(timers_next(&timers), 1100);
	expire(now_ms = 1099);
	cr_assert_eq(model[1].expired_n, 0);
	expire(now_ms = 1100);
	cr_assert_eq(model[1].expired_n, 1);
	cr_assert_eq(model[2].expired_n, 0);
	expire(now_ms = 1250);
	cr_assert_eq(model[2].expired_n, 1);
	cr_assert_eq(model[0].expired_n, 0);
	cr_assert_eq(timers_next(&timers), 1300);
}

Test(timer, putting_off_is_lazy_but_never_early, .init = set_up,
	.fini = tear_down)
{
	set(&model[0], 1100);
	set(&model[0], 5000);
	cr_assert_eq(timers_next(&timers), 1100);	/* its old place */
	expire(now_ms = 1100);
	cr_assert_eq(model[0].expired_n, 0);
	cr_assert_eq(timers_next(&timers), 5000);
	expire(now_ms = 5000);
	cr_assert_eq(model[0].expired_n, 1);
}

Test(timer, bringing_forward_takes_effect_at_once, .init = set_up,
	.fini = tear_down)
{
	set(&model[0], 5000);
	set(&model[1], 4000);
	set(&model[0], 1001);
	cr_assert_eq(timers_next(&timers), 1001);
	expire(now_ms = 1001);
	cr_assert_eq(model[0].expired_n, 1);
	cr_assert_eq(model[1].expired_n, 0);
}

Test(timer, put_off_and_forward_again, .init = set_up, .fini = tear_down)
{
	set(&model[0], 1100);
	set(&model[0], 5000);
	set(&model[0], 1200);
	expire(now_ms = 1199);
	cr_assert_eq(model[0].expired_n, 0);
	expire(now_ms = 1200);
	cr_assert_eq(model[0].expired_n, 1);
}

Test(timer, never_means_disarmed, .init = set_up, .fini = tear_down)
{
	set(&model[0], 1100);
	set(&model[0], UINT64_MAX);
	cr_assert_not(timer_is_set(&model[0].timer));
	/* So its memory may go: the heap must not know it any more. */
	cr_assert_eq(model[0].timer.position, 0);
	cr_assert_eq(timers_next(&timers), UINT64_MAX);
}

static void
on_expired_again(struct timer *t)
{
	struct model *m = (struct model *)t;

	m->expired_n++;
	timer_set(&timers, t, now_ms + 10);
	timer_clear(&timers, &model[1].timer);
}

Test(timer, a_call_may_arm_itself_and_disarm_others, .init = set_up,
	.fini = tear_down)
{
	timer_init(&model[0].timer, on_expired_again);
	timer_set(&timers, &model[0].timer, 1100);
	set(&model[1], 1100);
	set(&model[1], 1101);
	expire(now_ms = 1105);
	cr_assert_eq(model[0].expired_n, 1);
	cr_assert_eq(model[1].expired_n, 0);
	cr_assert_eq(timers_next(&timers), 1115);
	timer_clear(&timers, &model[0].timer);
	timer_clear(&timers, &model[0].timer);
	cr_assert_eq(timers_next(&timers), UINT64_MAX);
}

static void
on_expired_at_once(struct timer *t)
{
	((struct model *)t)->expired_n++;
	timer_set(&timers, t, now_ms);
}

Test(timer, a_time_that_is_over_waits_for_another_turn, .init = set_up,
	.fini = tear_down)
{
	timer_init(&model[0].timer, on_expired_at_once);
	timer_set(&timers, &model[0].timer, 1100);
	timers_new_turn(&timers);
	cr_assert(timers_expire(&timers, now_ms = 1105));
	cr_assert_not(timers_expire(&timers, 1105));
	expire(1105);
	cr_assert_eq(model[0].expired_n, 2);
	timer_clear(&timers, &model[0].timer);
}
