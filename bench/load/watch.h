// SPDX-License-Identifier: BSD-2-Clause
/* watch - the processor time that other processes have used, from the
 * kernel's own accounting of all their threads, in nanoseconds. Read at both
 * ends of the measured time, so it covers exactly that. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The sum of n processes; 0 and errno set if one of them is gone. */
uint64_t watch_read(const pid_t *pids, size_t n);
