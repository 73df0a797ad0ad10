// SPDX-License-Identifier: BSD-2-Clause
/* conn_io - the socket of a conn: what of it is watched, what is read and sent,
 * and by which rate.
 *
 * The part of conn.c that users of a conn call while they have it (conn.h has
 * these: conn_read() to conn_is_held()), and what the others need of it. Owner and
 * thread as in conn.h; only conn.c and setup.c include this. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conn;

/* It has no socket yet. */
void conn_io_init(struct conn *);
/* Takes fd as its socket and watches it. */
void conn_watch(struct conn *, int fd, uint32_t events);

/* Its loop is the one that watches it, from here on. */
void conn_watch_here(struct conn *);
/* No loop watches it. */
void conn_unwatch(struct conn *);
/* What is to be watched for may have changed; the first only if it is watched. */
void conn_update_events(struct conn *);
void conn_watch_input(struct conn *);
bool conn_wants_input(const struct conn *);

/* Sends what is pending and tells the user when all of it is out. A failure shows
 * when reading. */
void conn_push(struct conn *);
/* Nothing is held back by the rate any more; what it owes is not forgotten. */
void conn_stop_pace(struct conn *);
