// SPDX-License-Identifier: BSD-2-Clause
#include "client/failures.h"

#include "base/check.h"
#include "base/mix.h"
#include "net/addr.h"

#include <pthread.h>
#include <stdlib.h>

#define SETS 1024
#define WAYS 8		/* an address may stand in each place of its set */

struct offender {
	uint64_t site;		/* addr_get_site() */
	uint64_t since_ms;	/* the next is forgotten so long after this */
	unsigned n;		/* failures; 0: the place is free */
};

struct failures {
	/* const after new */
	uint64_t seed;

	struct {
		pthread_mutex_t mutex;
		struct offender sets[SETS][WAYS];
	} sh; /* guarded by sh.mutex */
};

struct failures *
failures_new(void)
{
	struct failures *f = xcalloc(1, sizeof(*f));

	f->seed = mix_new_seed();
	SYS_OK(pthread_mutex_init(&f->sh.mutex, NULL));
	return f;
}

void
failures_free(struct failures *f)
{
	if (f == NULL)
		return;
	SYS_OK(pthread_mutex_destroy(&f->sh.mutex));
	free(f);
}

static uint64_t
get_delay_ms(unsigned n)
{
	uint64_t ms = FAILURES_DELAY_MIN_MS;

	if (n == 0)
		return 0;
	while (--n > 0 && ms < FAILURES_DELAY_MAX_MS)
		ms *= 2;
	return ms < FAILURES_DELAY_MAX_MS ? ms : FAILURES_DELAY_MAX_MS;
}

/* Workers read the clock once per turn, so now may be before since. */
static void
forget(struct offender *o, uint64_t now_ms)
{
	uint64_t n = now_ms > o->since_ms ?
	    (now_ms - o->since_ms) / FAILURES_FORGET_MS : 0;

	if (n >= o->n) {
		o->n = 0;
		return;
	}
	o->n -= (unsigned)n;
	o->since_ms += n * FAILURES_FORGET_MS;
}

/* The address's place, or the one that it gets when it fails. */
static struct offender *
find_locked(struct failures *f, uint64_t site, uint64_t now_ms)
{
	struct offender *set = f->sh.sets[mix(site, f->seed) % SETS];
	struct offender *best = &set[0];

	for (int i = 0; i < WAYS; i++) {
		struct offender *o = &set[i];

		if (o->n > 0)
			forget(o, now_ms);
		if (o->n > 0 && o->site == site)
			return o;
		if (o->n < best->n)
			best = o;
	}
	return best;
}

static uint64_t
note_locked(struct failures *f, uint64_t site, bool is_right, uint64_t now_ms)
{
	struct offender *o = find_locked(f, site, now_ms);
	unsigned n = o->site == site ? o->n : 0;
	uint64_t delay_ms = get_delay_ms(n);

	if (is_right)
		return delay_ms;
	if (n == 0)
		*o = (struct offender){ .site = site, .since_ms = now_ms };
	/* More could only take longer to forget. */
	if (delay_ms < FAILURES_DELAY_MAX_MS)
		o->n++;
	return delay_ms;
}

uint64_t
failures_note(struct failures *f, const struct addr *a, bool is_right,
    uint64_t now_ms)
{
	uint64_t site, delay_ms;

	if (!addr_get_site(a, &site))
		return 0;
	SYS_OK(pthread_mutex_lock(&f->sh.mutex));
	delay_ms = note_locked(f, site, is_right, now_ms);
	SYS_OK(pthread_mutex_unlock(&f->sh.mutex));
	return delay_ms;
}

size_t
failures_get_size(void)
{
	return sizeof(struct failures);
}
