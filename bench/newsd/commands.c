// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/commands.h"

#include "base/check.h"
#include "newsd/newsd.h"
#include "newsd/options.h"
#include "newsd/session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static command_f authinfo, capabilities, date, help, mode, quit, xfault,
    xstats;

#define READ (COMMAND_LOGIN | COMMAND_FAULTS)

static const struct command_row rows[] = {
	{ "ARTICLE", 0, 1, READ, reading_retrieve, "[id|number]" },
	{ "AUTHINFO", 2, COMMAND_ARGS_MAX, 0, authinfo,
	    "USER name|PASS password" },
	{ "BODY", 0, 1, READ, reading_retrieve, "[id|number]" },
	{ "CAPABILITIES", 0, 1, 0, capabilities, "[keyword]" },
	{ "DATE", 0, 0, READ, date, "" },
	{ "GROUP", 1, 1, READ, reading_group, "name" },
	{ "HDR", 1, 2, READ, listing_hdr, "field [range|id]" },
	{ "HEAD", 0, 1, READ, reading_retrieve, "[id|number]" },
	{ "HELP", 0, 0, 0, help, "" },
	{ "IHAVE", 1, 1, COMMAND_LOGIN | COMMAND_FAULTS, posting_ihave, "id" },
	{ "LAST", 0, 0, READ, reading_last, "" },
	{ "LIST", 0, 2, READ, listing_list,
	    "[ACTIVE|ACTIVE.TIMES|HEADERS|NEWSGROUPS|OVERVIEW.FMT [wildmat]]" },
	{ "LISTGROUP", 0, 2, READ, listing_listgroup, "[name [range]]" },
	{ "MODE", 1, 1, 0, mode, "READER" },
	{ "NEWGROUPS", 2, 3, READ, listing_newgroups,
	    "[yy]yymmdd hhmmss [GMT]" },
	{ "NEWNEWS", 3, 4, READ, listing_newnews,
	    "wildmat [yy]yymmdd hhmmss [GMT]" },
	{ "NEXT", 0, 0, READ, reading_next, "" },
	{ "OVER", 0, 1, READ, listing_over, "[range|id]" },
	{ "POST", 0, 0, COMMAND_LOGIN | COMMAND_FAULTS, posting_post, "" },
	{ "QUIT", 0, 0, 0, quit, "" },
	{ "STAT", 0, 1, READ, reading_retrieve, "[id|number]" },
	{ "XFAULT", 1, 1, COMMAND_CONTROL, xfault, "name=P,...|none" },
	{ "XHDR", 1, 2, READ, listing_hdr, "field [range|id]" },
	{ "XOVER", 0, 1, READ, listing_over, "[range]" },
	{ "XSTATS", 0, 0, 0, xstats, "" },
};
_Static_assert(ARRAY_N(rows) <= STATS_VERBS_N, "a counter for each");

static int
compare_verb(const void *key, const void *row)
{
	return strcasecmp(key, ((const struct command_row *)row)->verb);
}

const struct command_row *
commands_find(const char *verb)
{
	return bsearch(verb, rows, ARRAY_N(rows), sizeof(rows[0]),
	    compare_verb);
}

size_t
commands_get_index(const struct command_row *row)
{
	return (size_t)(row - rows);
}

const char *
commands_get_verb(size_t i)
{
	return i < ARRAY_N(rows) ? rows[i].verb : NULL;
}

static void
login(struct session *s, bool good)
{
	if (good) {
		s->is_logged_in = true;
		session_reply(s, "281 welcome");
	} else {
		session_reply(s, "481 wrong user or password");
	}
}

/* RFC 4643 section 2.3. A password may hold blanks: the rest of the line
 * after the second word is taken as it is. */
static void
authinfo(struct session *s, const struct command *c)
{
	const struct options *o = s->nd->options;
	const char *value = c->rest[1] + strlen(c->argv[1]) + 1;

	if (o->user == NULL || s->is_logged_in) {
		session_reply(s, "502 no login now");
	} else if (strcasecmp(c->argv[1], "USER") == 0) {
		strcpy(s->user, value + strspn(value, " \t"));
		if (o->user_only)
			login(s, strcmp(s->user, o->user) == 0);
		else
			session_reply(s, "381 password");
	} else if (strcasecmp(c->argv[1], "PASS") == 0) {
		if (s->user[0] == '\0')
			session_reply(s, "482 USER first");
		else
			login(s, o->password != NULL &&
			    strcmp(s->user, o->user) == 0 &&
			    strcmp(value, o->password) == 0);
	} else {
		session_reply(s, "501 AUTHINFO USER or PASS");
	}
}

static void
capabilities(struct session *s, const struct command *c)
{
	(void)c;
	session_reply(s, "101 capabilities follow");
	session_row(s, "VERSION 2");
	session_row(s, "IMPLEMENTATION nntpmux newsd");
	if (session_may(s)) {
		session_row(s, "READER");
		if (!s->nd->options->no_post) {
			session_row(s, "POST");
			session_row(s, "IHAVE");
		}
		session_row(s, "NEWNEWS");
		session_row(s, "HDR");
		session_row(s, "OVER MSGID");
		session_row(s, "LIST ACTIVE ACTIVE.TIMES HEADERS NEWSGROUPS "
		    "OVERVIEW.FMT");
	} else {
		session_row(s, "AUTHINFO USER");
	}
	session_block_end(s);
}

static void
date(struct session *s, const struct command *c)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	(void)c;
	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y%m%d%H%M%S", &tm);
	session_reply(s, "111 %s", text);
}

static void
help(struct session *s, const struct command *c)
{
	(void)c;
	session_reply(s, "100 commands follow");
	for (size_t i = 0; i < ARRAY_N(rows); i++)
		session_row(s, "  %s %s", rows[i].verb, rows[i].help);
	session_block_end(s);
}

static void
mode(struct session *s, const struct command *c)
{
	if (strcasecmp(c->argv[1], "READER") != 0)
		session_reply(s, "501 MODE READER");
	else if (s->nd->options->no_post)
		session_reply(s, "201 no posting");
	else
		session_reply(s, "200 posting allowed");
}

static void
quit(struct session *s, const struct command *c)
{
	(void)c;
	session_reply(s, "205 bye");
	s->state = SESSION_END;
}

static void
xfault(struct session *s, const struct command *c)
{
	if (fault_set(&s->nd->fault, c->argv[1]))
		session_reply(s, "290 done");
	else
		session_reply(s, "501 name=P,... or none");
}

/* 282 announces a block to clients that don't know the verb, too. */
static void
xstats(struct session *s, const struct command *c)
{
	char *json = stats_to_json(&s->nd->stats, &s->nd->fault,
	    commands_get_verb);

	(void)c;
	session_reply(s, "282 counts follow");
	session_row(s, "%s", json);
	session_block_end(s);
	free(json);
}
