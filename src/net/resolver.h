// SPDX-License-Identifier: BSD-2-Clause
/* resolver - a thread that asks for addresses of names, for getaddrinfo(3)
 * blocks.
 *
 * Answers are kept for RESOLVER_TTL_MS, failures are not. Requests go in over
 * the thread's own loop, answers come back over the asker's. */
#pragma once

#include "base/inbox.h"
#include "net/addr.h"

#include <stddef.h>

#define RESOLVER_TTL_MS (60 * 1000)
#define RESOLVER_ADDRS_MAX 16

struct loop;
struct resolver;

struct resolve {
	/* set by the asker */
	struct message message;	/* .deliver: runs on .loop with the answer */
	struct loop *loop;
	void *user;		/* the asker's; it may set NULL to give up */
	const char *host;	/* borrowed until the answer */
	uint16_t port;

	/* the answer: n 0 = failed, error tells why (gai_strerror(3)) */
	struct addr addrs[RESOLVER_ADDRS_MAX];
	size_t n;
	int error;
};

/* Starts the thread; index: its loop's. Gives; NULL with errno on failure. */
struct resolver *resolver_start(unsigned index);
/* Any thread; takes r until its message is delivered. */
void resolver_ask(struct resolver *, struct resolve *r);
/* Takes it. What waits is answered as failed; a thread that hangs in
 * getaddrinfo(3) is left behind with what it has. */
void resolver_stop(struct resolver *);
