// SPDX-License-Identifier: BSD-2-Clause
#include "net/spin.h"

#include "test.h"

/* Sleeps until the next look, which finds nothing. */
static unsigned
sleep_until_look(struct spin *s)
{
	unsigned n = 0;

	while (!spin_is_due(s))
		n++;
	spin_note(s, false);
	return n;
}

Test(spin, without_a_limit_it_never_looks)
{
	struct spin s;

	spin_init(&s, 0);
	cr_assert(!spin_is_due(&s));
}

Test(spin, looks_as_long_as_it_finds)
{
	struct spin s;

	spin_init(&s, 50);
	for (int i = 0; i < 1000; i++) {
		cr_assert(spin_is_due(&s));
		spin_note(&s, i % 4 == 0);
	}
}

Test(spin, looks_in_vain_become_rare_but_do_not_end)
{
	static const unsigned skips[] = {
		0, 0, 0, 0, 0, 2, 4, 8, 16, 32, 64, 64, 64
	};
	struct spin s;

	spin_init(&s, 50);
	for (unsigned i = 0; i < sizeof(skips) / sizeof(skips[0]); i++)
		cr_assert_eq(sleep_until_look(&s), skips[i], "%u", i);
	while (!spin_is_due(&s))
		continue;
	spin_note(&s, true);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(sleep_until_look(&s), 0);
}
