// SPDX-License-Identifier: BSD-2-Clause
/* router - finds the backend connection for an exchange, or knows that there
 * is none.
 *
 *   eligible   of the listener and the user, does the command, has quota left:
 *              decides 430 and 503
 *   open       eligible, not known to lack the article
 *   candidate  open, of the lowest tier that has an open one, not failed, its
 *              breaker closed; for a command that needs a stateful slot: that
 *              may have one. With no breaker closed: those with an open one,
 *              to wait for their next probe
 *
 * The tier of an exchange goes up only when every eligible backend of it has
 * said that it lacks the article (or has no slot): a backend that can't be
 * asked holds it, unless tier_down or tier_full say otherwise. Neither changes
 * what is open, so a 430 still needs one from every backend.
 *
 * Shared and const after router_new(): any thread. The exchanges are those of
 * the calling loop. */
#pragma once

#include "backend/conn.h"
#include "conf/conf.h"
#include "route/relay.h"
#include "route/selector.h"

#include <stdbool.h>
#include <stdint.h>

struct backend;
struct conf;
struct conf_listen;
struct exchange;
struct loop;

struct router {
	struct selector *selector;
	uint8_t order[SELECTOR_BACKENDS_MAX];	/* ids as in the file */
	unsigned backends_n;
	enum conf_mode mode;
	enum conf_affinity affinity;
	enum conf_resume resume;
	enum conf_relay relay;
	bool spills_when_down;		/* tier_down = spill */
	bool spills_when_full;		/* tier_full = spill */
	uint64_t all;			/* bits of all backends */
	uint64_t keepable;		/* of those that have stateful slots */
	uint64_t posting;		/* of those where one may post, and can */
	uint64_t groups[SELECTOR_BACKENDS_MAX];	/* by id: those that share its
						 * spool, itself too */
	uint64_t tiers[SELECTOR_BACKENDS_MAX];	/* by tier, lowest first */
	unsigned tiers_n;
	uint64_t drain_limit_bytes;
	uint64_t wait_timeout_ms;
	uint64_t command_timeout_ms;
};

enum router_rc {
	ROUTER_RELAY,	/* the exchange is in the new relay */
	ROUTER_WAIT,	/* no connection is free now */
	ROUTER_END,	/* it is ANSWERED: nobody is left to ask */
};

/* What kind of connection a command needs. */
struct route_ask {
	uint64_t eligible;
	bool is_ordered;	/* at the first backend of its tier, by the
				 * order of the file, that is up and not full:
				 * others only if there is none */
	bool needs_slot;	/* a stateful one: the session may keep it */
	enum conn_trace most;	/* that former users may have left on it */
};

/* A snapshot of this configuration, backends in its order. Keeps the backends,
 * and nothing of conf. Gives. */
struct router *router_new(const struct conf *, struct backend *const *backends);
/* Takes it (NULL is fine); not the backends. */
void router_free(struct router *);
/* Ids, as bits, of the backends that a listener or a user of the same
 * configuration may use, whose mask goes by places in the file; 0: all. */
uint64_t router_get_eligible(const struct router *, uint64_t backends_mask);

/* Backends that the exchange may be sent to now: the candidates of the first
 * tier that has any; 0 when nobody is left. */
uint64_t router_get_candidates(const struct router *,
    const struct exchange *, uint64_t eligible);

/* The exchange may be sent to this one, whatever its tier: for a connection
 * that the session has anyway. */
bool router_may_ask(const struct router *, const struct exchange *,
    uint64_t eligible, int id);

/* Tries every candidate for a connection, without waiting. With ROUTER_RELAY
 * *relay_r (given) has x as its first, and the slot if one was needed; gone,
 * arg: see relay_new(). With ROUTER_WAIT x holds the slots it may need until
 * router_wait(), which must follow at once. x must be QUEUED. */
enum router_rc router_try(const struct router *, struct exchange *x,
    const struct route_ask *, struct loop *, relay_gone_f *gone, void *arg,
    struct relay **relay_r) __attribute__((warn_unused_result));

/* The same for a command that is answered by the proxy when a backend has had
 * a connection: NULL where router_try() would wait or conclude. */
struct relay *router_visit(const struct router *, struct exchange *x,
    const struct route_ask *, struct loop *, relay_gone_f *gone, void *arg)
    __attribute__((warn_unused_result));

/* The connection that x waited for has come: *relay is given. NULL: it is
 * QUEUED again, or ANSWERED when its time is over. */
typedef void router_granted_f(struct exchange *x, struct relay *relay);

/* After ROUTER_WAIT: x stands in the queues of all candidates that were tried,
 * WAITING, until granted is called, wait_timeout is over, or
 * router_unwait(). */
void router_wait(const struct router *, struct exchange *x,
    const struct route_ask *, struct loop *, router_granted_f *granted,
    relay_gone_f *gone, void *arg);
/* x gives up waiting: QUEUED. */
void router_unwait(struct exchange *x);
/* The same, to be routed anew: its time goes on to run. */
void router_recall(struct exchange *x, struct loop *);

/* x has become its client's first: its time runs from now on. */
void router_start_clock(const struct router *, struct exchange *x,
    struct loop *);
