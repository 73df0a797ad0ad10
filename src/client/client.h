// SPDX-License-Identifier: BSD-2-Clause
/* client - what all sessions of one worker share.
 *
 * Embedded in the worker; const but for the list and the count. Its thread. */
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
	/* const after init */
	const struct conf *conf;
	const struct router *router;
	struct passwords *passwords;
	struct accounts *accounts;
	struct census *census;
	struct failures *failures;
	struct loop *loop;

	/* owner: the loop */
	struct list sessions;
	bool is_draining;		/* a new session is shut down at once */

	/* atomic: the acceptor counts up, the loop down */
	_Atomic unsigned sessions_n;
};
