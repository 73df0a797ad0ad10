// SPDX-License-Identifier: BSD-2-Clause
#include "route/verdict.h"

#include "backend/backend.h"
#include "backend/ceiling.h"

static void
note_unsupported(struct exchange *x, struct backend *b, int code)
{
	/* 500 tells of the verb. A 503 may be about a field, a keyword, or
	 * (old servers) about an idle time-out. */
	if (code == 500 && x->command.route == ROUTE_MSGID)
		backend_mark_unsupported(b, x->command.row->id);
	x->unsupported |= UINT64_C(1) << b->index;
}

bool
verdict_turn_down(struct exchange *x, struct backend *b, struct loop *l,
    enum response_class class, const struct response *response)
{
	uint64_t bit = UINT64_C(1) << b->index;

	switch (class) {
	case RESPONSE_MISS:
		x->missed |= bit;
		counter_add(&backend_count(b, l)->misses, 1);
		return true;
	case RESPONSE_UNSUPPORTED:
		note_unsupported(x, b, response->code);
		return true;
	case RESPONSE_SYNTAX:
		x->refused |= bit;
		return true;
	default:
		/* 403 is about this answer (RFC 3977, 3.2.1), the rest about
		 * the connection. */
		if (response->code != 403)
			return false;
		x->spent |= bit;
		return true;
	}
}

void
verdict_blame(struct exchange *x, const struct backend *b, enum reason reason,
    bool was_made)
{
	uint64_t bit = UINT64_C(1) << b->index;

	if (!was_made || reason == REASON_BACKEND_EOF ||
	    reason == REASON_BACKEND_RESET || reason == REASON_UNSOLICITED ||
	    reason == REASON_STALE || reason == REASON_LIMITED)
		x->failed |= bit;
	else
		x->spent |= bit;
}

enum reason
verdict_get_reason(enum response_class class, const struct response *response,
    const char *line)
{
	if (class == RESPONSE_STALE)
		return REASON_STALE;
	if (class == RESPONSE_TROUBLE && ceiling_is_told(response->code, line,
	    response->line_n))
		return REASON_LIMITED;
	return class == RESPONSE_TROUBLE ? REASON_TROUBLE : REASON_GARBAGE;
}
