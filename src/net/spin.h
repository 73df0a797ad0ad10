// SPDX-License-Identifier: BSD-2-Clause
/* spin - whether a loop that has nothing to do looks again before it sleeps.
 *
 * To be woken on another core takes some 30 us, so one who expects an answer
 * within that time does better to look for it until it is there. Looks that
 * found nothing, several in a row, make the next ones rarer: what comes late
 * is not worth the processor time. Only a loop that was just told of something
 * asks here, so an idle one sleeps. Owner: its loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct spin {
	uint64_t limit_us;	/* of one look; 0: it does not look at all */
	unsigned vain_n;	/* looks in a row that found nothing */
	unsigned skips_n;	/* times that it shall sleep at once */
};

void spin_init(struct spin *, uint64_t limit_us);
/* It is about to sleep: shall it look first? Then spin_note() follows. */
bool spin_is_due(struct spin *);
void spin_note(struct spin *, bool has_found);
