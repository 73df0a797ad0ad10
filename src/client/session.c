// SPDX-License-Identifier: BSD-2-Clause
#include "client/session_priv.h"

#include "base/check.h"
#include "base/log.h"
#include "client/account.h"
#include "client/census.h"
#include "client/deadline.h"
#include "client/handshake.h"
#include "client/password.h"
#include "conf/conf.h"
#include "net/socket.h"
#include "net/stream_tls.h"
#include "route/bounds.h"
#include "route/exchange.h"
#include "route/router.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_event(struct loop *l, void *arg, uint32_t events);
static void greet(struct session *);
static void restart_pipeline(struct session *);

/* --- states -------------------------------------------------------------------- */

/* The only writer of the state. Each may only be followed by a later one, but
 * for STARTTLS in an open session. */
static void
enter(struct session *s, enum session_state state)
{
	CHECK(state > s->state ||
	    (s->state == SESS_OPEN && state == SESS_STARTTLS));
	log_trace("fd=%d session %d -> %d", s->stream.fd, s->state, state);
	/* Before the client can see its end and come back. */
	if (state >= SESS_LINGERING && s->state < SESS_LINGERING) {
		census_leave(s->context->census, &s->peer);
		login_leave(s);
	}
	if (state >= SESS_OPEN)
		handshake_leave(s);
	s->state = state;
}

static void
log_end(const struct session *s)
{
	char peer[ADDR_TEXT_MAX], user[LOGIN_TEXT_MAX];
	uint64_t ms = session_loop(s)->now_ms - s->started_ms;

	log_info("client=%s listen=%s user=%s end=%s (%s) duration=%" PRIu64
	    ".%03" PRIu64 "s commands=%" PRIu64 " bytes_in=%" PRIu64
	    " bytes_out=%" PRIu64, addr_format(&s->peer, peer),
	    s->listen->s.name, login_format_user(s, user),
	    reason_key(s->end), reason_words(s->end), ms / 1000, ms % 1000,
	    s->pipeline.done_n, s->received_bytes, s->output.sent_bytes);
}

void
session_close(struct session *s, enum reason reason)
{
	if (s->state == SESS_CLOSED)
		return;
	if (s->end == REASON_NONE)
		s->end = reason;
	enter(s, SESS_CLOSED);
	pipeline_drop(&s->pipeline);
	login_give_up(s);
	timer_clear(&session_loop(s)->timers, &s->timer);
	timer_clear(&session_loop(s)->paces, &s->pace_timer);
	login_charge(s);
	log_end(s);
	stream_close(&s->stream);
	session_kick(s);
}

static void
free_session(struct session *s)
{
	list_remove(&s->link);
	atomic_fetch_sub(&s->context->sessions_n, 1);
	output_fini(&s->output);
	login_free(s);
	input_forget(s);
	conf_unref(s->listen->whole);
	free(s);
}

void
session_end(struct session *s, enum reason reason)
{
	s->end = reason;
	enter(s, SESS_FLUSHING);
	pipeline_drop(&s->pipeline);
	login_give_up(s);
}

/* --- time ---------------------------------------------------------------------- */

static void
set_timer(struct session *s)
{
	uint64_t d = deadline_get(s);

	/* A deadline that moved away is found out when the timer fires. */
	if (d < s->timer.deadline_ms)
		timer_set(&session_loop(s)->timers, &s->timer, d);
}

static void
on_timer(struct timer *t)
{
	struct session *s = LIST_ENTRY(t, struct session, timer);
	enum reason reason = REASON_NONE;

	if (deadline_get(s) <= session_loop(s)->now_ms)
		reason = deadline_expire(s);
	if (reason != REASON_NONE)
		session_close(s, reason);
	else
		set_timer(s);
}

/* Bytes wait, in either direction, until the user's rate lets them go on. */
static void
set_pace_timer(struct session *s)
{
	bool waits = session_is_held(s) &&
	    (output_pending(&s->output) > 0 || input_is_article(s));

	timer_set(&session_loop(s)->paces, &s->pace_timer,
	    waits ? s->pace.not_before_ms : UINT64_MAX);
}

static void
on_pace_timer(struct timer *t)
{
	struct session *s = LIST_ENTRY(t, struct session, pace_timer);

	deadline_note_released(s);
	session_kick(s);
}

static bool
is_shaking_hands(const struct session *s)
{
	return (s->state == SESS_TLS || s->state == SESS_LATE_TLS) &&
	    stream_is_tls(&s->stream);
}

/* --- bytes to the client -------------------------------------------------------- */

static uint32_t
get_events(const struct session *s)
{
	bool reads = input_is_wanted(s) || s->state == SESS_LINGERING ||
	    is_shaking_hands(s);
	bool writes = output_pending(&s->output) > 0 && !session_is_held(s);

	return stream_get_mask(&s->stream, (reads ? EPOLLIN : 0u) |
	    (writes ? EPOLLOUT : 0u));
}

/* False: the session is closed. */
static bool
flush(struct session *s)
{
	bool was_waiting = output_pending(&s->output) > 0;
	enum io_rc rc = output_flush(&s->output);

	if (rc == IO_FAIL) {
		session_close(s, REASON_CLIENT_RESET);
		return false;
	}
	if (rc == IO_OK && was_waiting)
		pipeline_resume(&s->pipeline);
	return true;
}

/* --- the pump: once per turn in which something happened ------------------------- */

/* Nobody has asked for it: a client that has ended its stream would not know
 * what to make of it. */
static void
end_saying(struct session *s, enum reason reason)
{
	if (s->input == INPUT_ENDED) {
		session_end(s, REASON_CLIENT_EOF);
		return;
	}
	output_append(&s->output, reason_answer(reason),
	    strlen(reason_answer(reason)));
	output_append(&s->output, "\r\n", 2);
	session_end(s, reason);
}

/* Nothing more can be answered, and nothing is asked as far as is known. What the
 * client has sent since, or that it has ended its stream, is looked at once, for
 * the last word answers a command if there is one. True: there is. */
static bool
look_once_more(struct session *s)
{
	if (input_is_wanted(s))
		input_read(s);
	return s->state != SESS_CLOSED && pipeline_first(&s->pipeline) != NULL;
}

static void
serve(struct session *s)
{
	enum reason reason;
	enum pipeline_rc rc;

	do {
		rc = pipeline_pump(&s->pipeline, &reason);
	} while (rc == PIPELINE_GOES_ON && input_take_unread(s));
	if (rc == PIPELINE_LOST && look_once_more(s))
		rc = pipeline_pump(&s->pipeline, &reason);
	if (s->state == SESS_CLOSED)
		return;
	if (rc == PIPELINE_ENDS)
		session_end(s, reason);
	else if (rc == PIPELINE_LOST)
		end_saying(s, reason);
	if (rc != PIPELINE_GOES_ON)
		return;
	if (pipeline_first(&s->pipeline) != NULL)
		return;
	if (s->state == SESS_LAST)
		end_saying(s, s->end);
	else if (s->input == INPUT_ENDED)
		session_end(s, REASON_CLIENT_EOF);
}

static void
start_lingering(struct session *s)
{
	enter(s, SESS_LINGERING);
	s->linger_ms = session_loop(s)->now_ms;
	if (s->end == REASON_CUT)
		stream_cut(&s->stream);
	else
		stream_end_writing(&s->stream);
	if (s->input == INPUT_ENDED)
		session_close(s, s->end);
}

/* --- TLS ----------------------------------------------------------------------- */

void
session_start_tls(struct session *s)
{
	enter(s, SESS_TLS);
	session_kick(s);	/* whose pump begins it */
}

void
session_await_tls(struct session *s)
{
	enter(s, SESS_STARTTLS);
}

/* Nothing that the client said or learned in the clear survives (RFC 4642,
 * 2.2.2): neither what it has sent behind STARTTLS, nor its group, nor a name
 * it began to log in with. */
static void
start_late_tls(struct session *s)
{
	input_restart(s);
	login_free(s);
	restart_pipeline(s);
	enter(s, SESS_LATE_TLS);
	handshake_begin(s);
}

static void
shake_hands(struct session *s)
{
	enum session_state before = s->state;

	if (!handshake_go_on(s))
		return;
	enter(s, SESS_OPEN);
	if (before == SESS_TLS)
		greet(s);
}

static void
on_pump(struct task *t)
{
	struct session *s = LIST_ENTRY(t, struct session, pump);

	if (s->state == SESS_CLOSED) {
		free_session(s);
		return;
	}
	if (s->state == SESS_TLS && !stream_is_tls(&s->stream))
		handshake_begin(s);
	if (s->state == SESS_OPEN || s->state == SESS_LAST)
		serve(s);
	if (s->state == SESS_CLOSED)
		return;		/* to be freed when this is called again */
	if (!flush(s))
		return;
	if (s->state == SESS_STARTTLS && output_pending(&s->output) == 0)
		start_late_tls(s);
	if (s->state == SESS_FLUSHING && output_pending(&s->output) == 0)
		start_lingering(s);
	if (s->state == SESS_CLOSED)
		return;
	/* Lines that waited for room in the output. */
	if (input_take_unread(s))
		session_kick(s);
	login_charge(s);
	deadline_update(s);
	loop_mask(session_loop(s), s->stream.fd, get_events(s));
	set_pace_timer(s);
	set_timer(s);
}

void
session_kick(struct session *s)
{
	loop_schedule(session_loop(s), &s->pump);
}

static void
on_pipeline_kick(struct pipeline *p)
{
	session_kick(LIST_ENTRY(p, struct session, pipeline));
}

static uint64_t
on_pipeline_answer(struct pipeline *p, struct exchange *x, bool is_final)
{
	return answers_make(LIST_ENTRY(p, struct session, pipeline), x,
	    is_final);
}

static const struct pipeline_user pipeline_user = {
	.kick = on_pipeline_kick,
	.answer = on_pipeline_answer,
};

/* --- events ----------------------------------------------------------------------- */

static void
throw_input_away(struct session *s)
{
	size_t n;
	enum io_rc rc;

	rc = stream_read(&s->stream, session_loop(s)->buffer,
	    LOOP_BUFFER_SIZE, &n);
	if (rc != IO_OK && rc != IO_AGAIN)
		session_close(s, s->end);
}

static void
on_event(struct loop *l, void *arg, uint32_t events)
{
	struct session *s = arg;

	(void)l;
	events = stream_translate(&s->stream, events);
	if (s->state == SESS_LINGERING)
		throw_input_away(s);
	else if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		session_close(s, REASON_CLIENT_RESET);
	else if (is_shaking_hands(s))
		shake_hands(s);
	else if ((events & EPOLLIN) != 0 && input_is_wanted(s))
		input_read(s);
	session_kick(s);
}

/* --- life --------------------------------------------------------------------------- */

static void
greet(struct session *s)
{
	const char *text = s->context->conf->proxy.greeting;
	char line[512];

	bool may_post = answers_may_post(s);

	if (text == NULL)
		text = may_post ? "nntpmux ready, posting allowed" :
		    "nntpmux ready, posting prohibited";
	snprintf(line, sizeof(line), "%d %s\r\n", may_post ? 200 : 201, text);
	output_append(&s->output, line, strlen(line));
}

static void
start_pipeline(struct session *s)
{
	pipeline_init(&s->pipeline, &pipeline_user, s->context->router,
	    s->offered, session_loop(s), &s->output);
}

static void
restart_pipeline(struct session *s)
{
	uint64_t done_n = s->pipeline.done_n;

	pipeline_drop(&s->pipeline);
	start_pipeline(s);
	s->pipeline.done_n = done_n;
}

/* What comes first: the greeting, or the handshake before it, or its turn. */
static void
begin(struct session *s)
{
	if (s->listen->tls != TLS_IMPLICIT) {
		enter(s, SESS_OPEN);
		greet(s);
	} else {
		handshake_queue(s);
	}
}

void
session_start(struct client_context *context, int fd, const struct addr *peer,
    const struct conf_listen *listen)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->context = context;
	s->listen = listen;
	(void)conf_ref(listen->whole);
	s->peer = *peer;
	s->started_ms = s->active_ms = context->loop->now_ms;
	stream_init_plain(&s->stream, fd);
	output_init(&s->output, &s->stream);
	s->output.pace = &s->pace;
	s->offered = router_get_eligible(context->router,
	    listen->backends_mask);
	start_pipeline(s);
	task_init(&s->pump, on_pump);
	timer_init(&s->timer, on_timer);
	timer_init(&s->pace_timer, on_pace_timer);
	login_init(s);
	line_init(&s->line, LINE_SASL_MAX_BYTES);
	list_push_back(&context->sessions, &s->link);
	list_init(&s->handshake_link);
	socket_tune(fd);
	loop_watch(context->loop, fd, EPOLLIN, on_event, s);
	begin(s);
	session_kick(s);
	if (context->is_draining)
		session_shut_down(s, REASON_SHUTDOWN);
}

/* Without its listener: one that named backends leaves those of them that are
 * still there, and nothing else. */
static void
change_listener(struct session *s)
{
	const struct conf *conf = s->context->conf;
	const struct router *router = s->context->router;
	const struct conf_listen *listen = conf_find_listen(conf,
	    s->listen->s.name);

	if (listen == NULL) {
		s->offered = s->listen->backends.n == 0 ? router->all :
		    s->offered & router->all;
		return;
	}
	(void)conf_ref(listen->whole);
	conf_unref(s->listen->whole);
	s->listen = listen;
	s->offered = router_get_eligible(router, listen->backends_mask);
}

void
session_change(struct session *s)
{
	bool may_stay;

	if (s->state == SESS_CLOSED)
		return;
	change_listener(s);
	may_stay = login_change(s);
	pipeline_change(&s->pipeline, s->context->router,
	    login_get_eligible(s));
	if (!may_stay)
		session_shut_down(s, REASON_USER_GONE);
	session_kick(s);
}

void
session_shut_down(struct session *s, enum reason reason)
{
	struct exchange *first;

	if (s->state < SESS_OPEN)
		session_close(s, reason);
	if (s->state != SESS_OPEN)
		return;
	s->end = reason;
	enter(s, SESS_LAST);
	pipeline_keep_first(&s->pipeline);
	first = pipeline_first(&s->pipeline);
	if (first == NULL || first->state != EXCH_HELD) {
		login_give_up(s);	/* its command is forgotten */
	} else if (s->input == INPUT_ARTICLE || login_is_queued(s)) {
		login_give_up(s);
		exchange_end(first, reason);
	}
	session_kick(s);
}

void
session_abort(struct session *s)
{
	session_close(s, REASON_SHUTDOWN);
}

size_t
session_get_size_max(const struct conf_proxy *proxy)
{
	size_t commands = proxy->pipeline_depth * bounds_get_exchange() +
	    bounds_get_mend();
	/* The name, and what a check holds, fit into the room of lines. */
	size_t login = sizeof(struct password_check) + 4 * LINE_MAX_BYTES +
	    LINE_SASL_MAX_BYTES + seat_get_size();

	return sizeof(struct session) + session_get_article_max() + commands +
	    login + bounds_get_output(proxy->pipeline_depth);
}

struct session *
session_from_link(struct list *link)
{
	return LIST_ENTRY(link, struct session, link);
}
