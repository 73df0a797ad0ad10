// SPDX-License-Identifier: BSD-2-Clause
/* listing - the answers with many rows: LIST, LISTGROUP, OVER, HDR, NEWNEWS,
 * NEWGROUPS (RFC 3977 sections 6.1.2, 7.3, 7.4, 7.6, 8). A verb writes the
 * status line and describes the rows; session_more() writes them piece by
 * piece as the client takes them, so no answer is ever whole in memory. */
#include "base/check.h"
#include "newsd/article.h"
#include "newsd/commands.h"
#include "newsd/newsd.h"
#include "newsd/options.h"
#include "newsd/out.h"
#include "newsd/reading.h"
#include "newsd/session.h"
#include "newsd/spool.h"
#include "newsd/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROWS_PER_TURN 5000

static void
start(struct session *s, enum listing_kind kind, uint64_t at, uint64_t end,
    const char *text)
{
	s->listing.kind = kind;
	s->listing.at = at;
	s->listing.end = end;
	s->listing.group = s->group;
	snprintf(s->listing.text, sizeof(s->listing.text), "%s", text);
	s->state = SESSION_LISTING;
}

/* The value of a header or of :bytes and :lines; buf holds it. */
static const char *
get_field(const struct article *a, const char *field, char *buf, size_t size)
{
	if (strcasecmp(field, ":bytes") == 0)
		snprintf(buf, size, "%zu", a->plain_n);
	else if (strcasecmp(field, ":lines") == 0 ||
	    strcasecmp(field, "Lines") == 0)
		snprintf(buf, size, "%zu", a->lines_n);
	else if (article_header(a, field, buf, size) < 0)
		buf[0] = '\0';
	return buf;
}

static void
row_group(struct session *s, const struct listing *l, const struct group *g)
{
	struct group_range r = spool_get_range(s->nd->spool, g);

	switch (l->kind) {
	case LISTING_ACTIVE:
	case LISTING_NEWGROUPS:
		session_row(s, "%s %u %u %c", g->name, r.high, r.low,
		    s->nd->options->no_post ? 'n' : 'y');
		return;
	case LISTING_TIMES:
		session_row(s, "%s %lld newsd", g->name,
		    (long long)g->created);
		return;
	default:
		session_row(s, "%s\t%s", g->name, g->text);
	}
}

static void
row_number(struct session *s, const struct listing *l)
{
	uint32_t number = (uint32_t)l->at;
	struct article *a =
	    spool_get_number(s->nd->spool, l->group, number);
	char value[4096];

	if (a == NULL)
		return;
	if (l->kind == LISTING_NUMBERS)
		session_row(s, "%u", number);
	else if (l->kind == LISTING_OVER)
		session_row(s, "%u\t%s", number, a->overview);
	else
		session_row(s, "%u %s", number,
		    get_field(a, l->text, value, sizeof(value)));
	article_unref(a);
}

/* RFC 3977 section 7.4: an article counts when one of its groups matches. */
static void
row_newnews(struct session *s, const struct listing *l)
{
	struct article *a = spool_get_nth(s->nd->spool, l->at);
	char names[4096], *save = NULL;
	bool matches = false;

	if (a == NULL)
		return;
	if (a->arrived >= l->since &&
	    article_header(a, "Newsgroups", names, sizeof(names)) >= 0)
		for (char *name = strtok_r(names, ", ", &save);
		     name != NULL && !matches;
		     name = strtok_r(NULL, ", ", &save))
			matches = text_wildmat(l->text, name);
	if (matches)
		session_row(s, "%s", a->id);
	article_unref(a);
}

static void
row(struct session *s, const struct listing *l)
{
	const struct group *g;

	switch (l->kind) {
	case LISTING_ACTIVE:
	case LISTING_NEWSGROUPS:
	case LISTING_TIMES:
	case LISTING_NEWGROUPS:
		g = spool_get_group_nth(s->nd->spool, l->at);
		if (g != NULL && g->created >= l->since &&
		    text_wildmat(l->text, g->name))
			row_group(s, l, g);
		return;
	case LISTING_NUMBERS:
	case LISTING_OVER:
	case LISTING_HDR:
		row_number(s, l);
		return;
	case LISTING_NEWNEWS:
		row_newnews(s, l);
		return;
	}
	NEVER("kind of listing");
}

void
session_more(struct session *s)
{
	struct listing *l = &s->listing;

	CHECK(s->state == SESSION_LISTING);
	for (int n = 0; l->at < l->end && n < ROWS_PER_TURN; n++) {
		if (out_is_full(s->out))
			return;
		row(s, l);
		l->at++;
		if (s->is_cut) {
			s->state = SESSION_END;
			return;
		}
	}
	if (l->at < l->end)
		return;
	session_block_end(s);
	s->is_cut = false;
	s->state = SESSION_COMMAND;
}

static void
list_fields(struct session *s, bool is_headers)
{
	static const char *const fields[] = { "Subject:", "From:", "Date:",
		"Message-ID:", "References:", ":bytes", ":lines" };

	session_reply(s, "215 fields follow");
	if (is_headers)
		session_row(s, ":");
	for (size_t i = is_headers ? 5 : 0; i < ARRAY_N(fields); i++)
		session_row(s, "%s", fields[i]);
	session_block_end(s);
}

void
listing_list(struct session *s, const struct command *c)
{
	static const struct {
		const char *word;
		enum listing_kind kind;
	} kinds[] = {
		{ "ACTIVE", LISTING_ACTIVE },
		{ "NEWSGROUPS", LISTING_NEWSGROUPS },
		{ "ACTIVE.TIMES", LISTING_TIMES },
	};
	const char *word = c->argc > 1 ? c->argv[1] : "ACTIVE";

	if (strcasecmp(word, "OVERVIEW.FMT") == 0 && c->argc == 2) {
		list_fields(s, false);
		return;
	}
	if (strcasecmp(word, "HEADERS") == 0) {
		list_fields(s, true);
		return;
	}
	for (size_t i = 0; i < ARRAY_N(kinds); i++) {
		if (strcasecmp(word, kinds[i].word) != 0)
			continue;
		session_reply(s, "215 list follows");
		s->listing.since = 0;
		start(s, kinds[i].kind, 0,
		    spool_get_groups_n(s->nd->spool),
		    c->argc > 2 ? c->argv[2] : "*");
		return;
	}
	session_reply(s, "501 nothing to list by that name");
}

/* Cuts low..high to what the group has; false: nothing there. */
static bool
clamp(struct session *s, uint32_t *low, uint32_t *high)
{
	struct group_range r = spool_get_range(s->nd->spool, s->group);

	if (*low < r.low)
		*low = r.low;
	if (*high > r.high)
		*high = r.high;
	return r.n > 0 && *low <= *high;
}

void
listing_listgroup(struct session *s, const struct command *c)
{
	const struct group *g = s->group;
	uint32_t low = 0, high = UINT32_MAX;

	if (c->argc > 1)
		g = spool_get_group(s->nd->spool, c->argv[1]);
	if (c->argc > 2 && !text_range(c->argv[2], &low, &high)) {
		session_reply(s, "501 not a range");
		return;
	}
	if (g == NULL) {
		if (c->argc > 1)
			session_reply(s, "411 no such group");
		else
			session_reply(s, "412 no group");
		return;
	}
	reading_enter(s, g);
	if (!clamp(s, &low, &high))
		high = low = 0;
	start(s, LISTING_NUMBERS, low, (uint64_t)high + (high > 0), "");
}

/* What OVER and HDR have in common: the second word, or the current article,
 * to a listing. is_old: an X verb. */
static void
start_numbers(struct session *s, enum listing_kind kind, const char *range,
    const char *field, bool is_old)
{
	uint32_t low = s->number, high = s->number;

	if (range != NULL && !text_range(range, &low, &high)) {
		session_reply(s, "501 neither a range nor a message-id");
	} else if (s->group == NULL) {
		session_reply(s, "412 no group");
	} else if (range == NULL && s->number == 0) {
		session_reply(s, "420 no current article");
	} else if (!clamp(s, &low, &high)) {
		/* RFC 2980 sections 2.6 and 2.8 against RFC 3977 8.3. */
		if (is_old)
			session_reply(s, "420 no article in that range");
		else
			session_reply(s, "423 no article in that range");
	} else {
		if (kind == LISTING_OVER)
			session_reply(s, "224 overview follows");
		else if (is_old)
			session_reply(s, "221 header follows");
		else
			session_reply(s, "225 header follows");
		start(s, kind, low, (uint64_t)high + 1, field);
	}
}

/* Gives the article, or NULL after 430 or 501. */
static struct article *
find_id(struct session *s, const char *id)
{
	struct article *a = NULL;

	if (!article_is_id(id)) {
		session_reply(s, "501 not a message-id");
		return NULL;
	}
	a = reading_get_id(s, id);
	if (a == NULL)
		session_reply(s, "430 no such article");
	return a;
}

static bool
is_old_verb(const struct command *c)
{
	return c->argv[0][0] == 'X' || c->argv[0][0] == 'x';
}

void
listing_over(struct session *s, const struct command *c)
{
	struct article *a;

	if (c->argc < 2 || c->argv[1][0] != '<') {
		start_numbers(s, LISTING_OVER, c->argc > 1 ? c->argv[1] : NULL,
		    "", is_old_verb(c));
		return;
	}
	a = find_id(s, c->argv[1]);
	if (a == NULL)
		return;
	session_reply(s, "224 overview follows");
	session_row(s, "0\t%s", a->overview);
	session_block_end(s);
	article_unref(a);
}

void
listing_hdr(struct session *s, const struct command *c)
{
	char value[4096];
	struct article *a;

	if (c->argc < 3 || c->argv[2][0] != '<') {
		start_numbers(s, LISTING_HDR, c->argc > 2 ? c->argv[2] : NULL,
		    c->argv[1], is_old_verb(c));
		return;
	}
	a = find_id(s, c->argv[2]);
	if (a == NULL)
		return;
	get_field(a, c->argv[1], value, sizeof(value));
	if (is_old_verb(c)) {
		session_reply(s, "221 header follows");
		session_row(s, "%s %s", a->id, value);
	} else {
		session_reply(s, "225 header follows");
		session_row(s, "0 %s", value);
	}
	session_block_end(s);
	article_unref(a);
}

void
listing_newgroups(struct session *s, const struct command *c)
{
	if (!text_when(c->argv[1], c->argv[2], &s->listing.since) ||
	    (c->argc > 3 && strcasecmp(c->argv[3], "GMT") != 0)) {
		session_reply(s, "501 not a date");
		return;
	}
	session_reply(s, "231 new groups follow");
	start(s, LISTING_NEWGROUPS, 0, spool_get_groups_n(s->nd->spool), "*");
}

void
listing_newnews(struct session *s, const struct command *c)
{
	if (!text_when(c->argv[2], c->argv[3], &s->listing.since) ||
	    (c->argc > 4 && strcasecmp(c->argv[4], "GMT") != 0)) {
		session_reply(s, "501 not a date");
		return;
	}
	session_reply(s, "230 new articles follow");
	start(s, LISTING_NEWNEWS, 0, spool_get_count(s->nd->spool),
	    c->argv[1]);
}
