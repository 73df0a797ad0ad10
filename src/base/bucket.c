// SPDX-License-Identifier: BSD-2-Clause
#include "base/bucket.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S (1000 * NS_PER_MS)

/* Timers fire up to a millisecond late, and a busy loop later: so much of the
 * time that went by unused may be made up for. */
#define SLACK_NS (40 * NS_PER_MS)

/* Fine enough to be smooth, coarse enough for few system calls. */
#define QUANTA_PER_S 128
#define QUANTUM_MIN 512
#define QUANTUM_MAX (64 * 1024)

void
bucket_init(struct bucket *b, uint64_t rate)
{
	atomic_init(&b->rate, rate);
	atomic_init(&b->paid_ns, 0);
}

void
bucket_set_rate(struct bucket *b, uint64_t rate)
{
	uint64_t before = atomic_exchange_explicit(&b->rate, rate,
	    memory_order_relaxed);

	if (before != rate)
		atomic_store_explicit(&b->paid_ns, 0, memory_order_relaxed);
}

size_t
bucket_get_quantum(const struct bucket *b)
{
	uint64_t rate = atomic_load_explicit(&b->rate, memory_order_relaxed);

	if (rate == 0)
		return SIZE_MAX;
	if (rate / QUANTA_PER_S < QUANTUM_MIN)
		return QUANTUM_MIN;
	if (rate / QUANTA_PER_S > QUANTUM_MAX)
		return QUANTUM_MAX;
	return (size_t)(rate / QUANTA_PER_S);
}

/* n / rate, with n of any size. */
static uint64_t
get_cost_ns(size_t n, uint64_t rate)
{
	return n / rate * NS_PER_S + n % rate * NS_PER_S / rate;
}

uint64_t
bucket_pay(struct bucket *b, size_t n, uint64_t now_ms)
{
	uint64_t rate = atomic_load_explicit(&b->rate, memory_order_relaxed);
	uint64_t now_ns = now_ms * NS_PER_MS, cost_ns, paid_ns, start_ns;
	uint64_t earliest_ns = now_ns > SLACK_NS ? now_ns - SLACK_NS : 0;

	/* Not now_ms: the clock of the loop that has it next may be behind. */
	if (rate == 0)
		return 0;
	cost_ns = get_cost_ns(n, rate);
	paid_ns = atomic_load_explicit(&b->paid_ns, memory_order_relaxed);
	do {
		start_ns = paid_ns > earliest_ns ? paid_ns : earliest_ns;
	} while (!atomic_compare_exchange_weak_explicit(&b->paid_ns, &paid_ns,
	    start_ns + cost_ns, memory_order_relaxed, memory_order_relaxed));
	return (start_ns + cost_ns + NS_PER_MS - 1) / NS_PER_MS;
}
