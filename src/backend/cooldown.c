// SPDX-License-Identifier: BSD-2-Clause
#include "backend/cooldown.h"

#include "base/check.h"

#include <stdlib.h>
#include <time.h>

#define BACKOFF_MIN_MS 250
#define BACKOFF_MAX_MS (30 * 1000)

void
cooldown_init(struct cooldown *c, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	*c = (struct cooldown){ .size = size > 0 ? size : 1 };
	c->until_ms = xcalloc(c->size, sizeof(c->until_ms[0]));
	c->random = ((uint64_t)now.tv_nsec ^ (uintptr_t)c) | 1;
}

void
cooldown_fini(struct cooldown *c)
{
	free(c->until_ms);
	*c = (struct cooldown){ 0 };
}

void
cooldown_reserve(struct cooldown *c, size_t size)
{
	uint64_t *ring;

	if (size <= c->size)
		return;
	ring = xcalloc(size, sizeof(ring[0]));
	for (size_t i = 0; i < c->n; i++)
		ring[i] = c->until_ms[(c->start + i) % c->size];
	free(c->until_ms);
	c->until_ms = ring;
	c->start = 0;
	c->size = size;
}

void
cooldown_add(struct cooldown *c, uint64_t until_ms)
{
	CHECK(c->n < c->size);
	c->until_ms[(c->start + c->n) % c->size] = until_ms;
	c->n++;
}

void
cooldown_expire(struct cooldown *c, uint64_t now_ms)
{
	while (c->n > 0 && c->until_ms[c->start] <= now_ms) {
		c->start = (c->start + 1) % c->size;
		c->n--;
	}
}

/* xorshift64 */
uint64_t
cooldown_random(struct cooldown *c, uint64_t below)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return below > 0 ? c->random % below : 0;
}

void
cooldown_back_off(struct cooldown *c, uint64_t now_ms)
{
	uint64_t delay = BACKOFF_MIN_MS;

	for (unsigned i = 0; i < c->failures_n && delay < BACKOFF_MAX_MS; i++)
		delay *= 2;
	if (delay > BACKOFF_MAX_MS)
		delay = BACKOFF_MAX_MS;
	c->failures_n++;
	c->backoff_until_ms = now_ms + delay / 2 +
	    cooldown_random(c, delay / 2);
}

void
cooldown_end_back_off(struct cooldown *c)
{
	c->failures_n = 0;
	c->backoff_until_ms = 0;
}

bool
cooldown_is_backing_off(const struct cooldown *c, uint64_t now_ms)
{
	return now_ms < c->backoff_until_ms;
}

uint64_t
cooldown_next(const struct cooldown *c, uint64_t now_ms)
{
	uint64_t next = c->n > 0 ? c->until_ms[c->start] : UINT64_MAX;

	if (cooldown_is_backing_off(c, now_ms) && c->backoff_until_ms < next)
		next = c->backoff_until_ms;
	return next;
}
