// SPDX-License-Identifier: BSD-2-Clause
#include "client/handshake.h"

#include "base/log.h"
#include "client/session_priv.h"
#include "conf/conf.h"
#include "net/stream_tls.h"
#include "route/exchange.h"

#define TIMEOUT_MS 10000
#define SLOW_MS 2000		/* then it gives way if there are too many */

bool
handshake_is_needed(const struct session *s)
{
	return s->listen->tls == TLS_STARTTLS && s->listen->require_tls &&
	    !stream_is_tls(&s->stream);
}

bool
handshake_is_offered(const struct session *s)
{
	return s->listen->tls == TLS_STARTTLS && s->user == NULL &&
	    !stream_is_tls(&s->stream);
}

/* --- a place among those under way ---------------------------------------- */

/* When the one that has had its place longest gives way. */
static uint64_t
get_slow_ms(const struct client_context *c)
{
	const struct session *oldest = LIST_ENTRY(list_first(&c->handshakes),
	    struct session, handshake_link);

	return oldest->handshake_ms + SLOW_MS;
}

/* Where somebody waits the place is his at once. */
static void
make_room(struct client_context *c)
{
	if (c->handshakes_n < HANDSHAKES_MAX || loop_is_patient(c->loop) ||
	    c->loop->now_ms < get_slow_ms(c))
		return;
	session_close(LIST_ENTRY(list_first(&c->handshakes), struct session,
	    handshake_link), REASON_TLS_SLOW);
}

static void
take_place(struct session *s)
{
	s->handshake_ms = s->context->loop->now_ms;
	list_push_back(&s->context->handshakes, &s->handshake_link);
	s->context->handshakes_n++;
}

/* Nobody goes before those who wait. */
static bool
enter(struct session *s)
{
	struct client_context *c = s->context;

	if (list_is_empty(&c->handshakes_waiting))
		make_room(c);
	if (c->handshakes_n == HANDSHAKES_MAX)
		return false;
	take_place(s);
	return true;
}

void
handshake_queue(struct session *s)
{
	if (enter(s)) {
		session_start_tls(s);
		return;
	}
	s->handshake_ms = s->context->loop->now_ms;
	list_push_back(&s->context->handshakes_waiting, &s->handshake_link);
}

static void
admit_next(struct client_context *c)
{
	struct list *link = list_pop_front(&c->handshakes_waiting);
	struct session *next;

	if (link == NULL)
		return;
	next = LIST_ENTRY(link, struct session, handshake_link);
	take_place(next);
	session_start_tls(next);
}

void
handshake_leave(struct session *s)
{
	if (!list_is_linked(&s->handshake_link))
		return;
	list_remove(&s->handshake_link);
	if (s->state == SESS_QUEUED)
		return;
	s->context->handshakes_n--;
	admit_next(s->context);
}

/* --- time ------------------------------------------------------------------ */

static uint64_t
get_end_ms(const struct session *s)
{
	uint64_t login_ms = s->context->conf->proxy.login_timeout_ms;

	return s->handshake_ms + (login_ms < TIMEOUT_MS ? login_ms :
	    TIMEOUT_MS);
}

uint64_t
handshake_get_deadline(const struct session *s)
{
	uint64_t end_ms = get_end_ms(s), slow_ms;

	if (s->state != SESS_QUEUED)
		return end_ms;
	slow_ms = get_slow_ms(s->context);
	return slow_ms < end_ms ? slow_ms : end_ms;
}

enum reason
handshake_expire(struct session *s)
{
	if (s->state != SESS_QUEUED)
		return REASON_TLS_TIMEOUT;
	if (get_end_ms(s) <= s->context->loop->now_ms)
		return REASON_TLS_BUSY;
	make_room(s->context);
	return REASON_NONE;
}

/* --- STARTTLS ---------------------------------------------------------------- */

void
handshake_answer(struct session *s, struct exchange *x)
{
	if (s->listen->tls == TLS_NO) {
		exchange_answer_line(x, "500 not supported");
	} else if (!handshake_is_offered(s)) {
		exchange_answer_line(x, "502 TLS or a login came before");
	} else if (!enter(s)) {
		exchange_answer_line(x, "580 can't start TLS now");
	} else {
		exchange_answer_line(x, "382 go on with TLS");
		session_await_tls(s);
	}
}

/* --- the handshake ----------------------------------------------------------- */

static void
fail(struct session *s, const char *why)
{
	char peer[ADDR_TEXT_MAX];

	log_info("client=%s listen=%s phase=tls: %s",
	    addr_format(&s->peer, peer), s->listen->s.name, why);
	session_close(s, REASON_CLIENT_TLS);
}

void
handshake_begin(struct session *s)
{
	struct tls_context *context = s->listen->tls_context;

	/* A reload may have taken it away behind the 382. */
	if (context == NULL || !stream_start_tls(&s->stream, context))
		fail(s, "TLS can't be started");
}

bool
handshake_go_on(struct session *s)
{
	char text[STREAM_TLS_TEXT_MAX];

	switch (stream_handshake(&s->stream)) {
	case IO_OK:
		log_debug("fd=%d %s", s->stream.fd,
		    stream_format_tls(&s->stream, text));
		handshake_leave(s);
		return true;
	case IO_AGAIN:
		return false;
	default:
		fail(s, stream_get_trouble(&s->stream));
		return false;
	}
}
