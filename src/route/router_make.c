// SPDX-License-Identifier: BSD-2-Clause
/* router_make - a configuration and its backends become a router. */
#include "route/router.h"

#include "backend/backend.h"
#include "base/check.h"
#include "conf/conf.h"
#include "route/selector.h"

#include <stdlib.h>
#include <string.h>

#define BIT(id) (UINT64_C(1) << (id))

_Static_assert(CONF_BACKENDS_MAX <= SELECTOR_BACKENDS_MAX,
    "more backends than bits");

static enum selector_strategy
get_strategy(const struct conf *conf)
{
	switch (conf->routing.strategy) {
	case STRATEGY_ROUND_ROBIN:
		return SELECT_ROUND_ROBIN;
	case STRATEGY_WEIGHTED_ROUND_ROBIN:
		return SELECT_WEIGHTED_ROUND_ROBIN;
	default:
		return SELECT_LEAST_LOADED;
	}
}

static bool
is_one_group(const struct conf_backend *a, const struct conf_backend *b)
{
	return a == b || (a->group != NULL && b->group != NULL &&
	    strcmp(a->group, b->group) == 0);
}

/* Those that share a spool with the i-th, itself too. */
static uint64_t
get_group(const struct router *r, const struct conf *conf, size_t i)
{
	uint64_t group = 0;

	for (size_t k = 0; k < conf->backends_n; k++)
		if (is_one_group(&conf->backends[i], &conf->backends[k]))
			group |= BIT(r->order[k]);
	return group;
}

/* Bits of the backends of each tier, lowest tier first. */
static void
make_tiers(struct router *r, const struct conf *conf)
{
	uint64_t rest = r->all;

	while (rest != 0) {
		unsigned lowest = UINT32_MAX;
		uint64_t bits = 0;

		for (size_t i = 0; i < conf->backends_n; i++) {
			unsigned tier = conf->backends[i].tier;

			if ((rest & BIT(r->order[i])) == 0 || tier > lowest)
				continue;
			bits = tier == lowest ? bits : 0;
			bits |= BIT(r->order[i]);
			lowest = tier;
		}
		r->tiers[r->tiers_n++] = bits;
		rest &= ~bits;
	}
}

static void
add_backend(struct router *r, const struct conf_backend *conf,
    struct backend *b, unsigned reserve)
{
	CHECK(selector_add_backend(r->selector, b) == 0);
	r->order[r->backends_n++] = (uint8_t)b->index;
	r->all |= BIT(b->index);
	if (conf->max_connections <= reserve)
		return;
	r->keepable |= BIT(b->index);
	if (conf->posting)
		r->posting |= BIT(b->index);
}

struct router *
router_new(const struct conf *conf, struct backend *const *backends)
{
	struct router *r = xcalloc(1, sizeof(*r));
	/* In stateful mode there are no others whom connections must be left
	 * for. */
	unsigned reserve = conf->proxy.mode == MODE_STATEFUL ? 0 :
	    conf->routing.stateful_reserve;

	r->selector = selector_new(get_strategy(conf), reserve);
	r->mode = conf->proxy.mode;
	r->affinity = conf->routing.group_affinity;
	r->resume = conf->routing.resume;
	r->relay = conf->proxy.relay;
	r->spills_when_down = conf->routing.tier_down == TIER_DOWN_SPILL;
	r->spills_when_full = conf->routing.tier_full == TIER_FULL_SPILL;
	r->drain_limit_bytes = conf->proxy.drain_limit_bytes;
	r->wait_timeout_ms = conf->proxy.wait_timeout_ms;
	r->command_timeout_ms = conf->proxy.command_timeout_ms;
	for (size_t i = 0; i < conf->backends_n; i++)
		add_backend(r, &conf->backends[i], backends[i], reserve);
	selector_seal(r->selector);
	for (size_t i = 0; i < conf->backends_n; i++)
		r->groups[r->order[i]] = get_group(r, conf, i);
	make_tiers(r, conf);
	return r;
}

void
router_free(struct router *r)
{
	if (r == NULL)
		return;
	selector_free(r->selector);
	free(r);
}

uint64_t
router_get_eligible(const struct router *r, uint64_t backends_mask)
{
	uint64_t eligible = 0;

	if (backends_mask == 0)
		return r->all;
	for (unsigned i = 0; i < r->backends_n; i++)
		if ((backends_mask & BIT(i)) != 0)
			eligible |= BIT(r->order[i]);
	return eligible;
}
