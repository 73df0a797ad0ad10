// SPDX-License-Identifier: BSD-2-Clause
#include "net/spin.h"

/* So many in vain are chance. */
#define VAIN_MAX 4
/* Each one more doubles the sleeps before the next, up to 64: that few are left,
 * to find that times have changed. */
#define DOUBLINGS_MAX 6

void
spin_init(struct spin *s, uint64_t limit_us)
{
	*s = (struct spin){ .limit_us = limit_us };
}

bool
spin_is_due(struct spin *s)
{
	if (s->limit_us == 0)
		return false;
	if (s->skips_n == 0)
		return true;
	s->skips_n--;
	return false;
}

void
spin_note(struct spin *s, bool has_found)
{
	if (has_found)
		s->vain_n = 0;
	else if (s->vain_n < VAIN_MAX + DOUBLINGS_MAX)
		s->vain_n++;
	if (s->vain_n > VAIN_MAX)
		s->skips_n = 1u << (s->vain_n - VAIN_MAX);
}
