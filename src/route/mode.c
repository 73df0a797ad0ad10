// SPDX-License-Identifier: BSD-2-Clause
#include "route/mode.h"

#include "route/pin.h"

/* Only the pinned backend will do: the session's group is there, or the
 * answer has to go with what the session saw there. */
static bool
is_bound(enum conf_mode mode, const struct command *c, const struct pin *pin)
{
	if (!pin_is_held(pin))
		return false;
	switch (c->route) {
	case ROUTE_GROUP:
	case ROUTE_ANY:
	case ROUTE_UNKNOWN:
		return true;
	default:
		return mode == MODE_STATEFUL;
	}
}

static bool
needs_slot(enum conf_mode mode, const struct command *c)
{
	switch (c->route) {
	case ROUTE_SELECT:
	case ROUTE_UNKNOWN:
	case ROUTE_POST:
		return true;
	default:
		return mode == MODE_STATEFUL;
	}
}

static uint64_t
get_eligible(const struct router *r, const struct command *c,
    const struct pin *pin, uint64_t eligible)
{
	if (c->route == ROUTE_POST)
		eligible &= r->posting;
	if (is_bound(r->mode, c, pin))
		return eligible & UINT64_C(1) << pin_get_backend_id(pin);
	/* When none has slots at all, it is they who refuse: 403. */
	if (needs_slot(r->mode, c) && (eligible & r->keepable) != 0)
		eligible &= r->keepable;
	return eligible;
}

struct route_ask
mode_get_ask(const struct router *r, const struct command *c,
    const struct pin *pin, uint64_t eligible)
{
	return (struct route_ask){
		.eligible = get_eligible(r, c, pin, eligible),
		.is_ordered = r->affinity == AFFINITY_FIRST &&
		    command_prefers_same(c),
		.needs_slot = needs_slot(r->mode, c),
		/* Nobody knows what it does with a group that is selected. */
		.most = c->route == ROUTE_UNKNOWN ? CONN_UNTOUCHED :
		    CONN_GROUP_SELECTED,
	};
}

bool
mode_is_barrier(enum conf_mode mode, const struct command *c,
    const struct pin *pin)
{
	switch (c->route) {
	case ROUTE_SELECT:
	case ROUTE_UNKNOWN:
	case ROUTE_POST:
	case ROUTE_LOCAL:
		return true;
	default:
		return mode == MODE_STATEFUL && !pin_is_held(pin);
	}
}

bool
mode_is_pinning(enum conf_mode mode, const struct command *c,
    enum response_class class, int code)
{
	switch (mode) {
	case MODE_PER_COMMAND:
		return false;
	case MODE_HYBRID:
		return class == RESPONSE_PASS && (c->route == ROUTE_UNKNOWN ||
		    (c->route == ROUTE_SELECT && code < 400));
	case MODE_STATEFUL:
		return class != RESPONSE_TROUBLE && class != RESPONSE_STALE &&
		    class != RESPONSE_GARBAGE;
	}
	return false;
}
