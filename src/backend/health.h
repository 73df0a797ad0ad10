// SPDX-License-Identifier: BSD-2-Clause
/* health - the check of one backend: DATE; HELP where that is not known, then
 * STAT of an article that is nowhere.
 *
 *     RESTING -> MAKING -> ASKED <-> IN_BLOCK
 *        ^          |        |           |
 *        +----------+--------+-----------+
 *
 * While the breaker is closed the backend is asked when it has answered nothing
 * for an interval; while it is open, when the breaker says so. A check takes
 * its connection from the pool like anybody else: it never waits for one, never
 * goes before those who wait, and gives it back, as long idle as before, so
 * that it keeps no connection alive that nobody needs. While the breaker is
 * open it is the only one that gets a connection, and always a new one.
 *
 * Owner: the housekeeper, on its loop. The breaker hears what comes of it. */
#pragma once

#include "net/loop.h"
#include "nntp/multiline.h"
#include "nntp/response.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct conf_health;
struct conn;

enum health_state {
	HEALTH_RESTING,
	HEALTH_MAKING,		/* its connection is being made */
	HEALTH_ASKED,
	HEALTH_IN_BLOCK,
};

struct health {
	const struct conf_health *conf;
	struct backend *backend;
	struct loop *loop;
	enum health_state state;
	bool is_stopped;
	struct conn *conn;		/* NULL: resting */
	unsigned question;		/* that the server knows, as far as
					 * known */
	uint64_t checked_ms;		/* the last check began, or the start */
	uint64_t deadline_ms;		/* of the check, from its first
					 * question on */
	struct multiline block;
	size_t line_n;
	char line[RESPONSE_LINE_MAX];
};

/* Keeps all of them. The first check is an interval from now. */
void health_init(struct health *, const struct conf_health *conf,
    struct backend *, struct loop *, uint64_t now_ms);
/* Begins a check if it is time for one. Gives when to call it again. */
uint64_t health_tick(struct health *);
/* Keeps other settings. */
void health_configure(struct health *, const struct conf_health *conf);
/* The connection goes back, or goes; there are no more checks. */
void health_stop(struct health *);
/* There are, again. */
void health_start(struct health *);
