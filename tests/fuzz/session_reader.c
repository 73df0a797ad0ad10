// SPDX-License-Identifier: BSD-2-Clause
#include "session_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "session_news.h"

enum {
	COMMANDS_MAX = 16,	/* without an answer */
	SERIALS_MAX = 256,
	LINE_MAX_BYTES = 1024,
	READ_BYTES = 64 * 1024,
};

struct said {
	enum reader_verb verb;
	unsigned serial;
	unsigned who;		/* of a login: its size */
	bool has_go_ahead;	/* for its article */
	char id[32];
};

struct reader {
	int fd;			/* -1: not connected */
	unsigned serial;	/* of the next command; never begins again */
	bool is_doubtful;	/* said more than whole commands */
	bool has_ended;		/* its own stream */
	bool has_group_said;
	bool may_post;		/* the server waits for its article */
	bool has_quit;
	unsigned posted_n;	/* lines of it */
	char named, user;	/* by USER; by a login. 0: nobody */

	bool is_greeted;
	bool is_last;		/* nothing may follow */
	bool is_after_at;
	bool is_block;
	bool is_body;		/* of an article, behind the headers */
	unsigned block_lines_n;
	int variant;		/* of the article that is read; -1: not known */
	struct said said[COMMANDS_MAX];
	unsigned said_n;
	char line[LINE_MAX_BYTES];
	size_t line_n;
};

static struct {
	const char *path;
	bool is_stateful;
	struct reader_rules rules;
	struct reader readers[NEWS_CLIENTS_MAX];
} all;

static struct reader *
get_reader(unsigned i)
{
	return &all.readers[i % NEWS_CLIENTS_MAX];
}

static unsigned
get_index(const struct reader *r)
{
	return (unsigned)(r - all.readers);
}

/* --- life --------------------------------------------------------------- */

void
readers_begin(const char *path, bool is_stateful,
    const struct reader_rules *rules)
{
	memset(&all, 0, sizeof(all));
	all.path = path;
	all.is_stateful = is_stateful;
	all.rules = *rules;
	for (unsigned i = 0; i < NEWS_CLIENTS_MAX; i++)
		all.readers[i].fd = -1;
}

void
readers_change(const struct reader_rules *rules)
{
	all.rules.needs_login &= rules->needs_login;
	all.rules.is_partial |= rules->is_partial;
}

static void
leave(struct reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	*r = (struct reader){ .fd = -1, .serial = r->serial };
}

void
readers_end(void)
{
	for (unsigned i = 0; i < NEWS_CLIENTS_MAX; i++)
		leave(&all.readers[i]);
}

void
reader_connect(unsigned i)
{
	struct reader *r = get_reader(i);
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (r->fd >= 0)
		return;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", all.path);
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	CHECK(r->fd >= 0);
	CHECK(connect(r->fd, (struct sockaddr *)&un, sizeof(un)) == 0);
}

void
reader_close(unsigned i)
{
	leave(get_reader(i));
}

void
reader_half_close(unsigned i)
{
	struct reader *r = get_reader(i);

	if (r->fd < 0)
		return;
	r->has_ended = true;
	(void)shutdown(r->fd, SHUT_WR);
}

/* --- saying ------------------------------------------------------------- */

static void
doubt(struct reader *r)
{
	r->is_doubtful = true;
	news_doubt_posts(get_index(r));
}

static void
send_text(struct reader *r, const void *text, size_t n)
{
	ssize_t sent = send(r->fd, text, n, MSG_NOSIGNAL);

	if (sent < 0 || (size_t)sent < n)
		doubt(r);
}

static const char *const words[SAY_WORDS_N] = {
	[SAY_ARTICLE] = "ARTICLE %s", [SAY_BODY] = "BODY %s",
	[SAY_HEAD] = "head %s", [SAY_STAT] = "STAT %s",
	[SAY_OVER] = "XOVER %s", [SAY_GROUP] = "GROUP %s",
	[SAY_LISTGROUP] = "LISTGROUP %s", [SAY_NEXT] = "NEXT",
	[SAY_STAT_BARE] = "STAT", [SAY_BODY_BARE] = "BODY 2",
	[SAY_OVER_RANGE] = "OVER 1-3", [SAY_LIST] = "LIST",
	[SAY_DATE] = "DATE", [SAY_HELP] = "HELP",
	[SAY_CAPABILITIES] = "CAPABILITIES",
	[SAY_MODE_READER] = "MODE READER", [SAY_UNKNOWN] = "XFOO 1",
	[SAY_POST] = "POST", [SAY_IHAVE] = "IHAVE %s",
	[SAY_TAKETHIS] = "TAKETHIS %s", [SAY_QUIT] = "QUIT",
	[SAY_EMPTY] = "", [SAY_LONG] = NULL,
	[SAY_USER] = "AUTHINFO USER %s", [SAY_PASS] = "AUTHINFO PASS right",
	[SAY_WRONG_PASS] = "AUTHINFO PASS wrong",
	[SAY_SASL] = "AUTHINFO SASL PLAIN %s",
	[SAY_SASL_ASK] = "AUTHINFO SASL PLAIN", [SAY_RESPONSE] = "%s",
};

static const char users[] = { 'a', 'b', 'z', 'a' };
/* NUL name NUL "right"; or it is given up. */
static const char *const responses[] = {
	"AGEAcmlnaHQ=", "AGIAcmlnaHQ=", "AHoAcmlnaHQ=", "*",
};

static bool
is_group_verb(enum reader_verb verb)
{
	return verb == SAY_GROUP || verb == SAY_LISTGROUP;
}

static bool
is_posting_verb(enum reader_verb verb)
{
	return verb == SAY_POST || verb == SAY_IHAVE;
}

static void
make_line(struct said *said, char line[LINE_MAX_BYTES])
{
	if (said->verb == SAY_LONG) {
		memset(line, 'x', 600);
		line[600] = '\0';
		return;
	}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
	snprintf(line, LINE_MAX_BYTES, words[said->verb], said->id);
#pragma GCC diagnostic pop
}

/* A backend may be asked it, and may take it for anything. */
static bool
is_unknown_verb(enum reader_verb verb)
{
	return verb == SAY_UNKNOWN || verb == SAY_RESPONSE;
}

/* What the verb names. */
static void
make_id(const struct reader *r, struct said *said, unsigned size)
{
	if (said->verb == SAY_USER)
		snprintf(said->id, sizeof(said->id), "%c", users[size % 4]);
	else if (said->verb == SAY_SASL || said->verb == SAY_RESPONSE)
		snprintf(said->id, sizeof(said->id), "%s",
		    responses[size % 4]);
	else
		snprintf(said->id, sizeof(said->id),
		    is_group_verb(said->verb) ? "g%u.%u@%u" : "<%u.%u@%u>",
		    said->serial, size % 4, get_index(r));
}

/* What would come now could not be told from an article. */
static bool
is_busy_posting(const struct reader *r)
{
	return r->may_post || (r->said_n > 0 &&
	    is_posting_verb(r->said[r->said_n - 1].verb));
}

void
reader_say(unsigned i, enum reader_verb verb, unsigned size)
{
	struct reader *r = get_reader(i);
	char line[LINE_MAX_BYTES];
	struct said *said;

	if (r->fd < 0 || r->has_ended || r->has_quit || is_busy_posting(r) ||
	    r->said_n + (verb == SAY_SASL_ASK) >= COMMANDS_MAX ||
	    r->serial + (verb == SAY_SASL_ASK) >= SERIALS_MAX)
		return;
	said = &r->said[r->said_n++];
	said->verb = verb;
	said->serial = r->serial++;
	said->who = size % 4;
	said->has_go_ahead = false;
	make_id(r, said, size);
	make_line(said, line);
	send_text(r, line, strlen(line));
	send_text(r, "\r\n", 2);
	r->has_group_said |= is_group_verb(verb) || is_unknown_verb(verb);
	r->has_quit = verb == SAY_QUIT;
	if (verb == SAY_SASL_ASK)
		reader_say(i, SAY_RESPONSE, size);
	r->may_post = verb == SAY_TAKETHIS;
	r->posted_n = 0;
}

void
reader_say_raw(unsigned i, const uint8_t *p, size_t n)
{
	struct reader *r = get_reader(i);

	if (r->fd < 0 || r->has_ended)
		return;
	doubt(r);
	send_text(r, p, n);
}

static unsigned
get_posted_serial(const struct reader *r)
{
	return r->said_n > 0 ? r->said[r->said_n - 1].serial : r->serial - 1;
}

void
reader_post(unsigned i, unsigned lines_n, bool is_end)
{
	struct reader *r = get_reader(i);
	char line[NEWS_LINE_MAX];

	if (r->fd < 0 || r->has_ended || !r->may_post)
		return;
	while (lines_n-- > 0) {
		unsigned k = r->posted_n++;

		snprintf(line, sizeof(line), "%s%u <%u.0@%u>\r\n",
		    k % 4 == 3 ? ".." : "", k, get_posted_serial(r),
		    get_index(r));
		send_text(r, line, strlen(line));
	}
	if (!is_end)
		return;
	if (!r->is_doubtful)
		news_expect_post(get_index(r), get_posted_serial(r),
		    r->posted_n);
	send_text(r, ".\r\n", 3);
	r->may_post = false;
}

/* --- checking ----------------------------------------------------------- */

static void
end_answer(struct reader *r)
{
	r->said_n--;
	memmove(&r->said[0], &r->said[1], r->said_n * sizeof(r->said[0]));
	r->is_block = false;
}

static bool
is_article_verb(enum reader_verb verb)
{
	return verb == SAY_ARTICLE || verb == SAY_BODY || verb == SAY_HEAD;
}

static bool
has_block(enum reader_verb verb, int code)
{
	switch (verb) {
	case SAY_LISTGROUP:
		return code == 211;
	case SAY_UNKNOWN:
	case SAY_RESPONSE:
		return code >= 220 && code <= 222;
	default:
		return code == 100 || code == 101 || code == 215 ||
		    (code >= 220 && code <= 225 && code != 223);
	}
}

static bool
names_article(const struct said *said)
{
	return said->verb <= SAY_STAT;
}

static void
check_success(const struct reader *r, const struct said *said, int code,
    const char *line)
{
	if (names_article(said)) {
		CHECK(code == (said->verb == SAY_STAT ? 223 :
		    220 + (int)(said->verb == SAY_HEAD) +
		    2 * (int)(said->verb == SAY_BODY)));
		CHECK(strstr(line, said->id) != NULL);
		/* A number would be of a group that was never selected. */
		CHECK(r->has_group_said || strncmp(line + 3, " 0 ", 3) == 0);
		CHECK(!all.rules.needs_login || r->user != 0);
	}
	if (is_group_verb(said->verb))
		CHECK(strstr(line, said->id) != NULL);
}

/* Who has answered 430? Not all, if not all could be asked. */
static bool
may_ask_all(const struct reader *r)
{
	return !all.is_stateful && !all.rules.is_partial && r->user != 'b';
}

static void
check_login(struct reader *r, const struct said *said, int code)
{
	if (said->verb == SAY_USER && code == 381)
		r->named = users[said->who];
	if (code != 281)
		return;
	CHECK(r->user == 0 || !all.rules.needs_login);
	if (said->verb == SAY_PASS) {
		CHECK(r->named == 'a' || r->named == 'b');
		r->user = r->named;
	} else {
		CHECK(said->verb == SAY_SASL || said->verb == SAY_RESPONSE);
		CHECK(said->who < 2);
		r->user = users[said->who];
	}
}

/* A status line. */
static void
check_status(struct reader *r, const char *line)
{
	struct said *said = &r->said[0];
	int code;

	CHECK(!r->is_last);
	CHECK(sscanf(line, "%3d", &code) == 1 && code >= 100 && code < 600);
	if (!r->is_greeted) {
		CHECK(code == 200 || code == 201 || code == 400);
		r->is_greeted = true;
		r->is_last = code == 400;
		return;
	}
	if (r->said_n == 0) {
		CHECK(code == 400);
		r->is_last = true;
		return;
	}
	check_login(r, said, code);
	if (code < 300)
		check_success(r, said, code, line);
	if (code == 430 && may_ask_all(r))
		CHECK(news_all_missed(get_index(r), said->serial));
	if (is_posting_verb(said->verb) && code / 100 == 3) {
		/* Nobody posts the same twice. */
		CHECK(!said->has_go_ahead);
		CHECK(r->user != 'b' || !all.rules.needs_login);
		said->has_go_ahead = true;
		r->may_post = true;
		r->posted_n = 0;
		return;
	}
	r->is_last = code == 205 || (code == 400 &&
	    !is_unknown_verb(said->verb));
	r->is_block = has_block(said->verb, code);
	r->is_body = said->verb == SAY_BODY;
	r->block_lines_n = 0;
	r->variant = -1;
	if (is_posting_verb(said->verb))
		r->may_post = false;
	if (!r->is_block)
		end_answer(r);
}

static void
check_header(struct reader *r, const char *line)
{
	const struct said *said = &r->said[0];
	unsigned server, variant;

	if (*line == '\0') {
		CHECK(said->verb == SAY_ARTICLE && r->block_lines_n == 2);
		r->is_body = true;
		r->block_lines_n = 0;
		return;
	}
	if (r->block_lines_n == 0) {
		CHECK(sscanf(line, "Path: server%u!v%u", &server,
		    &variant) == 2);
		CHECK(r->user != 'b' || !all.rules.needs_login || server == 0);
	} else {
		CHECK(r->block_lines_n == 1 &&
		    strcmp(line + strcspn(line, " ") + 1, said->id) == 0);
	}
	r->block_lines_n++;
}

/* All lines are of the same article. */
static void
check_body(struct reader *r, const char *line)
{
	const struct said *said = &r->said[0];
	char expected[NEWS_LINE_MAX];

	for (int v = 0; r->variant < 0 && v < 2; v++)
		if (news_make_line(expected, said->id, r->block_lines_n,
		    (unsigned)v) && strcmp(line, expected) == 0)
			r->variant = v;
	CHECK(r->variant >= 0);
	CHECK(news_make_line(expected, said->id, r->block_lines_n,
	    (unsigned)r->variant));
	CHECK(strcmp(line, expected) == 0);
	r->block_lines_n++;
}

static void
check_block_end(const struct reader *r)
{
	const struct said *said = &r->said[0];
	char line[NEWS_LINE_MAX];

	if (!is_article_verb(said->verb))
		return;
	if (said->verb == SAY_HEAD)
		CHECK(r->block_lines_n == 2);
	else
		CHECK(r->is_body && !news_make_line(line, said->id,
		    r->block_lines_n, 0));
}

static void
check_line(struct reader *r, const char *line)
{
	if (!r->is_block) {
		check_status(r, line);
		return;
	}
	if (strcmp(line, ".") == 0) {
		check_block_end(r);
		end_answer(r);
	} else if (is_article_verb(r->said[0].verb)) {
		if (r->is_body)
			check_body(r, line);
		else
			check_header(r, line);
	} else if (r->said[0].verb == SAY_OVER) {
		CHECK(strstr(line, r->said[0].id) != NULL);
	}
}

static bool
is_checked(const struct reader *r)
{
	return !r->is_doubtful && !news_has_lied();
}

static void
check_octet(struct reader *r, char ch)
{
	if (r->is_after_at)
		CHECK(ch == (char)('0' + get_index(r)));
	r->is_after_at = ch == '@';
	if (!is_checked(r))
		return;
	if (ch != '\n') {
		CHECK(r->line_n < LINE_MAX_BYTES);
		r->line[r->line_n++] = ch;
		return;
	}
	CHECK(r->line_n > 0 && r->line[r->line_n - 1] == '\r');
	r->line[r->line_n - 1] = '\0';
	r->line_n = 0;
	check_line(r, r->line);
}

void
reader_read(unsigned i, size_t n)
{
	static char buf[READ_BYTES];
	struct reader *r = get_reader(i);
	ssize_t got;

	if (r->fd < 0)
		return;
	got = recv(r->fd, buf, n < sizeof(buf) ? n : sizeof(buf), 0);
	for (ssize_t k = 0; k < got; k++)
		check_octet(r, buf[k]);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		leave(r);
}

void
readers_read_all(void)
{
	for (unsigned i = 0; i < NEWS_CLIENTS_MAX; i++)
		reader_read(i, SIZE_MAX);
}

bool
readers_wait(void)
{
	for (unsigned i = 0; i < NEWS_CLIENTS_MAX; i++) {
		const struct reader *r = &all.readers[i];

		if (r->fd >= 0 && is_checked(r) && r->said_n > 0)
			return true;
	}
	return false;
}
