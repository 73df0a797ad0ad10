// SPDX-License-Identifier: BSD-2-Clause
/* reading - ARTICLE, HEAD, BODY, STAT, GROUP, NEXT, LAST (RFC 3977 sections
 * 6.1 and 6.2). */
#include "newsd/article.h"
#include "newsd/commands.h"
#include "newsd/generate.h"
#include "newsd/newsd.h"
#include "newsd/out.h"
#include "newsd/reading.h"
#include "newsd/session.h"
#include "newsd/spool.h"
#include "newsd/text.h"

#include <ctype.h>

struct article *
reading_get_id(struct session *s, const char *id)
{
	struct article *a = spool_get_id(s->nd->spool, id);

	if (a == NULL && s->nd->gen != NULL)
		a = gen_get(s->nd->gen, id);
	return a;
}

/* Half of the block and then the end, if a fault wants it; else all of it and
 * its terminator. Takes a. */
static void
send_block(struct session *s, struct article *a, size_t at, size_t n,
    bool has_terminator)
{
	if (!s->is_control) {
		stats_count(&s->nd->stats.articles, 1);
		stats_count(&s->nd->stats.articles_bytes, n);
	}
	if (s->is_cut) {
		out_article(s->out, a, at, n / 2);
		s->state = SESSION_END;
		return;
	}
	out_article(s->out, a, at, n);
	if (!has_terminator)
		session_block_end(s);
}

/* Takes a. The verb's first letters tell the four apart. */
static void
send_article(struct session *s, char verb, uint32_t number, struct article *a)
{
	switch (toupper((unsigned char)verb)) {
	case 'A':
		session_reply(s, "220 %u %s", number, a->id);
		send_block(s, a, 0, a->bytes_n, true);
		return;
	case 'H':
		session_reply(s, "221 %u %s", number, a->id);
		send_block(s, a, 0, a->head_n, false);
		return;
	case 'B':
		session_reply(s, "222 %u %s", number, a->id);
		send_block(s, a, a->body_at, a->bytes_n - a->body_at, true);
		return;
	default:
		session_reply(s, "223 %u %s", number, a->id);
		article_unref(a);
		return;
	}
}

static void
retrieve_id(struct session *s, char verb, const char *id)
{
	bool is_stat = toupper((unsigned char)verb) == 'S';
	struct article *a = NULL;

	if (!article_is_id(id)) {
		session_reply(s, "501 not a message-id");
		return;
	}
	/* STAT needs no body, so don't make one. */
	if (is_stat && s->nd->gen != NULL && gen_is_here(s->nd->gen, id)) {
		session_reply(s, "223 0 %s", id);
		return;
	}
	a = reading_get_id(s, id);
	if (a == NULL)
		session_reply(s, "430 no such article");
	else
		send_article(s, verb, 0, a);
}

void
reading_retrieve(struct session *s, const struct command *c)
{
	struct article *a;
	uint64_t number = s->number;

	if (c->argc > 1 && c->argv[1][0] == '<') {
		retrieve_id(s, c->argv[0][0], c->argv[1]);
		return;
	}
	if (c->argc > 1 && !text_number(c->argv[1], UINT32_MAX, &number)) {
		session_reply(s, "501 neither a message-id nor a number");
		return;
	}
	if (s->group == NULL) {
		session_reply(s, "412 no group");
		return;
	}
	if (c->argc == 1 && s->number == 0) {
		session_reply(s, "420 no current article");
		return;
	}
	a = spool_get_number(s->nd->spool, s->group, (uint32_t)number);
	if (a == NULL) {
		session_reply(s, "423 no article with that number");
		return;
	}
	s->number = (uint32_t)number;
	send_article(s, c->argv[0][0], s->number, a);
}

void
reading_enter(struct session *s, const struct group *g)
{
	struct group_range r = spool_get_range(s->nd->spool, g);

	s->group = g;
	s->number = r.n > 0 ? r.low : 0;
	session_reply(s, "211 %zu %u %u %s", r.n, r.low, r.high, g->name);
}

void
reading_group(struct session *s, const struct command *c)
{
	const struct group *g = spool_get_group(s->nd->spool, c->argv[1]);

	if (g == NULL)
		session_reply(s, "411 no such group");
	else
		reading_enter(s, g);
}

static void
step(struct session *s, uint32_t number, bool is_next)
{
	struct article *a;

	if (s->group == NULL) {
		session_reply(s, "412 no group");
		return;
	}
	if (s->number == 0) {
		session_reply(s, "420 no current article");
		return;
	}
	a = spool_get_number(s->nd->spool, s->group, number);
	if (a == NULL) {
		if (is_next)
			session_reply(s, "421 no next article");
		else
			session_reply(s, "422 no previous article");
		return;
	}
	s->number = number;
	session_reply(s, "223 %u %s", number, a->id);
	article_unref(a);
}

void
reading_next(struct session *s, const struct command *c)
{
	(void)c;
	step(s, s->number + 1, true);
}

void
reading_last(struct session *s, const struct command *c)
{
	(void)c;
	step(s, s->number - 1, false);
}
