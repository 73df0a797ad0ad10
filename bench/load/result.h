// SPDX-License-Identifier: BSD-2-Clause
/* result - what was counted while it was measured, and its form in JSON.
 * Owner: struct load. Thread: the only one. */
#pragma once

#include "load/histogram.h"

#include <stdint.h>
#include <stdio.h>

struct tally {
	uint64_t commands, bytes;	/* answers and all their bytes */
	uint64_t verified;		/* blocks whose bytes were checked */
};

struct result {
	uint64_t ns;			/* how long it was measured */
	struct tally all;		/* but for: */
	struct tally slow;
	uint64_t share_min, share_max;	/* commands of one client */
	uint64_t connections, slow_beside;
	uint64_t watched_ns, own_ns;	/* processor time */
	struct histogram latency;	/* command sent to answer complete */
};

/* One line. */
void result_print(const struct result *r, FILE *f);
