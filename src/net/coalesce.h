// SPDX-License-Identifier: BSD-2-Clause
/* coalesce - whether a loop lets events gather before it looks for the next ones.
 *
 * While large answers come in, a loop that is faster than their sender is told of
 * each packet and hands each on by itself: several times the system calls, and
 * the clients are woken as often. So, as network cards do it (ethtool(8),
 * rx-usecs), turns that move pieces of such answers begin COALESCE_US apart. Only
 * if several come in at the same time, for one alone would be late and save
 * nothing; nor for what may be a small one, whose rest is there by the next turn;
 * and a loop that is busy for longer than that does not wait at all.
 * Owner: its loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* At 10 Gbit/s it is a packet of loopback; little beside what a network takes. */
#define COALESCE_US 60
/* Answers whose pieces come further apart do not come at the same time. */
#define COALESCE_CLOSE_US 500
/* One of which so much has come is large. */
#define COALESCE_MIN_BYTES (32 * 1024)

/* All zero at first. */
struct coalesce {
	const void *whose;	/* the last piece; only compared */
	bool is_wanted;		/* this turn has moved a piece; more will come */
	bool has_changed;	/* it was not of the same as the one before */
	uint64_t changed_us;	/* the end of the last turn in which it had */
};

/* A piece of an answer was moved, come_bytes of it are there, and the rest is on
 * its way. */
void coalesce_want(struct coalesce *, const void *whose, uint64_t come_bytes);
/* The turn that began at turn_us ends now: how long to wait before the next, in
 * microseconds; mostly 0. */
uint64_t coalesce_get_wait(struct coalesce *, uint64_t turn_us,
    uint64_t now_us);
