// SPDX-License-Identifier: BSD-2-Clause
#include "client/failures.h"

#include "net/addr.h"

#include <stdio.h>

#include "test.h"

#define START_MS 1000000

static struct addr
at(const char *host)
{
	struct addr a;

	cr_assert_eq(addr_parse_numeric(&a, host, 119), 0);
	return a;
}

static uint64_t
fail(struct failures *f, const struct addr *a, uint64_t now_ms)
{
	return failures_note(f, a, false, now_ms);
}

static uint64_t
succeed(struct failures *f, const struct addr *a, uint64_t now_ms)
{
	return failures_note(f, a, true, now_ms);
}

Test(failures, double_up_to_a_maximum)
{
	struct failures *f = failures_new();
	struct addr a = at("192.0.2.1");
	uint64_t expected = 0;

	for (int i = 0; i < 50; i++) {
		cr_assert_eq(fail(f, &a, START_MS), expected);
		expected = expected == 0 ? FAILURES_DELAY_MIN_MS :
		    2 * expected;
		if (expected > FAILURES_DELAY_MAX_MS)
			expected = FAILURES_DELAY_MAX_MS;
		cr_assert_eq(succeed(f, &a, START_MS), expected);
	}
	cr_assert_eq(expected, FAILURES_DELAY_MAX_MS);
	failures_free(f);
}

Test(failures, right_ones_are_no_failures)
{
	struct failures *f = failures_new();
	struct addr a = at("192.0.2.1");

	for (int i = 0; i < 50; i++)
		cr_assert_eq(succeed(f, &a, START_MS), 0);
	cr_assert_eq(fail(f, &a, START_MS), 0);
	failures_free(f);
}

Test(failures, of_one_address_only)
{
	struct failures *f = failures_new();
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2"),
	    c = at("2001:db8:1:2::1"), near_c = at("2001:db8:1:2::2"),
	    far_c = at("2001:db8:1:3::1");

	for (int i = 0; i < 20; i++) {
		(void)fail(f, &a, START_MS);
		(void)fail(f, &c, START_MS);
	}
	cr_assert_eq(succeed(f, &b, START_MS), 0);
	cr_assert_eq(succeed(f, &far_c, START_MS), 0);
	cr_assert_eq(succeed(f, &near_c, START_MS), FAILURES_DELAY_MAX_MS);
	failures_free(f);
}

Test(failures, none_at_unix_sockets)
{
	struct failures *f = failures_new();
	struct addr a;
	const char *error;

	cr_assert_eq(addr_parse_listen(&a, "unix:/x", &error), 0);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(fail(f, &a, START_MS), 0);
	failures_free(f);
}

Test(failures, are_forgotten)
{
	struct failures *f = failures_new();
	struct addr a = at("192.0.2.1");
	uint64_t now = START_MS;

	for (int i = 0; i < 4; i++)
		(void)fail(f, &a, now);
	cr_assert_eq(succeed(f, &a, now - 100), 8 * FAILURES_DELAY_MIN_MS);
	now += FAILURES_FORGET_MS - 1;
	cr_assert_eq(succeed(f, &a, now), 8 * FAILURES_DELAY_MIN_MS);
	now += 1;
	cr_assert_eq(succeed(f, &a, now), 4 * FAILURES_DELAY_MIN_MS);
	now += 2 * FAILURES_FORGET_MS;
	cr_assert_eq(succeed(f, &a, now), FAILURES_DELAY_MIN_MS);
	now += FAILURES_FORGET_MS;
	cr_assert_eq(succeed(f, &a, now), 0);
	failures_free(f);
}

Test(failures, are_forgotten_in_time_however_many)
{
	struct failures *f = failures_new();
	struct addr a = at("192.0.2.1");
	uint64_t now = START_MS;

	for (int i = 0; i < 100000; i++)
		(void)fail(f, &a, now);
	now += UINT64_C(12) * FAILURES_FORGET_MS;
	cr_assert_eq(succeed(f, &a, now), 0);
	failures_free(f);
}

/* More addresses than there are places: the worst one stays known. */
Test(failures, the_few_make_room)
{
	struct failures *f = failures_new();
	struct addr bad = at("192.0.2.1");

	for (int i = 0; i < 20; i++)
		(void)fail(f, &bad, START_MS);
	for (unsigned i = 0; i < 100000; i++) {
		char host[32];
		struct addr a;

		snprintf(host, sizeof(host), "10.%u.%u.%u", i >> 16,
		    i >> 8 & 255, i & 255);
		a = at(host);
		cr_assert_eq(fail(f, &a, START_MS), 0);
	}
	cr_assert_eq(succeed(f, &bad, START_MS), FAILURES_DELAY_MAX_MS);
	failures_free(f);
}
