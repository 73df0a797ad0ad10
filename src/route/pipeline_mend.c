// SPDX-License-Identifier: BSD-2-Clause
/* pipeline_mend - the first command is cut: its mender finds a connection like
 * any other, and what it brings ends the first one's answer. */
#include "route/pipeline_priv.h"

#include "net/loop.h"
#include "route/mend.h"
#include "route/mender.h"

static const char different[] = "the other copy is not the same";

bool
pipeline_finish_mender(struct pipeline *p)
{
	if (!mend_is_giving(p->mender->mend)) {
		pipeline_end_mending(p, different);
		return false;
	}
	exchange_free(p->mender);
	p->mender = NULL;
	return true;
}

void
pipeline_end_mending(struct pipeline *p, const char *why)
{
	struct exchange *x = pipeline_first(p);

	if (why != NULL)
		mender_log_end(p->mender, why);
	pipeline_withdraw(p, p->mender);
	p->mender = NULL;
	timer_clear(&p->loop->timers, &x->timer);
	exchange_enter(x, EXCH_CUT);
}

static void
on_timer(struct timer *t)
{
	struct exchange *x = LIST_ENTRY(t, struct exchange, timer);
	struct pipeline *p = LIST_ENTRY(x->client, struct pipeline, client);

	if (mend_is_giving(p->mender->mend))
		return;		/* just in time */
	pipeline_end_mending(p, "nobody went on in time");
	p->user->kick(p);
}

/* cut: the first, or its mender. False: nobody can go on with it. */
static bool
start(struct pipeline *p, struct exchange *x, struct exchange *cut)
{
	struct exchange *mender = mender_new(p->router, cut, p->loop);

	if (mender == NULL)
		return false;
	if (cut == x)
		exchange_enter(x, EXCH_MENDING);
	else
		exchange_free(cut);
	p->mender = mender;
	/* One that did not come as far as the one before has the same time. */
	if (!timer_is_set(&x->timer)) {
		x->timer.expired = on_timer;
		timer_set(&p->loop->timers, &x->timer,
		    p->loop->now_ms + MENDER_MS);
	}
	return true;
}

bool
pipeline_mend(struct pipeline *p, struct exchange *x)
{
	if (x->state == EXCH_CUT && !start(p, x, x))
		return false;
	if (x->state != EXCH_MENDING)
		return true;
	if (mend_is_different(p->mender->mend)) {
		pipeline_end_mending(p, different);
		return false;
	}
	if (p->mender->state == EXCH_CUT)
		(void)start(p, x, p->mender);
	if (p->mender->state == EXCH_QUEUED)
		pipeline_start(p, p->mender);
	if (p->mender->state == EXCH_ANSWERED) {
		pipeline_end_mending(p, "nobody else could go on with it");
		return false;
	}
	if (mend_is_giving(p->mender->mend))
		timer_clear(&p->loop->timers, &x->timer);
	return true;
}
