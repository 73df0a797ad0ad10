// SPDX-License-Identifier: BSD-2-Clause
/* cooldown - slots that stay empty for a while after a failure, and the
 * back-off of a pool whose connections can't be made.
 *
 * Embedded in the pool, under its mutex. Time is an argument; no system call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cooldown {
	uint64_t *until_ms;	/* ring: when each slot is free, in order */
	size_t start, n, size;
	uint64_t backoff_until_ms;	/* 0: none */
	unsigned failures_n;		/* in a row */
	uint64_t random;
};

/* Room for so many slots; cooldown_reserve() makes more. */
void cooldown_init(struct cooldown *, size_t size);
void cooldown_fini(struct cooldown *);
void cooldown_reserve(struct cooldown *, size_t size);

/* One more slot cools until then, which is not before the last one's end. */
void cooldown_add(struct cooldown *, uint64_t until_ms);
/* Slots that are cool now are free again. */
void cooldown_expire(struct cooldown *, uint64_t now_ms);

/* One more failure in a row: nothing is made for 125 ms to 30 s, twice as long
 * each time, with jitter, so that those who share a server don't meet. */
void cooldown_back_off(struct cooldown *, uint64_t now_ms);
void cooldown_end_back_off(struct cooldown *);
bool cooldown_is_backing_off(const struct cooldown *, uint64_t now_ms);

/* When something changes by itself; UINT64_MAX: never. */
uint64_t cooldown_next(const struct cooldown *, uint64_t now_ms);

/* A number below the limit, 0 for 0; for jitter only. */
uint64_t cooldown_random(struct cooldown *, uint64_t below);
