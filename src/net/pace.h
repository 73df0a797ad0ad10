// SPDX-License-Identifier: BSD-2-Clause
/* pace - how fast one of those who share a bucket may go on.
 *
 * Whoever moves bytes asks for room before, pays afterwards, and comes back at
 * not_before_ms if there was none. What is owed is remembered, whatever the
 * connection is used for next.
 *
 * Embedded; owner: the loop of the connection. The bucket may be changed by any
 * thread at any time. */
#pragma once

#include "base/bucket.h"

#include <stdbool.h>

struct pace {
	struct bucket *bucket;		/* NULL: no limit. Keeps */
	uint64_t not_before_ms;
};

static inline bool
pace_is_held(const struct pace *p, uint64_t now_ms)
{
	return p->bucket != NULL && now_ms < p->not_before_ms;
}

/* How many bytes may be moved now. */
static inline size_t
pace_get_room(const struct pace *p, uint64_t now_ms)
{
	if (p->bucket == NULL)
		return SIZE_MAX;
	return pace_is_held(p, now_ms) ? 0 : bucket_get_quantum(p->bucket);
}

/* The bucket may have another rate: what is owed is forgotten. */
static inline void
pace_restart(struct pace *p)
{
	p->not_before_ms = 0;
}

static inline void
pace_pay(struct pace *p, size_t n, uint64_t now_ms)
{
	if (p->bucket != NULL)
		p->not_before_ms = bucket_pay(p->bucket, n, now_ms);
}
