// SPDX-License-Identifier: BSD-2-Clause
#include "test.h"

#include "load/histogram.h"

static struct histogram h;

static void
reset(void)
{
	h = (struct histogram){ 0 };
}

Test(load_histogram, has_nothing, .init = reset)
{
	cr_assert_eq(histogram_get(&h, 0.5), 0u);
	cr_assert_eq(histogram_get(&h, 1), 0u);
}

Test(load_histogram, is_exact_for_small_values, .init = reset)
{
	for (uint64_t i = 1; i <= 10; i++)
		histogram_add(&h, i);
	cr_assert_eq(histogram_get(&h, 0.5), 5u);
	cr_assert_eq(histogram_get(&h, 0.9), 9u);
	cr_assert_eq(histogram_get(&h, 0.91), 10u);
	cr_assert_eq(histogram_get(&h, 1), 10u);
}

/* Never below the value, never more than a step above it. */
Test(load_histogram, is_near_for_all_values, .init = reset)
{
	for (uint64_t value = 1; value < UINT64_MAX / 4;
	     value += value / 7 + 1) {
		uint64_t got;

		reset();
		histogram_add(&h, value);
		histogram_add(&h, UINT64_MAX);
		got = histogram_get(&h, 0.5);
		cr_assert_geq(got, value);
		cr_assert_leq(got - value, value / 32);
	}
}

Test(load_histogram, does_not_exceed_the_largest, .init = reset)
{
	histogram_add(&h, 1000);
	cr_assert_eq(histogram_get(&h, 0.999), 1000u);
	histogram_add(&h, UINT64_MAX);
	cr_assert_eq(histogram_get(&h, 1), UINT64_MAX);
	cr_assert_eq(h.n, 2u);
}

Test(load_histogram, counts_the_rare_ones, .init = reset)
{
	for (int i = 0; i < 999; i++)
		histogram_add(&h, 10);
	histogram_add(&h, 31);
	cr_assert_eq(histogram_get(&h, 0.999), 10u);
	cr_assert_eq(histogram_get(&h, 0.9991), 31u);
}
