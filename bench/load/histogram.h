// SPDX-License-Identifier: BSD-2-Clause
/* histogram - of nanoseconds, in steps of about 3 %: 32 to each power of two.
 * Owner: struct result. Thread: one. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_BITS 5
#define HISTOGRAM_N (64u << HISTOGRAM_BITS)

struct histogram {
	uint64_t counts[HISTOGRAM_N];
	uint64_t n, max;
};

void histogram_add(struct histogram *h, uint64_t value);

/* The value that a share of all (0..1) does not exceed; 0 if there is none. */
uint64_t histogram_get(const struct histogram *h, double share);
