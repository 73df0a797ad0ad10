// SPDX-License-Identifier: BSD-2-Clause
/* resolver - asks for addresses of names, in threads of its own, for
 * getaddrinfo(3) blocks.
 *
 * One look-up per name at a time, each in a thread that ends with it: a name
 * whose servers are slow holds up nobody else. Answers are kept for
 * RESOLVER_TTL_MS, failures for RESOLVER_FAILED_MS. Any thread asks; answers
 * come over the asker's loop. */
#pragma once

#include "base/inbox.h"
#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>

#define RESOLVER_TTL_MS (60 * 1000)
#define RESOLVER_FAILED_MS 1000
#define RESOLVER_ADDRS_MAX 16

struct loop;
struct resolver;

struct resolve {
	/* set by the asker */
	struct message message;	/* .deliver: runs on .loop with the answer */
	struct loop *loop;
	void *user;		/* the asker's; it may set NULL to give up */
	const char *host;	/* borrowed by resolver_ask() only */
	uint16_t port;

	/* the answer: n 0 = failed, error tells why (gai_strerror(3)) */
	struct addr addrs[RESOLVER_ADDRS_MAX];
	size_t n;
	int error;

	struct resolve *next;	/* waits for the same look-up */
};

/* Gives. */
struct resolver *resolver_new(void);
/* Any thread; takes r until its message is delivered. */
void resolver_ask(struct resolver *, struct resolve *r);
/* Waits so long for look-ups that are under way, then takes the resolver. False:
 * one hangs in getaddrinfo(3) and may still post its answers to the askers'
 * loops, so these must stay; the resolver does. */
bool resolver_free(struct resolver *, uint64_t max_wait_ms);
