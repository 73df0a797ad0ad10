// SPDX-License-Identifier: BSD-2-Clause
#include "route/pipeline.h"

#include "base/check.h"
#include "net/loop.h"
#include "net/output.h"
#include "route/selector.h"

/* After a wait that cost the later commands their connection. */
#define SINGLE_COMMANDS 32

static const struct exchange_client_ops client_ops;

static struct pipeline *
from_client(struct exchange_client *c)
{
	return LIST_ENTRY(c, struct pipeline, client);
}

static struct exchange *
to_exchange(struct list *link)
{
	return LIST_ENTRY(link, struct exchange, link);
}

void
pipeline_init(struct pipeline *p, const struct pipeline_user *user,
    const struct router *router, uint64_t eligible, struct loop *l,
    struct output *output)
{
	*p = (struct pipeline){
		.client = { .ops = &client_ops, .output = output },
		.user = user,
		.router = router,
		.loop = l,
		.eligible = eligible,
	};
	list_init(&p->exchanges);
}

struct exchange *
pipeline_first(const struct pipeline *p)
{
	return list_is_empty(&p->exchanges) ? NULL :
	    to_exchange(list_first(&p->exchanges));
}

struct exchange *
pipeline_last(const struct pipeline *p)
{
	return list_is_empty(&p->exchanges) ? NULL :
	    to_exchange(list_last(&p->exchanges));
}

void
pipeline_add(struct pipeline *p, struct exchange *x)
{
	list_push_back(&p->exchanges, &x->link);
	p->n++;
}

static void
take_out(struct pipeline *p, struct exchange *x)
{
	list_remove(&x->link);
	p->n--;
	timer_clear(&p->loop->timers, &x->timer);
}

/* --- answers ------------------------------------------------------------------- */

static void
finish(struct pipeline *p, struct exchange *x)
{
	take_out(p, x);
	exchange_free(x);
	p->done_n++;
	if (p->single_n > 0)
		p->single_n--;
}

/* Writes what is ready at the front. An answer that ends the session stays:
 * pipeline_pump() sees to it. */
static void
advance(struct pipeline *p)
{
	struct exchange *x;

	while ((x = pipeline_first(p)) != NULL &&
	    x->state == EXCH_ANSWERED && x->ends == REASON_NONE) {
		output_append(p->client.output, x->answer, x->answer_n);
		finish(p, x);
	}
	if (x == NULL || x->state == EXCH_HELD || x->state == EXCH_ANSWERED)
		return;
	if (x->deadline_ms == 0)
		router_start_clock(p->router, x, p->loop);
	if (x->relay != NULL)
		relay_resume(x->relay);
}

static bool
is_head(struct exchange_client *c, const struct exchange *x)
{
	return pipeline_first(from_client(c)) == x;
}

static void
on_kick(struct exchange_client *c)
{
	struct pipeline *p = from_client(c);

	p->user->kick(p);
}

static void
on_done(struct exchange_client *c, struct exchange *x)
{
	struct pipeline *p = from_client(c);

	finish(p, x);
	advance(p);
	p->user->kick(p);
}

static const struct exchange_client_ops client_ops = {
	.is_head = is_head,
	.done = on_done,
	.kick = on_kick,
};

/* --- connections ------------------------------------------------------------------ */

static void
on_gone(struct relay *r, void *arg)
{
	struct pipeline *p = arg;

	if (p->carrier == r)
		p->carrier = NULL;
	if (p->side == r)
		p->side = NULL;
	p->user->kick(p);
}

static void
hold(struct pipeline *p, struct relay *r)
{
	if (p->carrier == NULL) {
		p->carrier = r;
	} else {
		CHECK(p->side == NULL);
		p->side = r;
	}
}

/* The field is cleared first: a release may call back. */
static void
release(struct relay **holder)
{
	struct relay *r = *holder;

	*holder = NULL;
	if (r != NULL)
		relay_release(r);
}

static void
release_unused(struct relay **holder)
{
	if (*holder != NULL && relay_first(*holder) == NULL)
		release(holder);
}

/* The later commands give up the connection they are on. */
static void
give_up_carrier(struct pipeline *p)
{
	if (p->carrier == NULL)
		return;
	for (struct list *link = p->exchanges.next; link != &p->exchanges;
	     link = link->next) {
		struct exchange *x = to_exchange(link);

		if (x->relay == p->carrier)
			relay_pull(p->carrier, x);
	}
	release(&p->carrier);
	p->single_n = SINGLE_COMMANDS;
}

static bool
may_follow(struct pipeline *p, struct exchange *x)
{
	return p->carrier != NULL && relay_has_room(p->carrier) &&
	    (router_get_candidates(p->router, x, p->eligible) &
	    UINT64_C(1) << relay_get_backend_id(p->carrier)) != 0;
}

static void
follow(struct pipeline *p, struct exchange *x)
{
	x->backend_id = selector_route_command(p->router->selector,
	    UINT64_C(1) << relay_get_backend_id(p->carrier));
	relay_push(p->carrier, x);
}

static void
on_granted(struct exchange *x, struct relay *relay)
{
	struct pipeline *p = from_client(x->client);

	if (relay != NULL)
		hold(p, relay);
	p->user->kick(p);
}

static void
start_first(struct pipeline *p, struct exchange *x)
{
	struct relay *relay;

	release_unused(&p->side);
	if (p->carrier != NULL && relay_is_idle(p->carrier)) {
		if (may_follow(p, x) && relay_is_quiet(p->carrier)) {
			follow(p, x);
			return;
		}
		release(&p->carrier);
	}
	switch (router_try(p->router, x, p->eligible, p->loop, on_gone, p,
	    &relay)) {
	case ROUTER_RELAY:
		hold(p, relay);
		break;
	case ROUTER_WAIT:
		give_up_carrier(p);
		router_wait(p->router, x, p->eligible, p->loop, on_granted,
		    on_gone, p);
		break;
	case ROUTER_END:
		break;
	}
}

/* Commands by message-id behind the first go out on the carrier, as long as
 * everything before them is on it, or is answered here. */
static void
push_followers(struct pipeline *p)
{
	struct list *link = list_first(&p->exchanges);

	if (p->single_n > 0 || link == NULL)
		return;
	for (link = link->next; link != &p->exchanges; link = link->next) {
		struct exchange *x = to_exchange(link);

		if (x->state == EXCH_HELD)
			return;
		if (x->state != EXCH_QUEUED)
			continue;
		if (x->command.route != ROUTE_MSGID || !may_follow(p, x))
			return;
		follow(p, x);
	}
}

enum pipeline_rc
pipeline_pump(struct pipeline *p, enum reason *reason_r)
{
	struct exchange *x;

	for (;;) {
		advance(p);
		x = pipeline_first(p);
		if (x == NULL || x->state != EXCH_QUEUED)
			break;
		start_first(p, x);
		if (x->state != EXCH_ANSWERED)
			break;
	}
	if (x != NULL && x->state == EXCH_ANSWERED) {
		*reason_r = x->ends;
		output_append(p->client.output, x->answer, x->answer_n);
		finish(p, x);
		return PIPELINE_ENDS;
	}
	if (x != NULL && exchange_is_cut(x)) {
		*reason_r = REASON_CUT;
		return PIPELINE_ENDS;
	}
	push_followers(p);
	release_unused(&p->carrier);
	release_unused(&p->side);
	return PIPELINE_GOES_ON;
}

void
pipeline_resume(struct pipeline *p)
{
	struct exchange *x = pipeline_first(p);

	if (x != NULL && x->relay != NULL)
		relay_resume(x->relay);
}

/* --- ends ------------------------------------------------------------------------- */

static void
drop(struct pipeline *p, struct exchange *x)
{
	if (x->state == EXCH_WAITING)
		router_unwait(x);
	else if (x->state == EXCH_CONNECTING)
		relay_pull(x->relay, x);
	take_out(p, x);
	x->client = NULL;
	/* What went out belongs to its relay now, which reads it out. */
	if (x->relay == NULL)
		exchange_free(x);
}

void
pipeline_keep_first(struct pipeline *p)
{
	while (pipeline_last(p) != pipeline_first(p))
		drop(p, pipeline_last(p));
}

void
pipeline_drop(struct pipeline *p)
{
	while (pipeline_first(p) != NULL)
		drop(p, pipeline_first(p));
	release(&p->carrier);
	release(&p->side);
}
