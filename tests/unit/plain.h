// SPDX-License-Identifier: BSD-2-Clause
/* plain - a runner for the tests of one file: one process, one after another,
 * ends with the first failure. See test.h for what it knows. */
#pragma once

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sanitizers are slow; a time-out is there to end a hang. */
enum { PLAIN_SLOWNESS = 10 };

struct plain_test {
	const char *suite, *name;
	void (*run)(void);
	struct plain_test *next;
	double timeout;		/* s, 0 = none */
	void (*init)(void);
	void (*fini)(void);
};

static struct plain_test *plain_first, **plain_end = &plain_first;
static const struct plain_test *plain_now;

__attribute__((noreturn, format(printf, 4, 5), unused))
static void plain_fail(const char *file, int line, const char *what,
    const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: %s/%s failed: %s", file, line,
	    plain_now->suite, plain_now->name, what);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(NULL);
	_Exit(1);
}

static void plain_on_alarm(int sig)
{
	static const char text[] = "plain: a test timed out\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)sig;
	_Exit(n < 0 ? 3 : 2);
}

int main(void)
{
	unsigned n = 0;

	signal(SIGALRM, plain_on_alarm);
	for (struct plain_test *t = plain_first; t != NULL; t = t->next, n++) {
		plain_now = t;
		alarm((unsigned)(t->timeout * PLAIN_SLOWNESS));
		if (t->init != NULL)
			t->init();
		t->run();
		if (t->fini != NULL)
			t->fini();
		alarm(0);
	}
	printf("%u tests passed\n", n);
	return n > 0 ? 0 : 1;
}

#define Test(suite_, name_, ...)                                              \
	static void suite_##_##name_##_run(void);                             \
	__attribute__((constructor))                                          \
	static void suite_##_##name_##_register(void)                         \
	{                                                                     \
		static struct plain_test t = { .suite = #suite_,              \
			.name = #name_, .run = suite_##_##name_##_run,        \
			__VA_ARGS__ };                                        \
		*plain_end = &t;                                              \
		plain_end = &t.next;                                          \
	}                                                                     \
	static void suite_##_##name_##_run(void)

#define PLAIN_IF(ok, what, ...)                                               \
	((ok) ? (void)0 :                                                     \
	    plain_fail(__FILE__, __LINE__, what, " " __VA_ARGS__))
#define PLAIN_OP(a, op, b, ...)                                               \
	PLAIN_IF((a) op (b), #a " " #op " " #b, __VA_ARGS__)

#define cr_assert(x, ...) PLAIN_IF(x, #x, __VA_ARGS__)
#define cr_assert_not(x, ...) PLAIN_IF(!(x), "not " #x, __VA_ARGS__)
#define cr_assert_null(p, ...) PLAIN_OP(p, ==, NULL, __VA_ARGS__)
#define cr_assert_not_null(p, ...) PLAIN_OP(p, !=, NULL, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) PLAIN_OP(a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) PLAIN_OP(a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) PLAIN_OP(a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) PLAIN_OP(a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) PLAIN_OP(a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) PLAIN_OP(a, >=, b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)                                           \
	PLAIN_IF(strcmp(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)                                          \
	PLAIN_IF(strcmp(a, b) != 0, #a " is not " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...)                                     \
	PLAIN_IF(memcmp(a, b, size) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_IF(0, "fail", __VA_ARGS__)
