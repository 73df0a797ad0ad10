// SPDX-License-Identifier: BSD-2-Clause
/* setup - how a conn is made: resolve, connect, TLS, greeting, MODE READER,
 * login, CAPABILITIES.
 *
 * The part of conn.c between CONN_BLANK and CONN_READY, and what the two share.
 * Owner and thread as in conn.h; nobody else includes this. */
#pragma once

#include <stdint.h>

struct conn;
struct loop;

/* From BLANK on; ends with ready() or unmade(), within connect_timeout; which
 * begins anew for what a look-up has found that ended while all stood still. */
void setup_start(struct conn *);
void setup_on_event(struct conn *, uint32_t events);
void setup_on_timer(struct conn *);
/* Gives up; nobody waits for it. */
void setup_abort(struct conn *);

/* In conn.c, for setup.c and conn_io.c. */
void conn_on_event(struct loop *l, void *arg, uint32_t events);
/* Everything of the conn that hangs on its socket. */
void conn_close_socket(struct conn *);
/* Without a socket: nobody uses it any more, it may be made anew. */
void conn_become_blank(struct conn *);
