// SPDX-License-Identifier: BSD-2-Clause
#include "route/selector.h"

#include "backend/backend.h"
#include "base/check.h"
#include "conf/conf.h"

#include <stdatomic.h>
#include <stdlib.h>

#define BIT(id) (UINT64_C(1) << (id))

struct selector {
	/* const after selector_seal() */
	enum selector_strategy strategy;
	unsigned stateful_reserve;
	struct backend *backends[SELECTOR_BACKENDS_MAX];	/* by id */
	unsigned capacities[SELECTOR_BACKENDS_MAX];	/* max_connections */
	unsigned weights[SELECTOR_BACKENDS_MAX];
	size_t n;
	uint64_t all;		/* their bits */
	uint8_t *sequence;	/* smooth weighted round-robin, spelled out */
	size_t sequence_n;

	/* atomic */
	_Atomic unsigned turn;	/* rotates */
};

struct selector *
selector_new(enum selector_strategy strategy, unsigned stateful_reserve)
{
	struct selector *s = xcalloc(1, sizeof(*s));

	s->strategy = strategy;
	s->stateful_reserve = stateful_reserve;
	return s;
}

void
selector_free(struct selector *s)
{
	free(s->sequence);
	free(s);
}

int
selector_add_backend(struct selector *s, struct backend *b)
{
	const struct conf_backend *conf;

	if (b->index >= SELECTOR_BACKENDS_MAX || s->backends[b->index] != NULL)
		return -1;
	conf = b->conf;
	s->backends[b->index] = b;
	s->capacities[b->index] = conf->max_connections;
	s->weights[b->index] = conf->weight > 0 ? conf->weight :
	    conf->max_connections;
	s->all |= BIT(b->index);
	s->n++;
	return 0;
}

/* --- weighted round-robin -------------------------------------------------- */

static unsigned
get_gcd(unsigned a, unsigned b)
{
	while (b != 0) {
		unsigned rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* One whole round in smooth order: in each step everybody earns its weight,
 * the richest goes and pays the sum of all. */
void
selector_seal(struct selector *s)
{
	long credit[SELECTOR_BACKENDS_MAX] = { 0 };
	unsigned gcd = 0, sum = 0;

	for (size_t id = 0; id < SELECTOR_BACKENDS_MAX; id++)
		if (s->backends[id] != NULL)
			gcd = get_gcd(s->weights[id], gcd);
	for (size_t id = 0; id < SELECTOR_BACKENDS_MAX; id++)
		if (s->backends[id] != NULL)
			sum += s->weights[id] / gcd;
	s->sequence = xcalloc(sum, sizeof(s->sequence[0]));
	s->sequence_n = sum;
	for (size_t i = 0; i < sum; i++) {
		size_t best = SELECTOR_BACKENDS_MAX;

		for (size_t id = 0; id < SELECTOR_BACKENDS_MAX; id++) {
			if (s->backends[id] == NULL)
				continue;
			credit[id] += s->weights[id] / gcd;
			if (best == SELECTOR_BACKENDS_MAX ||
			    credit[id] > credit[best])
				best = id;
		}
		credit[best] -= sum;
		s->sequence[i] = (uint8_t)best;
	}
}

/* --- the strategies --------------------------------------------------------- */

static unsigned
take_turn(struct selector *s)
{
	return atomic_fetch_add_explicit(&s->turn, 1, memory_order_relaxed);
}

/* The i-th of the set bits. */
static int
get_bit(uint64_t mask, unsigned i)
{
	while (i-- > 0)
		mask &= mask - 1;
	return __builtin_ctzll(mask);
}

static int
pick_round_robin(struct selector *s, uint64_t candidates)
{
	return get_bit(candidates, take_turn(s) %
	    (unsigned)__builtin_popcountll(candidates));
}

static int
pick_weighted(struct selector *s, uint64_t candidates)
{
	/* Steps over others keep the shares of the candidates as they are. */
	for (size_t i = 0; i < s->sequence_n; i++) {
		int id = s->sequence[take_turn(s) % s->sequence_n];

		if ((candidates & BIT(id)) != 0)
			return id;
	}
	return pick_round_robin(s, candidates);
}

static int
pick_least_loaded(struct selector *s, uint64_t candidates)
{
	unsigned n = (unsigned)__builtin_popcountll(candidates);
	unsigned first = take_turn(s) % n;
	int best = SELECTOR_NONE;
	uint64_t best_pending = 0, best_capacity = 1;

	for (unsigned i = 0; i < n; i++) {
		int id = get_bit(candidates, (first + i) % n);
		uint64_t pending = atomic_load_explicit(
		    &s->backends[id]->pending, memory_order_relaxed);
		uint64_t capacity = s->capacities[id];

		/* pending / capacity < best, without the division */
		if (best == SELECTOR_NONE ||
		    pending * best_capacity < best_pending * capacity) {
			best = id;
			best_pending = pending;
			best_capacity = capacity;
		}
	}
	return best;
}

int
selector_route_command(struct selector *s, uint64_t candidates)
{
	int id;

	candidates &= s->all;
	if (candidates == 0)
		return SELECTOR_NONE;
	/* No choice takes no turn: else a command that is asked again at the
	 * only other backend would bring the next one to where it began. */
	if ((candidates & (candidates - 1)) == 0)
		id = get_bit(candidates, 0);
	else if (s->strategy == SELECT_ROUND_ROBIN)
		id = pick_round_robin(s, candidates);
	else if (s->strategy == SELECT_WEIGHTED_ROUND_ROBIN)
		id = pick_weighted(s, candidates);
	else
		id = pick_least_loaded(s, candidates);
	backend_count_command(s->backends[id]);
	return id;
}

/* --- counts ----------------------------------------------------------------- */

struct backend *
selector_backend(const struct selector *s, int id)
{
	return id >= 0 && id < SELECTOR_BACKENDS_MAX ? s->backends[id] : NULL;
}

void
selector_complete_command(struct selector *s, int id)
{
	struct backend *b = selector_backend(s, id);

	if (b != NULL)
		backend_complete_command(b);
}

struct pool *
selector_backend_pool(const struct selector *s, int id)
{
	struct backend *b = selector_backend(s, id);

	return b != NULL ? b->pool : NULL;
}

size_t
selector_backend_count(const struct selector *s)
{
	return s->n;
}

unsigned
selector_backend_load(const struct selector *s, int id)
{
	struct backend *b = selector_backend(s, id);

	return b != NULL ? atomic_load(&b->pending) : 0;
}

unsigned
selector_stateful_count(const struct selector *s, int id)
{
	struct backend *b = selector_backend(s, id);

	return b != NULL ? atomic_load(&b->stateful) : 0;
}

bool
selector_try_acquire_stateful(struct selector *s, int id)
{
	struct backend *b = selector_backend(s, id);
	unsigned limit, old;

	if (b == NULL || s->capacities[id] <= s->stateful_reserve)
		return false;
	limit = s->capacities[id] - s->stateful_reserve;
	old = atomic_load(&b->stateful);
	do {
		if (old >= limit)
			return false;
	} while (!atomic_compare_exchange_weak(&b->stateful, &old, old + 1));
	return true;
}

void
selector_release_stateful(struct selector *s, int id)
{
	struct backend *b = selector_backend(s, id);

	if (b != NULL)
		backend_release_stateful(b);
}
