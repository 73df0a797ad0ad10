// SPDX-License-Identifier: BSD-2-Clause
/* pipeline - the commands of one client that are in flight, in their order,
 * and the connections they hold.
 *
 *   client's order   x1 ─── x2 ─── x3 ─── x4
 *                    │      └──────┴──── carrier: commands by message-id follow
 *                    │                   each other on one connection
 *                    └─ side: the first one's second try, elsewhere
 *
 * Only the first writes to the client. When it must wait for a connection,
 * the later ones give up what they hold (no hold-and-wait), and for a while
 * commands go one by one.
 *
 * Embedded in the session. One loop. */
#pragma once

#include "route/exchange.h"
#include "route/router.h"

#include <stddef.h>
#include <stdint.h>

struct pipeline;

struct pipeline_user {
	/* Call pipeline_pump() at the end of this turn. */
	void (*kick)(struct pipeline *);
};

struct pipeline {
	struct exchange_client client;	/* client.output: the session's */
	const struct pipeline_user *user;
	const struct router *router;	/* keeps */
	struct loop *loop;
	uint64_t eligible;		/* backends this client may use */
	struct list exchanges;
	size_t n;
	struct relay *carrier, *side;	/* NULL: none */
	unsigned single_n;		/* commands still to go one by one */
	uint64_t done_n;		/* commands answered */
};

enum pipeline_rc {
	PIPELINE_GOES_ON,
	PIPELINE_ENDS,	/* an answer that ends the session is written, or the
			 * answer is cut: *reason_r */
};

void pipeline_init(struct pipeline *, const struct pipeline_user *,
    const struct router *, uint64_t eligible, struct loop *,
    struct output *);

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

/* The commands behind the first are forgotten (an orderly shutdown). */
void pipeline_keep_first(struct pipeline *);
/* All are: the client is gone. What is on its way is read out by itself. */
void pipeline_drop(struct pipeline *);
