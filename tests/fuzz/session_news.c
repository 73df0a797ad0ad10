// SPDX-License-Identifier: BSD-2-Clause
#include "session_news.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

enum {
	WIRES_MAX = 16,
	QUESTIONS_MAX = 64,
	TEXT_MAX = 64,		/* of a word that is remembered */
	IN_MAX = 2048,
	SERIALS_MAX = 256,
	SMALL_BUFFER = 2048,
};

struct question {
	char verb[16];
	char word[TEXT_MAX];	/* its first argument */
};

struct wire {
	int fd;			/* -1: not there */
	unsigned backend;
	bool is_accepted;
	bool is_lying;
	bool is_ending;		/* closed when all is sent */
	bool in_article;
	unsigned article_lines_n;
	unsigned article_client, article_serial;	/* of its last line */
	char group[TEXT_MAX];
	struct question questions[QUESTIONS_MAX];
	unsigned questions_n;
	char in[IN_MAX];
	size_t in_n;
	char *out;
	size_t out_n;
};

struct post {
	unsigned lines_n;	/* 0: not ended */
	unsigned taken_n;
};

static struct {
	struct wire wires[WIRES_MAX];
	enum news_door doors[NEWS_BACKENDS_MAX];
	unsigned backends_n, max_connections;
	bool has_small_buffers, is_helpful;
	bool has_lied, has_refused;
	unsigned missed[NEWS_CLIENTS_MAX][SERIALS_MAX];	/* backends */
	struct post posts[NEWS_CLIENTS_MAX][NEWS_POSTED_MAX];
	bool doubts[NEWS_CLIENTS_MAX];
} news;

/* --- connections ----------------------------------------------------------------- */

void
news_begin(unsigned backends_n, unsigned max_connections,
    bool has_small_buffers, bool is_helpful)
{
	memset(&news, 0, sizeof(news));
	news.backends_n = backends_n;
	news.max_connections = max_connections;
	news.has_small_buffers = has_small_buffers;
	news.is_helpful = is_helpful;
	for (unsigned i = 0; i < WIRES_MAX; i++)
		news.wires[i].fd = -1;
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

static void
ask(struct wire *w, const char *verb, const char *word)
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
	ask(w, "greeting", "");
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

/* --- what is said ------------------------------------------------------------------ */

static void
say(struct wire *w, const char *text, size_t n)
{
	w->out = xrealloc(w->out, w->out_n + n);
	memcpy(w->out + w->out_n, text, n);
	w->out_n += n;
}

static void
say_line(struct wire *w, const char *line)
{
	say(w, line, strlen(line));
	say(w, "\r\n", 2);
}

/* <serial.size@client>: the size class of an article. */
static unsigned
count_lines(const char *id)
{
	static const unsigned sizes[] = { 0, 4, 60, 1500 };
	const char *dot = strchr(id, '.');

	return dot != NULL ? sizes[(unsigned)(dot[1] - '0') %
	    ARRAY_N(sizes)] : 4;
}

bool
news_make_line(char line[NEWS_LINE_MAX], const char *id, unsigned i,
    unsigned variant)
{
	if (i >= count_lines(id))
		return false;
	snprintf(line, NEWS_LINE_MAX, "%s%u.%u %s %.*s", i % 5 == 3 ? ".." :
	    "", i, variant, id, (int)(i * 7 % 60),
	    "------------------------------------------------------------");
	return true;
}

static void
say_headers(struct wire *w, const char *id, unsigned variant)
{
	char line[NEWS_LINE_MAX];

	snprintf(line, sizeof(line), "Path: server%u!v%u", w->backend,
	    variant);
	say_line(w, line);
	snprintf(line, sizeof(line), "Message-ID: %s", id);
	say_line(w, line);
}

static void
say_article(struct wire *w, const char *verb, const char *id,
    unsigned variant)
{
	const char *code = strcmp(verb, "ARTICLE") == 0 ? "220" :
	    strcmp(verb, "HEAD") == 0 ? "221" :
	    strcmp(verb, "BODY") == 0 ? "222" : "223";
	char line[NEWS_LINE_MAX];

	snprintf(line, sizeof(line), "%s 7 %s", code, id);
	say_line(w, line);
	if (code[2] == '3')
		return;
	if (code[2] != '2')
		say_headers(w, id, variant);
	if (code[2] == '0')
		say_line(w, "");
	for (unsigned i = 0; code[2] != '1' &&
	     news_make_line(line, id, i, variant); i++)
		say_line(w, line);
	say_line(w, ".");
}

static void
say_groups(struct wire *w, const struct question *q)
{
	char line[NEWS_LINE_MAX];

	if (q->word[0] != '\0')
		snprintf(w->group, sizeof(w->group), "%s", q->word);
	snprintf(line, sizeof(line), "211 3 1 3 %s", w->group);
	say_line(w, line);
	if (strcmp(q->verb, "LISTGROUP") == 0)
		say_line(w, "1\r\n2\r\n3\r\n.");
}

/* Of a command about the selected group. */
static void
say_of_group(struct wire *w, const struct question *q, unsigned variant)
{
	char id[TEXT_MAX + 8], line[NEWS_LINE_MAX];

	/* Without a group the proxy says so itself. */
	CHECK(w->is_lying || w->group[0] != '\0');
	snprintf(id, sizeof(id), "<2.1%s>", w->group);
	if (strcmp(q->verb, "OVER") == 0 || strcmp(q->verb, "XOVER") == 0) {
		say_line(w, "224 overview follows");
		snprintf(line, sizeof(line), "2\tsubject\t%s", id);
		say_line(w, line);
		say_line(w, ".");
	} else {
		say_article(w, q->verb, id, variant);
	}
}

static void
say_overview(struct wire *w, const struct question *q)
{
	char line[NEWS_LINE_MAX];

	say_line(w, "224 overview follows");
	snprintf(line, sizeof(line), "7\tsubject\t%s", q->word);
	say_line(w, line);
	say_line(w, ".");
}

static bool
is_verb(const struct question *q, const char *verb)
{
	return strcmp(q->verb, verb) == 0;
}

static bool
is_over(const struct question *q)
{
	return is_verb(q, "OVER") || is_verb(q, "XOVER");
}

static bool
is_of_article(const struct question *q)
{
	return is_verb(q, "ARTICLE") || is_verb(q, "BODY") ||
	    is_verb(q, "HEAD") || is_verb(q, "STAT") || is_over(q) ||
	    is_verb(q, "NEXT") || is_verb(q, "LAST");
}

static void
go_ahead(struct wire *w, const char *line, const char *verb)
{
	say_line(w, line);
	w->in_article = true;
	w->article_lines_n = 0;
	w->article_serial = SERIALS_MAX;
	ask(w, verb, "");
}

static void
say_good(struct wire *w, const struct question *q, unsigned variant)
{
	static const struct {
		const char *verb, *answer;
	} table[] = {
		{ "greeting", "200 hello" },
		{ "MODE", "200 hello" },
		{ "CAPABILITIES", "101 list\r\nVERSION 2\r\nREADER\r\nPOST\r\n"
		    "IHAVE\r\nOVER MSGID\r\nLIST ACTIVE\r\n." },
		{ "DATE", "111 20200101000000" },
		{ "HELP", "100 help\r\nyourself\r\n." },
		{ "LIST", "215 list\r\na 1 1 y\r\n..b 1 1 y\r\n." },
		{ "QUIT", "205 bye" },
		{ "posted", "240 thanks" },
		{ "offered", "235 thanks" },
	};

	for (size_t i = 0; i < ARRAY_N(table); i++)
		if (is_verb(q, table[i].verb)) {
			say_line(w, table[i].answer);
			w->is_ending |= is_verb(q, "QUIT");
			return;
		}
	if (is_verb(q, "GROUP") || is_verb(q, "LISTGROUP"))
		say_groups(w, q);
	else if (is_verb(q, "POST"))
		go_ahead(w, "340 send it", "posted");
	else if (is_verb(q, "IHAVE"))
		go_ahead(w, "335 send it", "offered");
	else if (is_of_article(q) && q->word[0] != '<')
		say_of_group(w, q, variant);
	else if (is_over(q))
		say_overview(w, q);
	else if (is_of_article(q))
		say_article(w, q->verb, q->word, variant);
	else
		say_line(w, "290 done");
}

static void
note_miss(const struct wire *w, const struct question *q)
{
	unsigned serial, size, client;

	if (is_of_article(q) && sscanf(q->word, "<%u.%u@%u>", &serial, &size,
	    &client) == 3 && client < NEWS_CLIENTS_MAX &&
	    serial < SERIALS_MAX)
		news.missed[client][serial] |= 1u << w->backend;
}

static const char *
get_miss(const struct wire *w, const struct question *q)
{
	if (is_of_article(q) && q->word[0] == '<') {
		note_miss(w, q);
		return "430 no such article";
	}
	if (is_of_article(q))
		return "423 no such number";
	if (is_verb(q, "GROUP") || is_verb(q, "LISTGROUP"))
		return "411 no such group";
	return is_verb(q, "POST") || is_verb(q, "posted") ?
	    "440 not here" : "435 not wanted";
}

static void
say_half(struct wire *w, const struct question *q)
{
	size_t before = w->out_n;

	say_good(w, q, 0);
	w->out_n = before + (w->out_n - before) / 2;
	w->is_ending = true;
}

static void
say_stale(struct wire *w, const struct question *q)
{
	if (!is_of_article(q) || q->word[0] != '<' || is_over(q))
		say_line(w, "403 not now");
	else
		say_article(w, q->verb, "<1.1@9>", 0);
}

static void
answer(struct wire *w, const struct question *q, enum news_answer how)
{
	static const char *const lines[ANSWER_N] = {
		[ANSWER_OFF] = "400 going down",
		[ANSWER_LIMIT] = "502 too many connections",
		[ANSWER_UNKNOWN] = "500 what?",
		[ANSWER_UNABLE] = "503 not here",
		[ANSWER_NOT_NOW] = "403 not now",
		[ANSWER_LOGIN] = "480 who are you?",
		[ANSWER_GARBAGE] = "abc",
		[ANSWER_SYNTAX] = "501 what?",
	};

	news.has_refused |= how == ANSWER_UNKNOWN || how == ANSWER_UNABLE ||
	    how == ANSWER_SYNTAX;
	w->is_ending |= how == ANSWER_OFF || how == ANSWER_LIMIT;
	switch (how) {
	case ANSWER_GOOD:
	case ANSWER_OTHER:
		say_good(w, q, how == ANSWER_OTHER);
		break;
	case ANSWER_MISS:
		say_line(w, get_miss(w, q));
		break;
	case ANSWER_STALE:
		say_stale(w, q);
		break;
	case ANSWER_CUT:
		say_half(w, q);
		break;
	default:
		say_line(w, lines[how]);
	}
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
	answer(w, &q, how);
}

/* --- what is heard ------------------------------------------------------------------- */

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
	ask(w, line, word);
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

/* --- the script --------------------------------------------------------------------- */

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
	say(w, (const char *)p, n);
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

	return w->questions_n > 0 && (is_verb(q, "greeting") ||
	    is_verb(q, "MODE") || is_verb(q, "CAPABILITIES") ||
	    is_verb(q, "QUIT"));
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

/* --- for the readers ---------------------------------------------------------------- */

bool
news_has_lied(void)
{
	return news.has_lied;
}

bool
news_all_missed(unsigned client, unsigned serial)
{
	return news.has_refused || serial >= SERIALS_MAX ||
	    news.missed[client][serial] == (1u << news.backends_n) - 1;
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
