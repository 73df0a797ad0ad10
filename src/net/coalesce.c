// SPDX-License-Identifier: BSD-2-Clause
#include "net/coalesce.h"

void
coalesce_want(struct coalesce *c, const void *whose, uint64_t come_bytes)
{
	if (come_bytes < COALESCE_MIN_BYTES)
		return;
	c->is_wanted = true;
	c->has_changed |= whose != c->whose;
	c->whose = whose;
}

uint64_t
coalesce_get_wait(struct coalesce *c, uint64_t turn_us, uint64_t now_us)
{
	bool are_several = now_us - c->changed_us <= COALESCE_CLOSE_US;

	if (!c->is_wanted)
		return 0;
	if (c->has_changed)
		c->changed_us = now_us;
	c->is_wanted = c->has_changed = false;
	return are_several && now_us - turn_us < COALESCE_US ?
	    COALESCE_US - (now_us - turn_us) : 0;
}
