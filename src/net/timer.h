// SPDX-License-Identifier: BSD-2-Clause
/* timer - deadlines of one thread, in a binary heap.
 *
 * Putting a deadline off is nearly free: the heap keeps the old place and the
 * timer is moved when that comes up. Times are milliseconds of
 * CLOCK_MONOTONIC. Owner: one loop; no locks; embedded in what it times. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;
typedef void timer_cb_f(struct timer *);

struct timer {
	timer_cb_f *expired;
	uint64_t deadline_ms;	/* when it is wanted; UINT64_MAX: not armed */
	uint32_t position;	/* 1-based index in the heap; 0: not in it */
	uint32_t set_turn_n;	/* when it was set last */
};

/* With what the order depends on: to compare two does not touch what is timed. */
struct timer_place {
	uint64_t queued_ms;	/* <= deadline_ms of the timer */
	struct timer *timer;
};

struct timers {
	struct timer_place *heap;	/* heap[1..n] */
	size_t n, size;
	uint32_t turn_n;
};

void timers_init(struct timers *);
void timers_fini(struct timers *);
/* When the loop must look again, UINT64_MAX when there is nothing. */
uint64_t timers_next(const struct timers *);
/* Begins another turn of their loop. */
void timers_new_turn(struct timers *);
/* Calls expired() of the one that is due first, which is disarmed before. False:
 * none is due, or it was set in this very turn, for a time that was over: first the
 * loop has to look at what is awaited. */
bool timers_expire(struct timers *, uint64_t now_ms);

void timer_init(struct timer *, timer_cb_f *expired);
/* Arms it, or moves it when it was armed already; UINT64_MAX disarms it. */
void timer_set(struct timers *, struct timer *, uint64_t deadline_ms);
/* Disarms it; must be called before its memory goes. */
void timer_clear(struct timers *, struct timer *);
bool timer_is_set(const struct timer *);
