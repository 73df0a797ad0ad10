// SPDX-License-Identifier: BSD-2-Clause
#include "base/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
check_failed(const char *file, int line, const char *func, const char *what)
{
	fprintf(stderr, "nntpmux: %s:%d: %s: check failed: %s\n", file, line,
	    func, what);
	abort();
}

void
check_zero(int result, const char *file, int line, const char *func,
    const char *what)
{
	if (result != 0)
		check_failed(file, line, func, what);
}

static void *
must(void *p)
{
	if (p == NULL) {
		fputs("nntpmux: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
xmalloc(size_t size)
{
	return must(malloc(size > 0 ? size : 1));
}

void *
xcalloc(size_t n, size_t size)
{
	return must(calloc(n > 0 ? n : 1, size > 0 ? size : 1));
}

void *
xrealloc(void *p, size_t size)
{
	return must(realloc(p, size > 0 ? size : 1));
}

char *
xstrdup(const char *s)
{
	return must(strdup(s));
}

char *
xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return must(n >= 0 ? s : NULL);
}
