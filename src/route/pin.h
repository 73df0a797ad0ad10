// SPDX-License-Identifier: BSD-2-Clause
/* pin - the backend connection that a session keeps, and where the session
 * stands there: its group and its current article (RFC 3977, 6).
 *
 *   PIN_NONE ──► PIN_HELD ──► PIN_LOST
 *      ▲          │ │  ▲          │
 *      └──────────┘ │  └──────────┘
 *                   └─► PIN_HELD, another connection
 *
 * A lost one is replaced when the group that was asked for elsewhere meanwhile
 * is there: the session has nothing left at the old place.
 *
 * All that a session has on the server's side is known here, so it could be
 * made again on another connection to the same backend.
 *
 * Embedded in the pipeline. Its loop. */
#pragma once

#include "nntp/command.h"
#include "nntp/response.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay;

enum pin_state { PIN_NONE, PIN_HELD, PIN_LOST };

struct pin {
	enum pin_state state;
	struct relay *relay;	/* PIN_HELD; has a stateful slot */
	char *group;		/* selected there; NULL: none */
	uint64_t article;	/* the current article number; 0: none */
};

void pin_init(struct pin *);
/* Takes relay; the one held before is released, its group forgotten. */
void pin_hold(struct pin *, struct relay *relay);
/* The relay is gone by itself. */
void pin_lose(struct pin *);
/* Nothing is held any more. */
void pin_release(struct pin *);

bool pin_is_held(const struct pin *);
bool pin_has_group(const struct pin *);
/* SELECTOR_NONE when nothing is held. */
int pin_get_backend_id(const struct pin *);

/* The status line of an answer for the client has come on the pinned
 * connection: follows GROUP, LISTGROUP, NEXT, LAST, and ARTICLE, HEAD, BODY,
 * STAT by number. line is what response was read from. */
void pin_follow(struct pin *, const struct command *,
    const struct response *response, const char *line);
/* The block of a LISTGROUP began with this number (0: with none): that is
 * where the session stands, if the status line did not say it. */
void pin_follow_list(struct pin *, uint64_t first);
