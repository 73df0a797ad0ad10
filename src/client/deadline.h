// SPDX-License-Identifier: BSD-2-Clause
/* deadline - how long a session may go on as it is.
 *
 *   must log in               login_timeout, since it must, whatever it says;
 *                             while it waits for a seat, login.c sees to that
 *   answers wait for it       client_stall_timeout, begun anew with each KiB
 *   its article is awaited    client_stall_timeout, from its last byte
 *   it has begun a line       client_stall_timeout, from the line's first byte
 *                             or the last one of an answer
 *   nothing                   client_idle_timeout
 *   it has been told the end  a moment
 *
 * While a command is under way it is we who are waited for: that has deadlines
 * of its own. Only looks at the session and its clocks. Its loop. */
#pragma once

#include "nntp/reason.h"

#include <stdint.h>

struct session;

/* At the end of a turn: what begins and ends with it. */
void deadline_update(struct session *);
/* Bytes have come from the client. */
void deadline_note_received(struct session *);
/* It has been held by its rate, and may go on. */
void deadline_note_released(struct session *);
/* When it is over unless something happens; UINT64_MAX: never. */
uint64_t deadline_get(const struct session *);
/* By when a client that must log in has to. */
uint64_t deadline_get_login(const struct session *);
/* It is over. REASON_NONE: the session goes on, and so does the time;
 * otherwise it is to be closed. */
enum reason deadline_expire(struct session *)
    __attribute__((warn_unused_result));
