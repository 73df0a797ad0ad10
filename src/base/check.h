// SPDX-License-Identifier: BSD-2-Clause
/* check - assertions that stay on in release builds.
 *
 * CHECK(cond)   a promise of this program; when broken, die with file:line
 * NEVER(why)    a branch that can't be reached
 * SYS_OK(call)  a call that returns 0 or an error number and can't fail
 * xcalloc, xmalloc, xrealloc, xstrdup, xstrndup
 *               memory for small objects; out of memory dies. Never use them
 *               for a size that a peer chooses without a limit.
 *
 * Any thread. */
#pragma once

#include <stddef.h>

#define CHECK(cond)                                                           \
	((cond) ? (void)0 : check_failed(__FILE__, __LINE__, __func__, #cond))
#define NEVER(why) check_failed(__FILE__, __LINE__, __func__, "never: " why)
#define SYS_OK(call) check_zero((call), __FILE__, __LINE__, __func__, #call)

#define ARRAY_N(a) (sizeof(a) / sizeof((a)[0]))

void check_failed(const char *file, int line, const char *func,
    const char *what) __attribute__((noreturn, cold));
void check_zero(int result, const char *file, int line, const char *func,
    const char *what);

/* Each gives memory that the caller frees with free(3); never NULL. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n)
    __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
