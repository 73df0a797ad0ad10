// SPDX-License-Identifier: BSD-2-Clause
/* verdict - what it means for a command that a backend answered with something
 * else than an answer for the client, or broke: who may be asked next.
 *
 * The loop of the exchange. */
#pragma once

#include "nntp/response.h"
#include "route/exchange.h"

#include <stdbool.h>

struct backend;
struct loop;

/* The backend has answered, but not with an answer for the client. True when
 * its connection can go on. */
bool verdict_turn_down(struct exchange *, struct backend *, struct loop *,
    enum response_class, const struct response *);

/* The connection broke while this exchange's answer was due. was_made: false
 * when it could not be made in the first place. */
void verdict_blame(struct exchange *, const struct backend *, enum reason,
    bool was_made);

/* Why a connection is dropped that gave an answer of this class; line is what
 * response was read from. */
enum reason verdict_get_reason(enum response_class, const struct response *,
    const char *line);
