// SPDX-License-Identifier: BSD-2-Clause
/* relay_read - what a backend sends becomes status lines and blocks, and they
 * the answers of the exchanges in the relay. */
#include "route/relay_priv.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "base/check.h"
#include "nntp/response.h"
#include "route/exchange.h"
#include "route/forward.h"
#include "route/mend.h"
#include "route/mender.h"
#include "route/verdict.h"

#include <stdlib.h>
#include <string.h>

#define SKIP_BYTES 4096		/* of a block, at a time */
#define SMALL_BYTES 4096

static void consume(struct relay *r, const char *p, size_t n);

/* --- reading or not ----------------------------------------------------------- */

/* What comes is not for the client: it has it, or it is not the same. */
static bool
is_skipping(const struct exchange *x)
{
	return x->mend != NULL && !mend_is_giving(x->mend);
}

static bool
may_read(const struct relay *r)
{
	const struct exchange *x = relay_first(r);

	if (x == NULL || x->client == NULL)
		return true;	/* unsolicited, or for nobody */
	/* The time of a mender is not the client's to waste. */
	return x->client->ops->is_head(x->client, x) && (is_skipping(x) ||
	    output_pending(x->client->output) < RELAY_OUTPUT_HIGH_BYTES);
}

static void
pause(struct relay *r)
{
	conn_set_reading(r->conn, false);
	relay_update_deadline(r);
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

void
relay_on_use_saved(struct task *t)
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
	relay_update_deadline(r);
	if (r->saved != NULL)
		loop_schedule(r->loop, &r->use_saved);
}

/* --- one answer ------------------------------------------------------------------ */

static void
finish(struct relay *r, struct exchange *x)
{
	struct exchange_client *client = x->client;

	backend_praise(r->backend, r->loop->now_ms);
	relay_take_out(r, x);
	if (client == NULL)
		exchange_free(x);
	else
		client->ops->done(client, x);
}

static void
start_block(struct relay *r, struct exchange *x)
{
	r->state = RELAY_BLOCK;
	r->conn->blocks_n++;
	multiline_init(&r->block);
	number_init(&x->number);
	relay_update_deadline(r);
}

static void
end_answer(struct relay *r, struct exchange *x)
{
	r->state = RELAY_STATUS;
	finish(r, x);
	relay_send_commands(r);
	relay_update_deadline(r);
}

/* The client may send its article. */
static void
go_ahead(struct relay *r, struct exchange *x, const char *line,
    const struct response *response)
{
	r->state = RELAY_ARTICLE;
	lone_dot_init(&r->lone_dot);
	forward_go_ahead(x, r->loop, line, response);
	relay_update_deadline(r);
}

static void
pass(struct relay *r, struct exchange *x, const char *line,
    const struct response *response)
{
	if (x->client != NULL)
		forward_status(x, r->loop, line, response);
	if (command_code_has_block(&x->command, response->code))
		start_block(r, x);
	else
		end_answer(r, x);
}

/* False: the connection is of no use any more. */
static bool
turn_down(struct relay *r, struct exchange *x, enum response_class class,
    const struct response *response)
{
	if (class == RESPONSE_CONTINUE || x->state == EXCH_POSTING ||
	    !verdict_turn_down(x, r->backend, r->loop, class, response))
		return false;
	backend_praise(r->backend, r->loop->now_ms);
	relay_take_out(r, x);
	relay_requeue(x);
	relay_send_commands(r);
	relay_update_deadline(r);
	return true;
}

/* An idle time-out of the server that crossed our command. */
static bool
is_late_end(const struct relay *r, const struct response *response)
{
	return response->code == 400 && r->is_pooled && r->answered_n == 0;
}

/* Not all of the command, or of the article behind it, is out yet: what is it
 * an answer to? */
static bool
is_early(const struct relay *r)
{
	return r->sent_n == 1 && (conn_get_unsent(r->conn) > 0 ||
	    r->conn->output.is_broken);
}

static enum reason
get_reason(const struct exchange *x, enum response_class class,
    const struct response *response, const char *line)
{
	if (class == RESPONSE_CONTINUE && x->client == NULL)
		return REASON_POST_LEFT;
	return verdict_get_reason(class, response, line);
}

static enum response_class
classify(const struct exchange *x, const struct response *response)
{
	enum response_class class = x->state == EXCH_POSTING ?
	    response_classify_posted(&x->command, response) :
	    response_classify(&x->command, response);

	/* It would not be what the client has a part of. */
	if (class == RESPONSE_PASS && is_skipping(x) &&
	    response->code != mender_get_code(x))
		return RESPONSE_GARBAGE;
	return class;
}

/* A complete status line. False: the relay is gone. */
static bool
on_status(struct relay *r, struct exchange *x, const char *line,
    const struct response *response)
{
	enum response_class class = classify(x, response);
	char said[BACKEND_SAID_MAX];

	if (is_late_end(r, response) || is_early(r)) {
		relay_lose(r, is_late_end(r, response) ? REASON_BACKEND_EOF :
		    REASON_UNSOLICITED);
		return false;
	}
	r->answered_n++;
	if (x->client != NULL)
		x->client->ops->answered(x->client, x, class, response, line);
	if (class == RESPONSE_PASS) {
		pass(r, x, line, response);
		return true;
	}
	if (class == RESPONSE_CONTINUE && x->client != NULL &&
	    x->state == EXCH_SENT) {
		go_ahead(r, x, line, response);
		return true;
	}
	if (turn_down(r, x, class, response))
		return true;
	relay_lose_saying(r, get_reason(x, class, response, line),
	    backend_format_said(r->conn->conf, line, response->line_n, said));
	return false;
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
		relay_lose(r, REASON_GARBAGE);
		*is_gone_r = true;
		return 0;
	default:
		*is_gone_r = !on_status(r, x, p, &response);
		return response.line_n;
	}
}

/* All that the client has was seen here too, or is not the same. */
static void
end_skipping(struct relay *r, struct exchange *x)
{
	if (mend_is_giving(x->mend))
		counter_add(&backend_count(r->backend, r->loop)->mends, 1);
	x->client->ops->skipped(x->client, x);
}

static void
give(struct relay *r, struct exchange *x, const char *p, size_t n)
{
	if (is_skipping(x)) {
		bool was_same = !mend_is_different(x->mend);
		size_t skipped_n = mend_skip(x->mend, p, n);

		p += skipped_n;
		n -= skipped_n;
		if (was_same && (mend_is_giving(x->mend) ||
		    mend_is_different(x->mend)))
			end_skipping(r, x);
	}
	if (n > 0)
		forward_block(x, p, n);
}

static size_t
consume_block(struct relay *r, struct exchange *x, const char *p, size_t n)
{
	bool is_end;
	size_t used;

	/* What is behind the skipped part goes out whether there is room or
	 * not: let it be little. */
	if (is_skipping(x) && n > SKIP_BYTES)
		n = SKIP_BYTES;
	used = multiline_scan(&r->block, p, n, &is_end);
	r->window_bytes += used;
	if (x->client != NULL)
		give(r, x, p, used);
	else
		r->drained_bytes += used;
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
	if (left_n > 0) {
		backend_note_unasked(r->backend, r->loop->now_ms);
		relay_lose(r, REASON_UNSOLICITED);
	} else if (r->gone == NULL) {
		relay_end(r);
	}
	/* else its owner looks at the end of the turn */
}

/* n octets of a block have come, is_first: and the status line. Who sends a
 * little and waits for its acknowledgement has not sent much. */
static void
await_rest(struct relay *r, size_t n, bool is_first)
{
	if (relay_is_spliced(r))
		loop_coalesce(r->loop, r->conn, r->window_bytes);
	if (is_first && n < SMALL_BYTES)
		stream_acknowledge(&r->conn->stream);
}

static void
consume(struct relay *r, const char *p, size_t n)
{
	bool was_between = r->state == RELAY_STATUS;
	size_t given_n = n;
	bool is_gone = false;
	struct exchange *x;

	while (n > 0 && (x = relay_first(r)) != NULL) {
		size_t used;

		if (!may_read(r)) {
			save(r, p, n);
			pause(r);
			return;
		}
		if (r->state == RELAY_ARTICLE)
			break;	/* it has not been asked yet */
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
	    r->drained_bytes > r->drain_limit_bytes)
		relay_lose(r, REASON_UNREAD);
	else if (relay_first(r) == NULL || n > 0)
		rest(r, n);
	else if (r->state == RELAY_BLOCK)
		await_rest(r, given_n, was_between);
}

static enum reason
get_end_reason(const struct relay *r, enum io_rc rc)
{
	if (rc == IO_FAIL)
		return REASON_BACKEND_RESET;
	return rc == IO_CUT && r->state == RELAY_BLOCK ? REASON_TLS_CUT :
	    REASON_BACKEND_EOF;
}

/* At most size octets to where the loop's buffer has n already, and then what
 * shall be used together with them. An end behind them is told the next time. */
static enum io_rc
read_some(struct relay *r, size_t n, size_t size, size_t *n_r)
{
	char *to = r->loop->buffer + n;
	size_t room = LOOP_BUFFER_SIZE - n, rest_n, more_n = 0;
	enum io_rc rc = conn_read(r->conn, to, size < room ? size : room, n_r);

	if (rc != IO_OK)
		return rc;
	rest_n = relay_follow_head(r, *n_r);
	room -= *n_r;
	if (rest_n > 0 && room > 0 && conn_read(r->conn, to + *n_r,
	    rest_n < room ? rest_n : room, &more_n) == IO_OK)
		*n_r += more_n;
	return IO_OK;
}

void
relay_read(struct relay *r)
{
	size_t n = 0, saved_n, size;
	enum io_rc rc;

	if (!may_read(r)) {
		pause(r);
		return;
	}
	size = relay_splice(r);
	if (size == 0) {
		loop_coalesce(r->loop, r->conn, r->window_bytes);
		return;
	}
	saved_n = take_saved(r);
	rc = read_some(r, saved_n, size, &n);
	if (rc != IO_OK && rc != IO_AGAIN) {
		relay_lose(r, get_end_reason(r, rc));
		return;
	}
	consume(r, r->loop->buffer, saved_n + n);
}
