// SPDX-License-Identifier: BSD-2-Clause
#include "session_news_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

enum { SMALL_BUFFER = 2048 };

struct news news;

/* --- connections -------------------------------------------------------- */

void
news_begin(unsigned backends_n, unsigned max_connections,
    bool has_small_buffers, bool is_helpful)
{
	memset(&news, 0, sizeof(news));
	news.backends_n = news.steady_n = backends_n;
	news.max_connections = max_connections;
	news.has_small_buffers = has_small_buffers;
	news.is_helpful = is_helpful;
	for (unsigned i = 0; i < WIRES_MAX; i++)
		news.wires[i].fd = -1;
}

void
news_change(unsigned backends_n, unsigned max_connections)
{
	if (news.backends_n < backends_n)
		news.backends_n = backends_n;
	if (news.steady_n > backends_n)
		news.steady_n = backends_n;
	if (news.max_connections < max_connections)
		news.max_connections = max_connections;
}

static void
end_wire(struct wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	free(w->out);
	*w = (struct wire){ .fd = -1 };
}

void
news_end(void)
{
	for (unsigned i = 0; i < WIRES_MAX; i++)
		end_wire(&news.wires[i]);
}

static bool
is_left_by_proxy(const struct wire *w)
{
	struct pollfd p = { .fd = w->fd };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) != 0;
}

/* Gives the number that the proxy has at a backend. */
static unsigned
sweep(unsigned backend)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WIRES_MAX; i++) {
		struct wire *w = &news.wires[i];

		if (w->fd < 0 || w->backend != backend)
			continue;
		if (is_left_by_proxy(w))
			end_wire(w);
		else
			n++;
	}
	return n;
}

static struct wire *
find_place(void)
{
	for (unsigned i = 0; i < WIRES_MAX; i++)
		if (news.wires[i].fd < 0)
			return &news.wires[i];
	NEVER("more connections than there may be");
}

static void
shrink_buffer(int fd)
{
	const int size = SMALL_BUFFER;

	SYS_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
}

/* A connection that is not accepted yet is one that can't be written. */
static void
fill(int fd)
{
	static const char junk[512];

	shrink_buffer(fd);
	while (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) > 0)
		;
}

void
news_ask(struct wire *w, const char *verb, const char *word)
{
	struct question *q;

	if (w->questions_n == QUESTIONS_MAX) {
		w->is_lying = news.has_lied = true;
		return;
	}
	q = &w->questions[w->questions_n++];
	snprintf(q->verb, sizeof(q->verb), "%s", verb);
	snprintf(q->word, sizeof(q->word), "%s", word);
}

static void
accept_wire(struct wire *w)
{
	char junk[4096];

	if (w->is_accepted)
		return;
	while (recv(w->fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	w->is_accepted = true;
	news_ask(w, "greeting", "");
}

int
news_connect(unsigned backend)
{
	struct wire *w;
	int fds[2];

	CHECK(backend < news.backends_n);
	CHECK(sweep(backend) < news.max_connections);
	if (news.doors[backend] == DOOR_SHUT) {
		errno = ECONNREFUSED;
		return -1;
	}
	SYS_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, fds));
	w = find_place();
	w->fd = fds[1];
	w->backend = backend;
	if (news.has_small_buffers) {
		shrink_buffer(fds[0]);
		shrink_buffer(fds[1]);
	}
	if (news.doors[backend] == DOOR_SILENT)
		fill(fds[0]);
	else
		accept_wire(w);
	return fds[0];
}

void
news_set_door(unsigned backend, enum news_door door)
{
	news.doors[backend % news.backends_n] = door;
}

static void
answer_first(struct wire *w, enum news_answer how)
{
	struct question q = w->questions[0];

	if (w->questions_n == 0 || w->is_lying || w->is_ending)
		return;
	w->questions_n--;
	memmove(&w->questions[0], &w->questions[1],
	    w->questions_n * sizeof(w->questions[0]));
	news_make_answer(w, &q, how);
}

/* --- what is heard ------------------------------------------------------ */

/* A whole article has come: it must be what its client sent, once. */
static void
end_article(struct wire *w)
{
	struct post *p;

	w->in_article = false;
	if (w->article_serial >= NEWS_POSTED_MAX)
		return;		/* empty, or not made by us */
	if (news.doubts[w->article_client])
		return;
	p = &news.posts[w->article_client][w->article_serial];
	CHECK(p->lines_n == w->article_lines_n);
	CHECK(p->taken_n++ == 0);
}

static void
hear_article(struct wire *w, const char *line)
{
	unsigned serial, size, client;
	const char *id = strchr(line, '<');

	if (strcmp(line, ".") == 0) {
		end_article(w);
		return;
	}
	w->article_lines_n++;
	if (id != NULL && sscanf(id, "<%u.%u@%u>", &serial, &size, &client) ==
	    3 && client < NEWS_CLIENTS_MAX) {
		w->article_serial = serial;
		w->article_client = client;
	}
}

static void
hear(struct wire *w, char *line)
{
	char *word = line + strcspn(line, " ");

	if (w->in_article) {
		hear_article(w, line);
		return;
	}
	if (*word != '\0')
		*word++ = '\0';
	word[strcspn(word, " ")] = '\0';
	news_ask(w, line, word);
}

static void
cut_lines(struct wire *w)
{
	char *lf;

	while ((lf = memchr(w->in, '\n', w->in_n)) != NULL) {
		size_t n = (size_t)(lf + 1 - w->in);
		char line[IN_MAX];

		memcpy(line, w->in, n);
		line[n - 1] = '\0';
		line[strcspn(line, "\r")] = '\0';
		w->in_n -= n;
		memmove(w->in, w->in + n, w->in_n);
		hear(w, line);
	}
	if (w->in_n == IN_MAX)
		w->in_n = 0;	/* of an article that was not made by us */
}

static void
read_wire(struct wire *w)
{
	ssize_t n;

	if (!w->is_accepted)
		return;
	while ((n = recv(w->fd, w->in + w->in_n, IN_MAX - w->in_n, 0)) > 0) {
		w->in_n += (size_t)n;
		cut_lines(w);
	}
	if (n == 0 || errno != EAGAIN)
		end_wire(w);
}

static void
send_wire(struct wire *w, size_t n)
{
	ssize_t sent;

	if (n > w->out_n)
		n = w->out_n;
	if (!w->is_accepted)
		return;
	sent = n > 0 ? send(w->fd, w->out, n, MSG_NOSIGNAL) : 0;
	if (sent > 0) {
		w->out_n -= (size_t)sent;
		memmove(w->out, w->out + sent, w->out_n);
	}
	if (w->is_ending && w->out_n == 0)
		end_wire(w);
}

/* --- the script --------------------------------------------------------- */

static struct wire *
get_wire(unsigned i)
{
	unsigned n = 0;

	for (unsigned k = 0; k < WIRES_MAX; k++)
		n += news.wires[k].fd >= 0;
	if (n == 0)
		return NULL;
	i %= n;
	for (unsigned k = 0;; k++)
		if (news.wires[k].fd >= 0 && i-- == 0)
			return &news.wires[k];
}

void
news_accept(unsigned i)
{
	struct wire *w = get_wire(i);

	if (w != NULL)
		accept_wire(w);
}

void
news_read(unsigned i)
{
	struct wire *w = get_wire(i);

	if (w != NULL)
		read_wire(w);
}

void
news_answer(unsigned i, enum news_answer how)
{
	struct wire *w = get_wire(i);

	if (w != NULL)
		answer_first(w, how);
}

void
news_send(unsigned i, size_t n)
{
	struct wire *w = get_wire(i);

	if (w != NULL)
		send_wire(w, n);
}

void
news_send_raw(unsigned i, const uint8_t *p, size_t n)
{
	struct wire *w = get_wire(i);

	if (w == NULL)
		return;
	w->is_lying = news.has_lied = true;
	news_say(w, (const char *)p, n);
	send_wire(w, SIZE_MAX);
}

void
news_close(unsigned i)
{
	struct wire *w = get_wire(i);

	if (w != NULL)
		end_wire(w);
}

void
news_half_close(unsigned i)
{
	struct wire *w = get_wire(i);

	if (w != NULL)
		(void)shutdown(w->fd, SHUT_WR);
}

static bool
is_of_routine(const struct wire *w)
{
	const struct question *q = &w->questions[0];

	return w->questions_n > 0 && (question_is(q, "greeting") ||
	    question_is(q, "MODE") || question_is(q, "CAPABILITIES") ||
	    question_is(q, "QUIT"));
}

void
news_help(void)
{
	for (unsigned i = 0; news.is_helpful && i < WIRES_MAX; i++) {
		struct wire *w = &news.wires[i];

		if (w->fd < 0 || !w->is_accepted)
			continue;
		read_wire(w);
		if (w->fd < 0 || !is_of_routine(w))
			continue;
		answer_first(w, ANSWER_GOOD);
		send_wire(w, SIZE_MAX);
	}
}

/* The article of a post comes first. */
static bool
is_answerable(const struct wire *w)
{
	return w->questions_n > 0 && !w->in_article && !w->is_lying &&
	    !w->is_ending;
}

void
news_work(void)
{
	for (unsigned i = 0; i < WIRES_MAX; i++) {
		struct wire *w = &news.wires[i];

		if (w->fd < 0)
			continue;
		accept_wire(w);
		read_wire(w);
		while (w->fd >= 0 && is_answerable(w))
			answer_first(w, ANSWER_GOOD);
		if (w->fd >= 0)
			send_wire(w, SIZE_MAX);
	}
}

/* --- for the readers ---------------------------------------------------- */

bool
news_has_lied(void)
{
	return news.has_lied;
}

bool
news_all_missed(unsigned client, unsigned serial)
{
	return news.has_refused || serial >= SERIALS_MAX ||
	    (news.missed[client][serial] | ~0u << news.steady_n) == ~0u;
}

void
news_expect_post(unsigned client, unsigned serial, unsigned lines_n)
{
	if (serial < NEWS_POSTED_MAX)
		news.posts[client][serial].lines_n = lines_n;
}

void
news_doubt_posts(unsigned client)
{
	news.doubts[client] = true;
}
