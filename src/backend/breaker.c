// SPDX-License-Identifier: BSD-2-Clause
#include "backend/breaker.h"

#include "base/check.h"
#include "base/mix.h"

#define PROBE_MIN_MS 500
#define PROBE_MAX_MS (30 * 1000)
#define YIELD_MS 250	/* there was no slot for the probe, or the like */
#define TRIPS_MAX 15

/* The word, from the lowest bit: 2 of state, 12 of count (CLOSED: failures in
 * a row; else answers in a row), 4 of trips (how often it has opened without
 * an answer while CLOSED), 46 of when it may be tried. */
#define STATE_BITS 2
#define COUNT_BITS 12
#define TRIPS_BITS 4

struct view {
	enum breaker_state state;
	unsigned count;
	unsigned trips;
	uint64_t until_ms;
};

static uint64_t
pack(const struct view *v)
{
	return v->until_ms << (STATE_BITS + COUNT_BITS + TRIPS_BITS) |
	    (uint64_t)v->trips << (STATE_BITS + COUNT_BITS) |
	    (uint64_t)v->count << STATE_BITS | (uint64_t)v->state;
}

static struct view
unpack(uint64_t word)
{
	return (struct view){
		.state = (enum breaker_state)(word & 3),
		.count = word >> STATE_BITS & 0xfff,
		.trips = word >> (STATE_BITS + COUNT_BITS) & 0xf,
		.until_ms = word >> (STATE_BITS + COUNT_BITS + TRIPS_BITS),
	};
}

void
breaker_init(struct breaker *b, unsigned unhealthy_threshold,
    unsigned healthy_threshold)
{
	b->seed = (uintptr_t)b;
	breaker_configure(b, unhealthy_threshold, healthy_threshold);
	breaker_reset(b);
}

void
breaker_configure(struct breaker *b, unsigned unhealthy_threshold,
    unsigned healthy_threshold)
{
	CHECK(unhealthy_threshold > 0 && unhealthy_threshold <= 1000);
	CHECK(healthy_threshold > 0 && healthy_threshold <= 1000);
	atomic_store(&b->unhealthy_threshold, unhealthy_threshold);
	atomic_store(&b->healthy_threshold, healthy_threshold);
}

void
breaker_reset(struct breaker *b)
{
	atomic_store(&b->word, 0);
	atomic_store(&b->failed_ms, 0);
}

static uint64_t
get_delay_ms(const struct breaker *b, unsigned trips, uint64_t now_ms)
{
	uint64_t delay = PROBE_MIN_MS;

	for (unsigned i = 1; i < trips && delay < PROBE_MAX_MS; i++)
		delay *= 2;
	if (delay > PROBE_MAX_MS)
		delay = PROBE_MAX_MS;
	return delay / 2 + mix(now_ms, b->seed) % (delay / 2 + 1);
}

/* --- steps: what one event makes of a view -------------------------------- */

static enum breaker_change
open_again(const struct breaker *b, struct view *v, uint64_t now_ms)
{
	enum breaker_change change = v->state == BREAKER_CLOSED ?
	    BREAKER_TRIPPED : BREAKER_STAYED;

	v->state = BREAKER_OPEN;
	v->count = 0;
	if (v->trips < TRIPS_MAX)
		v->trips++;
	v->until_ms = now_ms + get_delay_ms(b, v->trips, now_ms);
	return change;
}

static enum breaker_change
step_failure(const struct breaker *b, struct view *v, uint64_t now_ms)
{
	switch (v->state) {
	case BREAKER_CLOSED:
		v->count++;
		return v->count < b->unhealthy_threshold ? BREAKER_SAME :
		    open_again(b, v, now_ms);
	case BREAKER_HALF_OPEN:
		return open_again(b, v, now_ms);
	case BREAKER_OPEN:
		break;	/* connections of before go one by one */
	}
	return BREAKER_SAME;
}

static enum breaker_change
step_success(const struct breaker *b, struct view *v, uint64_t now_ms)
{
	if (v->state == BREAKER_CLOSED) {
		v->count = 0;
		v->trips = 0;
		return BREAKER_SAME;
	}
	v->count++;
	if (v->count < b->healthy_threshold) {
		v->state = BREAKER_OPEN;
		v->until_ms = now_ms + get_delay_ms(b, 1, now_ms);
		return BREAKER_SAME;
	}
	v->state = BREAKER_CLOSED;
	v->count = 0;
	return BREAKER_RECOVERED;
}

typedef enum breaker_change step_f(const struct breaker *, struct view *,
    uint64_t now_ms);

static enum breaker_change
apply(struct breaker *b, step_f *step, uint64_t now_ms)
{
	uint64_t old = atomic_load(&b->word), new;
	enum breaker_change change;

	do {
		struct view v = unpack(old);

		change = step(b, &v, now_ms);
		new = pack(&v);
		if (new == old)
			return change;
	} while (!atomic_compare_exchange_weak(&b->word, &old, new));
	return change;
}

/* --- what others call ------------------------------------------------------ */

enum breaker_change
breaker_fail(struct breaker *b, uint64_t now_ms)
{
	atomic_store(&b->failed_ms, now_ms);
	return apply(b, step_failure, now_ms);
}

enum breaker_change
breaker_fail_together(struct breaker *b, uint64_t born_ms, uint64_t now_ms)
{
	uint64_t failed_ms = atomic_load(&b->failed_ms);

	do {
		if (born_ms < failed_ms)
			return BREAKER_SAME;
	} while (!atomic_compare_exchange_weak(&b->failed_ms, &failed_ms,
	    now_ms));
	return apply(b, step_failure, now_ms);
}

enum breaker_change
breaker_succeed(struct breaker *b, uint64_t now_ms)
{
	return apply(b, step_success, now_ms);
}

bool
breaker_try(struct breaker *b, uint64_t now_ms)
{
	uint64_t old = atomic_load(&b->word);
	struct view v;

	do {
		v = unpack(old);
		if (v.state != BREAKER_OPEN || now_ms < v.until_ms)
			return false;
		v.state = BREAKER_HALF_OPEN;
	} while (!atomic_compare_exchange_weak(&b->word, &old, pack(&v)));
	return true;
}

static enum breaker_change
step_yield(const struct breaker *b, struct view *v, uint64_t now_ms)
{
	(void)b;
	if (v->state == BREAKER_HALF_OPEN) {
		v->state = BREAKER_OPEN;
		v->until_ms = now_ms + YIELD_MS;
	}
	return BREAKER_SAME;
}

void
breaker_yield(struct breaker *b, uint64_t now_ms)
{
	(void)apply(b, step_yield, now_ms);
}

enum breaker_state
breaker_get_state(const struct breaker *b)
{
	return unpack(atomic_load_explicit(&b->word,
	    memory_order_relaxed)).state;
}

bool
breaker_is_open(const struct breaker *b)
{
	return breaker_get_state(b) != BREAKER_CLOSED;
}

uint64_t
breaker_get_next_ms(const struct breaker *b)
{
	struct view v = unpack(atomic_load(&b->word));

	return v.state == BREAKER_OPEN ? v.until_ms : UINT64_MAX;
}

const char *
breaker_format(const struct breaker *b)
{
	switch (breaker_get_state(b)) {
	case BREAKER_CLOSED:
		return "closed";
	case BREAKER_OPEN:
		return "open";
	case BREAKER_HALF_OPEN:
		return "half-open";
	}
	NEVER("a state of the breaker without a word");
}
