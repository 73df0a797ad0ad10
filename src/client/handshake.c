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

static bool
make_room(struct client_context *c)
{
	struct session *oldest;

	if (c->handshakes_n < HANDSHAKES_MAX)
		return true;
	oldest = LIST_ENTRY(list_first(&c->handshakes), struct session,
	    handshake_link);
	if (c->loop->now_ms < oldest->handshake_ms + SLOW_MS)
		return false;
	session_close(oldest, REASON_TLS_SLOW);
	return true;
}

bool
handshake_enter(struct session *s)
{
	struct client_context *c = s->context;

	if (!make_room(c))
		return false;
	s->handshake_ms = c->loop->now_ms;
	list_push_back(&c->handshakes, &s->handshake_link);
	c->handshakes_n++;
	return true;
}

void
handshake_leave(struct session *s)
{
	if (!list_is_linked(&s->handshake_link))
		return;
	list_remove(&s->handshake_link);
	s->context->handshakes_n--;
}

uint64_t
handshake_get_deadline(const struct session *s)
{
	uint64_t login_ms = s->context->conf->proxy.login_timeout_ms;

	return s->handshake_ms + (login_ms < TIMEOUT_MS ? login_ms :
	    TIMEOUT_MS);
}

/* --- STARTTLS ---------------------------------------------------------------- */

void
handshake_answer(struct session *s, struct exchange *x)
{
	if (s->listen->tls == TLS_NO) {
		exchange_answer_line(x, "500 not supported");
	} else if (!handshake_is_offered(s)) {
		exchange_answer_line(x, "502 TLS or a login came before");
	} else if (!handshake_enter(s)) {
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
