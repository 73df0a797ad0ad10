// SPDX-License-Identifier: BSD-2-Clause
/* client - what all sessions of one worker share.
 *
 * Embedded in the worker. Its thread. */
#pragma once

#include "base/list.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct accounts;
struct census;
struct conf;
struct failures;
struct loop;
struct passwords;
struct router;

struct client_context {
	/* owner: the loop; worker_change() */
	const struct conf *conf;
	const struct router *router;

	/* const after init */
	struct passwords *passwords;
	struct accounts *accounts;
	struct census *census;
	struct failures *failures;
	struct loop *loop;

	/* owner: the loop */
	struct list sessions;
	struct list arrivals;		/* clients that are no session yet */
	struct list handshakes;		/* sessions, the oldest first */
	unsigned handshakes_n;
	struct list handshakes_waiting;	/* sessions, the oldest first */
	bool is_draining;		/* a new session is shut down at once */

	/* atomic: the acceptor counts up, the loop down */
	_Atomic unsigned sessions_n;
};
