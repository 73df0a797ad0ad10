// SPDX-License-Identifier: BSD-2-Clause
#include "route/pipeline_priv.h"

#include "backend/backend.h"
#include "base/check.h"
#include "net/loop.h"
#include "net/output.h"
#include "route/mender.h"
#include "route/mode.h"
#include "route/selector.h"

#include <string.h>

/* After a wait that cost the later commands their connection. */
#define SINGLE_COMMANDS 32

static const struct exchange_client_ops client_ops;

static struct route_ask get_ask(const struct pipeline *,
    const struct exchange *);

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
		.client = { .ops = &client_ops, .output = output,
		    .relay = router->relay },
		.user = user,
		.router = router,
		.loop = l,
		.eligible = eligible,
		.bound = UINT64_MAX,
	};
	pin_init(&p->pin);
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

/* That works for the first one's answer. */
static struct exchange *
get_active(const struct pipeline *p)
{
	return p->mender != NULL ? p->mender : pipeline_first(p);
}

void
pipeline_add(struct pipeline *p, struct exchange *x)
{
	list_push_back(&p->exchanges, &x->link);
	p->n++;
}

static void
append_line(struct pipeline *p, const char *line)
{
	output_append(p->client.output, line, strlen(line));
	output_append(p->client.output, "\r\n", 2);
}

static void
take_out(struct pipeline *p, struct exchange *x)
{
	list_remove(&x->link);
	p->n--;
	timer_clear(&p->loop->timers, &x->timer);
}

/* --- answers ------------------------------------------------------------------- */

/* An empty line is no command at all. */
static bool
is_unknown(const struct exchange *x)
{
	return x->command.row->id == CMD_UNKNOWN && x->command.line_n > 0;
}

static void
finish(struct pipeline *p, struct exchange *x)
{
	/* What a backend said to it has been looked at in on_answered(). */
	if (is_unknown(x))
		p->unknown_n += x->state == EXCH_ANSWERED;
	else if (x->command.line_n > 0)
		p->unknown_n = 0;
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
	    p->unknown_n < PIPELINE_UNKNOWN_MAX &&
	    x->state == EXCH_ANSWERED && x->ends == REASON_NONE) {
		output_append(p->client.output, x->answer, x->answer_n);
		finish(p, x);
	}
	if (x == NULL || x->state == EXCH_HELD || x->state == EXCH_ANSWERED)
		return;
	if (x->deadline_ms == 0)
		router_start_clock(p->router, x, p->loop);
	x = get_active(p);
	if (x->relay != NULL)
		relay_resume(x->relay);
}

static bool
is_head(struct exchange_client *c, const struct exchange *x)
{
	return get_active(from_client(c)) == x;
}

static void
on_kick(struct exchange_client *c)
{
	struct pipeline *p = from_client(c);

	p->user->kick(p);
}

static void
take_pin(struct pipeline *p, struct relay *r)
{
	if (p->carrier == r)
		p->carrier = NULL;
	if (p->side == r)
		p->side = NULL;
	pin_hold(&p->pin, r);
}

static void
on_answered(struct exchange_client *c, struct exchange *x,
    enum response_class class, const struct response *response,
    const char *line)
{
	struct pipeline *p = from_client(c);

	if (p->pin.relay != x->relay && mode_is_pinning(p->router->mode,
	    &x->command, class, response->code))
		take_pin(p, x->relay);
	if (is_unknown(x) && class == RESPONSE_PASS)
		p->unknown_n = response->code == 500 ? p->unknown_n + 1 : 0;
	if (p->pin.relay == x->relay && class == RESPONSE_PASS)
		pin_follow(&p->pin, &x->command, response, line);
	if (class == RESPONSE_PASS && x->mend == NULL)
		mender_watch(p->router, x, get_ask(p, x).eligible,
		    response->code);
}

static void
on_done(struct exchange_client *c, struct exchange *x)
{
	struct pipeline *p = from_client(c);

	if (x->command.row->id == CMD_LISTGROUP)
		pin_follow_list(&p->pin, x->number.value);
	if (x != p->mender)
		finish(p, x);
	else if (pipeline_finish_mender(p))
		finish(p, pipeline_first(p));
	advance(p);
	p->user->kick(p);
}

static void
on_skipped(struct exchange_client *c, struct exchange *x)
{
	mender_note_skipped(from_client(c)->router, x);
	on_kick(c);
}

static const struct exchange_client_ops client_ops = {
	.is_head = is_head,
	.answered = on_answered,
	.skipped = on_skipped,
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
	if (p->pin.relay == r)
		pin_lose(&p->pin);
	p->user->kick(p);
}

static void
hold(struct pipeline *p, struct relay *r)
{
	if (p->carrier == NULL && !pin_is_held(&p->pin)) {
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

/* --- where a command may go -------------------------------------------------------- */

static struct route_ask
get_ask(const struct pipeline *p, const struct exchange *x)
{
	return mode_get_ask(p->router, &x->command, &p->pin,
	    pipeline_get_eligible(p));
}

/* x may be asked on this connection. */
static bool
suits(const struct pipeline *p, const struct exchange *x,
    const struct relay *r)
{
	uint64_t eligible = get_ask(p, x).eligible;
	int id = relay_get_backend_id(r);

	if (r == p->pin.relay)
		return router_may_ask(p->router, x, eligible, id);
	return (router_get_candidates(p->router, x, eligible) &
	    UINT64_C(1) << id) != 0;
}

static void
push(struct pipeline *p, struct exchange *x, struct relay *r)
{
	backend_count_command(relay_get_backend(r));
	x->hides_number = x->command.route == ROUTE_MSGID &&
	    (r != p->pin.relay || !pin_has_group(&p->pin));
	relay_push(r, x);
}

/* --- the first command --------------------------------------------------------------- */

static void
on_granted(struct exchange *x, struct relay *relay)
{
	struct pipeline *p = from_client(x->client);

	if (relay != NULL)
		hold(p, relay);
	/* With its command on its way nothing is left to do for it now. */
	if (relay == NULL || p->n > 1)
		p->user->kick(p);
}

static void
seek(struct pipeline *p, struct exchange *x)
{
	struct route_ask ask = get_ask(p, x);
	struct relay *relay;

	x->hides_number = x->command.route == ROUTE_MSGID;
	switch (router_try(p->router, x, &ask, p->loop, on_gone, p, &relay)) {
	case ROUTER_RELAY:
		hold(p, relay);
		break;
	case ROUTER_WAIT:
		give_up_carrier(p);
		router_wait(p->router, x, &ask, p->loop, on_granted, on_gone,
		    p);
		break;
	case ROUTER_END:
		break;
	}
}

/* Answered here, when the backends it is about have had a connection. */
static void
start_local(struct pipeline *p, struct exchange *x)
{
	struct route_ask ask = { .most = CONN_GROUP_SELECTED };
	struct relay *relay;

	ask.eligible = p->user->answer(p, x, false);
	if (ask.eligible == 0)
		return;
	relay = router_visit(p->router, x, &ask, p->loop, on_gone, p);
	if (relay != NULL)
		hold(p, relay);
	else
		(void)p->user->answer(p, x, true);
}

/* In stateful mode the pin may have been used by others before, who selected a
 * group there. The session has none, so it loses nothing by another one. */
static void
change_touched_pin(struct pipeline *p, struct exchange *x)
{
	p->bound = UINT64_C(1) << pin_get_backend_id(&p->pin);
	pin_release(&p->pin);
	seek(p, x);
}

static void
start_pinned(struct pipeline *p, struct exchange *x)
{
	if (!suits(p, x, p->pin.relay))
		seek(p, x);
	else if (x->command.route == ROUTE_UNKNOWN &&
	    !pin_has_group(&p->pin) && relay_is_touched(p->pin.relay))
		change_touched_pin(p, x);
	else
		push(p, x, p->pin.relay);
}

static void
start_unpinned(struct pipeline *p, struct exchange *x)
{
	if (p->carrier != NULL && relay_is_idle(p->carrier)) {
		if (!get_ask(p, x).needs_slot && suits(p, x, p->carrier) &&
		    relay_has_room(p->carrier) &&
		    relay_is_quiet(p->carrier)) {
			push(p, x, p->carrier);
			return;
		}
		release(&p->carrier);
	}
	seek(p, x);
}

void
pipeline_start(struct pipeline *p, struct exchange *x)
{
	release_unused(&p->side);
	if (x->command.route == ROUTE_LOCAL)
		start_local(p, x);
	else if (x->command.route == ROUTE_GROUP && !pin_has_group(&p->pin))
		exchange_answer_line(x, "412 no newsgroup selected");
	else if (pin_is_held(&p->pin))
		start_pinned(p, x);
	else
		start_unpinned(p, x);
}

/* --- the commands behind it ----------------------------------------------------------- */

static bool
is_barrier(const struct pipeline *p, const struct exchange *x)
{
	return mode_is_barrier(p->router->mode, &x->command, &p->pin);
}

static bool
may_follow(const struct pipeline *p, const struct exchange *x,
    struct relay *r)
{
	if (x->command.route == ROUTE_GROUP && !pin_has_group(&p->pin))
		return false;
	if (x->command.route != ROUTE_MSGID && r != p->pin.relay)
		return false;
	return !is_barrier(p, x) && relay_has_room(r) && suits(p, x, r);
}

/* They go out on one connection, as long as everything before them is on it,
 * or is answered here. */
static void
push_followers(struct pipeline *p)
{
	struct relay *r = pin_is_held(&p->pin) ? p->pin.relay : p->carrier;
	bool is_first = true;

	if (p->single_n > 0 || r == NULL)
		return;
	LIST_EACH(link, &p->exchanges) {
		struct exchange *x = to_exchange(link);

		if (x->state == EXCH_HELD)
			return;
		if (x->state == EXCH_ANSWERED)
			continue;
		if (x->state == EXCH_QUEUED) {
			if (is_first || !may_follow(p, x, r))
				return;
			push(p, x, r);
		}
		if (is_barrier(p, x))
			return;
		is_first = false;
	}
}

/* A reload has taken away the only backend that the session can go on with. */
static bool
is_homeless(const struct pipeline *p)
{
	uint64_t home = pin_is_held(&p->pin) ?
	    UINT64_C(1) << pin_get_backend_id(&p->pin) : p->bound;

	/* Where nothing is bound there may be nothing at all: that is said of
	 * each command. */
	return home != UINT64_MAX &&
	    (home & p->eligible & p->router->all) == 0;
}

/* The session can't go on without what it had on its pin. */
static bool
is_pin_lost(const struct pipeline *p, const struct exchange *first)
{
	return (p->pin.state == PIN_LOST || is_homeless(p)) &&
	    (first == NULL || first->state == EXCH_QUEUED);
}

enum pipeline_rc
pipeline_pump(struct pipeline *p, enum reason *reason_r)
{
	struct exchange *x;

	for (;;) {
		advance(p);
		x = pipeline_first(p);
		if (is_pin_lost(p, x)) {
			*reason_r = REASON_PIN_LOST;
			if (x == NULL)
				return PIPELINE_LOST;
			append_line(p, reason_answer(REASON_PIN_LOST));
			return PIPELINE_ENDS;
		}
		if (p->unknown_n >= PIPELINE_UNKNOWN_MAX) {
			*reason_r = REASON_UNKNOWN_COMMANDS;
			append_line(p, reason_answer(REASON_UNKNOWN_COMMANDS));
			return PIPELINE_ENDS;
		}
		if (x == NULL || x->state != EXCH_QUEUED)
			break;
		pipeline_start(p, x);
		if (x->state != EXCH_ANSWERED)
			break;
	}
	if (x != NULL && x->state == EXCH_ANSWERED) {
		*reason_r = x->ends;
		output_append(p->client.output, x->answer, x->answer_n);
		finish(p, x);
		return PIPELINE_ENDS;
	}
	if (x != NULL && !pipeline_mend(p, x)) {
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
	struct exchange *x = get_active(p);

	if (x != NULL && x->relay != NULL)
		relay_resume(x->relay);
}

/* --- another snapshot --------------------------------------------------------------- */

/* x was not sent yet, and its backend is gone. */
static bool
is_left_behind(const struct exchange *x, const struct router *router)
{
	return x->state == EXCH_CONNECTING &&
	    (router->all >> x->backend->index & 1) == 0;
}

/* What is known of backends that are in both goes on to hold. */
static void
change_router(const struct pipeline *p, struct exchange *x,
    const struct router *router)
{
	uint64_t both = p->router->all & router->all;

	if (x->state == EXCH_WAITING)
		router_recall(x, p->loop);
	else if (is_left_behind(x, router))
		relay_pull(x->relay, x);
	x->missed &= both;
	x->unsupported &= both;
	x->refused &= both;
	x->spent &= both;
	x->failed &= both;
	x->full &= both;
	x->lost &= both;
	if (x->given_id != SELECTOR_NONE &&
	    (both >> x->given_id & 1) == 0)
		x->given_id = SELECTOR_NONE;
}

void
pipeline_change(struct pipeline *p, const struct router *router,
    uint64_t eligible)
{
	LIST_EACH(link, &p->exchanges)
		change_router(p, to_exchange(link), router);
	if (p->mender != NULL)
		change_router(p, p->mender, router);
	p->router = router;
	p->client.relay = router->relay;
	p->eligible = eligible;
}

uint64_t
pipeline_get_eligible(const struct pipeline *p)
{
	return p->eligible & p->bound;
}

/* --- an article ------------------------------------------------------------------- */

static struct relay *
get_posting(const struct pipeline *p)
{
	struct exchange *x = pipeline_first(p);

	return x != NULL && x->state == EXCH_POSTING &&
	    relay_is_posting(x->relay) ? x->relay : NULL;
}

bool
pipeline_is_posting(const struct pipeline *p)
{
	return get_posting(p) != NULL;
}

bool
pipeline_wants_article(const struct pipeline *p)
{
	struct relay *r = get_posting(p);

	return r != NULL && relay_wants_article(r);
}

void
pipeline_send_article(struct pipeline *p, const char *s, size_t n, bool is_end)
{
	relay_send_article(get_posting(p), s, n, is_end);
}

/* --- ends ------------------------------------------------------------------------- */

void
pipeline_withdraw(struct pipeline *p, struct exchange *x)
{
	if (x->state == EXCH_WAITING)
		router_unwait(x);
	else if (x->state == EXCH_CONNECTING)
		relay_pull(x->relay, x);
	timer_clear(&p->loop->timers, &x->timer);
	/* What went out belongs to its relay now, which reads it out. */
	if (x->relay != NULL)
		relay_forsake(x->relay, x);
	else
		exchange_free(x);
}

static void
drop(struct pipeline *p, struct exchange *x)
{
	list_remove(&x->link);
	p->n--;
	pipeline_withdraw(p, x);
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
	if (p->mender != NULL)
		pipeline_end_mending(p, NULL);
	while (pipeline_first(p) != NULL)
		drop(p, pipeline_first(p));
	release(&p->carrier);
	release(&p->side);
	pin_release(&p->pin);
}
