// SPDX-License-Identifier: BSD-2-Clause
#include "route/relay_priv.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "base/check.h"
#include "base/log.h"
#include "conf/conf.h"
#include "route/exchange.h"
#include "route/verdict.h"

#include <stdlib.h>

#define DRAIN_MS 2000
#define STALL_BYTES 1024	/* at least so many in stall_timeout */

static const char *const phases[] = {
	[RELAY_CONNECTING] = "connect",
	[RELAY_STATUS] = "response",
	[RELAY_BLOCK] = "block",
	[RELAY_ARTICLE] = "post",
};

static const struct conn_user conn_user;

/* --- exchanges of the relay -------------------------------------------------- */

static struct exchange *
to_exchange(struct list *link)
{
	return LIST_ENTRY(link, struct exchange, relay_link);
}

struct exchange *
relay_first(const struct relay *r)
{
	return list_is_empty(&r->exchanges) ? NULL :
	    to_exchange(list_first(&r->exchanges));
}

void
relay_take_out(struct relay *r, struct exchange *x)
{
	list_remove(&x->relay_link);
	r->exchanges_n--;
	if (x->state != EXCH_CONNECTING)
		r->sent_n--;
	x->relay = NULL;
	backend_complete_command(x->backend);
	x->backend = NULL;
}

void
relay_requeue(struct exchange *x)
{
	if (x->client == NULL) {
		exchange_free(x);
		return;
	}
	if (x->state == EXCH_POSTING)
		exchange_end(x, REASON_POST_LOST);
	else
		exchange_enter(x, x->state == EXCH_RELAYING ? EXCH_CUT :
		    EXCH_QUEUED);
	x->client->ops->kick(x->client);
}

static enum conn_trace
get_trace(const struct command *c)
{
	switch (c->route) {
	case ROUTE_UNKNOWN:
		return CONN_UNKNOWN_SENT;
	case ROUTE_SELECT:
		return CONN_GROUP_SELECTED;
	default:
		return CONN_UNTOUCHED;
	}
}

static void
send_command(struct relay *r, struct exchange *x)
{
	char line[1024];
	size_t n = command_write(&x->command, line, sizeof(line));

	CHECK(n <= sizeof(line));
	exchange_enter(x, EXCH_SENT);
	r->sent_n++;
	conn_leave_trace(r->conn, get_trace(&x->command));
	conn_send(r->conn, line, n);
	counter_add(&backend_count(r->backend, r->loop)->commands, 1);
}

/* A command that the proxy answers itself, now that this backend has had a
 * connection. */
static void
hand_back(struct relay *r, struct exchange *x)
{
	x->spent |= UINT64_C(1) << r->backend->index;
	relay_take_out(r, x);
	relay_requeue(x);
}

void
relay_send_commands(struct relay *r)
{
	LIST_EACH(link, &r->exchanges) {
		struct exchange *x = to_exchange(link);
		bool is_alone = (x->command.row->flags & COMMAND_ALONE) != 0;

		if (x->state != EXCH_CONNECTING)
			continue;
		if (r->sent_n >= r->backend->conf->pipeline_depth ||
		    (is_alone && r->sent_n > 0))
			return;
		if (x->command.route == ROUTE_LOCAL)
			hand_back(r, x);
		else
			send_command(r, x);
	}
}

/* --- time ------------------------------------------------------------------- */

static uint64_t
after(const struct relay *r, uint64_t timeout_ms)
{
	return timeout_ms > 0 ? r->loop->now_ms + timeout_ms : UINT64_MAX;
}

/* Until when what is waited for must happen; nothing, while it is the client
 * that is waited for. */
static uint64_t
get_deadline(const struct relay *r)
{
	const struct conf_backend *conf = r->backend->conf;
	const struct exchange *x = relay_first(r);

	if (x == NULL)
		return r->has_slot ? after(r, conf->keepalive_ms) : UINT64_MAX;
	if (!r->conn->is_reading)
		return UINT64_MAX;
	if (r->state == RELAY_ARTICLE)
		return conn_get_unsent(r->conn) > 0 ?
		    after(r, conf->stall_timeout_ms) : UINT64_MAX;
	if (x->state == EXCH_POSTING)
		return after(r, conf->post_timeout_ms);
	return after(r, r->state == RELAY_BLOCK ? conf->stall_timeout_ms :
	    conf->response_timeout_ms);
}

void
relay_update_deadline(struct relay *r)
{
	r->window_bytes = 0;
	r->window_sent_bytes = r->conn->output.sent_bytes;
	/* relay_release() has set its own. */
	if (r->gone != NULL)
		conn_set_deadline(r->conn, get_deadline(r));
}

/* --- ends ---------------------------------------------------------------------- */

static void
free_relay(struct relay *r)
{
	loop_unschedule(&r->use_saved);
	CHECK(list_is_empty(&r->exchanges));
	if (r->has_slot)
		backend_release_stateful(r->backend);
	free(r->saved);
	spares_give(&r->loop->spares, r, sizeof(*r));
}

/* A pooled connection that has gone stale is not the backend's failure, and a
 * fresh one takes its place at once. */
static bool
is_stale_end(const struct relay *r, enum reason reason)
{
	return r->is_pooled && r->answered_n == 0 && reason_is_loss(reason);
}

/* The connection is of no use (or gone) and so is the relay. The exchange
 * whose answer was due is the one that failed here; the others have lost
 * nothing but time. */
static void
end_exchanges(struct relay *r, enum reason reason, bool is_stale)
{
	struct list *link;
	bool is_first = true;

	while ((link = list_first(&r->exchanges)) != NULL) {
		struct exchange *x = to_exchange(link);

		relay_take_out(r, x);
		if (x->state == EXCH_RELAYING)
			x->lost |= UINT64_C(1) << r->backend->index;
		if (is_first && !is_stale)
			verdict_blame(x, r->backend, reason,
			    r->state != RELAY_CONNECTING);
		is_first = false;
		relay_requeue(x);
	}
}

static void
leave(struct relay *r, enum reason reason, bool is_stale)
{
	relay_gone_f *gone = r->gone;

	r->gone = NULL;
	if (gone != NULL)
		gone(r, r->arg);
	end_exchanges(r, reason, is_stale);
	free_relay(r);
}

/* It is for the sake of a client that left: no failure of the backend. */
static bool
is_our_end(enum reason reason)
{
	return reason == REASON_UNREAD || reason == REASON_POST_LEFT;
}

void
relay_lose(struct relay *r, enum reason reason)
{
	relay_lose_saying(r, reason, NULL);
}

void
relay_lose_saying(struct relay *r, enum reason reason, const char *said)
{
	bool is_stale = is_stale_end(r, reason);

	log_at(is_stale || is_our_end(reason) ? LEVEL_DEBUG : LEVEL_WARN,
	    "backend=%s fd=%d phase=%s reason=%s (%s)%s%s", r->backend->name,
	    r->conn->stream.fd, phases[r->state], reason_key(reason),
	    reason_words(reason), said != NULL ? ": " : "",
	    said != NULL ? said : "");
	if (is_stale || is_our_end(reason)) {
		conn_discard(r->conn, is_stale ? DISCARD_ORDERLY :
		    DISCARD_FAILED);
	} else {
		counter_add(&backend_count(r->backend, r->loop)->failures, 1);
		conn_fail(r->conn, phases[r->state], reason, said);
	}
	leave(r, reason, is_stale);
}

void
relay_end(struct relay *r)
{
	CHECK(r->state <= RELAY_STATUS && r->saved == NULL);
	if (r->state == RELAY_CONNECTING)
		conn_abandon(r->conn);
	else
		conn_put(r->conn);
	free_relay(r);
}

void
relay_release(struct relay *r)
{
	r->gone = NULL;
	if (relay_first(r) == NULL) {
		relay_end(r);
		return;
	}
	conn_set_reading(r->conn, true);
	conn_set_deadline(r->conn, r->loop->now_ms + DRAIN_MS);
	if (r->saved != NULL)
		loop_schedule(r->loop, &r->use_saved);
}

void
relay_pull(struct relay *r, struct exchange *x)
{
	CHECK(x->relay == r);
	if (x->state == EXCH_SENT) {
		exchange_leave_twin(x);
		return;
	}
	CHECK(x->state == EXCH_CONNECTING);
	relay_take_out(r, x);
	exchange_enter(x, EXCH_QUEUED);
}

void
relay_forsake(struct relay *r, struct exchange *x)
{
	CHECK(x->relay == r);
	x->client = NULL;
	if (r->state == RELAY_ARTICLE)
		relay_lose(r, REASON_POST_LEFT);
}

/* --- time is over --------------------------------------------------------------- */

/* Since the deadline was set. */
static uint64_t
get_moved_bytes(const struct relay *r)
{
	return r->state == RELAY_ARTICLE ?
	    r->conn->output.sent_bytes - r->window_sent_bytes :
	    r->window_bytes;
}

static void
keep_alive(struct relay *r)
{
	backend_count_command(r->backend);
	relay_push(r, exchange_new_own(CMD_DATE));
}

static void
on_expired(struct conn *c, void *user)
{
	struct relay *r = user;

	if (r->gone == NULL)
		relay_lose(r, REASON_UNREAD);
	else if (relay_first(r) == NULL)
		keep_alive(r);
	else if (conn_is_held(c))
		relay_update_deadline(r);	/* anew */
	else if (r->state == RELAY_STATUS)
		relay_lose(r, REASON_RESPONSE_TIMEOUT);
	else if (get_moved_bytes(r) < STALL_BYTES)
		relay_lose(r, REASON_STALL);
	else
		relay_update_deadline(r);
}

/* --- an article to the backend ----------------------------------------------- */

bool
relay_is_posting(const struct relay *r)
{
	return r->state == RELAY_ARTICLE;
}

bool
relay_wants_article(const struct relay *r)
{
	return relay_is_posting(r) &&
	    conn_get_unsent(r->conn) < RELAY_ARTICLE_HIGH_BYTES;
}

void
relay_send_article(struct relay *r, const char *p, size_t n, bool is_end)
{
	bool was_waiting = conn_get_unsent(r->conn) > 0;

	CHECK(r->state == RELAY_ARTICLE);
	/* For some servers this is its end: they take what follows for
	 * commands, whose answers must not reach anybody else. */
	if (lone_dot_scan(&r->lone_dot, p, n - is_end))
		conn_leave_trace(r->conn, CONN_UNKNOWN_SENT);
	conn_send(r->conn, p, n);
	if (is_end)
		r->state = RELAY_STATUS;
	if (is_end || !was_waiting)
		relay_update_deadline(r);
}

static void
on_drained(struct conn *c, void *user)
{
	struct relay *r = user;
	struct exchange *x = relay_first(r);

	(void)c;
	if (r->state != RELAY_ARTICLE)
		return;
	relay_update_deadline(r);
	x->client->ops->kick(x->client);	/* more may come */
}

/* --- being made --------------------------------------------------------------------- */

static void
on_ready(struct conn *c, void *user)
{
	struct relay *r = user;

	(void)c;
	r->state = RELAY_STATUS;
	relay_send_commands(r);
	relay_update_deadline(r);
	LIST_EACH(link, &r->exchanges) {
		struct exchange *x = to_exchange(link);

		x->client->ops->kick(x->client);	/* others may follow */
	}
}

static void
on_readable(struct conn *c, void *user)
{
	(void)c;
	relay_read(user);
}

static void
on_unmade(void *user, enum reason reason)
{
	struct relay *r = user;

	leave(r, reason, false);
}

static const struct conn_user conn_user = {
	.ready = on_ready,
	.unmade = on_unmade,
	.readable = on_readable,
	.expired = on_expired,
	.drained = on_drained,
};

/* --- leasing ------------------------------------------------------------------------ */

struct relay *
relay_new(struct conn *conn, struct loop *loop, uint64_t drain_limit_bytes,
    bool has_slot, relay_gone_f *gone, void *arg)
{
	struct relay *r = spares_take(&loop->spares, sizeof(*r));

	*r = (struct relay){
		.loop = loop,
		.conn = conn,
		.backend = conn->backend,
		.is_pooled = conn_is_ready(conn),
		.has_slot = has_slot,
		.drain_limit_bytes = drain_limit_bytes,
		.state = conn_is_ready(conn) ? RELAY_STATUS :
		    RELAY_CONNECTING,
		.gone = gone,
		.arg = arg,
	};
	list_init(&r->exchanges);
	task_init(&r->use_saved, relay_on_use_saved);
	conn_set_user(conn, &conn_user, r);
	return r;
}

void
relay_push(struct relay *r, struct exchange *x)
{
	bool is_first = relay_first(r) == NULL;

	x->relay = r;
	x->backend = r->backend;
	list_push_back(&r->exchanges, &x->relay_link);
	r->exchanges_n++;
	exchange_enter(x, EXCH_CONNECTING);
	if (r->state == RELAY_CONNECTING)
		return;
	relay_send_commands(r);
	if (is_first) {
		conn_set_reading(r->conn, true);
		relay_update_deadline(r);
	}
}

bool
relay_has_room(const struct relay *r)
{
	return r->state != RELAY_CONNECTING &&
	    r->exchanges_n < r->backend->conf->pipeline_depth &&
	    (r->has_slot || !pool_has_waiters(r->backend->pool));
}

bool
relay_is_idle(const struct relay *r)
{
	return r->state == RELAY_STATUS && relay_first(r) == NULL;
}

bool
relay_is_quiet(struct relay *r)
{
	return stream_is_quiet(&r->conn->stream);
}

bool
relay_is_touched(const struct relay *r)
{
	return r->conn->trace == CONN_GROUP_SELECTED;
}

struct backend *
relay_get_backend(const struct relay *r)
{
	return r->backend;
}

int
relay_get_backend_id(const struct relay *r)
{
	return (int)r->backend->index;
}
