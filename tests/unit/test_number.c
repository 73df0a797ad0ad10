// SPDX-License-Identifier: BSD-2-Clause
#include "test.h"

#include <string.h>

#include "nntp/number.h"

static void scan_in_pieces(struct number *number, const char *text, size_t at)
{
	size_t n = strlen(text), used;

	number_init(number);
	used = number_scan(number, text, at);
	used += number_scan(number, text + at, n - at);
	cr_assert_eq(used, number->digits_n);
}

Test(number, is_found_whatever_the_buffers)
{
	static const char text[] = "1234567890\tSubject 99\r\n";
	struct number number;

	for (size_t at = 0; at <= strlen(text); at++) {
		scan_in_pieces(&number, text, at);
		cr_assert(number.is_over);
		cr_assert_eq(number.digits_n, 10, "at %zu", at);
		cr_assert_eq(number.value, 1234567890u, "at %zu", at);
	}
}

Test(number, is_nothing_where_there_is_none)
{
	struct number number;

	number_init(&number);
	cr_assert_eq(number_scan(&number, ".\r\n", 3), 0);
	cr_assert(number.is_over);
	cr_assert_eq(number.digits_n, 0);
	/* Later lines don't matter. */
	cr_assert_eq(number_scan(&number, "12", 2), 0);
	cr_assert_eq(number.value, 0);
}

Test(number, does_not_wrap)
{
	static const char longest[] = "18446744073709551616000";
	uint64_t value;

	cr_assert(number_parse(longest, strlen(longest), &value));
	cr_assert_eq(value, UINT64_MAX);
	cr_assert(number_parse("9007199254740993", 16, &value));
	cr_assert_eq(value, UINT64_C(9007199254740993));
}

Test(number, is_a_whole_text_or_none)
{
	uint64_t value;

	cr_assert(number_parse("007", 3, &value));
	cr_assert_eq(value, 7);
	cr_assert_not(number_parse("", 0, &value));
	cr_assert_not(number_parse("7a", 2, &value));
	cr_assert_not(number_parse("-7", 2, &value));
}
