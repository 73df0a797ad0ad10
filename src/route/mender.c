// SPDX-License-Identifier: BSD-2-Clause
#include "route/mender.h"

#include "backend/backend.h"
#include "base/log.h"
#include "route/exchange.h"
#include "route/mend.h"
#include "route/selector.h"

#include <inttypes.h>

int
mender_get_code(const struct exchange *x)
{
	return x->command.row->id == CMD_ARTICLE ? 220 : 222;
}

static bool
has_others(const struct router *r, const struct exchange *x,
    uint64_t eligible)
{
	eligible &= r->all & ~(UINT64_C(1) << x->backend->index);
	for (; eligible != 0; eligible &= eligible - 1)
		if (router_may_ask(r, x, eligible, __builtin_ctzll(eligible)))
			return true;
	return false;
}

void
mender_watch(const struct router *r, struct exchange *x, uint64_t eligible,
    int code)
{
	enum command_id id = x->command.row->id;

	if (r->resume == RESUME_NO || x->command.route != ROUTE_MSGID ||
	    (id != CMD_ARTICLE && id != CMD_BODY) ||
	    code != mender_get_code(x) || !has_others(r, x, eligible))
		return;
	x->mend = mend_new(id == CMD_ARTICLE, r->resume == RESUME_EXACT);
	x->given_id = (int)x->backend->index;
}

struct exchange *
mender_new(const struct router *r, struct exchange *cut, struct loop *l)
{
	struct exchange *x;

	if (cut->mend == NULL || !mend_is_possible(cut->mend))
		return NULL;
	x = exchange_new(cut->client, &cut->command, cut->line, cut->line_n);
	x->missed = cut->missed;
	x->lost = cut->lost;
	x->unsupported = cut->unsupported;
	x->refused = cut->refused;
	x->spent = cut->spent;
	x->failed = cut->failed;
	x->rounds_n = cut->rounds_n;
	x->given_id = cut->given_id;
	x->mend = cut->mend;
	cut->mend = NULL;
	mend_restart(x->mend);
	router_start_clock(r, x, l);
	return x;
}

static const char *
get_name(const struct router *r, int id)
{
	const struct backend *b = selector_backend(r->selector, id);

	return b != NULL ? b->name : "-";
}

void
mender_note_skipped(const struct router *r, struct exchange *mender)
{
	const struct backend *b = mender->backend;
	const char *before = get_name(r, mender->given_id);
	int msgid_n = (int)mender->command.msgid_n;

	if (mend_is_different(mender->mend)) {
		log_warn("backend=%s has another article than backend=%s as"
		    " %.*s", b->name, before, msgid_n, mender->command.msgid);
		return;
	}
	log_info("mended %.*s backend=%s after=%s offset=%" PRIu64, msgid_n,
	    mender->command.msgid, b->name, before,
	    mend_get_offset(mender->mend));
	mender->given_id = (int)b->index;
}

void
mender_log_end(const struct exchange *mender, const char *why)
{
	log_info("not mended %.*s offset=%" PRIu64 " (%s)",
	    (int)mender->command.msgid_n, mender->command.msgid,
	    mend_get_offset(mender->mend), why);
}
