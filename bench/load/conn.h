// SPDX-License-Identifier: BSD-2-Clause
/* conn - one client: its socket, what it has asked, the answer it is reading.
 *
 *      GREETING --200 or 201--> READY
 *
 * Answers come in the order of the requests. Anything unexpected ends the
 * program (load_fail()). What it sends is small enough to always fit into the
 * socket: OPTIONS_DEPTH_MAX commands of REQUEST_LINE_MAX.
 * Owner: struct driver. Thread: the only one. */
#pragma once

#include "base/list.h"
#include "load/answer.h"
#include "load/request.h"

#include <stddef.h>
#include <stdint.h>

struct load;

enum conn_state { CONN_GREETING, CONN_READY };

/* What a client is there for. */
enum conn_role {
	CONN_ASKS,
	CONN_IDLE, /* asks nothing; what comes nevertheless ends the program */
	CONN_SLOW, /* asks without end, reads little at a time, counts apart */
};

/* A request in flight. */
struct asked {
	struct request request;
	uint64_t sent_ns;
};

struct conn {
	int fd;
	enum conn_state state;
	enum conn_role role;
	struct list think; /* driver: its queue of who thinks */
	uint64_t due_ns;   /* driver: in that queue */
	uint64_t random;
	uint64_t answers_n;    /* while it was measured */
	struct answer answer;  /* to asked[first] */
	struct asked *asked;   /* ring of depth */
	unsigned depth, first, asked_n;
	char *kept;	       /* --verify: the block as far as it is here */
	size_t kept_n, room_n;
};

/* Begins to connect. */
void conn_open(struct conn *c, const struct load *ld, uint64_t index,
    enum conn_role role);
void conn_close(struct conn *c);

/* Asks as much as may be in flight, with one send; nothing if it is idle. */
void conn_ask(struct conn *c, struct load *ld);

/* Reads once, a slow one at most options->slow_bytes. Gives how many answers
 * have become complete; in GREETING the greeting is one. */
unsigned conn_read(struct conn *c, struct load *ld);
