// SPDX-License-Identifier: BSD-2-Clause
#include "load/watch.h"

#include <errno.h>
#include <time.h>

uint64_t
watch_read(const pid_t *pids, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		struct timespec ts;
		clockid_t clock;
		int err = clock_getcpuclockid(pids[i], &clock);

		if (err != 0) {
			errno = err;
			return 0;
		}
		if (clock_gettime(clock, &ts) != 0)
			return 0;
		sum += (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	}
	return sum;
}
