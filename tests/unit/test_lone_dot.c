// SPDX-License-Identifier: BSD-2-Clause
#include "test.h"

#include <string.h>

#include "nntp/lone_dot.h"

/* Whether it is found, wherever the text is cut. */
static void check(const char *text, bool wanted)
{
	size_t n = strlen(text);

	for (size_t at = 0; at <= n; at++) {
		struct lone_dot d;
		bool first, second;

		lone_dot_init(&d);
		first = lone_dot_scan(&d, text, at);
		second = lone_dot_scan(&d, text + at, n - at);
		cr_assert_eq(first || second, wanted, "at %zu of %s", at, text);
	}
}

Test(lone_dot, is_found)
{
	check(".\r\n", true);
	check(".\n", true);
	check("a\n.\nb", true);
	check("a\n.\r\nb\r\n", true);
	check("a\r\n.\nb\r\n", true);
	check("a\r\n.\r\n", true);
	check("a\r\n.\r\r\nb", true);
	check("\n\n.\n\n", true);
	check("..\n.\n", true);
}

Test(lone_dot, is_not_found_elsewhere)
{
	check("", false);
	check(".", false);
	check("a\r\n.\r", false);
	check("..\r\n", false);
	check(".a\r\n", false);
	check("a.\n", false);
	check(" .\n", false);
	check("\r.\n", false);
	check("a\r.\r\n", false);
	check(". \n", false);
	check(".\ra\n", false);
}

/* What the caller does not look at: the article's last octet. */
Test(lone_dot, is_over_with_its_lf)
{
	static const char text[] = "a\r\n..b\r\n.\r\n";
	struct lone_dot d;

	lone_dot_init(&d);
	cr_assert(!lone_dot_scan(&d, text, strlen(text) - 1));
	cr_assert(lone_dot_scan(&d, "\n", 1));
	cr_assert(!lone_dot_scan(&d, "\n", 1));
}
