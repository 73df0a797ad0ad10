// SPDX-License-Identifier: BSD-2-Clause
/* session_answers - what the news servers of fuzz_session say. */
#include "session_news_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

void
news_say(struct wire *w, const char *text, size_t n)
{
	if (n == 0)
		return;
	if (w->out_n + n > w->out_size) {
		w->out_size = 2 * (w->out_n + n);
		w->out = xrealloc(w->out, w->out_size);
	}
	memcpy(w->out + w->out_n, text, n);
	w->out_n += n;
}

static void
say_line(struct wire *w, const char *line)
{
	news_say(w, line, strlen(line));
	news_say(w, "\r\n", 2);
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
is_over(const struct question *q)
{
	return question_is(q, "OVER") || question_is(q, "XOVER");
}

static bool
is_of_article(const struct question *q)
{
	return question_is(q, "ARTICLE") || question_is(q, "BODY") ||
	    question_is(q, "HEAD") || question_is(q, "STAT") || is_over(q) ||
	    question_is(q, "NEXT") || question_is(q, "LAST");
}

static void
go_ahead(struct wire *w, const char *line, const char *verb)
{
	say_line(w, line);
	w->in_article = true;
	w->article_lines_n = 0;
	w->article_serial = SERIALS_MAX;
	news_ask(w, verb, "");
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
		if (question_is(q, table[i].verb)) {
			say_line(w, table[i].answer);
			w->is_ending |= question_is(q, "QUIT");
			return;
		}
	if (question_is(q, "GROUP") || question_is(q, "LISTGROUP"))
		say_groups(w, q);
	else if (question_is(q, "POST"))
		go_ahead(w, "340 send it", "posted");
	else if (question_is(q, "IHAVE"))
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
	if (question_is(q, "GROUP") || question_is(q, "LISTGROUP"))
		return "411 no such group";
	return question_is(q, "POST") || question_is(q, "posted") ?
	    "440 not here" : "435 not wanted";
}

static void
say_half(struct wire *w, const struct question *q)
{
	size_t before = w->out_n;

	say_good(w, q, 0);
	w->out_n = before + (w->out_n - before) / 2;
	/* Nothing may come behind it, should more be said. */
	if (w->out_n > before && w->out[w->out_n - 1] == '@')
		w->out_n--;
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

void
news_make_answer(struct wire *w, const struct question *q,
    enum news_answer how)
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
