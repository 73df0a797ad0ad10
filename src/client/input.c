// SPDX-License-Identifier: BSD-2-Clause
/* input - a client's bytes become lines; the article of POST or IHAVE goes to
 * the backend as it is, that of a refused TAKETHIS is swallowed. Reads no more
 * than it can use: what is left in the kernel slows the client down. */
#include "client/session_priv.h"

#include "base/check.h"
#include "client/deadline.h"
#include "conf/conf.h"
#include "net/stream_tls.h"
#include "route/exchange.h"

#include <stdlib.h>
#include <string.h>

#define READ_BYTES 4096
#define READ_ARTICLE_BYTES (64 * 1024)

/* Answers that wait for a client that sends but does not read. */
#define OUTPUT_MAX_BYTES (64 * 1024)

size_t
session_get_article_max(void)
{
	/* With the part of a line that may stand before it. */
	return READ_ARTICLE_BYTES + READ_BYTES;
}

bool
input_is_wanted(const struct session *s)
{
	const struct exchange *last = pipeline_last(&s->pipeline);

	if (s->input == INPUT_ENDED)
		return false;
	if (pipeline_is_posting(&s->pipeline))
		return pipeline_wants_article(&s->pipeline) &&
		    !session_is_held(s);
	if (s->state != SESS_OPEN)
		return false;
	if (s->input == INPUT_ARTICLE)
		return !session_is_held(s);
	return s->pipeline.n < s->context->conf->proxy.pipeline_depth &&
	    output_pending(&s->output) < OUTPUT_MAX_BYTES &&
	    (last == NULL ||
	    (last->command.row->flags & COMMAND_ALONE) == 0);
}

bool
input_is_article(const struct session *s)
{
	return s->input == INPUT_ARTICLE ||
	    pipeline_wants_article(&s->pipeline);
}

static void
use_line(struct session *s, const char *line, size_t n)
{
	s->line_ms = 0;
	if (s->input == INPUT_RESPONSE)
		answers_take_response(s, line, n);
	else
		answers_take_line(s, line, n);
}

static void
use_bad_line(struct session *s, const char *line, size_t n)
{
	s->line_ms = 0;
	if (s->input == INPUT_RESPONSE)
		answers_take_bad_response(s);
	else
		answers_take_bad_line(s, line, n);
}

/* Octets used; 0: a line is not complete yet. */
static size_t
take_line(struct session *s, const char *p, size_t n)
{
	const char *line;
	size_t line_n, used;

	switch (line_cut(&s->line, p, n, &line, &line_n, &used)) {
	case LINE_OK:
	case LINE_EMPTY:
		use_line(s, line, line_n);
		break;
	case LINE_LONG:
		use_bad_line(s, line, line_n);
		break;
	case LINE_MORE:
		break;
	}
	return used;
}

static size_t
take_article(struct session *s, const char *p, size_t n)
{
	bool is_end = false;
	size_t used = line_skip(&s->line, p, n);

	if (used > 0)
		return used;	/* of the command itself */
	used = multiline_scan(&s->article, p, n, &is_end);
	if (is_end)
		answers_end_article(s);
	return used;
}

static size_t
post_article(struct session *s, const char *p, size_t n)
{
	bool is_end;
	size_t used = multiline_scan(&s->article, p, n, &is_end);

	pipeline_send_article(&s->pipeline, p, used, is_end);
	return used;
}

static size_t
take_some(struct session *s, const char *p, size_t n)
{
	if (pipeline_is_posting(&s->pipeline))
		return post_article(s, p, n);
	if (s->input == INPUT_ARTICLE)
		return take_article(s, p, n);
	return take_line(s, p, n);
}

static size_t
take(struct session *s, const char *p, size_t n)
{
	size_t taken = 0;

	while (taken < n && input_is_wanted(s)) {
		size_t used = take_some(s, p + taken, n - taken);

		if (used == 0)
			break;
		taken += used;
	}
	return taken;
}

static void
keep(struct session *s, const char *p, size_t n)
{
	char *unread = NULL;

	if (n > 0) {
		unread = xmalloc(n);
		memcpy(unread, p, n);
	}
	input_forget(s);
	s->unread = unread;
	s->unread_n = n;
}

void
input_forget(struct session *s)
{
	if (s->unread != NULL)
		explicit_bzero(s->unread, s->unread_n);
	free(s->unread);
	s->unread = NULL;
	s->unread_n = 0;
}

bool
input_take_unread(struct session *s)
{
	size_t taken, rest_n;

	if (s->unread == NULL)
		return false;
	taken = take(s, s->unread, s->unread_n);
	rest_n = s->unread_n - taken;
	if (rest_n == 0) {
		input_forget(s);
	} else if (taken > 0) {
		memmove(s->unread, s->unread + taken, rest_n);
		explicit_bzero(s->unread + rest_n, taken);
		s->unread_n = rest_n;
	}
	return taken > 0;
}

/* Commands are not held up by the rate: they are few. */
static size_t
get_read_size(const struct session *s)
{
	size_t room;

	if (!input_is_article(s))
		return READ_BYTES;
	room = pace_get_room(&s->pace, session_loop(s)->now_ms);
	return room < READ_ARTICLE_BYTES ? room : READ_ARTICLE_BYTES;
}

void
input_restart(struct session *s)
{
	input_forget(s);
	line_init(&s->line, LINE_SASL_MAX_BYTES);
	s->input = INPUT_LINES;
}

/* The first that a client of TLS sends, whatever we speak. */
static bool
is_client_hello(const struct session *s, const char *p, size_t n)
{
	return s->received_bytes == 0 && !stream_is_tls(&s->stream) &&
	    n >= 2 && p[0] == 0x16 && p[1] == 3;
}

void
input_read(struct session *s)
{
	char *buffer = session_loop(s)->buffer;
	size_t n = 0, kept, taken, size;
	enum io_rc rc;

	(void)input_take_unread(s);
	if (!input_is_wanted(s))
		return;
	kept = s->unread_n;	/* part of a line */
	size = get_read_size(s);
	CHECK(kept + size <= LOOP_BUFFER_SIZE);
	rc = stream_read(&s->stream, buffer + kept, size, &n);
	if (rc == IO_AGAIN)
		return;
	if (rc == IO_FAIL) {
		session_close(s, REASON_CLIENT_RESET);
		return;
	}
	deadline_note_received(s);
	if (rc != IO_OK) {
		/* What was sent before is answered (half-close). */
		if (input_is_article(s))
			session_close(s, REASON_CLIENT_EOF);
		else
			s->input = INPUT_ENDED;
		return;
	}
	if (is_client_hello(s, buffer + kept, n)) {
		session_close(s, REASON_TLS_UNEXPECTED);
		return;
	}
	s->received_bytes += n;
	if (kept > 0)
		memcpy(buffer, s->unread, kept);
	taken = take(s, buffer, kept + n);
	keep(s, buffer + taken, kept + n - taken);
	/* A password may have been in it; the buffer stays the loop's. */
	if (s->context->conf->users_n > 0)
		explicit_bzero(buffer, kept + n);
	pace_pay(&s->pace, n, session_loop(s)->now_ms);
}
