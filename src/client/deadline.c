// SPDX-License-Identifier: BSD-2-Clause
#include "client/deadline.h"

#include "client/handshake.h"
#include "client/session_priv.h"
#include "conf/conf.h"

#define LINGER_MS 2000
#define STALL_BYTES 1024	/* at least so many in client_stall_timeout */

static uint64_t
get_now(const struct session *s)
{
	return session_loop(s)->now_ms;
}

/* --- clocks ------------------------------------------------------------------ */

/* A big socket buffer takes bytes in bursts, so what counts is what left it. */
static uint64_t
get_taken_bytes(struct session *s)
{
	return s->output.sent_bytes - stream_get_untaken(&s->stream);
}

static void
start_window(struct session *s)
{
	s->window_ms = get_now(s);
	s->window_taken_bytes = get_taken_bytes(s);
}

/* All whole lines are taken at the end of a turn, if any may be. */
static bool
is_inside_line(const struct session *s)
{
	return (s->unread_n > 0 || s->line.state == LINE_SKIP) &&
	    (s->input == INPUT_LINES || s->input == INPUT_RESPONSE) &&
	    input_is_wanted(s) &&
	    !pipeline_is_posting(&s->pipeline);
}

static void
restart(struct session *s)
{
	s->active_ms = get_now(s);
	if (s->line_ms != 0)
		s->line_ms = get_now(s);
}

void
deadline_update(struct session *s)
{
	if (s->noted_sent_bytes != s->output.sent_bytes) {
		s->noted_sent_bytes = s->output.sent_bytes;
		restart(s);	/* it may have waited for this */
	}
	/* While it is the user's rate that is waited for, nobody stalls. */
	if (output_pending(&s->output) == 0 || session_is_held(s))
		s->window_ms = 0;
	else if (s->window_ms == 0)
		start_window(s);
	if (!login_is_needed(s))
		s->login_ms = 0;
	else if (s->login_ms == 0)
		s->login_ms = get_now(s);
	if (!is_inside_line(s))
		s->line_ms = 0;
	else if (s->line_ms == 0)
		s->line_ms = get_now(s);
	if (!input_is_article(s))
		s->article_ms = 0;
	else if (s->article_ms == 0)
		s->article_ms = get_now(s);
}

void
deadline_note_received(struct session *s)
{
	s->active_ms = get_now(s);
}

void
deadline_note_released(struct session *s)
{
	restart(s);
}

/* --- the end of time --------------------------------------------------------- */

static bool
is_login_timed(const struct session *s)
{
	return s->state == SESS_OPEN && login_is_needed(s) &&
	    s->login_ms != 0 && !login_is_queued(s) && !login_is_held(s);
}

/* While a slow backend kept it from being read, it did not stall. */
static uint64_t
get_article_ms(const struct session *s)
{
	return s->article_ms > s->active_ms ? s->article_ms : s->active_ms;
}

/* Without what goes on whatever happens. */
static uint64_t
get_pace_deadline(const struct session *s)
{
	const struct conf_proxy *conf = &s->context->conf->proxy;
	uint64_t idle_ms = s->active_ms + conf->client_idle_timeout_ms;
	uint64_t line_ms = s->line_ms + conf->client_stall_timeout_ms;

	if (output_pending(&s->output) > 0)
		return (s->window_ms != 0 ? s->window_ms : get_now(s)) +
		    conf->client_stall_timeout_ms;
	if (input_is_article(s))
		return get_article_ms(s) + conf->client_stall_timeout_ms;
	return s->line_ms != 0 && line_ms < idle_ms ? line_ms : idle_ms;
}

uint64_t
deadline_get_login(const struct session *s)
{
	return s->login_ms + s->context->conf->proxy.login_timeout_ms;
}

uint64_t
deadline_get(const struct session *s)
{
	uint64_t d;

	if (s->state < SESS_OPEN)
		return handshake_get_deadline(s);
	if (s->state == SESS_LINGERING)
		return s->linger_ms + LINGER_MS;
	d = get_pace_deadline(s);
	return is_login_timed(s) && deadline_get_login(s) < d ?
	    deadline_get_login(s) : d;
}

enum reason
deadline_expire(struct session *s)
{
	if (s->state < SESS_OPEN)
		return handshake_expire(s);
	if (s->state == SESS_LINGERING)
		return s->end;
	if (is_login_timed(s) && deadline_get_login(s) <= get_now(s))
		return REASON_LOGIN_TIMEOUT;
	if (output_pending(&s->output) > 0) {
		if (s->window_ms != 0 && get_taken_bytes(s) -
		    s->window_taken_bytes < STALL_BYTES)
			return REASON_CLIENT_STALL;
		start_window(s);
		return REASON_NONE;
	}
	if (input_is_article(s)) {
		/* When a turn is late the rate may allow more, and nothing
		 * was read yet. */
		if (!session_is_held(s) && !timer_is_set(&s->pace_timer))
			return REASON_CLIENT_STALL;
		restart(s);
		return REASON_NONE;
	}
	if (pipeline_first(&s->pipeline) != NULL) {
		restart(s);	/* it waits for us */
		return REASON_NONE;
	}
	return s->line_ms != 0 ? REASON_LINE_UNFINISHED : REASON_CLIENT_IDLE;
}
