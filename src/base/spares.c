// SPDX-License-Identifier: BSD-2-Clause
#include "base/spares.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

#ifdef NNTPMUX_SANITIZED
#define KEPT_MAX 0
#else
#define KEPT_MAX SPARES_MAX
#endif

struct spare {
	struct spare *next;
};

void
spares_init(struct spares *s)
{
	*s = (struct spares){ .first = NULL };
}

void
spares_fini(struct spares *s)
{
	struct spare *piece;

	while ((piece = s->first) != NULL) {
		s->first = piece->next;
		free(piece);
	}
	s->n = 0;
}

void *
spares_take(struct spares *s, size_t n)
{
	struct spare *piece;

	if (n > SPARE_BYTES)
		return xmalloc(n);
	if (s == NULL || s->first == NULL)
		return xmalloc(SPARE_BYTES);
	piece = s->first;
	s->first = piece->next;
	s->n--;
	return piece;
}

void
spares_give(struct spares *s, void *p, size_t n)
{
	struct spare *piece = p;

	if (p == NULL || n > SPARE_BYTES || s == NULL || s->n == KEPT_MAX) {
		free(p);
		return;
	}
	piece->next = s->first;
	s->first = piece;
	s->n++;
}

void *
spares_resize(struct spares *s, void *p, size_t old_n, size_t n)
{
	void *bigger;

	if (p != NULL && old_n > SPARE_BYTES && n > SPARE_BYTES)
		return xrealloc(p, n);
	bigger = spares_take(s, n);
	if (p != NULL)
		memcpy(bigger, p, old_n < n ? old_n : n);
	spares_give(s, p, old_n);
	return bigger;
}

size_t
spares_get_size_max(void)
{
	return (size_t)KEPT_MAX * SPARE_BYTES;
}
