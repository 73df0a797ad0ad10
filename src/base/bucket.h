// SPDX-License-Identifier: BSD-2-Clause
/* bucket - so many bytes per second for all who share it.
 *
 * Who has moved some bytes pays for them, and is told until when to keep still:
 * until they, and all that others have paid for before, would have passed at
 * the rate. Nobody can get ahead of another, whatever their number, and each
 * is ahead of its time by one quantum at most.
 *
 *     time paid for   ──────────────┬─ a: 4K ─┬─ b: 4K ─┬─ a: 4K ─┬─►
 *                                  now                  │         │
 *                          b keeps still until ─────────┘         │
 *                          a keeps still until ───────────────────┘
 *
 * One number, changed by a compare and swap: any thread, no lock. Embedded;
 * its owner outlives who shares it. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct bucket {
	/* atomic */
	_Atomic uint64_t rate;		/* bytes per second; 0: no limit */
	_Atomic uint64_t paid_ns;	/* the time that is paid for */
};

void bucket_init(struct bucket *, uint64_t rate);
/* What is owed at another rate is forgotten: at 1 byte per second, by mistake,
 * it may be hours. */
void bucket_set_rate(struct bucket *, uint64_t rate);

/* The most to be moved at a time; SIZE_MAX: without a limit. */
size_t bucket_get_quantum(const struct bucket *);
/* n bytes were moved. Gives the time before which the payer is to move no
 * more; <= now_ms: it may go on. 0: without a limit. */
uint64_t bucket_pay(struct bucket *, size_t n, uint64_t now_ms);
