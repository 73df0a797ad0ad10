// SPDX-License-Identifier: BSD-2-Clause
/* conn - one client's socket: bytes in, lines to its session, bytes out.
 *
 * Reads nothing while answers wait to be sent, so what a client doesn't take
 * stops what it may ask. Holds one input buffer, one struct out, one session.
 * Owner: its worker; the list of all connections is the server's. Thread: the
 * worker's, but conn_new() is the acceptor's. */
#pragma once

#include "base/list.h"
#include "newsd/out.h"
#include "newsd/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONN_IN_N 4096

struct newsd;

/* What the connection waits for, and what the worker arranges. */
enum conn_wait {
	CONN_INPUT,   /* readable; the idle time-out runs */
	CONN_OUTPUT,  /* writable; the idle time-out runs */
	CONN_LATENCY, /* --latency has passed since the commands came */
	CONN_DRIBBLE, /* time for the next few bytes of a slow answer */
	CONN_CLOSE,   /* nothing: close it */
};

struct conn {
	int fd;
	uint32_t events;	/* worker: registered with epoll */
	struct list all;	/* server: list of all, under its mutex */
	struct list timer;	/* worker: one of its queues */
	int64_t due_ms;		/* worker: in that queue */
	bool is_idle;		/* no byte went either way in the last run */
	bool is_skipping;	/* the rest of a line that was too long */
	size_t in_at, in_n;	/* in[in_at..in_n) is still to be looked at */
	struct newsd *nd;
	struct out out;
	struct session session;
	char in[CONN_IN_N];
};

/* The greeting is queued. Takes fd. */
struct conn *conn_new(struct newsd *nd, int fd, bool is_control);

/* Does not close the descriptor. */
void conn_free(struct conn *c);

/* Works until something has to be waited for. */
enum conn_wait conn_run(struct conn *c);
