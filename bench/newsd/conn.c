// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/conn.h"

#include "base/check.h"
#include "newsd/newsd.h"
#include "newsd/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TURN_BYTES (2u << 20)	/* sent before others get their turn */
#define DRIBBLE_BYTES 64
#define TURN_ROUNDS 16
#define TURN_LISTINGS 16

struct conn *
conn_new(struct newsd *nd, int fd, bool is_control)
{
	struct conn *c = xmalloc(sizeof(*c));

	memset(c, 0, offsetof(struct conn, in));
	c->fd = fd;
	c->nd = nd;
	list_init(&c->all);
	list_init(&c->timer);
	out_init(&c->out);
	session_init(&c->session, nd, &c->out, is_control);
	session_greet(&c->session);
	return c;
}

void
conn_free(struct conn *c)
{
	CHECK(!list_is_linked(&c->all) && !list_is_linked(&c->timer));
	session_fini(&c->session);
	out_fini(&c->out);
	free(c);
}

/* Drops input up to the end of an over-long line. */
static bool
skip_line(struct conn *c)
{
	char *eol = memchr(c->in + c->in_at, '\n', c->in_n - c->in_at);

	if (eol == NULL) {
		c->in_at = c->in_n;
		return false;
	}
	c->in_at = (size_t)(eol + 1 - c->in);
	c->is_skipping = false;
	return true;
}

/* Hands the next whole line to the session; false: there is none yet. */
static bool
take_line(struct conn *c)
{
	char *line = c->in + c->in_at, *eol;
	size_t n = c->in_n - c->in_at;

	if (c->is_skipping)
		return skip_line(c);
	eol = memchr(line, '\n', n < SESSION_LINE_MAX ? n : SESSION_LINE_MAX);
	if (eol == NULL) {
		if (n < SESSION_LINE_MAX)
			return false;
		session_line_too_long(&c->session);
		c->is_skipping = true;
		return true;
	}
	c->in_at += (size_t)(eol + 1 - line);
	if (eol > line && eol[-1] == '\r')
		eol--;
	session_line(&c->session, line, (size_t)(eol - line));
	return true;
}

/* One step of the session; false: it needs input, or more time. */
static bool
step(struct conn *c)
{
	struct session *s = &c->session;

	switch (s->state) {
	case SESSION_COMMAND:
		return take_line(c);
	case SESSION_LISTING:
		session_more(s);
		return true;
	case SESSION_POST:
	case SESSION_SKIP:
		if (c->in_at == c->in_n)
			return false;
		c->in_at += session_data(s, c->in + c->in_at,
		    c->in_n - c->in_at);
		return true;
	case SESSION_SILENT:
		c->in_at = c->in_n;
		return false;
	case SESSION_END:
		return false;
	}
	NEVER("state of a session");
}

/* Steps until there is enough to send or nothing more to do now. */
static void
produce(struct conn *c)
{
	int listings_n = 0;

	while (!out_is_full(&c->out)) {
		if (c->session.state == SESSION_LISTING &&
		    ++listings_n > TURN_LISTINGS)
			return;
		if (!step(c))
			return;
	}
}

/* A slow answer hurries up when there are no faults any more. */
static bool
is_slow(const struct conn *c)
{
	return c->session.is_slow && atomic_load(&c->nd->fault.is_on);
}

static enum out_rc
flush(struct conn *c)
{
	uint64_t sent = 0;
	enum out_rc rc = out_flush(&c->out, c->fd,
	    is_slow(c) ? DRIBBLE_BYTES : TURN_BYTES, &sent);

	if (sent > 0)
		c->is_idle = false;
	if (!c->session.is_control)
		stats_count(&c->nd->stats.bytes_out, sent);
	return rc;
}

/* More input; 1, 0 (nothing there now), -1 (end or error). */
static int
fill(struct conn *c)
{
	ssize_t n;

	memmove(c->in, c->in + c->in_at, c->in_n - c->in_at);
	c->in_n -= c->in_at;
	c->in_at = 0;
	CHECK(c->in_n < CONN_IN_N);
	do
		n = recv(c->fd, c->in + c->in_n, CONN_IN_N - c->in_n, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	c->in_n += (size_t)n;
	c->is_idle = false;
	if (!c->session.is_control)
		stats_count(&c->nd->stats.bytes_in, (unsigned long long)n);
	return 1;
}

enum conn_wait
conn_run(struct conn *c)
{
	bool has_latency = c->nd->options->latency_ms > 0 &&
	    !c->session.is_control;
	int rounds_n = 0;

	c->is_idle = true;
	for (;;) {
		enum out_rc rc = flush(c);

		if (rc == OUT_FAIL)
			return CONN_CLOSE;
		if (rc == OUT_AGAIN)
			return is_slow(c) ? CONN_DRIBBLE : CONN_OUTPUT;
		c->session.is_slow = false;
		if (c->session.state == SESSION_END)
			return CONN_CLOSE;
		if (++rounds_n > TURN_ROUNDS)
			return CONN_OUTPUT;
		produce(c);
		if (!out_is_empty(&c->out) || c->session.state == SESSION_END)
			continue;
		if (c->session.state == SESSION_LISTING)
			return CONN_OUTPUT;
		switch (fill(c)) {
		case -1:
			return CONN_CLOSE;
		case 0:
			return CONN_INPUT;
		default:
			break;
		}
		if (has_latency && c->session.state == SESSION_COMMAND)
			return CONN_LATENCY;
	}
}
