// SPDX-License-Identifier: BSD-2-Clause
/* The rows, and the texts made from them. Rows of one verb stand together: the
 * first without a keyword is for the bare verb, the last for a keyword that is
 * not in the table (lookup in command.c relies on it; a test proves it). */
#include "nntp/command.h"

#include <string.h>

#include "base/check.h"
#include "nntp/text.h"

/* Old servers answer one of the four article commands with the code of
 * another; the code alone says whether a block follows. */
#define ARTICLE_BLOCKS { 220, 221, 222 }
#define ARTICLE_ARGS "[<message-id>|number]"

static const struct command_row rows[CMD_N] = {
[CMD_ARTICLE] = {
	.id = CMD_ARTICLE, .verb = "ARTICLE", .args = ARTICLE_ARGS,
	.args_by_id = "<message-id>", .form = FORM_ARTICLE,
	.route = ROUTE_MSGID, .blocks = ARTICLE_BLOCKS, .lines = { 223 },
},
[CMD_BODY] = {
	.id = CMD_BODY, .verb = "BODY", .args = ARTICLE_ARGS,
	.args_by_id = "<message-id>", .form = FORM_ARTICLE,
	.route = ROUTE_MSGID, .blocks = ARTICLE_BLOCKS, .lines = { 223 },
},
[CMD_HEAD] = {
	.id = CMD_HEAD, .verb = "HEAD", .args = ARTICLE_ARGS,
	.args_by_id = "<message-id>", .form = FORM_ARTICLE,
	.route = ROUTE_MSGID, .blocks = ARTICLE_BLOCKS, .lines = { 223 },
},
/* No blocks: who sends 220 to 222 here may send the article or not. */
[CMD_STAT] = {
	.id = CMD_STAT, .verb = "STAT", .args = ARTICLE_ARGS,
	.args_by_id = "<message-id>", .form = FORM_ARTICLE,
	.route = ROUTE_MSGID, .lines = { 223 },
},
[CMD_OVER] = {
	.id = CMD_OVER, .verb = "OVER", .args = "[<message-id>|range]",
	.args_by_id = "<message-id>", .form = FORM_OVER, .route = ROUTE_MSGID,
	.blocks = { 224 },
	.flags = COMMAND_NUMBERED,
},
[CMD_XOVER] = {
	.id = CMD_XOVER, .verb = "XOVER", .args = "[<message-id>|range]",
	.args_by_id = "<message-id>", .form = FORM_OVER, .route = ROUTE_MSGID,
	.blocks = { 224 },
	.flags = COMMAND_NUMBERED,
},
/* 221 is XHDR's code in RFC 2980, 225 HDR's in RFC 3977; servers mix them. */
[CMD_HDR] = {
	.id = CMD_HDR, .verb = "HDR", .args = "field [<message-id>|range]",
	.args_by_id = "field <message-id>", .form = FORM_HDR,
	.route = ROUTE_MSGID, .blocks = { 221, 225 },
	.flags = COMMAND_NUMBERED,
},
[CMD_XHDR] = {
	.id = CMD_XHDR, .verb = "XHDR", .args = "field [<message-id>|range]",
	.args_by_id = "field <message-id>", .form = FORM_HDR,
	.route = ROUTE_MSGID, .blocks = { 221, 225 },
	.flags = COMMAND_NUMBERED,
},
[CMD_XPAT] = {
	.id = CMD_XPAT, .verb = "XPAT",
	.args = "field <message-id>|range pattern [pattern ...]",
	.form = FORM_XPAT, .route = ROUTE_GROUP, .blocks = { 221, 225 },
},

[CMD_GROUP] = {
	.id = CMD_GROUP, .verb = "GROUP", .args = "group", .form = FORM_WORD,
	.route = ROUTE_SELECT, .lines = { 211 },
},
[CMD_LISTGROUP] = {
	.id = CMD_LISTGROUP, .verb = "LISTGROUP", .args = "[group [range]]",
	.form = FORM_LISTGROUP, .route = ROUTE_SELECT, .blocks = { 211 },
},
[CMD_NEXT] = {
	.id = CMD_NEXT, .verb = "NEXT", .args = "", .form = FORM_NONE,
	.route = ROUTE_GROUP, .lines = { 223 },
},
[CMD_LAST] = {
	.id = CMD_LAST, .verb = "LAST", .args = "", .form = FORM_NONE,
	.route = ROUTE_GROUP, .lines = { 223 },
},

[CMD_DATE] = {
	.id = CMD_DATE, .verb = "DATE", .args = "", .form = FORM_NONE,
	.route = ROUTE_ANY, .lines = { 111 },
},

[CMD_LIST] = {
	.id = CMD_LIST, .verb = "LIST", .args = "", .form = FORM_NONE,
	.route = ROUTE_ANY, .blocks = { 215 },
},
[CMD_LIST_ACTIVE] = {
	.id = CMD_LIST_ACTIVE, .verb = "LIST", .keyword = "ACTIVE",
	.args = "[wildmat]", .form = FORM_WORD_OPT, .route = ROUTE_ANY,
	.blocks = { 215 },
},
[CMD_LIST_ACTIVE_TIMES] = {
	.id = CMD_LIST_ACTIVE_TIMES, .verb = "LIST", .keyword = "ACTIVE.TIMES",
	.args = "[wildmat]", .form = FORM_WORD_OPT, .route = ROUTE_ANY,
	.blocks = { 215 },
},
[CMD_LIST_COUNTS] = {
	.id = CMD_LIST_COUNTS, .verb = "LIST", .keyword = "COUNTS",
	.args = "[wildmat]", .form = FORM_WORD_OPT, .route = ROUTE_ANY,
	.blocks = { 215 },
},
[CMD_LIST_DISTRIB_PATS] = {
	.id = CMD_LIST_DISTRIB_PATS, .verb = "LIST", .keyword = "DISTRIB.PATS",
	.args = "", .form = FORM_NONE, .route = ROUTE_ANY, .blocks = { 215 },
},
[CMD_LIST_DISTRIBUTIONS] = {
	.id = CMD_LIST_DISTRIBUTIONS, .verb = "LIST",
	.keyword = "DISTRIBUTIONS", .args = "", .form = FORM_NONE,
	.route = ROUTE_ANY, .blocks = { 215 },
},
/* Would tell of the backend's extensions, not of the proxy's. */
[CMD_LIST_EXTENSIONS] = {
	.id = CMD_LIST_EXTENSIONS, .verb = "LIST", .keyword = "EXTENSIONS",
	.args = "", .form = FORM_ANY, .route = ROUTE_REFUSE, .refuse_code = 501,
	.flags = COMMAND_HIDDEN,
},
[CMD_LIST_HEADERS] = {
	.id = CMD_LIST_HEADERS, .verb = "LIST", .keyword = "HEADERS",
	.args = "[MSGID|RANGE]", .form = FORM_KEYWORD_OPT, .route = ROUTE_ANY,
	.blocks = { 215 },
},
[CMD_LIST_MODERATORS] = {
	.id = CMD_LIST_MODERATORS, .verb = "LIST", .keyword = "MODERATORS",
	.args = "", .form = FORM_NONE, .route = ROUTE_ANY, .blocks = { 215 },
},
[CMD_LIST_MOTD] = {
	.id = CMD_LIST_MOTD, .verb = "LIST", .keyword = "MOTD", .args = "",
	.form = FORM_NONE, .route = ROUTE_ANY, .blocks = { 215 },
},
[CMD_LIST_NEWSGROUPS] = {
	.id = CMD_LIST_NEWSGROUPS, .verb = "LIST", .keyword = "NEWSGROUPS",
	.args = "[wildmat]", .form = FORM_WORD_OPT, .route = ROUTE_ANY,
	.blocks = { 215 },
},
[CMD_LIST_OVERVIEW_FMT] = {
	.id = CMD_LIST_OVERVIEW_FMT, .verb = "LIST", .keyword = "OVERVIEW.FMT",
	.args = "", .form = FORM_NONE, .route = ROUTE_ANY, .blocks = { 215 },
},
[CMD_LIST_SUBSCRIPTIONS] = {
	.id = CMD_LIST_SUBSCRIPTIONS, .verb = "LIST",
	.keyword = "SUBSCRIPTIONS", .args = "[wildmat]", .form = FORM_WORD_OPT,
	.route = ROUTE_ANY, .blocks = { 215 },
},
[CMD_LIST_OTHER] = {
	.id = CMD_LIST_OTHER, .verb = "LIST", .args = "[keyword [argument]]",
	.form = FORM_KEYWORD_ANY, .route = ROUTE_ANY, .blocks = { 215 },
	.flags = COMMAND_HIDDEN,
},

[CMD_NEWGROUPS] = {
	.id = CMD_NEWGROUPS, .verb = "NEWGROUPS",
	.args = "[yy]yymmdd hhmmss [GMT]", .form = FORM_DATE,
	.route = ROUTE_ANY, .blocks = { 231 },
},
[CMD_NEWNEWS] = {
	.id = CMD_NEWNEWS, .verb = "NEWNEWS",
	.args = "wildmat [yy]yymmdd hhmmss [GMT]", .form = FORM_NEWNEWS,
	.route = ROUTE_ANY, .blocks = { 230 },
},

[CMD_POST] = {
	.id = CMD_POST, .verb = "POST", .args = "", .form = FORM_NONE,
	.route = ROUTE_POST, .lines = { 240, 340 }, .flags = COMMAND_ALONE,
},
[CMD_IHAVE] = {
	.id = CMD_IHAVE, .verb = "IHAVE", .args = "<message-id>",
	.form = FORM_MSGID, .route = ROUTE_POST, .lines = { 235, 335 },
	.flags = COMMAND_ALONE,
},
[CMD_CHECK] = {
	.id = CMD_CHECK, .verb = "CHECK", .args = "<message-id>",
	.form = FORM_ANY, .route = ROUTE_REFUSE, .refuse_code = 500,
},
[CMD_TAKETHIS] = {
	.id = CMD_TAKETHIS, .verb = "TAKETHIS", .args = "<message-id>",
	.form = FORM_ANY, .route = ROUTE_REFUSE, .refuse_code = 500,
	.flags = COMMAND_ALONE | COMMAND_ARTICLE_FOLLOWS,
},

[CMD_CAPABILITIES] = {
	.id = CMD_CAPABILITIES, .verb = "CAPABILITIES", .args = "[keyword]",
	.form = FORM_KEYWORD_OPT, .route = ROUTE_LOCAL, .blocks = { 101 },
	.flags = COMMAND_BEFORE_LOGIN,
},
[CMD_HELP] = {
	.id = CMD_HELP, .verb = "HELP", .args = "", .form = FORM_NONE,
	.route = ROUTE_LOCAL, .blocks = { 100 },
	.flags = COMMAND_BEFORE_LOGIN,
},
[CMD_QUIT] = {
	.id = CMD_QUIT, .verb = "QUIT", .args = "", .form = FORM_NONE,
	.route = ROUTE_LOCAL, .lines = { 205 },
	.flags = COMMAND_BEFORE_LOGIN | COMMAND_ALONE,
},
[CMD_STARTTLS] = {
	.id = CMD_STARTTLS, .verb = "STARTTLS", .args = "", .form = FORM_NONE,
	.route = ROUTE_LOCAL, .lines = { 382 },
	.flags = COMMAND_BEFORE_LOGIN | COMMAND_ALONE,
},

[CMD_AUTHINFO_USER] = {
	.id = CMD_AUTHINFO_USER, .verb = "AUTHINFO", .keyword = "USER",
	.args = "name", .form = FORM_TEXT, .route = ROUTE_LOCAL,
	.lines = { 281, 381 }, .flags = COMMAND_BEFORE_LOGIN,
},
[CMD_AUTHINFO_PASS] = {
	.id = CMD_AUTHINFO_PASS, .verb = "AUTHINFO", .keyword = "PASS",
	.args = "password", .form = FORM_PASSWORD, .route = ROUTE_LOCAL,
	.lines = { 281 },
	.flags = COMMAND_BEFORE_LOGIN | COMMAND_ALONE | COMMAND_SECRET,
},
[CMD_AUTHINFO_SASL] = {
	.id = CMD_AUTHINFO_SASL, .verb = "AUTHINFO", .keyword = "SASL",
	.args = "mechanism [initial-response]", .form = FORM_SASL,
	.route = ROUTE_LOCAL, .lines = { 281, 283, 383 },
	.flags = COMMAND_BEFORE_LOGIN | COMMAND_ALONE | COMMAND_SECRET,
},
/* Whatever it is, it may hold a password. */
[CMD_AUTHINFO_OTHER] = {
	.id = CMD_AUTHINFO_OTHER, .verb = "AUTHINFO",
	.args = "USER name|PASS password|SASL mechanism [initial-response]",
	.form = FORM_NEVER, .route = ROUTE_LOCAL,
	.flags = COMMAND_BEFORE_LOGIN | COMMAND_SECRET | COMMAND_HIDDEN,
},

[CMD_MODE_READER] = {
	.id = CMD_MODE_READER, .verb = "MODE", .keyword = "READER", .args = "",
	.form = FORM_NONE, .route = ROUTE_LOCAL, .lines = { 200, 201 },
	.flags = COMMAND_BEFORE_LOGIN,
},
[CMD_MODE_STREAM] = {
	.id = CMD_MODE_STREAM, .verb = "MODE", .keyword = "STREAM", .args = "",
	.form = FORM_ANY, .route = ROUTE_REFUSE, .refuse_code = 501,
},
[CMD_MODE_OTHER] = {
	.id = CMD_MODE_OTHER, .verb = "MODE", .args = "READER",
	.form = FORM_NEVER, .route = ROUTE_LOCAL, .flags = COMMAND_HIDDEN,
},

/* These would change the framing of everything behind them. */
[CMD_COMPRESS] = {
	.id = CMD_COMPRESS, .verb = "COMPRESS", .args = "algorithm",
	.form = FORM_ANY, .route = ROUTE_REFUSE, .refuse_code = 500,
},
[CMD_XFEATURE] = {
	.id = CMD_XFEATURE, .verb = "XFEATURE", .args = "feature",
	.form = FORM_ANY, .route = ROUTE_REFUSE, .refuse_code = 500,
},
[CMD_XZVER] = {
	.id = CMD_XZVER, .verb = "XZVER", .args = "[range]", .form = FORM_ANY,
	.route = ROUTE_REFUSE, .refuse_code = 500,
},
[CMD_XZHDR] = {
	.id = CMD_XZHDR, .verb = "XZHDR", .args = "field [range]",
	.form = FORM_ANY, .route = ROUTE_REFUSE, .refuse_code = 500,
},

/* 282, 218, 288: XGTITLE, XINDEX, XTHREAD (RFC 2980). */
[CMD_UNKNOWN] = {
	.id = CMD_UNKNOWN, .verb = "", .args = "", .form = FORM_ANY,
	.route = ROUTE_UNKNOWN, .refuse_code = 500,
	.blocks = { 100, 101, 215, 218, 220, 221, 222, 224, 225, 230, 231,
	    282, 288 },
	.flags = COMMAND_ALONE | COMMAND_HIDDEN,
},
};

const struct command_row *command_get_row(enum command_id id)
{
	CHECK(id < CMD_N);
	return &rows[id];
}

bool command_prefers_same(const struct command *c)
{
	switch (c->route) {
	case ROUTE_SELECT:
	case ROUTE_UNKNOWN:
		return true;
	case ROUTE_ANY:
		return c->row->id != CMD_DATE;
	default:
		return false;
	}
}

static void add_name(struct text *t, const struct command_row *row)
{
	text_puts(t, row->verb);
	if (row->keyword != NULL) {
		text_puts(t, " ");
		text_puts(t, row->keyword);
	}
}

static void add_syntax(struct text *t, const struct command_row *row,
    bool per_command)
{
	const char *args = row->args;

	if (per_command && row->args_by_id != NULL)
		args = row->args_by_id;
	add_name(t, row);
	if (args[0] != '\0') {
		text_puts(t, " ");
		text_puts(t, args);
	}
}

static bool is_in_help(const struct command_row *row, bool per_command)
{
	if (row->flags & COMMAND_HIDDEN)
		return false;
	switch (row->route) {
	case ROUTE_LOCAL:
	case ROUTE_MSGID:
	case ROUTE_ANY:
	case ROUTE_POST:
		return true;
	case ROUTE_SELECT:
	case ROUTE_GROUP:
		return !per_command;
	case ROUTE_REFUSE:
	case ROUTE_UNKNOWN:
		return false;
	}
	NEVER("a route without a case");
}

static void add_help(struct text *t, bool per_command, command_pred_f *pred,
    void *arg)
{
	text_puts(t, "100 The commands of this server:\r\n");
	for (size_t i = 0; i < CMD_N; i++) {
		if (!is_in_help(&rows[i], per_command))
			continue;
		if (pred != NULL && !pred(&rows[i], arg))
			continue;
		text_puts(t, "  ");
		add_syntax(t, &rows[i], per_command);
		text_puts(t, "\r\n");
	}
	text_puts(t, ".\r\n");
}

size_t command_help(bool per_command, command_pred_f *pred, void *arg,
    char *buf, size_t size)
{
	struct text needed = { NULL, 0, 0 };
	struct text t = { buf, size, 0 };

	add_help(&needed, per_command, pred, arg);
	if (needed.n <= size)
		add_help(&t, per_command, pred, arg);
	return needed.n;
}

size_t command_name(const struct command_row *row, char *buf, size_t size)
{
	struct text needed = { NULL, 0, 0 };
	struct text t = { buf, size, 0 };

	add_name(&needed, row);
	if (needed.n <= size)
		add_name(&t, row);
	return needed.n;
}

static void add_usage(struct text *t, const struct command_row *row,
    bool per_command)
{
	if (row->verb[0] == '\0') {
		text_puts(t, "501 Syntax error\r\n");
		return;
	}
	text_puts(t, "501 Syntax: ");
	add_syntax(t, row, per_command);
	text_puts(t, "\r\n");
}

size_t command_usage(const struct command_row *row, bool per_command,
    char *buf, size_t size)
{
	struct text needed = { NULL, 0, 0 };
	struct text t = { buf, size, 0 };

	add_usage(&needed, row, per_command);
	if (needed.n <= size)
		add_usage(&t, row, per_command);
	return needed.n;
}
