// SPDX-License-Identifier: BSD-2-Clause
/* mode - what each mode allows a command: which backends may get it, on what
 * kind of connection, what may be sent behind it, and which answer makes the
 * session keep the connection.
 *
 * per-command: no session keeps one. hybrid: one that has selected a group
 * there, or sent a command that nobody knows. stateful: each, the one that
 * answered it first; its backend is then the only one for it.
 *
 * Any thread. Pure: looks only at its arguments. */
#pragma once

#include "conf/conf.h"
#include "nntp/command.h"
#include "nntp/response.h"
#include "route/router.h"

#include <stdbool.h>
#include <stdint.h>

struct pin;

/* For the first command of a session with this pin, of those backends that it
 * may use at all. */
struct route_ask mode_get_ask(const struct router *, const struct command *,
    const struct pin *, uint64_t eligible);

/* Nothing may be sent behind the command before its answer is known, for that
 * decides who is asked next, and what for. */
bool mode_is_barrier(enum conf_mode, const struct command *,
    const struct pin *);

/* The answer, of this class and code, makes the session keep the connection
 * that it came on. */
bool mode_is_pinning(enum conf_mode, const struct command *,
    enum response_class, int code);
