// SPDX-License-Identifier: BSD-2-Clause
#include "base/spares.h"

#include <string.h>

#include "test.h"

#ifdef NNTPMUX_SANITIZED
#define KEPT_MAX 0
#else
#define KEPT_MAX SPARES_MAX
#endif

Test(spares, what_is_given_back_is_taken_again)
{
	struct spares s;
	void *p, *q;

	spares_init(&s);
	p = spares_take(&s, 1);
	spares_give(&s, p, 1);
	if (KEPT_MAX > 0)
		cr_assert_eq(s.n, 1);
	q = spares_take(&s, SPARE_BYTES);
	if (KEPT_MAX > 0)
		cr_assert_eq(p, q);
	cr_assert_eq(s.n, 0);
	memset(q, 'x', SPARE_BYTES);
	spares_give(&s, q, SPARE_BYTES);
	spares_fini(&s);
	cr_assert_eq(s.n, 0);
}

Test(spares, no_more_than_so_many_are_kept)
{
	static void *pieces[SPARES_MAX + 3];
	struct spares s;

	spares_init(&s);
	for (size_t i = 0; i < SPARES_MAX + 3; i++)
		pieces[i] = spares_take(&s, 100);
	for (size_t i = 0; i < SPARES_MAX + 3; i++)
		spares_give(&s, pieces[i], 100);
	cr_assert_eq(s.n, KEPT_MAX);
	cr_assert_eq(spares_get_size_max(), (size_t)KEPT_MAX * SPARE_BYTES);
	spares_fini(&s);
}

Test(spares, what_is_large_is_not_kept)
{
	struct spares s;

	spares_init(&s);
	spares_give(&s, spares_take(&s, SPARE_BYTES + 1), SPARE_BYTES + 1);
	cr_assert_eq(s.n, 0);
	spares_give(&s, NULL, 7);
	cr_assert_eq(s.n, 0);
	spares_fini(&s);
}

Test(spares, without_any_it_is_malloc)
{
	void *p = spares_take(NULL, 10);

	memset(p, 'x', 10);
	p = spares_resize(NULL, p, 10, 20);
	cr_assert_eq(memcmp(p, "xxxxxxxxxx", 10), 0);
	spares_give(NULL, p, 20);
}

/* Through all kinds of sizes, and back. */
Test(spares, what_is_in_it_stays_when_it_grows)
{
	static const size_t sizes[] = { 512, 1024, 4096, 2048, 300, 513, 9 };
	struct spares s;
	char *p = NULL;
	size_t n = 0;

	spares_init(&s);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = spares_resize(&s, p, n, sizes[i]);
		if (n > 0)
			cr_assert_eq(memcmp(p, "012345678", 9), 0);
		n = sizes[i];
		memcpy(p, "012345678", 9);
	}
	spares_give(&s, p, n);
	spares_fini(&s);
}
