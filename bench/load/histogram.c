// SPDX-License-Identifier: BSD-2-Clause
#include "load/histogram.h"

#define STEPS (1u << HISTOGRAM_BITS)

/* Values below STEPS have a place each; above, the highest bit chooses a row
 * and the next HISTOGRAM_BITS bits the place in it. */
static unsigned
get_place(uint64_t value)
{
	unsigned shift;

	if (value < STEPS)
		return (unsigned)value;
	shift = 63u - HISTOGRAM_BITS - (unsigned)__builtin_clzll(value);
	return (shift + 1) * STEPS + (unsigned)((value >> shift) - STEPS);
}

/* The largest value that belongs there. */
static uint64_t
get_value(unsigned place)
{
	unsigned shift;

	if (place < STEPS)
		return place;
	shift = place / STEPS - 1;
	return ((uint64_t)(STEPS + place % STEPS + 1) << shift) - 1;
}

void
histogram_add(struct histogram *h, uint64_t value)
{
	h->counts[get_place(value)]++;
	h->n++;
	if (value > h->max)
		h->max = value;
}

uint64_t
histogram_get(const struct histogram *h, double share)
{
	uint64_t below = 0;

	for (unsigned i = 0; i < HISTOGRAM_N; i++) {
		below += h->counts[i];
		if (below > 0 && (double)below >= share * (double)h->n) {
			uint64_t value = get_value(i);

			return value < h->max ? value : h->max;
		}
	}
	return 0;
}
