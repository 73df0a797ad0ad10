// SPDX-License-Identifier: BSD-2-Clause
#include "net/coalesce.h"

#include "test.h"

static const char one, two;
static uint64_t clock_us;

/* A turn of turn_us that moves a piece, and the wait behind it. */
static uint64_t
move(struct coalesce *c, const char *whose, uint64_t turn_us)
{
	uint64_t begin_us = clock_us, wait_us;

	clock_us += turn_us;
	coalesce_want(c, whose, COALESCE_MIN_BYTES);
	wait_us = coalesce_get_wait(c, begin_us, clock_us);
	clock_us += wait_us;
	return wait_us;
}

static struct coalesce
with_two(void)
{
	struct coalesce c = { 0 };

	clock_us = 1000000;
	move(&c, &one, 20);
	move(&c, &two, 20);
	return c;
}

Test(coalesce, turns_that_move_pieces_of_several_begin_apart)
{
	struct coalesce c = with_two();

	for (int i = 0; i < 100; i++)
		cr_assert_eq(move(&c, i % 4 == 0 ? &one : &two, 20),
		    COALESCE_US - 20);
}

Test(coalesce, two_in_one_turn_are_several)
{
	struct coalesce c = with_two();

	for (int i = 0; i < 100; i++) {
		coalesce_want(&c, &one, COALESCE_MIN_BYTES);
		cr_assert_eq(move(&c, &two, 20), COALESCE_US - 20);
	}
}

Test(coalesce, one_alone_is_not_held_up)
{
	struct coalesce c = with_two();
	uint64_t end_us = clock_us + COALESCE_CLOSE_US + COALESCE_US;

	while (clock_us < end_us)
		move(&c, &two, 20);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(move(&c, &two, 20), 0);
}

Test(coalesce, what_comes_slowly_is_not_held_up)
{
	struct coalesce c = with_two();

	for (int i = 0; i < 100; i++) {
		clock_us += COALESCE_CLOSE_US;
		cr_assert_eq(move(&c, i % 2 == 0 ? &one : &two, 20), 0);
	}
}

Test(coalesce, a_busy_loop_does_not_wait)
{
	struct coalesce c = with_two();

	for (int i = 0; i < 100; i++)
		cr_assert_eq(move(&c, i % 2 == 0 ? &one : &two, COALESCE_US), 0);
	cr_assert_eq(move(&c, &one, COALESCE_US - 1), 1);
}

/* Its rest is there before a wait is over. */
Test(coalesce, what_may_be_small_is_not_held_up)
{
	struct coalesce c = with_two();

	for (int i = 0; i < 10; i++) {
		coalesce_want(&c, i % 2 == 0 ? &one : &two,
		    COALESCE_MIN_BYTES - 1);
		cr_assert_eq(coalesce_get_wait(&c, clock_us, clock_us + 20), 0);
	}
}

Test(coalesce, turns_that_move_nothing_are_followed_at_once)
{
	struct coalesce c = with_two();

	cr_assert_eq(coalesce_get_wait(&c, clock_us, clock_us + 1), 0);
}
