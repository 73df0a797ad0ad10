// SPDX-License-Identifier: BSD-2-Clause
/* mix - spreads numbers that strangers choose over the places of a table.
 *
 * With a seed that they don't know they can't choose numbers that share a
 * place. Pure but for mix_new_seed(); any thread. */
#pragma once

#include "base/check.h"

#include <stdint.h>
#include <sys/random.h>

static inline uint64_t
mix_new_seed(void)
{
	uint64_t seed;

	CHECK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed));
	return seed;
}

/* Every bit of the result hangs on every bit of both. */
static inline uint64_t
mix(uint64_t number, uint64_t seed)
{
	uint64_t x = number ^ seed;

	for (int round = 0; round < 2; round++) {
		x ^= x >> 32;
		x *= UINT64_C(0x9e3779b97f4a7c15);
		x += seed;
	}
	return x ^ x >> 32;
}
