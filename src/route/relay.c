// SPDX-License-Identifier: BSD-2-Clause
#include "route/relay.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "base/check.h"
#include "base/log.h"
#include "conf/conf.h"
#include "nntp/multiline.h"
#include "nntp/response.h"
#include "route/exchange.h"
#include "route/selector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_MS 2000
#define STALL_BYTES 1024	/* at least so many in stall_timeout */

/* With so much pending a client is slow: its backend is not read. */
#define OUTPUT_HIGH_BYTES (64 * 1024)
/* Pieces from this size on are sent at once; smaller ones are gathered. */
#define DIRECT_BYTES 4096

enum relay_state {
	RELAY_CONNECTING,
	RELAY_STATUS,		/* between answers */
	RELAY_BLOCK,		/* inside the first exchange's block */
};

struct relay {
	/* const after init */
	const struct relay_settings *settings;
	struct loop *loop;
	struct conn *conn;
	struct backend *backend;
	bool is_pooled;		/* the connection was not made for it */

	/* owner: the loop */
	enum relay_state state;
	struct list exchanges;
	size_t exchanges_n;
	struct multiline block;
	size_t answered_n;	/* in this loan */
	size_t drained_bytes;	/* for nobody */
	size_t window_bytes;	/* since the stall deadline was set */
	char *saved;		/* read but not used yet, or NULL */
	size_t saved_n;
	struct task use_saved;
	relay_gone_f *gone;	/* NULL: nobody's */
	void *arg;
};

static const struct conn_user conn_user;

static void consume(struct relay *r, const char *p, size_t n);

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

static void
take_out(struct relay *r, struct exchange *x)
{
	list_remove(&x->relay_link);
	r->exchanges_n--;
	x->relay = NULL;
	selector_complete_command(r->settings->selector, x->backend_id);
	x->backend_id = SELECTOR_NONE;
}

/* x is in no relay any more: it may be asked elsewhere, or its answer is cut,
 * or it was for nobody. */
static void
requeue(struct exchange *x)
{
	if (x->client == NULL) {
		exchange_free(x);
		return;
	}
	if (!exchange_is_cut(x))
		exchange_enter(x, EXCH_QUEUED);
	x->client->ops->kick(x->client);
}

static void
send_command(struct relay *r, struct exchange *x)
{
	char line[1024];
	size_t n = command_write(&x->command, line, sizeof(line));

	CHECK(n <= sizeof(line));
	exchange_enter(x, EXCH_SENT);
	conn_send(r->conn, line, n);
	counter_add(&backend_count(r->backend, r->loop)->commands, 1);
}

/* --- reading or not ----------------------------------------------------------- */

static bool
may_read(const struct relay *r)
{
	const struct exchange *x = relay_first(r);

	if (x == NULL || x->client == NULL)
		return true;	/* unsolicited, or for nobody */
	return x->client->ops->is_head(x->client, x) &&
	    output_pending(x->client->output) < OUTPUT_HIGH_BYTES;
}

/* The deadline of what the first exchange waits for; none while it is its
 * client that must be waited for. */
static void
update_deadline(struct relay *r)
{
	const struct conf_backend *conf = r->backend->conf;
	uint64_t now_ms = r->loop->now_ms;

	r->window_bytes = 0;
	if (r->gone == NULL)
		return;		/* relay_release() has set its own */
	if (relay_first(r) == NULL || !r->conn->is_reading)
		conn_set_deadline(r->conn, UINT64_MAX);
	else if (r->state == RELAY_STATUS)
		conn_set_deadline(r->conn, now_ms + conf->response_timeout_ms);
	else
		conn_set_deadline(r->conn, now_ms + conf->stall_timeout_ms);
}

static void
pause(struct relay *r)
{
	conn_set_reading(r->conn, false);
	update_deadline(r);
}

static void
save(struct relay *r, const char *p, size_t n)
{
	CHECK(r->saved == NULL);
	r->saved = xmalloc(n);
	r->saved_n = n;
	memcpy(r->saved, p, n);
}

/* Puts what was saved at the start of the loop's buffer. */
static size_t
take_saved(struct relay *r)
{
	size_t n = r->saved_n;

	if (r->saved == NULL)
		return 0;
	CHECK(n < LOOP_BUFFER_SIZE);
	memcpy(r->loop->buffer, r->saved, n);
	free(r->saved);
	r->saved = NULL;
	r->saved_n = 0;
	return n;
}

static void
on_use_saved(struct task *t)
{
	struct relay *r = LIST_ENTRY(t, struct relay, use_saved);

	if (r->saved == NULL)
		return;
	if (may_read(r))
		consume(r, r->loop->buffer, take_saved(r));
	else
		pause(r);	/* or nobody would resume it */
}

void
relay_resume(struct relay *r)
{
	if (r->conn->is_reading || r->state == RELAY_CONNECTING ||
	    !may_read(r))
		return;
	conn_set_reading(r->conn, true);
	update_deadline(r);
	if (r->saved != NULL)
		loop_schedule(r->loop, &r->use_saved);
}

/* --- ends ---------------------------------------------------------------------- */

static void
free_relay(struct relay *r)
{
	loop_unschedule(&r->use_saved);
	CHECK(list_is_empty(&r->exchanges));
	free(r->saved);
	free(r);
}

/* A pooled connection that has gone stale is not the backend's failure, and a
 * fresh one takes its place at once. */
static bool
is_stale_end(const struct relay *r, enum reason reason)
{
	return r->is_pooled && r->answered_n == 0 &&
	    (reason == REASON_BACKEND_EOF || reason == REASON_BACKEND_RESET);
}

static void
blame(struct relay *r, struct exchange *x, enum reason reason)
{
	uint64_t bit = UINT64_C(1) << r->backend->index;

	if (reason == REASON_BACKEND_EOF || reason == REASON_BACKEND_RESET ||
	    reason == REASON_UNSOLICITED || reason == REASON_STALE ||
	    r->state == RELAY_CONNECTING)
		x->failed |= bit;
	else
		x->spent |= bit;
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

		take_out(r, x);
		if (is_first && !is_stale)
			blame(r, x, reason);
		is_first = false;
		requeue(x);
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

static void
lose(struct relay *r, enum reason reason)
{
	bool is_stale = is_stale_end(r, reason);

	log_at(is_stale || reason == REASON_UNREAD ? LEVEL_DEBUG : LEVEL_WARN,
	    "backend=%s fd=%d phase=%s reason=%s (%s)", r->backend->name,
	    r->conn->stream.fd, r->state == RELAY_BLOCK ? "block" : "response",
	    reason_key(reason), reason_words(reason));
	if (!is_stale && reason != REASON_UNREAD)
		counter_add(&backend_count(r->backend, r->loop)->failures, 1);
	conn_discard(r->conn, is_stale ? DISCARD_ORDERLY : DISCARD_FAILED);
	leave(r, reason, is_stale);
}

/* Nobody waits for anything here any more. */
static void
end(struct relay *r)
{
	CHECK(r->state != RELAY_BLOCK && r->saved == NULL);
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
		end(r);
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
	take_out(r, x);
	exchange_enter(x, EXCH_QUEUED);
}

/* --- one answer ------------------------------------------------------------------ */

static void
forward(struct relay *r, struct exchange *x, const char *p, size_t n)
{
	if (x->client == NULL) {
		r->drained_bytes += n;
		return;
	}
	if (x->state == EXCH_SENT) {
		exchange_enter(x, EXCH_RELAYING);
		timer_clear(&r->loop->timers, &x->timer);
	}
	if (n < DIRECT_BYTES) {
		output_append(x->client->output, p, n);
		x->client->ops->kick(x->client);
	} else if (output_write(x->client->output, p, n) != IO_OK) {
		x->client->ops->kick(x->client);
	}
}

static void
finish(struct relay *r, struct exchange *x)
{
	struct exchange_client *client = x->client;

	take_out(r, x);
	if (client == NULL)
		exchange_free(x);
	else
		client->ops->done(client, x);
}

static void
note_unsupported(struct relay *r, struct exchange *x, int code)
{
	/* 500 tells of the verb. A 503 may be about a field, a keyword, or
	 * (old servers) about an idle time-out. */
	if (code == 500 && x->command.route == ROUTE_MSGID)
		backend_mark_unsupported(r->backend, x->command.row->id);
	x->unsupported |= UINT64_C(1) << r->backend->index;
}

/* The backend has answered, but not with an answer for the client. True when
 * the connection can go on. */
static bool
turn_down(struct relay *r, struct exchange *x, enum response_class class,
    const struct response *response)
{
	uint64_t bit = UINT64_C(1) << r->backend->index;

	switch (class) {
	case RESPONSE_MISS:
		x->missed |= r->backend->group_mask;
		counter_add(&backend_count(r->backend, r->loop)->misses, 1);
		break;
	case RESPONSE_UNSUPPORTED:
		note_unsupported(r, x, response->code);
		break;
	case RESPONSE_SYNTAX:
		x->refused |= bit;
		break;
	default:
		/* 403 is about this answer (RFC 3977, 3.2.1), the rest about
		 * the connection. */
		if (response->code != 403)
			return false;
		x->spent |= bit;
	}
	take_out(r, x);
	requeue(x);
	return true;
}

static enum reason
get_reason(enum response_class class)
{
	if (class == RESPONSE_STALE)
		return REASON_STALE;
	return class == RESPONSE_TROUBLE ? REASON_TROUBLE : REASON_GARBAGE;
}

static void
start_block(struct relay *r)
{
	r->state = RELAY_BLOCK;
	multiline_init(&r->block);
	update_deadline(r);
}

static void
end_answer(struct relay *r, struct exchange *x)
{
	r->state = RELAY_STATUS;
	finish(r, x);
	update_deadline(r);
}

/* A complete status line. False: the relay is gone. */
static bool
on_status(struct relay *r, struct exchange *x, const char *p,
    const struct response *response)
{
	enum response_class class = response_classify(&x->command, response);
	/* An idle time-out of the server that crossed our command. */
	bool is_late_end = response->code == 400 && r->is_pooled &&
	    r->answered_n == 0;

	if (is_late_end) {
		lose(r, REASON_BACKEND_EOF);
		return false;
	}
	r->answered_n++;
	if (class == RESPONSE_PASS) {
		forward(r, x, p, response->line_n);
		if (command_code_has_block(&x->command, response->code))
			start_block(r);
		else
			end_answer(r, x);
		return true;
	}
	if (class == RESPONSE_CONTINUE || !turn_down(r, x, class, response)) {
		char said[BACKEND_SAID_MAX];

		log_info("backend=%s fd=%d said \"%s\"", r->backend->name,
		    r->conn->stream.fd, backend_format_said(r->backend, p,
		    response->line_n, said));
		lose(r, get_reason(class));
		return false;
	}
	update_deadline(r);
	return true;
}

/* Octets used; 0: more are needed; *is_gone_r: so is the relay. */
static size_t
consume_status(struct relay *r, struct exchange *x, const char *p, size_t n,
    bool *is_gone_r)
{
	struct response response;

	switch (response_parse(p, n, &response)) {
	case RESPONSE_MORE:
		return 0;
	case RESPONSE_BAD:
		lose(r, REASON_GARBAGE);
		*is_gone_r = true;
		return 0;
	default:
		*is_gone_r = !on_status(r, x, p, &response);
		return response.line_n;
	}
}

static size_t
consume_block(struct relay *r, struct exchange *x, const char *p, size_t n)
{
	bool is_end;
	size_t used = multiline_scan(&r->block, p, n, &is_end);

	r->window_bytes += used;
	forward(r, x, p, used);
	if (is_end)
		end_answer(r, x);
	return used;
}

/* --- bytes ------------------------------------------------------------------------ */

/* All answers are read. With bytes left over, somebody answers who was not
 * asked, and nobody knows what else. */
static void
rest(struct relay *r, size_t left_n)
{
	if (left_n > 0)
		lose(r, REASON_UNSOLICITED);
	else if (r->gone == NULL)
		end(r);
	/* else its owner looks at the end of the turn */
}

static void
consume(struct relay *r, const char *p, size_t n)
{
	bool was_between = r->state == RELAY_STATUS;
	bool is_gone = false;
	struct exchange *x;

	while (n > 0 && (x = relay_first(r)) != NULL) {
		size_t used;

		if (!may_read(r)) {
			save(r, p, n);
			pause(r);
			return;
		}
		used = r->state == RELAY_BLOCK ? consume_block(r, x, p, n) :
		    consume_status(r, x, p, n, &is_gone);
		if (is_gone)
			return;
		if (used == 0) {
			save(r, p, n);
			return;
		}
		p += used;
		n -= used;
	}
	if (r->gone == NULL &&
	    r->drained_bytes > r->settings->drain_limit_bytes)
		lose(r, REASON_UNREAD);
	else if (relay_first(r) == NULL)
		rest(r, n);
	else if (was_between && r->state == RELAY_BLOCK)
		stream_acknowledge(&r->conn->stream);
}

static void
on_readable(struct conn *c, void *user)
{
	struct relay *r = user;
	size_t n = 0, saved_n;
	enum io_rc rc;

	if (!may_read(r)) {
		pause(r);
		return;
	}
	saved_n = take_saved(r);
	rc = stream_read(&c->stream, r->loop->buffer + saved_n,
	    LOOP_BUFFER_SIZE - saved_n, &n);
	if (rc == IO_EOF || rc == IO_FAIL) {
		lose(r, rc == IO_EOF ? REASON_BACKEND_EOF :
		    REASON_BACKEND_RESET);
		return;
	}
	counter_add(&backend_count(r->backend, r->loop)->bytes, n);
	consume(r, r->loop->buffer, saved_n + n);
}

static void
on_expired(struct conn *c, void *user)
{
	struct relay *r = user;

	(void)c;
	if (r->gone == NULL)
		lose(r, REASON_UNREAD);
	else if (r->state == RELAY_STATUS)
		lose(r, REASON_RESPONSE_TIMEOUT);
	else if (r->window_bytes < STALL_BYTES)
		lose(r, REASON_STALL);
	else
		update_deadline(r);
}

/* --- being made --------------------------------------------------------------------- */

static void
on_ready(struct conn *c, void *user)
{
	struct relay *r = user;

	(void)c;
	r->state = RELAY_STATUS;
	LIST_EACH(link, &r->exchanges) {
		struct exchange *x = to_exchange(link);

		send_command(r, x);
		x->client->ops->kick(x->client);	/* others may follow */
	}
	update_deadline(r);
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
};

/* --- leasing ------------------------------------------------------------------------ */

struct relay *
relay_new(struct conn *conn, struct loop *loop,
    const struct relay_settings *settings, relay_gone_f *gone, void *arg)
{
	struct relay *r = xcalloc(1, sizeof(*r));

	r->settings = settings;
	r->loop = loop;
	r->conn = conn;
	r->backend = conn->backend;
	r->is_pooled = conn_is_ready(conn);
	r->state = conn_is_ready(conn) ? RELAY_STATUS : RELAY_CONNECTING;
	r->gone = gone;
	r->arg = arg;
	list_init(&r->exchanges);
	task_init(&r->use_saved, on_use_saved);
	conn_set_user(conn, &conn_user, r);
	return r;
}

void
relay_push(struct relay *r, struct exchange *x)
{
	bool is_first = relay_first(r) == NULL;

	x->relay = r;
	list_push_back(&r->exchanges, &x->relay_link);
	r->exchanges_n++;
	if (r->state == RELAY_CONNECTING) {
		exchange_enter(x, EXCH_CONNECTING);
		return;
	}
	send_command(r, x);
	if (is_first) {
		conn_set_reading(r->conn, true);
		update_deadline(r);
	}
}

bool
relay_has_room(const struct relay *r)
{
	return r->state != RELAY_CONNECTING &&
	    r->exchanges_n < r->backend->conf->pipeline_depth &&
	    !pool_has_waiters(r->backend->pool);
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

int
relay_get_backend_id(const struct relay *r)
{
	return (int)r->backend->index;
}
