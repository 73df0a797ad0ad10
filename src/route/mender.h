// SPDX-License-Identifier: BSD-2-Clause
/* mender - who goes on with an article whose backend was lost inside its
 * block.
 *
 *   the command   RELAYING ─► CUT ─► MENDING ────────► (done)    in the pipeline
 *                              │                         ▲
 *   its mender                 └─► QUEUED ─► … ─► RELAYING       in no pipeline
 *
 * The mender is an exchange with the same command, routed as any other; of its
 * answer the client gets what it does not have yet (mend.h). One that is cut
 * in its turn is followed by the next. A backend that was lost inside its
 * answer is not asked again: as if it lacked the article, so a higher tier may
 * follow.
 *
 * The loop of the exchange. */
#pragma once

#include "route/router.h"

#include <stdint.h>

struct exchange;

/* From the cut to the first new octet. */
#define MENDER_MS 20000

/* The backend of x->relay has answered with this code: if its block could be
 * gone on with by another of the eligible ones, what the client gets of it is
 * remembered. */
void mender_watch(const struct router *, struct exchange *x,
    uint64_t eligible, int code);

/* The code that a copy of the article must begin with. */
int mender_get_code(const struct exchange *);

/* Asks for the rest of what was cut, a command or its mender (CUT). Gives;
 * NULL: nobody can go on with it. */
struct exchange *mender_new(const struct router *, struct exchange *cut,
    struct loop *);

/* The mender's backend, that of x->relay, has sent what the client has: the
 * same or not. For the log. */
void mender_note_skipped(const struct router *, struct exchange *mender);
/* For the log: it stays cut. why: in words. */
void mender_log_end(const struct exchange *mender, const char *why);
