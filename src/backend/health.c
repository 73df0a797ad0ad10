// SPDX-License-Identifier: BSD-2-Clause
#include "backend/health.h"

#include "backend/backend.h"
#include "backend/ceiling.h"
#include "backend/conn.h"
#include "backend/pool.h"
#include "base/check.h"
#include "base/log.h"
#include "conf/conf.h"

#include <string.h>

#define BUSY_MS 1000	/* no connection is free: asked again after this */
#define NEVER_MS UINT64_MAX

static const char *const questions[] = {
	"DATE\r\n",
	"HELP\r\n",
	"STAT <health-check@nntpmux.invalid>\r\n",
};

static const struct conn_user conn_user;

/* The only writer of the state. */
static void
enter(struct health *h, enum health_state state)
{
	static const unsigned next_states[] = {
		[HEALTH_RESTING] = 1u << HEALTH_MAKING | 1u << HEALTH_ASKED,
		[HEALTH_MAKING] = 1u << HEALTH_ASKED | 1u << HEALTH_RESTING,
		[HEALTH_ASKED] = 1u << HEALTH_ASKED | 1u << HEALTH_IN_BLOCK |
		    1u << HEALTH_RESTING,
		[HEALTH_IN_BLOCK] = 1u << HEALTH_RESTING,
	};

	CHECK((next_states[h->state] >> state & 1) != 0);
	h->state = state;
}

/* --- the end of a check ----------------------------------------------------- */

static void
rest(struct health *h)
{
	enter(h, HEALTH_RESTING);
	h->conn = NULL;
	breaker_yield(&h->backend->breaker, h->loop->now_ms);
}

static void
succeed(struct health *h)
{
	struct conn *c = h->conn;

	/* Before, the pool would not keep it; and the first who waits gets it
	 * before others get new ones. */
	bool is_back = backend_note_answer(h->backend, h->loop->now_ms);

	rest(h);
	conn_put_unused(c);
	if (is_back)
		backend_welcome(h->backend, h->loop->now_ms);
}

static void
fail(struct health *h, enum reason reason, const char *said)
{
	struct conn *c = h->conn;

	log_warn("backend=%s fd=%d phase=check reason=%s (%s)%s%s",
	    h->backend->name, c->stream.fd, reason_key(reason),
	    reason_words(reason), said != NULL ? ": " : "",
	    said != NULL ? said : "");
	counter_add(&backend_count(h->backend, h->loop)->failures, 1);
	h->conn = NULL;
	conn_fail(c, "check", reason, said);
	rest(h);
}

/* --- questions and answers --------------------------------------------------- */

static void
ask(struct health *h)
{
	const char *question = questions[h->question];

	enter(h, HEALTH_ASKED);
	h->line_n = 0;
	conn_send(h->conn, question, strlen(question));
}

static void
begin(struct health *h)
{
	h->deadline_ms = h->loop->now_ms + h->conf->timeout_ms;
	conn_set_deadline(h->conn, h->deadline_ms);
	ask(h);
}

/* It speaks of itself, not of the question. */
static bool
is_trouble(int code)
{
	switch (code) {
	case 400:
	case 401:
	case 403:
	case 480:
	case 481:
	case 482:
	case 483:
	case 502:
		return true;
	default:
		return false;
	}
}

static void
read_block(struct health *h)
{
	bool is_end;
	size_t used = multiline_scan(&h->block, h->line, h->line_n, &is_end);

	if (is_end && used < h->line_n)
		fail(h, REASON_UNSOLICITED, NULL);
	else if (is_end)
		succeed(h);
	h->line_n = 0;
}

static void
on_status(struct health *h, const struct response *r)
{
	char said[BACKEND_SAID_MAX];
	bool is_limit = ceiling_is_told(r->code, h->line, r->line_n);
	bool is_unknown = r->code == 500 || r->code == 501 || r->code == 503;

	backend_format_said(h->conn->conf, h->line, r->line_n, said);
	h->line_n -= r->line_n;
	memmove(h->line, h->line + r->line_n, h->line_n);
	if (is_trouble(r->code)) {
		fail(h, is_limit ? REASON_LIMITED : REASON_TROUBLE, said);
	} else if (r->code == 100) {
		enter(h, HEALTH_IN_BLOCK);
		multiline_init(&h->block);
		read_block(h);
	} else if (h->line_n > 0) {
		fail(h, REASON_UNSOLICITED, said);
	} else if (is_unknown && h->question + 1 < ARRAY_N(questions)) {
		h->question++;
		ask(h);
	} else {
		succeed(h);
	}
}

static void
read_status(struct health *h)
{
	struct response r;

	switch (response_parse(h->line, h->line_n, &r)) {
	case RESPONSE_OK:
		on_status(h, &r);
		break;
	case RESPONSE_BAD:
		fail(h, REASON_GARBAGE, NULL);
		break;
	default:
		break;	/* more is to come */
	}
}

/* --- its connection ------------------------------------------------------------ */

static void
on_ready(struct conn *c, void *user)
{
	(void)c;
	begin(user);
}

static void
on_unmade(void *user, enum reason reason)
{
	(void)reason;	/* told already */
	rest(user);
}

/* A connection that had died while it was idle tells nothing: the next check
 * comes soon. */
static void
on_end(struct health *h, enum reason reason)
{
	struct conn *c = h->conn;

	if (c->item.born_ms >= h->checked_ms) {
		fail(h, reason, NULL);
		return;
	}
	h->checked_ms = 0;
	rest(h);
	conn_discard(c, DISCARD_ORDERLY);
}

static void
on_readable(struct conn *c, void *user)
{
	struct health *h = user;
	size_t n = 0;
	enum io_rc rc = conn_read(c, h->line + h->line_n,
	    sizeof(h->line) - h->line_n, &n);

	if (rc == IO_AGAIN)
		return;
	if (rc != IO_OK) {
		on_end(h, rc == IO_FAIL ? REASON_BACKEND_RESET :
		    REASON_BACKEND_EOF);
		return;
	}
	h->line_n += n;
	if (h->state == HEALTH_IN_BLOCK)
		read_block(h);
	else
		read_status(h);
}

static void
on_expired(struct conn *c, void *user)
{
	struct health *h = user;

	if (conn_is_held(c))
		conn_set_deadline(c, c->loop->now_ms + h->conf->timeout_ms);
	else
		fail(h, REASON_RESPONSE_TIMEOUT, NULL);
}

static void
on_drained(struct conn *c, void *user)
{
	(void)c;
	(void)user;
}

static const struct conn_user conn_user = {
	.ready = on_ready,
	.unmade = on_unmade,
	.readable = on_readable,
	.expired = on_expired,
	.drained = on_drained,
};

/* --- when ------------------------------------------------------------------------ */

void
health_init(struct health *h, const struct conf_health *conf,
    struct backend *b, struct loop *l, uint64_t now_ms)
{
	*h = (struct health){
		.conf = conf,
		.backend = b,
		.loop = l,
		.checked_ms = now_ms,
	};
}

static uint64_t
get_due_ms(const struct health *h)
{
	uint64_t last_ms = atomic_load(&h->backend->good_ms);

	if (breaker_is_open(&h->backend->breaker))
		return breaker_get_next_ms(&h->backend->breaker);
	if (h->conf->interval_ms == 0)
		return NEVER_MS;
	if (last_ms < h->checked_ms)
		last_ms = h->checked_ms;
	return last_ms + h->conf->interval_ms;
}

/* False: no connection can be had now. */
static bool
start(struct health *h)
{
	struct breaker *breaker = &h->backend->breaker;
	bool is_open = breaker_is_open(breaker);

	if (is_open && !breaker_try(breaker, h->loop->now_ms))
		return false;
	if (conn_get_probe(h->backend, h->loop, &h->conn) > POOL_CREATE) {
		breaker_yield(breaker, h->loop->now_ms);
		return false;
	}
	if (is_open)
		log_debug("backend=%s breaker=half-open", h->backend->name);
	h->checked_ms = h->loop->now_ms;
	conn_set_user(h->conn, &conn_user, h);
	if (conn_is_ready(h->conn)) {
		conn_set_reading(h->conn, true);
		begin(h);
	} else {
		enter(h, HEALTH_MAKING);
	}
	return true;
}

uint64_t
health_tick(struct health *h)
{
	uint64_t now_ms = h->loop->now_ms, due_ms;

	if (h->is_stopped || h->state != HEALTH_RESTING)
		return NEVER_MS;
	due_ms = get_due_ms(h);
	if (now_ms < due_ms)
		return due_ms;
	if (start(h))
		return NEVER_MS;
	return breaker_is_open(&h->backend->breaker) ? get_due_ms(h) :
	    now_ms + BUSY_MS;
}

void
health_stop(struct health *h)
{
	struct conn *c = h->conn;

	h->is_stopped = true;
	if (h->state == HEALTH_RESTING)
		return;
	if (h->state == HEALTH_MAKING)
		conn_abandon(c);
	else
		conn_discard(c, DISCARD_ORDERLY);
	rest(h);	/* health_start() may follow: the breaker is not to
			 * wait for this check */
}

void
health_start(struct health *h)
{
	h->is_stopped = false;
	h->checked_ms = h->loop->now_ms;
}

void
health_configure(struct health *h, const struct conf_health *conf)
{
	h->conf = conf;
}
