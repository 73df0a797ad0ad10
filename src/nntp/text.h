// SPDX-License-Identifier: BSD-2-Clause
/* text - an answer put together in a caller's buffer, or only measured.
 *
 * Owner: a variable of the function that writes. Any thread. Never writes
 * behind size; n counts on, so that the caller sees what was needed. */
#pragma once

#include <stddef.h>
#include <string.h>

struct text {
	char *buf;
	size_t size;
	size_t n;
};

static inline void text_add(struct text *t, const char *s, size_t n)
{
	if (n > 0 && t->n <= t->size && n <= t->size - t->n)
		memcpy(t->buf + t->n, s, n);
	t->n += n;
}

static inline void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}
