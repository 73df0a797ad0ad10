// SPDX-License-Identifier: BSD-2-Clause
/* test - what every unit test includes, instead of Criterion's own header.
 *
 * Criterion doesn't start under ThreadSanitizer. With --enable-tsan (or
 * --enable-plain-tests, or when Criterion is missing) the same files are built
 * with plain.h, a small runner without processes. So use only this:
 *
 *	Test(suite, name) { ... }
 *	Test(suite, name, .timeout = seconds) { ... }
 *		also .init = function, .fini = function (void f(void))
 *	cr_assert(x) cr_assert_not(x) cr_assert_null(p) cr_assert_not_null(p)
 *	cr_assert_eq(a, b) cr_assert_neq(a, b)
 *	cr_assert_lt(a, b) cr_assert_leq(a, b)
 *	cr_assert_gt(a, b) cr_assert_geq(a, b)
 *	cr_assert_str_eq(a, b) cr_assert_str_neq(a, b)
 *	cr_assert_arr_eq(a, b, size_in_bytes)
 *	cr_assert_fail()
 *
 * each with a printf format and its arguments behind, if wanted. Assert only in
 * the thread that runs the test: a thread of the test hands its result over.
 * A test may not rely on fresh static variables (the plain runner is one
 * process), nor on one of another test (Criterion's are many). */
#pragma once

#ifdef NNTPMUX_PLAIN_TESTS
#include "plain.h"
#else
#include <criterion/criterion.h>

/* Criterion 2.4.1 sometimes leaves 48 bytes of its own behind. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_options(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libcriterion\n";
}

/* Nor shall a suppressed one be reported: any report fails the check. */
const char *
__lsan_default_options(void)
{
	return "print_suppressions=0";
}
#endif
