// SPDX-License-Identifier: BSD-2-Clause
/* pipeline - the commands of one client that are in flight, in their order,
 * and the connections they hold.
 *
 *   client's order   x1 ─── x2 ─── x3 ─── x4
 *                    │      └──────┴──── carrier: commands by message-id follow
 *                    │                   each other on one connection; or the
 *                    │                   pin, where all that may follow do
 *                    └─ side: the first one's second try, elsewhere; or its
 *                       mender's
 *
 * Only the first writes to the client. When it must wait for a connection,
 * the later ones give up what they hold (no hold-and-wait), and for a while
 * commands go one by one. The pin is kept: its stateful slot is one of those
 * that the commands of others can do without.
 *
 * Modes: in per-command mode nothing is ever pinned; in hybrid mode the
 * connection on which a group was selected or an unknown command sent; in
 * stateful mode the one that answered first. With a pin there is no carrier.
 *
 * Embedded in the session. One loop. */
#pragma once

#include "route/exchange.h"
#include "route/pin.h"
#include "route/router.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After so many unknown commands in a row it is no news client. */
#define PIPELINE_UNKNOWN_MAX 10

struct pipeline;

struct pipeline_user {
	/* Call pipeline_pump() at the end of this turn. */
	void (*kick)(struct pipeline *);
	/* x, whose answer is made by the proxy out of what it knows of the
	 * backends (ROUTE_LOCAL, QUEUED), is the first. Gives those that should
	 * be known better; 0: none, and x is ANSWERED. */
	uint64_t (*answer)(struct pipeline *, struct exchange *x,
	    bool is_final);
};

struct pipeline {
	struct exchange_client client;	/* client.output: the session's */
	const struct pipeline_user *user;
	const struct router *router;	/* keeps */
	struct loop *loop;
	uint64_t eligible;		/* backends this client may use */
	uint64_t bound;			/* the one a stateful session belongs
					 * to without a pin; else all */
	struct list exchanges;
	size_t n;
	struct relay *carrier, *side;	/* NULL: none */
	struct pin pin;
	struct exchange *mender;	/* while the first is MENDING */
	unsigned single_n;		/* commands still to go one by one */
	unsigned unknown_n;		/* unknown commands in a row */
	uint64_t done_n;		/* commands answered */
};

enum pipeline_rc {
	PIPELINE_GOES_ON,
	PIPELINE_ENDS,	/* an answer that ends the session is written, or the
			 * answer is cut: *reason_r */
	PIPELINE_LOST,	/* all is answered, but nothing more can be: *reason_r,
			 * whose answer is not written */
};

void pipeline_init(struct pipeline *, const struct pipeline_user *,
    const struct router *, uint64_t eligible, struct loop *,
    struct output *);

/* Another snapshot, kept from now on, and what the client may use of it. What
 * is in flight goes on; what waits is to be routed anew when the pump runs. A
 * session whose own backend is not among them is at its end. */
void pipeline_change(struct pipeline *, const struct router *,
    uint64_t eligible);
uint64_t pipeline_get_eligible(const struct pipeline *);

/* Behind the others; takes x, QUEUED, HELD or ANSWERED. */
void pipeline_add(struct pipeline *, struct exchange *x);
struct exchange *pipeline_first(const struct pipeline *);
struct exchange *pipeline_last(const struct pipeline *);

/* Does all that can be done now: answers that are ready are written, the first
 * command goes out, others follow it, connections of no use go back. */
enum pipeline_rc pipeline_pump(struct pipeline *, enum reason *reason_r)
    __attribute__((warn_unused_result));

/* The client takes bytes again. */
void pipeline_resume(struct pipeline *);

/* The client is to send, or is sending, the article of its first command;
 * pipeline_send_article() passes the next n octets on as they are, is_end:
 * with the terminator. */
bool pipeline_is_posting(const struct pipeline *);
/* The same, and there is room for more of it now. */
bool pipeline_wants_article(const struct pipeline *);
void pipeline_send_article(struct pipeline *, const char *p, size_t n,
    bool is_end);

/* The commands behind the first are forgotten (an orderly shutdown). */
void pipeline_keep_first(struct pipeline *);
/* All are: the client is gone. What is on its way is read out by itself. */
void pipeline_drop(struct pipeline *);
