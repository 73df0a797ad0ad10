// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "nntp/command.h"
#include "test.h"

/* A copy that ends where the line ends, so that a sanitizer sees one octet too
 * far; the slices of a command point into it until the next call. */
static enum command_result parse_n(const char *line, size_t n,
    struct command *c)
{
	static char *copy;

	free(copy);
	copy = xmalloc(n > 0 ? n : 1);
	memcpy(copy, line, n);
	return command_parse(copy, n, c);
}

static enum command_result parse(const char *line, struct command *c)
{
	return parse_n(line, strlen(line), c);
}

static bool is_slice(const char *s, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(s, text, n) == 0;
}

struct sample {
	const char *line;
	enum command_result result;
	enum command_id id;
	enum command_route route;
	const char *args;
	const char *msgid;
};

static void check_samples(const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &samples[i];
		struct command c;

		cr_assert_eq(parse(s->line, &c), s->result, "[%s]", s->line);
		cr_assert_eq(c.row->id, s->id, "[%s]", s->line);
		if (s->result == COMMAND_SYNTAX)
			continue;
		cr_assert_eq(c.route, s->route, "[%s]", s->line);
		if (s->args != NULL)
			cr_assert(is_slice(c.args, c.args_n, s->args), "[%s]",
			    s->line);
		if (s->msgid == NULL)
			cr_assert_null(c.msgid, "[%s]", s->line);
		else
			cr_assert(is_slice(c.msgid, c.msgid_n, s->msgid),
			    "[%s]", s->line);
	}
}

Test(command, articles_go_by_the_form_of_their_argument)
{
	static const struct sample samples[] = {
	{ "ARTICLE <a@b>", COMMAND_OK, CMD_ARTICLE, ROUTE_MSGID, "<a@b>",
	    "<a@b>" },
	{ "article <a@b>", COMMAND_OK, CMD_ARTICLE, ROUTE_MSGID, NULL,
	    "<a@b>" },
	{ "Body\t<a@b> \t", COMMAND_OK, CMD_BODY, ROUTE_MSGID, "<a@b>",
	    "<a@b>" },
	{ "HEAD  \t <a@b>", COMMAND_OK, CMD_HEAD, ROUTE_MSGID, "<a@b>",
	    "<a@b>" },
	{ "STAT <a b@c>", COMMAND_SYNTAX, CMD_STAT, 0, NULL, NULL },
	{ "STAT", COMMAND_OK, CMD_STAT, ROUTE_GROUP, "", NULL },
	{ "STAT  ", COMMAND_OK, CMD_STAT, ROUTE_GROUP, "", NULL },
	{ "ARTICLE 5", COMMAND_OK, CMD_ARTICLE, ROUTE_GROUP, "5", NULL },
	{ "ARTICLE 1234567890123456", COMMAND_OK, CMD_ARTICLE, ROUTE_GROUP,
	    NULL, NULL },
	{ "ARTICLE 12345678901234567", COMMAND_SYNTAX, CMD_ARTICLE, 0, NULL,
	    NULL },
	{ "ARTICLE 5-6", COMMAND_SYNTAX, CMD_ARTICLE, 0, NULL, NULL },
	{ "ARTICLE -1", COMMAND_SYNTAX, CMD_ARTICLE, 0, NULL, NULL },
	{ "ARTICLE a@b", COMMAND_SYNTAX, CMD_ARTICLE, 0, NULL, NULL },
	{ "ARTICLE <a@b> 5", COMMAND_SYNTAX, CMD_ARTICLE, 0, NULL, NULL },
	{ "HEAD 53 54 55", COMMAND_SYNTAX, CMD_HEAD, 0, NULL, NULL },
	{ "OVER <a@b>", COMMAND_OK, CMD_OVER, ROUTE_MSGID, NULL, "<a@b>" },
	{ "OVER", COMMAND_OK, CMD_OVER, ROUTE_GROUP, "", NULL },
	{ "OVER 1-", COMMAND_OK, CMD_OVER, ROUTE_GROUP, "1-", NULL },
	{ "XOVER 1-1000000", COMMAND_OK, CMD_XOVER, ROUTE_GROUP, NULL, NULL },
	{ "XOVER <a@b>", COMMAND_OK, CMD_XOVER, ROUTE_MSGID, NULL, "<a@b>" },
	{ "XOVER 1-x", COMMAND_SYNTAX, CMD_XOVER, 0, NULL, NULL },
	{ "XOVER -5", COMMAND_SYNTAX, CMD_XOVER, 0, NULL, NULL },
	{ "XOVER 1--5", COMMAND_SYNTAX, CMD_XOVER, 0, NULL, NULL },
	{ "HDR Subject <a@b>", COMMAND_OK, CMD_HDR, ROUTE_MSGID,
	    "Subject <a@b>", "<a@b>" },
	{ "HDR :bytes 1-5", COMMAND_OK, CMD_HDR, ROUTE_GROUP, NULL, NULL },
	{ "XHDR Subject", COMMAND_OK, CMD_XHDR, ROUTE_GROUP, "Subject", NULL },
	{ "XHDR", COMMAND_SYNTAX, CMD_XHDR, 0, NULL, NULL },
	{ "XHDR Subject 1 2", COMMAND_SYNTAX, CMD_XHDR, 0, NULL, NULL },
	};

	check_samples(samples, ARRAY_N(samples));
}

Test(command, groups_need_a_pin)
{
	static const struct sample samples[] = {
	{ "GROUP a.b.c", COMMAND_OK, CMD_GROUP, ROUTE_SELECT, "a.b.c", NULL },
	{ "GROUP \xc3\xa4.b", COMMAND_OK, CMD_GROUP, ROUTE_SELECT,
	    "\xc3\xa4.b", NULL },
	{ "GROUP", COMMAND_SYNTAX, CMD_GROUP, 0, NULL, NULL },
	{ "GROUP a b", COMMAND_SYNTAX, CMD_GROUP, 0, NULL, NULL },
	{ "LISTGROUP a.b", COMMAND_OK, CMD_LISTGROUP, ROUTE_SELECT, NULL,
	    NULL },
	{ "LISTGROUP a.b 1-5", COMMAND_OK, CMD_LISTGROUP, ROUTE_SELECT, NULL,
	    NULL },
	{ "LISTGROUP a.b x", COMMAND_SYNTAX, CMD_LISTGROUP, 0, NULL, NULL },
	{ "LISTGROUP a.b 1 2", COMMAND_SYNTAX, CMD_LISTGROUP, 0, NULL, NULL },
	{ "LISTGROUP", COMMAND_OK, CMD_LISTGROUP, ROUTE_GROUP, "", NULL },
	{ "NEXT", COMMAND_OK, CMD_NEXT, ROUTE_GROUP, "", NULL },
	{ "LAST", COMMAND_OK, CMD_LAST, ROUTE_GROUP, "", NULL },
	{ "LAST 1", COMMAND_SYNTAX, CMD_LAST, 0, NULL, NULL },
	{ "XPAT Subject 1-5 *a* *b*", COMMAND_OK, CMD_XPAT, ROUTE_GROUP,
	    "Subject 1-5 *a* *b*", NULL },
	{ "XPAT Subject <a@b> a b c d e f", COMMAND_OK, CMD_XPAT, ROUTE_GROUP,
	    NULL, NULL },
	{ "XPAT Subject 1-5", COMMAND_SYNTAX, CMD_XPAT, 0, NULL, NULL },
	};

	check_samples(samples, ARRAY_N(samples));
}

Test(command, list_is_a_family)
{
	static const struct sample samples[] = {
	{ "LIST", COMMAND_OK, CMD_LIST, ROUTE_ANY, "", NULL },
	{ "list active", COMMAND_OK, CMD_LIST_ACTIVE, ROUTE_ANY, "", NULL },
	{ "LIST ACTIVE a.*,!a.b", COMMAND_OK, CMD_LIST_ACTIVE, ROUTE_ANY,
	    "a.*,!a.b", NULL },
	{ "LIST ACTIVE a b", COMMAND_SYNTAX, CMD_LIST_ACTIVE, 0, NULL, NULL },
	{ "LIST Active.Times", COMMAND_OK, CMD_LIST_ACTIVE_TIMES, ROUTE_ANY,
	    "", NULL },
	{ "LIST COUNTS *", COMMAND_OK, CMD_LIST_COUNTS, ROUTE_ANY, "*",
	    NULL },
	{ "LIST HEADERS MSGID", COMMAND_OK, CMD_LIST_HEADERS, ROUTE_ANY,
	    "MSGID", NULL },
	{ "LIST MOTD", COMMAND_OK, CMD_LIST_MOTD, ROUTE_ANY, "", NULL },
	{ "LIST MOTD x", COMMAND_SYNTAX, CMD_LIST_MOTD, 0, NULL, NULL },
	{ "LIST OVERVIEW.FMT", COMMAND_OK, CMD_LIST_OVERVIEW_FMT, ROUTE_ANY,
	    "", NULL },
	{ "LIST EXTENSIONS", COMMAND_OK, CMD_LIST_EXTENSIONS, ROUTE_REFUSE,
	    NULL, NULL },
	{ "LIST ACTIV", COMMAND_OK, CMD_LIST_OTHER, ROUTE_ANY, "ACTIV",
	    NULL },
	{ "LIST XACTIVE a b c d e f", COMMAND_OK, CMD_LIST_OTHER, ROUTE_ANY,
	    "XACTIVE a b c d e f", NULL },
	{ "LIST *.foo", COMMAND_SYNTAX, CMD_LIST_OTHER, 0, NULL, NULL },
	{ "LISTS", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_UNKNOWN, NULL, NULL },
	{ "DATE", COMMAND_OK, CMD_DATE, ROUTE_ANY, "", NULL },
	{ "DATE x", COMMAND_SYNTAX, CMD_DATE, 0, NULL, NULL },
	};

	check_samples(samples, ARRAY_N(samples));
}

Test(command, dates)
{
	static const struct sample samples[] = {
	{ "NEWGROUPS 19990624 000000 GMT", COMMAND_OK, CMD_NEWGROUPS,
	    ROUTE_ANY, NULL, NULL },
	{ "NEWGROUPS 990624 000000", COMMAND_OK, CMD_NEWGROUPS, ROUTE_ANY,
	    NULL, NULL },
	{ "NEWGROUPS 990624 000000 gmt <comp>", COMMAND_OK, CMD_NEWGROUPS,
	    ROUTE_ANY, NULL, NULL },
	{ "NEWGROUPS 990624 000000 <comp>", COMMAND_OK, CMD_NEWGROUPS,
	    ROUTE_ANY, NULL, NULL },
	{ "NEWGROUPS 990624 000000 CET", COMMAND_SYNTAX, CMD_NEWGROUPS, 0,
	    NULL, NULL },
	{ "NEWGROUPS 990624 0000", COMMAND_SYNTAX, CMD_NEWGROUPS, 0, NULL,
	    NULL },
	{ "NEWGROUPS 9990624 000000", COMMAND_SYNTAX, CMD_NEWGROUPS, 0, NULL,
	    NULL },
	{ "NEWGROUPS 990624", COMMAND_SYNTAX, CMD_NEWGROUPS, 0, NULL, NULL },
	{ "NEWNEWS a.*,!b 19990624 000000 GMT <c> d", COMMAND_SYNTAX,
	    CMD_NEWNEWS, 0, NULL, NULL },
	{ "NEWNEWS a.*,!b 19990624 000000 GMT <c>", COMMAND_OK, CMD_NEWNEWS,
	    ROUTE_ANY, NULL, NULL },
	{ "NEWNEWS 19990624 000000", COMMAND_SYNTAX, CMD_NEWNEWS, 0, NULL,
	    NULL },
	};

	check_samples(samples, ARRAY_N(samples));
}

Test(command, local_and_refused)
{
	static const struct sample samples[] = {
	{ "QUIT", COMMAND_OK, CMD_QUIT, ROUTE_LOCAL, "", NULL },
	{ "HELP", COMMAND_OK, CMD_HELP, ROUTE_LOCAL, "", NULL },
	{ "HELP x", COMMAND_SYNTAX, CMD_HELP, 0, NULL, NULL },
	{ "CAPABILITIES", COMMAND_OK, CMD_CAPABILITIES, ROUTE_LOCAL, "",
	    NULL },
	{ "CAPABILITIES AUTOUPDATE", COMMAND_OK, CMD_CAPABILITIES,
	    ROUTE_LOCAL, NULL, NULL },
	{ "CAPABILITIES 1x", COMMAND_SYNTAX, CMD_CAPABILITIES, 0, NULL,
	    NULL },
	{ "STARTTLS", COMMAND_OK, CMD_STARTTLS, ROUTE_LOCAL, "", NULL },
	{ "mode reader", COMMAND_OK, CMD_MODE_READER, ROUTE_LOCAL, "", NULL },
	{ "MODE READER x", COMMAND_SYNTAX, CMD_MODE_READER, 0, NULL, NULL },
	{ "MODE STREAM", COMMAND_OK, CMD_MODE_STREAM, ROUTE_REFUSE, NULL,
	    NULL },
	{ "MODE POSTER", COMMAND_SYNTAX, CMD_MODE_OTHER, 0, NULL, NULL },
	{ "MODE", COMMAND_SYNTAX, CMD_MODE_OTHER, 0, NULL, NULL },
	{ "POST", COMMAND_OK, CMD_POST, ROUTE_POST, "", NULL },
	{ "IHAVE <a@b>", COMMAND_OK, CMD_IHAVE, ROUTE_POST, NULL, "<a@b>" },
	{ "IHAVE", COMMAND_SYNTAX, CMD_IHAVE, 0, NULL, NULL },
	{ "CHECK <a@b>", COMMAND_OK, CMD_CHECK, ROUTE_REFUSE, NULL, NULL },
	{ "TAKETHIS", COMMAND_OK, CMD_TAKETHIS, ROUTE_REFUSE, NULL, NULL },
	{ "TAKETHIS \x01 x y", COMMAND_OK, CMD_TAKETHIS, ROUTE_REFUSE, NULL,
	    NULL },
	{ "COMPRESS DEFLATE", COMMAND_OK, CMD_COMPRESS, ROUTE_REFUSE, NULL,
	    NULL },
	{ "XFEATURE COMPRESS GZIP TERMINATOR", COMMAND_OK, CMD_XFEATURE,
	    ROUTE_REFUSE, NULL, NULL },
	{ "xzver 1-5", COMMAND_OK, CMD_XZVER, ROUTE_REFUSE, NULL, NULL },
	{ "XZHDR Subject 1-5", COMMAND_OK, CMD_XZHDR, ROUTE_REFUSE, NULL,
	    NULL },
	};

	check_samples(samples, ARRAY_N(samples));
	cr_assert_eq(command_get_row(CMD_MODE_STREAM)->refuse_code, 501);
	cr_assert_eq(command_get_row(CMD_TAKETHIS)->refuse_code, 500);
}

Test(command, authinfo)
{
	static const struct sample samples[] = {
	{ "AUTHINFO USER alice", COMMAND_OK, CMD_AUTHINFO_USER, ROUTE_LOCAL,
	    "alice", NULL },
	{ "authinfo user  alice  ", COMMAND_OK, CMD_AUTHINFO_USER,
	    ROUTE_LOCAL, "alice", NULL },
	{ "AUTHINFO USER a b", COMMAND_OK, CMD_AUTHINFO_USER, ROUTE_LOCAL,
	    "a b", NULL },
	{ "AUTHINFO USER", COMMAND_SYNTAX, CMD_AUTHINFO_USER, 0, NULL, NULL },
	{ "AUTHINFO USER \x01", COMMAND_SYNTAX, CMD_AUTHINFO_USER, 0, NULL,
	    NULL },
	{ "AUTHINFO PASS secret", COMMAND_OK, CMD_AUTHINFO_PASS, ROUTE_LOCAL,
	    "secret", NULL },
	{ "AUTHINFO PASS  s\t\xc3\xa4\x01 ", COMMAND_OK, CMD_AUTHINFO_PASS,
	    ROUTE_LOCAL, " s\t\xc3\xa4\x01 ", NULL },
	{ "AUTHINFO PASS   ", COMMAND_OK, CMD_AUTHINFO_PASS, ROUTE_LOCAL,
	    "  ", NULL },
	{ "AUTHINFO PASS ", COMMAND_SYNTAX, CMD_AUTHINFO_PASS, 0, NULL,
	    NULL },
	{ "AUTHINFO PASS", COMMAND_SYNTAX, CMD_AUTHINFO_PASS, 0, NULL, NULL },
	{ "AUTHINFO PASS a\rb", COMMAND_SYNTAX, CMD_AUTHINFO_PASS, 0, NULL,
	    NULL },
	{ "AUTHINFO SASL PLAIN", COMMAND_OK, CMD_AUTHINFO_SASL, ROUTE_LOCAL,
	    "PLAIN", NULL },
	{ "AUTHINFO SASL PLAIN AGEAYg==", COMMAND_OK, CMD_AUTHINFO_SASL,
	    ROUTE_LOCAL, "PLAIN AGEAYg==", NULL },
	{ "AUTHINFO SASL", COMMAND_SYNTAX, CMD_AUTHINFO_SASL, 0, NULL, NULL },
	{ "AUTHINFO SASL a b c", COMMAND_SYNTAX, CMD_AUTHINFO_SASL, 0, NULL,
	    NULL },
	{ "AUTHINFO SIMPLE", COMMAND_SYNTAX, CMD_AUTHINFO_OTHER, 0, NULL,
	    NULL },
	{ "AUTHINFO", COMMAND_SYNTAX, CMD_AUTHINFO_OTHER, 0, NULL, NULL },
	};
	struct command c;

	check_samples(samples, ARRAY_N(samples));
	cr_assert_eq(parse_n("AUTHINFO PASS a\0b", 17, &c), COMMAND_SYNTAX);
}

Test(command, unknown_and_broken_lines)
{
	static const struct sample samples[] = {
	{ "XFOO a  b ", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_UNKNOWN, "a  b",
	    NULL },
	{ "STATUS", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_UNKNOWN, NULL, NULL },
	{ "STA", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_UNKNOWN, NULL, NULL },
	{ "GO", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_REFUSE, NULL, NULL },
	{ "1FOO", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_REFUSE, NULL, NULL },
	{ "XFOO a\x01", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_REFUSE, NULL,
	    NULL },
	{ "XFOO a\rQUIT", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_REFUSE, NULL,
	    NULL },
	{ "\xff\xfe", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_REFUSE, NULL,
	    NULL },
	{ "\r", COMMAND_UNKNOWN, CMD_UNKNOWN, ROUTE_REFUSE, NULL, NULL },
	{ " DATE", COMMAND_SYNTAX, CMD_UNKNOWN, 0, NULL, NULL },
	{ "\tDATE", COMMAND_SYNTAX, CMD_UNKNOWN, 0, NULL, NULL },
	{ "GROUP a\x7f", COMMAND_SYNTAX, CMD_GROUP, 0, NULL, NULL },
	{ "GROUP a\rQUIT", COMMAND_SYNTAX, CMD_GROUP, 0, NULL, NULL },
	{ "", COMMAND_EMPTY, CMD_UNKNOWN, ROUTE_REFUSE, "", NULL },
	{ " \t ", COMMAND_EMPTY, CMD_UNKNOWN, ROUTE_REFUSE, "", NULL },
	};
	struct command c;

	check_samples(samples, ARRAY_N(samples));
	cr_assert_eq(parse_n("DATE\0", 5, &c), COMMAND_UNKNOWN);
	cr_assert_eq(c.route, ROUTE_REFUSE);
	cr_assert_eq(parse_n("GROUP a\0b", 9, &c), COMMAND_SYNTAX);
}

Test(command, message_ids)
{
	char id[MSGID_MAX + 2];

	memset(id, 'a', sizeof(id));
	id[0] = '<';
	id[MSGID_MAX - 1] = '>';
	cr_assert(msgid_is_valid(id, MSGID_MAX));
	id[MSGID_MAX - 1] = 'a';
	id[MSGID_MAX] = '>';
	cr_assert_not(msgid_is_valid(id, MSGID_MAX + 1));
	cr_assert(msgid_is_valid("<a>", 3));
	cr_assert(msgid_is_valid("<<a@b$~!>", 9));
	cr_assert_not(msgid_is_valid("<>", 2));
	cr_assert_not(msgid_is_valid("<a>b>", 5));
	cr_assert_not(msgid_is_valid("<a b>", 5));
	cr_assert_not(msgid_is_valid("<a\x7f>", 4));
	cr_assert_not(msgid_is_valid("<\xc3\xa4>", 4));
	cr_assert_not(msgid_is_valid("a@b", 3));
	cr_assert_not(msgid_is_valid("", 0));
}

Test(command, words_of_the_arguments)
{
	const char *w;
	struct command c;
	size_t n;

	cr_assert_eq(parse("LISTGROUP  a.b \t 1-5 ", &c), COMMAND_OK);
	cr_assert(command_get_word(&c, 0, &w, &n));
	cr_assert(is_slice(w, n, "a.b"));
	cr_assert(command_get_word(&c, 1, &w, &n));
	cr_assert(is_slice(w, n, "1-5"));
	cr_assert_not(command_get_word(&c, 2, &w, &n));
	cr_assert_not(command_get_word(&c, 9, &w, &n));
}

static void check_written(const char *line, const char *expected)
{
	char buf[64];
	struct command c;
	size_t n;

	parse(line, &c);
	n = command_write(&c, buf, sizeof(buf));
	cr_assert_leq(n, c.line_n + COMMAND_GROW_MAX, "[%s]", line);
	cr_assert(is_slice(buf, n, expected), "[%s]", line);
	memset(buf, 'x', sizeof(buf));
	cr_assert_eq(command_write(&c, buf, n - 1), n);
	cr_assert_eq(buf[0], 'x', "written though it doesn't fit");
}

Test(command, what_goes_to_a_backend)
{
	check_written("stat\t\t<a@B> ", "STAT <a@B>\r\n");
	check_written("list  active.times\t*", "LIST ACTIVE.TIMES *\r\n");
	check_written("list foo  bar", "LIST foo  bar\r\n");
	check_written("list", "LIST\r\n");
	check_written("xfoo  bar\tbaz ", "xfoo  bar\tbaz\r\n");
}

Test(command, made_and_moved)
{
	char buf[16], line[] = "BODY <a@b>";
	struct command c;

	command_init(&c, CMD_MODE_READER);
	cr_assert_eq(command_write(&c, buf, sizeof(buf)), 13);
	cr_assert_arr_eq(buf, "MODE READER\r\n", 13);
	cr_assert_eq(command_parse("BODY <a@b>", 10, &c), COMMAND_OK);
	command_move(&c, line);
	cr_assert_eq(c.line, line);
	cr_assert_eq(c.args, line + 5);
	cr_assert_eq(c.msgid, line + 5);
	command_init(&c, CMD_DATE);
	cr_assert_null(c.msgid);
}

Test(command, who_may_come_before_the_login)
{
	static const char *const allowed[] = { "AUTHINFO USER a",
		"AUTHINFO PASS a", "AUTHINFO SASL PLAIN", "AUTHINFO X",
		"CAPABILITIES", "QUIT", "STARTTLS", "MODE READER", "HELP" };
	static const char *const refused[] = { "DATE", "STAT <a@b>", "GROUP a",
		"GROUP", "LIST", "POST", "XFOO", "MODE STREAM", "MODE X",
		"TAKETHIS <a@b>", "COMPRESS DEFLATE", " DATE" };
	struct command c;

	for (size_t i = 0; i < ARRAY_N(allowed); i++) {
		parse(allowed[i], &c);
		cr_assert(c.row->flags & COMMAND_BEFORE_LOGIN, "%s",
		    allowed[i]);
	}
	for (size_t i = 0; i < ARRAY_N(refused); i++) {
		parse(refused[i], &c);
		cr_assert_not(c.row->flags & COMMAND_BEFORE_LOGIN, "%s",
		    refused[i]);
	}
}

Test(command, what_goes_alone)
{
	static const char *const alone[] = { "AUTHINFO PASS a",
		"AUTHINFO SASL PLAIN", "STARTTLS", "POST", "IHAVE <a@b>",
		"TAKETHIS", "QUIT", "XFOO" };
	static const char *const together[] = { "AUTHINFO USER a", "DATE",
		"STAT <a@b>", "BODY <a@b>", "GROUP a", "CHECK <a@b>", "HELP",
		"MODE READER", "CAPABILITIES", "LIST FOO" };
	struct command c;

	for (size_t i = 0; i < ARRAY_N(alone); i++) {
		parse(alone[i], &c);
		cr_assert(c.row->flags & COMMAND_ALONE, "%s", alone[i]);
	}
	for (size_t i = 0; i < ARRAY_N(together); i++) {
		parse(together[i], &c);
		cr_assert_not(c.row->flags & COMMAND_ALONE, "%s", together[i]);
	}
	for (int id = 0; id < CMD_N; id++) {
		unsigned flags = command_get_row(id)->flags;

		cr_assert_eq((flags & COMMAND_ARTICLE_FOLLOWS) != 0,
		    id == CMD_TAKETHIS);
	}
}

Test(command, a_block_is_a_matter_of_command_and_code)
{
	static const struct {
		const char *line;
		int blocks[COMMAND_BLOCKS_MAX];
	} samples[] = {
		{ "ARTICLE <a@b>", { 220, 221, 222 } },
		{ "HEAD <a@b>", { 220, 221, 222 } },
		{ "BODY 5", { 220, 221, 222 } },
		{ "STAT <a@b>", { 0 } },
		{ "GROUP a", { 0 } },
		{ "LISTGROUP a", { 211 } },
		{ "LISTGROUP", { 211 } },
		{ "OVER 1-", { 224 } },
		{ "XOVER", { 224 } },
		{ "HDR a", { 221, 225 } },
		{ "XHDR a <a@b>", { 221, 225 } },
		{ "XPAT a 1 b", { 221, 225 } },
		{ "LIST", { 215 } },
		{ "LIST ACTIVE", { 215 } },
		{ "LIST FOO", { 215 } },
		{ "NEWGROUPS 990624 000000", { 231 } },
		{ "NEWNEWS a 990624 000000", { 230 } },
		{ "HELP", { 100 } },
		{ "CAPABILITIES", { 101 } },
		{ "DATE", { 0 } },
		{ "POST", { 0 } },
		{ "NEXT", { 0 } },
		{ "XFOO", { 100, 101, 215, 218, 220, 221, 222, 224, 225, 230,
		    231, 282, 288 } },
	};
	struct command c;

	for (size_t i = 0; i < ARRAY_N(samples); i++) {
		size_t next = 0;

		parse(samples[i].line, &c);
		for (int code = 100; code < 600; code++) {
			bool expected = code == samples[i].blocks[next];

			cr_assert_eq(command_code_has_block(&c, code),
			    expected, "%s %d", samples[i].line, code);
			next += expected;
		}
	}
}

Test(command, the_table_is_whole)
{
	for (int id = 0; id < CMD_N; id++) {
		const struct command_row *row = command_get_row(id);
		const struct command_row *next;

		cr_assert_eq(row->id, (enum command_id)id);
		cr_assert_not_null(row->verb);
		cr_assert_not_null(row->args, "%s", row->verb);
		cr_assert_eq(row->route == ROUTE_REFUSE ||
		    row->route == ROUTE_UNKNOWN, row->refuse_code != 0,
		    "%s", row->verb);
		cr_assert_eq(row->blocks[COMMAND_BLOCKS_MAX - 1], 0);
		cr_assert_eq(row->lines[COMMAND_LINES_MAX - 1], 0);
		if (id + 1 == CMD_N)
			continue;
		/* A family stands together, its rest is the last row. */
		next = command_get_row(id + 1);
		if (row->keyword != NULL)
			cr_assert_str_eq(next->verb, row->verb);
		for (int i = id + 1; i < CMD_N; i++) {
			bool same = strcmp(command_get_row(i)->verb,
			    row->verb) == 0;

			cr_assert(!same || strcmp(next->verb, row->verb) == 0);
		}
	}
}

static bool wants_no_post(const struct command_row *row, void *arg)
{
	(void)arg;
	return row->route != ROUTE_POST;
}

Test(command, help_is_made_from_the_table)
{
	char buf[COMMAND_HELP_MAX + 1];
	size_t n = command_help(false, NULL, NULL, buf, sizeof(buf) - 1);

	cr_assert_leq(n, COMMAND_HELP_MAX);
	buf[n] = '\0';
	cr_assert_eq(strncmp(buf, "100 ", 4), 0);
	cr_assert_str_eq(buf + n - 5, "\r\n.\r\n");
	cr_assert_not_null(strstr(buf, "\r\n  GROUP group\r\n"));
	cr_assert_not_null(strstr(buf,
	    "\r\n  ARTICLE [<message-id>|number]\r\n"));
	cr_assert_not_null(strstr(buf, "\r\n  LIST ACTIVE [wildmat]\r\n"));
	cr_assert_not_null(strstr(buf, "\r\n  POST\r\n"));
	cr_assert_null(strstr(buf, "XZVER"));
	cr_assert_null(strstr(buf, "TAKETHIS"));

	n = command_help(true, wants_no_post, NULL, buf, sizeof(buf) - 1);
	buf[n] = '\0';
	cr_assert_not_null(strstr(buf, "\r\n  ARTICLE <message-id>\r\n"));
	cr_assert_null(strstr(buf, "\r\n  GROUP"));
	cr_assert_null(strstr(buf, "\r\n  NEXT"));
	cr_assert_null(strstr(buf, "\r\n  XPAT"));
	cr_assert_null(strstr(buf, "\r\n  POST"));

	buf[0] = 'x';
	cr_assert_eq(command_help(true, wants_no_post, NULL, buf, n - 1), n);
	cr_assert_eq(buf[0], 'x');
}

/* Each octet at each place, for a line is not looked at octet by octet. */
Test(command, control_octets_anywhere)
{
	char line[64];

	for (size_t n = 6; n < 40; n++) {
		for (size_t at = 5; at < n; at++) {
			for (int ch = 1; ch < 256; ch++) {
				bool is_bad = (ch < 0x20 && ch != '\t') ||
				    ch == 0x7f;
				struct command c;

				memset(line, 'x', n);
				memcpy(line, "XFOO ", 5);
				line[at] = (char)ch;
				(void)command_parse(line, n, &c);
				cr_assert_eq(c.route, is_bad ? ROUTE_REFUSE :
				    ROUTE_UNKNOWN, "%d at %zu of %zu", ch, at,
				    n);
			}
		}
	}
}

Test(command, every_name_and_usage_fits)
{
	char buf[COMMAND_USAGE_MAX + 1];

	for (int id = 0; id < CMD_N; id++) {
		const struct command_row *row = command_get_row(id);
		size_t n = command_usage(row, false, buf, sizeof(buf) - 1);

		cr_assert_leq(n, COMMAND_USAGE_MAX, "%s", row->verb);
		cr_assert_eq(strncmp(buf, "501 ", 4), 0);
		cr_assert_arr_eq(buf + n - 2, "\r\n", 2);
	}
	size_t n = command_usage(command_get_row(CMD_STAT), true, buf,
	    sizeof(buf) - 1);
	cr_assert(is_slice(buf, n, "501 Syntax: STAT <message-id>\r\n"));
	n = command_name(command_get_row(CMD_LIST_ACTIVE), buf,
	    sizeof(buf) - 1);
	cr_assert(is_slice(buf, n, "LIST ACTIVE"));
}
