// SPDX-License-Identifier: BSD-2-Clause
#include "backend/setup.h"

#include "backend/backend.h"
#include "backend/ceiling.h"
#include "backend/conn.h"
#include "backend/conn_io.h"
#include "base/check.h"
#include "base/log.h"
#include "conf/conf.h"
#include "net/resolver.h"
#include "net/socket.h"
#include "net/stream_tls.h"
#include "nntp/line.h"
#include "nntp/response.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPABILITY_LINES_MAX 200

static const char *const phases[CONN_STATE_COUNT] = {
	[CONN_BLANK] = "start",
	[CONN_RESOLVING] = "resolve",
	[CONN_CONNECTING] = "connect",
	[CONN_TLS] = "tls",
	[CONN_GREETING] = "greeting",
	[CONN_STARTTLS] = "tls",
	[CONN_LATE_TLS] = "tls",
	[CONN_MODE_READER] = "mode-reader",
	[CONN_USER] = "login",
	[CONN_PASS] = "login",
	[CONN_LATE_MODE_READER] = "mode-reader",
	[CONN_CAPABILITIES] = "capabilities",
	[CONN_CAPABILITY_BLOCK] = "capabilities",
	[CONN_READY] = "ready",
	[CONN_PARTING] = "parting",
};

/* For whoever wants to know how it gets on. */
static void
note(struct conn *c, const char *said)
{
	if (c->user_ops != NULL && c->user_ops->noted != NULL)
		c->user_ops->noted(c, c->user, phases[c->state], said);
}

static void await(struct conn *, enum conn_state);
static void start_dialogue(struct conn *);

/* --- failure -------------------------------------------------------------- */

static enum pool_discard
get_discard(const struct conn *c)
{
	if (c->failed == REASON_LIMITED)
		return DISCARD_LIMITED;
	/* With the settings of now it may well be made. */
	return conn_is_current(&c->item, NULL) ? DISCARD_UNMADE :
	    DISCARD_FAILED;
}

/* At the end of the turn: whoever began this is not on the stack any more. */
static void
on_failure(struct task *t)
{
	struct conn *c = LIST_ENTRY(t, struct conn, failure);
	const struct conn_user *user_ops = c->user_ops;
	void *user = c->user;

	counter_add(&backend_count(c->backend, c->loop)->failures, 1);
	conn_become_blank(c);
	pool_discard(&c->item, get_discard(c), c->loop->now_ms);
	if (user_ops != NULL)
		user_ops->unmade(user, c->failed);
}

static void
release(struct conn *c)
{
	if (c->state == CONN_RESOLVING)
		c->resolve->user = NULL;	/* freed by its answer */
	else
		free(c->resolve);
	c->resolve = NULL;
	free(c->line);
	c->line = NULL;
	c->line_n = 0;
}

static void
fail(struct conn *c, enum reason reason, const char *said)
{
	log_warn("backend=%s phase=%s reason=%s (%s): %s", c->backend->name,
	    phases[c->state], reason_key(reason), reason_words(reason), said);
	if (reason != REASON_REFUSED && reason != REASON_LIMITED)
		note(c, said);	/* else it is noted already */
	if (conn_is_to_blame(c, reason))
		backend_blame(c->backend, phases[c->state], reason, said, 0,
		    c->loop->now_ms);
	/* Nobody needs the answer so much as the connection. */
	if (c->state == CONN_CAPABILITIES || c->state == CONN_CAPABILITY_BLOCK)
		backend_spare_capabilities(c->backend, c->loop->now_ms);
	release(c);
	if (c->stream.fd >= 0)
		conn_close_socket(c);
	timer_clear(&c->loop->timers, &c->timer);
	c->failed = reason;
	loop_schedule(c->loop, &c->failure);
}

/* --- TLS -------------------------------------------------------------------- */

static void
shake_hands(struct conn *c)
{
	char text[STREAM_TLS_TEXT_MAX];

	switch (stream_handshake(&c->stream)) {
	case IO_OK:
		break;
	case IO_AGAIN:
		loop_mask(c->loop, c->stream.fd,
		    stream_get_mask(&c->stream, EPOLLIN));
		return;
	default:
		fail(c, REASON_TLS_FAILED, stream_get_trouble(&c->stream));
		return;
	}
	stream_format_tls(&c->stream, text);
	log_debug("backend=%s fd=%d %s", c->backend->name, c->stream.fd,
	    text);
	note(c, text);
	if (c->state == CONN_TLS)
		await(c, CONN_GREETING);
	else
		start_dialogue(c);
}

static void
start_tls(struct conn *c, enum conn_state state)
{
	c->state = state;
	/* Whoever is in between may have put in more than the 382, to be read
	 * as if it had come from the server (RFC 4642, 5). */
	if (c->line_n > 0)
		fail(c, REASON_UNSOLICITED, "more than an answer before TLS");
	else if (!stream_start_tls(&c->stream, c->conf->tls_context))
		fail(c, REASON_TLS_FAILED, "OpenSSL can't");
	else
		shake_hands(c);
}

/* --- resolve and connect --------------------------------------------------- */

static void
try_next_addr(struct conn *c)
{
	struct resolve *r = c->resolve;

	while (c->addrs_tried < r->n && c->loop->now_ms < c->deadline_ms) {
		const struct addr *a = &r->addrs[c->addrs_tried++];
		size_t left = r->n - c->addrs_tried;
		uint64_t now_ms = c->loop->now_ms;
		int fd = socket_connect(a);

		if (fd < 0)
			continue;
		/* One black hole must not use up the time of all. */
		conn_set_deadline(c, now_ms +
		    (c->deadline_ms - now_ms) / (left + 1));
		conn_watch(c, fd, EPOLLOUT);
		return;
	}
	if (c->loop->now_ms >= c->deadline_ms)
		fail(c, REASON_SETUP_TIMEOUT, "no address answers");
	else
		fail(c, REASON_CONNECT_FAILED, strerror(errno));
}

static void
start_connecting(struct conn *c, struct resolve *r)
{
	c->resolve = r;
	c->state = CONN_CONNECTING;
	c->addrs_tried = 0;
	backend_order_addrs(c->backend, r->addrs, r->n);
	try_next_addr(c);
}

static void
note_found(struct conn *c, size_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu address%s", n, n == 1 ? "" : "es");
	note(c, text);
}

static void
start_clock(struct conn *c)
{
	c->deadline_ms = c->loop->now_ms + c->conf->connect_timeout_ms;
	conn_set_deadline(c, c->deadline_ms);
}

/* All stood still meanwhile: the time is over, and no address has had any. */
static bool
is_found_late(const struct conn *c)
{
	return c->deadline_ms <= c->loop->now_ms && loop_is_patient(c->loop);
}

static void
on_resolved(struct message *m)
{
	struct resolve *r = LIST_ENTRY(m, struct resolve, message);
	struct conn *c = r->user;

	if (c != NULL && r->n > 0) {
		note_found(c, r->n);
		if (is_found_late(c))
			start_clock(c);
		start_connecting(c, r);
		return;
	}
	if (c != NULL)
		fail(c, REASON_RESOLVE_FAILED, gai_strerror(r->error));
	free(r);
}

void
setup_start(struct conn *c)
{
	const struct conf_backend *conf = c->conf;
	struct resolve *r = xcalloc(1, sizeof(*r));

	c->wants_late_mode_reader = false;
	task_init(&c->failure, on_failure);
	c->line = xmalloc(RESPONSE_LINE_MAX);
	c->line_n = 0;
	r->message.deliver = on_resolved;
	r->loop = c->loop;
	r->user = c;
	r->host = conf->host;
	r->port = conf->port;
	start_clock(c);
	if (addr_parse_numeric(&r->addrs[0], r->host, r->port) == 0) {
		r->n = 1;
		start_connecting(c, r);
		return;
	}
	c->resolve = r;
	c->state = CONN_RESOLVING;
	resolver_ask(c->backend->resolver, r);
}

/* About the address that is tried now. */
static void
note_addr(struct conn *c, const char *what)
{
	char addr[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 128];

	addr_format(&c->resolve->addrs[c->addrs_tried - 1], addr);
	snprintf(text, sizeof(text), "%s%s", addr, what);
	note(c, text);
}

/* Back to the list, when there is more of it; errno tells why. */
static void
leave_addr(struct conn *c)
{
	int error = errno;

	note_addr(c, " does not answer");
	conn_close_socket(c);
	errno = error;
	try_next_addr(c);
}

static void
await(struct conn *c, enum conn_state state)
{
	c->state = state;
	loop_mask(c->loop, c->stream.fd, EPOLLIN);
}

static void
on_connected(struct conn *c)
{
	int error = socket_get_error(c->stream.fd);

	if (error != 0) {
		errno = error;
		leave_addr(c);
		return;
	}
	note_addr(c, "");
	conn_set_deadline(c, c->deadline_ms);
	if (c->conf->tls == TLS_IMPLICIT)
		start_tls(c, CONN_TLS);
	else
		await(c, CONN_GREETING);
}

/* --- the dialogue ---------------------------------------------------------- */

static void
become_ready(struct conn *c)
{
	if (c->line_n > 0) {
		fail(c, REASON_UNSOLICITED, "more than one answer");
		return;
	}
	backend_remember_addr(c->backend,
	    &c->resolve->addrs[c->addrs_tried - 1]);
	release(c);
	conn_set_deadline(c, UINT64_MAX);
	c->state = CONN_READY;
	log_debug("backend=%s fd=%d ready", c->backend->name, c->stream.fd);
	pool_made(&c->item, c->loop->now_ms);
	conn_set_user(c, c->user_ops, c->user);	/* whose pace it keeps now */
	if (c->user_ops != NULL)
		c->user_ops->ready(c, c->user);
	else
		conn_put(c);
}

static void
say(struct conn *c, enum conn_state next, const char *words,
    const char *argument)
{
	char line[LINE_MAX_BYTES + 1];
	int n = snprintf(line, sizeof(line), "%s%s\r\n", words, argument);

	CHECK(n < (int)sizeof(line));
	c->state = next;
	/* A failure to send shows as an end when the answer is read. */
	(void)!output_write(&c->output, line, (size_t)n);
	explicit_bzero(line, sizeof(line));
	(void)!conn_flush(c);	/* which counts it */
	loop_mask(c->loop, c->stream.fd, EPOLLIN |
	    (output_pending(&c->output) > 0 ? EPOLLOUT : 0u));
}

/* The first question in the clear, or the first at all. */
static void
start_dialogue(struct conn *c)
{
	if (c->conf->tls == TLS_STARTTLS &&
	    !stream_is_tls(&c->stream))
		say(c, CONN_STARTTLS, "STARTTLS", "");
	else
		say(c, CONN_MODE_READER, "MODE READER", "");
}

/* The last question, if it is needed. */
static void
ask_capabilities(struct conn *c)
{
	if (c->line_n > 0 || !backend_wants_capabilities(c->backend,
	    c->loop->now_ms)) {
		become_ready(c);
		return;
	}
	capabilities_init(&c->announced);
	c->announced_n = 0;
	say(c, CONN_CAPABILITIES, "CAPABILITIES", "");
}

static void
log_in(struct conn *c)
{
	const char *username = c->conf->username;

	if (username == NULL)
		ask_capabilities(c);
	else
		say(c, CONN_USER, "AUTHINFO USER ", username);
}

static void
end_login(struct conn *c)
{
	if (c->wants_late_mode_reader)
		say(c, CONN_LATE_MODE_READER, "MODE READER", "");
	else
		ask_capabilities(c);
}

static void
drop_octets(struct conn *c, size_t n)
{
	c->line_n -= n;
	memmove(c->line, c->line + n, c->line_n);
}

static void
end_capabilities(struct conn *c)
{
	backend_set_capabilities(c->backend, &c->announced, c->loop->now_ms);
	become_ready(c);
}

/* Whether this line of a block, without its LF, is the end of it. */
static bool
is_terminator(const char *line, size_t n)
{
	return n > 0 && line[0] == '.' &&
	    (n == 1 || (n == 2 && line[1] == '\r'));
}

static void
note_capabilities(struct conn *c)
{
	char text[CAPABILITIES_MAX];

	note(c, capabilities_format(&c->announced, text));
}

static void
read_capabilities(struct conn *c)
{
	const char *lf;

	while ((lf = memchr(c->line, '\n', c->line_n)) != NULL) {
		size_t n = (size_t)(lf - c->line);
		bool is_end = is_terminator(c->line, n);

		if (!is_end)
			capabilities_parse(&c->announced, c->line, n);
		drop_octets(c, n + 1);
		if (is_end) {
			note_capabilities(c);
			end_capabilities(c);
			return;
		}
		if (++c->announced_n > CAPABILITY_LINES_MAX) {
			fail(c, REASON_GARBAGE, "too many capabilities");
			return;
		}
	}
	if (c->line_n == RESPONSE_LINE_MAX)
		fail(c, REASON_GARBAGE, "endless line of a capability");
}

/* A server that refuses the question announces nothing. */
static void
on_capabilities(struct conn *c, int code)
{
	if (code != 101) {
		end_capabilities(c);
		return;
	}
	c->state = CONN_CAPABILITY_BLOCK;
	read_capabilities(c);
}

static bool
is_greeting(int code)
{
	return code == 200 || code == 201;
}

/* A server without MODE READER is a reader already. */
static bool
is_mode_reader_fine(int code)
{
	return is_greeting(code) || code == 500 || code == 501 || code == 503;
}

/* One step of the dialogue; said is the server's line. False: refused. */
static bool
on_answer(struct conn *c, int code)
{
	const struct conf_backend *conf = c->conf;

	switch (c->state) {
	case CONN_GREETING:
		if (!is_greeting(code))
			return false;
		start_dialogue(c);
		return true;
	case CONN_STARTTLS:
		if (code != 382)
			return false;
		start_tls(c, CONN_LATE_TLS);
		return true;
	case CONN_MODE_READER:
		c->wants_late_mode_reader =
		    code == 480 && conf->username != NULL;
		if (!c->wants_late_mode_reader && !is_mode_reader_fine(code))
			return false;
		log_in(c);
		return true;
	case CONN_USER:
		if (code == 381 && conf->password != NULL)
			say(c, CONN_PASS, "AUTHINFO PASS ", conf->password);
		else if (code == 281)
			end_login(c);
		else
			return false;
		return true;
	case CONN_PASS:
		if (code != 281)
			return false;
		end_login(c);
		return true;
	case CONN_LATE_MODE_READER:
		if (!is_mode_reader_fine(code))
			return false;
		ask_capabilities(c);
		return true;
	case CONN_CAPABILITIES:
		on_capabilities(c, code);
		return true;
	default:
		NEVER("an answer in a state without a question");
	}
}

static void
on_line(struct conn *c, const struct response *r)
{
	bool is_limit = ceiling_is_told(r->code, c->line, r->line_n);
	char said[BACKEND_SAID_MAX];

	backend_format_said(c->conf, c->line, r->line_n, said);
	if (r->code != 101)
		note(c, said);
	drop_octets(c, r->line_n);
	if (!on_answer(c, r->code))
		fail(c, is_limit ? REASON_LIMITED : REASON_REFUSED, said);
}

/* What has come looks like an alert or the like, which a server of TLS sends
 * to who does not begin with a handshake. */
static bool
is_tls(const struct conn *c)
{
	return c->state == CONN_GREETING && !stream_is_tls(&c->stream) &&
	    c->line_n >= 2 && c->line[0] >= 0x14 && c->line[0] <= 0x17 &&
	    c->line[1] == 3;
}

static void
on_readable(struct conn *c)
{
	struct response r;
	enum response_result result;
	size_t n = 0;
	enum io_rc rc = conn_read(c, c->line + c->line_n,
	    RESPONSE_LINE_MAX - c->line_n, &n);

	if (rc == IO_AGAIN)
		return;
	if (rc == IO_FAIL) {
		fail(c, REASON_BACKEND_RESET, stream_get_trouble(&c->stream));
		return;
	}
	if (rc != IO_OK) {
		fail(c, REASON_BACKEND_EOF, "closed");
		return;
	}
	c->line_n += n;
	if (c->state == CONN_CAPABILITY_BLOCK) {
		read_capabilities(c);
		return;
	}
	result = response_parse(c->line, c->line_n, &r);
	if (result == RESPONSE_OK)
		on_line(c, &r);
	else if (result == RESPONSE_BAD)
		fail(c, REASON_GARBAGE, is_tls(c) ? "TLS at a port that was "
		    "taken for plain" : "not a status line");
}

void
setup_on_event(struct conn *c, uint32_t events)
{
	if (c->state == CONN_CONNECTING) {
		on_connected(c);
		return;
	}
	if (c->state == CONN_TLS || c->state == CONN_LATE_TLS) {
		if (events != 0)
			shake_hands(c);
		return;
	}
	if ((events & EPOLLOUT) != 0) {
		(void)!conn_flush(c);
		if (output_pending(&c->output) == 0)
			loop_mask(c->loop, c->stream.fd, EPOLLIN);
	}
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		on_readable(c);
}

/* A server of TLS waits for the handshake, one without it greets at once. */
static const char *
get_silence(const struct conn *c)
{
	if (c->state == CONN_TLS)
		return "no answer to the handshake";
	if (c->state == CONN_GREETING && !stream_is_tls(&c->stream))
		return "no greeting; is TLS spoken there?";
	return "no answer";
}

void
setup_on_timer(struct conn *c)
{
	errno = ETIMEDOUT;
	if (c->state == CONN_CONNECTING)
		leave_addr(c);
	else
		fail(c, REASON_SETUP_TIMEOUT, get_silence(c));
}

void
setup_abort(struct conn *c)
{
	if (!list_is_linked(&c->failure.link))
		fail(c, REASON_SHUTDOWN, "given up");
}
