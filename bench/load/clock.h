// SPDX-License-Identifier: BSD-2-Clause
/* clock - nanoseconds, only differences of which mean something. Any thread. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t
clock_read(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t
clock_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}
