// SPDX-License-Identifier: BSD-2-Clause
/* ward - one backend under the care of the housekeeper.
 *
 *     KEPT ──► LEAVING ──► (freed, with its backend)
 *       ▲         │
 *       └─────────┘ it is configured again meanwhile
 *
 * Slots that are cool and back-offs that have ended are granted, connections
 * that are too old or of older settings go, min_idle is kept, the backend is
 * checked (backend/health.h). A LEAVING one is in no configuration any more: it
 * lends nothing, and when the last of its connections is closed a message goes
 * round the workers; when that is back none of them is inside a turn in which
 * it knew the backend.
 *
 * Owner: the housekeeper; its loop, or the main thread before that runs and
 * after it has ended. */
#pragma once

#include "backend/health.h"
#include "base/inbox.h"
#include "base/list.h"
#include "net/timer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct backend;
struct conf_health;
struct housekeeper;

enum ward_state { WARD_KEPT, WARD_LEAVING };

struct ward {
	struct list link;		/* in housekeeper->wards */
	struct housekeeper *housekeeper;
	struct backend *backend;
	enum ward_state state;
	struct health health;
	struct timer tick;
	size_t limit;			/* that was last logged */
	unsigned quota_mark;		/* the same */
	struct message alarm;		/* from any thread */
	_Atomic bool is_alarmed;

	struct message round;		/* at the workers, one by one */
	unsigned round_at;		/* whose turn it is */
	bool is_round_out;
	bool is_round_good;		/* LEAVING since it went out */
};

/* Takes b, whose pool nobody else knows yet. Gives. */
struct ward *ward_new(struct housekeeper *, const struct conf_health *conf,
    struct backend *b);
/* Takes it; its backend, which must be at rest, too. */
void ward_free(struct ward *);

/* Its backend has other settings, or is configured again: KEPT. Keeps conf.
 * Before anybody is routed there. */
void ward_keep(struct ward *, const struct conf_health *conf);
/* Nobody is routed there any more. */
void ward_leave(struct ward *);
/* No connection is lent any more, idle ones are closed. */
void ward_close(struct ward *);
/* What can be done now. */
void ward_look_after(struct ward *);
