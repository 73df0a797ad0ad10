// SPDX-License-Identifier: BSD-2-Clause
/* ceiling - how many connections a server takes just now, when it has said
 * that there are too many.
 *
 * It falls to what runs when the server refuses one for that reason, and rises
 * by one at a time, up to what is configured: somebody else may use the same
 * account, or the server counts connections for a while that are gone.
 *
 * Embedded in the pool, under its mutex. Time is an argument. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ceiling {
	size_t most;		/* max_connections */
	size_t now;		/* 1 to most */
	uint64_t rise_ms;	/* from one step to the next */
	uint64_t next_ms;	/* when it rises; UINT64_MAX: it is at most */
};

void ceiling_init(struct ceiling *, size_t most, uint64_t rise_ms);
/* Another limit is configured: it holds at once. */
void ceiling_set(struct ceiling *, size_t most);
/* The server wants no more than the running_n that it has; at least one is
 * always tried. Never raises it. */
void ceiling_fall(struct ceiling *, size_t running_n, uint64_t now_ms);
void ceiling_rise(struct ceiling *, uint64_t now_ms);

/* Whether a status line (n octets of it) tells of such a limit: 400, 482 or
 * 502, or 481, which some servers use, with one of the words that download
 * tools look for as well, in any case: too many, limit, connections, threads,
 * exceed. */
bool ceiling_is_told(int code, const char *line, size_t n);
