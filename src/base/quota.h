// SPDX-License-Identifier: BSD-2-Clause
/* quota - so many bytes and no more, however long they last.
 *
 * What was used is counted elsewhere (ledger.h), where it outlives the process;
 * nothing is counted while there is no limit. Whoever moves bytes charges them
 * afterwards, so what is under way when the quota is spent goes over it.
 *
 * Embedded; two atomics: any thread, no lock. While both are changed somebody
 * may see one of before with one of after. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quota {
	_Atomic(_Atomic uint64_t *) used;	/* bytes. Keeps */
	_Atomic uint64_t most;		/* bytes; 0: no limit */
};

/* used may be NULL if most is 0 for ever. */
static inline void
quota_init(struct quota *q, _Atomic uint64_t *used, uint64_t most)
{
	atomic_init(&q->used, used);
	atomic_init(&q->most, most);
}

static inline void
quota_set(struct quota *q, uint64_t most)
{
	atomic_store_explicit(&q->most, most, memory_order_release);
}

/* Another account, whose counter is there for ever. */
static inline void
quota_move(struct quota *q, _Atomic uint64_t *used, uint64_t most)
{
	atomic_store_explicit(&q->used, used, memory_order_relaxed);
	quota_set(q, most);
}

static inline uint64_t
quota_get_most(const struct quota *q)
{
	return atomic_load_explicit(&q->most, memory_order_acquire);
}

/* There is one if there is a limit. */
static inline _Atomic uint64_t *
quota_get_counter(const struct quota *q)
{
	return atomic_load_explicit(&q->used, memory_order_relaxed);
}

/* 0 without a limit. */
static inline uint64_t
quota_get_used(const struct quota *q)
{
	return quota_get_most(q) == 0 ? 0 :
	    atomic_load_explicit(quota_get_counter(q), memory_order_relaxed);
}

static inline void
quota_charge(struct quota *q, size_t n)
{
	/* No more than that is ever moved, but a file may say so: whoever has
	 * used that much would begin at 0 again. */
	if (n > 0 && quota_get_most(q) > 0 &&
	    quota_get_used(q) <= UINT64_MAX / 2)
		atomic_fetch_add_explicit(quota_get_counter(q), n,
		    memory_order_relaxed);
}

static inline bool
quota_is_spent(const struct quota *q)
{
	uint64_t most = quota_get_most(q);

	return most > 0 && quota_get_used(q) >= most;
}

/* The last mark that was passed, in percent: 0, 75, 90 or 100. */
static inline unsigned
quota_get_mark(const struct quota *q)
{
	static const unsigned marks[] = { 100, 90, 75 };
	uint64_t most = quota_get_most(q), used = quota_get_used(q);

	for (size_t i = 0; most > 0 && i < 3; i++)
		if (used >= most - most / 100 * (100 - marks[i]))
			return marks[i];
	return 0;
}
