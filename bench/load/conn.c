// SPDX-License-Identifier: BSD-2-Clause
#include "load/conn.h"

#include "base/check.h"
#include "load/clock.h"
#include "load/load.h"
#include "load/options.h"
#include "load/verify.h"
#include "newsd/generate.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a slow one does not read must fill more than the buffers of the sockets
 * on its way (4 MiB and more each, if they may grow), for only then is it slow
 * for those who send. */
#define SLOW_DEPTH 16
#define SLOW_RCVBUF (64 << 10)
#define KEPT_MAX (2u * GEN_SIZE_MAX + (1u << 20))

void
conn_open(struct conn *c, const struct load *ld, uint64_t index,
    enum conn_role role)
{
	const struct options *o = ld->options;
	int one = 1, room = SLOW_RCVBUF;

	*c = (struct conn){ .state = CONN_GREETING, .role = role };
	/* Any odd number is a start; the second factor keeps clients apart. */
	c->random = (o->seed << 32 | 1) + 2 * index *
	    UINT64_C(0x9e3779b97f4a7c15);
	c->depth = role == CONN_SLOW ? SLOW_DEPTH : (unsigned)o->depth;
	c->asked = xcalloc(c->depth, sizeof(*c->asked));
	list_init(&c->think);
	c->fd = socket(o->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		load_fail("socket: %s", strerror(errno));
	SYS_OK(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one,
	    sizeof(one)));
	if (role == CONN_SLOW)
		SYS_OK(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &room,
		    sizeof(room)));
	if (connect(c->fd, (const struct sockaddr *)&o->address,
	    o->address_n) != 0 && errno != EINPROGRESS)
		load_fail("connect: %s", strerror(errno));
}

void
conn_close(struct conn *c)
{
	list_remove(&c->think);
	close(c->fd);
	free(c->asked);
	free(c->kept);
}

static struct asked *
asked_at(struct conn *c, unsigned i)
{
	return &c->asked[(c->first + i) % c->depth];
}

static void
begin_answer(struct conn *c)
{
	answer_begin(&c->answer, &asked_at(c, 0)->request);
	c->kept_n = 0;
}

void
conn_ask(struct conn *c, struct load *ld)
{
	char text[OPTIONS_DEPTH_MAX * REQUEST_LINE_MAX];
	uint64_t now = clock_now();
	unsigned before_n = c->asked_n;
	size_t n = 0;

	if (c->role == CONN_IDLE)
		return;
	while (c->asked_n < c->depth &&
	    (ld->left > 0 || c->role == CONN_SLOW)) {
		struct asked *a = asked_at(c, c->asked_n);

		mix_draw(&ld->options->mix, &c->random, &a->request);
		a->sent_ns = now;
		n += request_print(&a->request, text + n);
		c->asked_n++;
		ld->left -= c->role == CONN_ASKS;
	}
	if (n == 0)
		return;
	if (before_n == 0)
		begin_answer(c);
	if (send(c->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		load_fail("a client could not send: %s", strerror(errno));
}

static void
keep(struct conn *c, const char *p, size_t n)
{
	CHECK(c->kept_n + n <= KEPT_MAX);
	if (c->kept_n + n > c->room_n) {
		c->room_n = (c->kept_n + n) * 2;
		c->kept = xrealloc(c->kept, c->room_n);
	}
	memcpy(c->kept + c->kept_n, p, n);
	c->kept_n += n;
}

/* Where its answers count. */
static struct tally *
get_tally(const struct conn *c, struct load *ld)
{
	return c->role == CONN_SLOW ? &ld->result.slow : &ld->result.all;
}

static void
count_answer(struct conn *c, struct load *ld, uint64_t ns, bool is_verified)
{
	struct tally *t = get_tally(c, ld);

	t->commands++;
	t->verified += is_verified;
	c->answers_n++;
	if (c->role == CONN_ASKS)
		histogram_add(&ld->result.latency, ns);
}

static void
finish_answer(struct conn *c, struct load *ld)
{
	const struct asked *a = asked_at(c, 0);
	bool is_verified = a->request.verb != VERB_STAT &&
	    ld->options->is_verifying;

	if (is_verified && !verify_block(&a->request, c->kept, c->kept_n))
		load_fail("wrong bytes in the answer for %s", a->request.id);
	if (ld->phase == LOAD_MEASURE)
		count_answer(c, ld, ld->heard_ns - a->sent_ns, is_verified);
	c->first = (c->first + 1) % c->depth;
	if (--c->asked_n > 0)
		begin_answer(c);
}

static unsigned
take(struct conn *c, struct load *ld, const char *p, size_t n)
{
	unsigned done_n = 0;

	while (n > 0) {
		bool is_block = c->answer.state == ANSWER_BLOCK;
		size_t taken;

		if (c->asked_n == 0)
			load_fail("%zu bytes that nobody asked for", n);
		taken = answer_take(&c->answer, p, n, c->asked_n == 1);
		if (is_block && ld->options->is_verifying)
			keep(c, p, taken);
		p += taken;
		n -= taken;
		if (c->answer.state == ANSWER_BAD)
			load_fail("not an answer for %s: %s",
			    asked_at(c, 0)->request.id, c->answer.line);
		if (c->answer.state == ANSWER_DONE) {
			finish_answer(c, ld);
			done_n++;
		}
	}
	return done_n;
}

/* One line, and nothing behind it. */
static unsigned
take_greeting(struct conn *c, const char *p, size_t n)
{
	struct answer *a = &c->answer;
	const char *eol = memchr(p, '\n', n);

	if (eol != NULL && eol != p + n - 1)
		load_fail("%zu bytes that nobody asked for",
		    (size_t)(p + n - 1 - eol));
	if (n >= sizeof(a->line) - a->line_n)
		load_fail("a greeting of more than %zu bytes", a->line_n);
	memcpy(a->line + a->line_n, p, n);
	a->line_n += n;
	a->line[a->line_n] = '\0';
	if (eol == NULL)
		return 0;
	if (strncmp(a->line, "200", 3) != 0 && strncmp(a->line, "201", 3) != 0)
		load_fail("not a greeting: %s", a->line);
	c->state = CONN_READY;
	return 1;
}

unsigned
conn_read(struct conn *c, struct load *ld)
{
	size_t most = c->role == CONN_SLOW ? ld->options->slow_bytes :
	    LOAD_BUFFER_N;
	ssize_t n = recv(c->fd, ld->buffer, most, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		load_fail("a client lost its connection: %s",
		    n < 0 ? strerror(errno) : "end of file");
	ld->heard_ns = clock_now();
	if (c->state == CONN_GREETING)
		return take_greeting(c, ld->buffer, (size_t)n);
	if (ld->phase == LOAD_MEASURE)
		get_tally(c, ld)->bytes += (uint64_t)n;
	return take(c, ld, ld->buffer, (size_t)n);
}
