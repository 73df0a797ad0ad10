// SPDX-License-Identifier: BSD-2-Clause
#include "client/census.h"

#include "net/addr.h"

#include <stdio.h>

#include "test.h"

static struct addr
at(const char *host)
{
	struct addr a;

	cr_assert_eq(addr_parse_numeric(&a, host, 119), 0);
	return a;
}

static struct addr
at_number(unsigned i)
{
	char host[32];

	snprintf(host, sizeof(host), "10.%u.%u.%u", i >> 16 & 255,
	    i >> 8 & 255, i & 255);
	return at(host);
}

Test(census, counts_each_address_for_itself)
{
	struct census *c = census_new(10);
	struct addr a = at("192.0.2.1"), b = at("192.0.2.2");

	cr_assert(census_enter(c, &a, 2));
	cr_assert(census_enter(c, &a, 2));
	cr_assert_not(census_enter(c, &a, 2));
	cr_assert_eq(census_count(c, &a), 2);
	cr_assert(census_enter(c, &b, 2));
	census_leave(c, &a);
	cr_assert_eq(census_count(c, &a), 1);
	cr_assert(census_enter(c, &a, 2));
	cr_assert_not(census_enter(c, &a, 2));
	census_leave(c, &a);
	census_leave(c, &a);
	census_leave(c, &b);
	cr_assert_eq(census_count(c, &a), 0);
	census_free(c);
}

Test(census, without_a_limit_counts_all_the_same)
{
	struct census *c = census_new(1);
	struct addr a = at("192.0.2.1");

	for (int i = 0; i < 100; i++)
		cr_assert(census_enter(c, &a, 0));
	cr_assert_not(census_enter(c, &a, 100));
	for (int i = 0; i < 100; i++)
		census_leave(c, &a);
	census_free(c);
}

Test(census, ipv6_by_64_bits)
{
	struct census *c = census_new(10);
	struct addr a = at("2001:db8:1:2::1"), b = at("2001:db8:1:2:ffff::2"),
	    other = at("2001:db8:1:3::1"), v4 = at("192.0.2.1"),
	    mapped = at("::ffff:192.0.2.1"), local = at("::1");

	cr_assert(census_enter(c, &a, 1));
	cr_assert_not(census_enter(c, &b, 1));
	cr_assert(census_enter(c, &other, 1));
	cr_assert(census_enter(c, &v4, 1));
	cr_assert_not(census_enter(c, &mapped, 1));
	cr_assert(census_enter(c, &local, 1));
	census_leave(c, &b);
	census_leave(c, &other);
	census_leave(c, &mapped);
	census_leave(c, &local);
	census_free(c);
}

Test(census, unix_is_not_counted)
{
	struct census *c = census_new(10);
	struct addr a;
	const char *error;

	cr_assert_eq(addr_parse_listen(&a, "unix:/x", &error), 0);
	cr_assert(census_enter(c, &a, 1));
	cr_assert(census_enter(c, &a, 1));
	cr_assert_eq(census_count(c, &a), 0);
	census_leave(c, &a);
	census_leave(c, &a);
	census_free(c);
}

Test(census, many_addresses_in_few_places)
{
	enum { MANY = 2000 };
	struct census *c = census_new(16);

	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < MANY; i++) {
			struct addr a = at_number(i);

			cr_assert(census_enter(c, &a, 3));
		}
	/* In another order than they came. */
	for (unsigned i = 0; i < MANY; i++) {
		struct addr a = at_number(i * 7 % MANY);

		cr_assert_not(census_enter(c, &a, 3));
		for (unsigned round = 3; round > 0; round--) {
			cr_assert_eq(census_count(c, &a), round);
			census_leave(c, &a);
		}
		cr_assert_eq(census_count(c, &a), 0);
	}
	census_free(c);
}
