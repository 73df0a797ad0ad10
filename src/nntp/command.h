// SPDX-License-Identifier: BSD-2-Clause
/* command - the table of commands, and one line of a client read by it.
 *
 * One row per verb; LIST, MODE and AUTHINFO have one row per second word.
 * Parser, HELP, the text of a 501, the login check, the route and the framing
 * of the answer all come from the row.
 *
 * Not in the table, so "unknown verbs": SLAVE, XGTITLE, XINDEX, XPATH,
 * XREPLIC, XROVER, XTHREAD and whatever else a server may know. They are
 * forwarded only on a pinned connection, alone, and their answers are framed
 * by a list of codes.
 *
 * Owner: the caller, who also keeps the line that the slices point into.
 * Any thread. Pure: no I/O, no memory, no logging, no state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_id {
	CMD_ARTICLE,
	CMD_BODY,
	CMD_HEAD,
	CMD_STAT,
	CMD_OVER,
	CMD_XOVER,
	CMD_HDR,
	CMD_XHDR,
	CMD_XPAT,
	CMD_GROUP,
	CMD_LISTGROUP,
	CMD_NEXT,
	CMD_LAST,
	CMD_DATE,
	CMD_LIST,		/* without a keyword: LIST ACTIVE */
	CMD_LIST_ACTIVE,
	CMD_LIST_ACTIVE_TIMES,
	CMD_LIST_COUNTS,
	CMD_LIST_DISTRIB_PATS,
	CMD_LIST_DISTRIBUTIONS,
	CMD_LIST_EXTENSIONS,	/* of old drafts; describes the backend */
	CMD_LIST_HEADERS,
	CMD_LIST_MODERATORS,
	CMD_LIST_MOTD,
	CMD_LIST_NEWSGROUPS,
	CMD_LIST_OVERVIEW_FMT,
	CMD_LIST_SUBSCRIPTIONS,
	CMD_LIST_OTHER,		/* a keyword that the table doesn't know */
	CMD_NEWGROUPS,
	CMD_NEWNEWS,
	CMD_POST,
	CMD_IHAVE,
	CMD_CHECK,
	CMD_TAKETHIS,
	CMD_CAPABILITIES,
	CMD_HELP,
	CMD_QUIT,
	CMD_STARTTLS,
	CMD_AUTHINFO_USER,
	CMD_AUTHINFO_PASS,
	CMD_AUTHINFO_SASL,
	CMD_AUTHINFO_OTHER,	/* SIMPLE, GENERIC, none: always 501 */
	CMD_MODE_READER,
	CMD_MODE_STREAM,
	CMD_MODE_OTHER,		/* always 501 (RFC 3977, 3.2.1) */
	CMD_COMPRESS,
	CMD_XFEATURE,
	CMD_XZVER,
	CMD_XZHDR,
	CMD_UNKNOWN,
	CMD_N,
};

enum command_route {
	ROUTE_LOCAL,	/* the proxy answers itself */
	ROUTE_MSGID,	/* by message-id: any backend */
	ROUTE_ANY,	/* any backend, needs no group */
	ROUTE_SELECT,	/* selects a group: GROUP, LISTGROUP with a name */
	ROUTE_GROUP,	/* needs a selected group */
	ROUTE_POST,	/* an article follows when the backend agrees */
	ROUTE_REFUSE,	/* always refused, with row->refuse_code */
	ROUTE_UNKNOWN,	/* not in the table */
};

/* What may stand behind the verb (and keyword). */
enum command_form {
	FORM_NONE,		/* nothing */
	FORM_ARTICLE,		/* [<message-id>|number] */
	FORM_OVER,		/* [<message-id>|range] */
	FORM_HDR,		/* field [<message-id>|range] */
	FORM_XPAT,		/* field <message-id>|range pattern ... */
	FORM_MSGID,		/* <message-id> */
	FORM_WORD,		/* one word */
	FORM_WORD_OPT,		/* [one word], a group name or a wildmat */
	FORM_KEYWORD_OPT,	/* [keyword] (RFC 3977, 9.8) */
	FORM_LISTGROUP,		/* [group [range]] */
	FORM_DATE,		/* date time [GMT] [<distributions>] */
	FORM_NEWNEWS,		/* wildmat date time [GMT] [<...>] */
	FORM_SASL,		/* mechanism [initial-response] */
	FORM_KEYWORD_ANY,	/* keyword, then anything */
	FORM_TEXT,		/* text with blanks in it, not empty */
	FORM_PASSWORD,		/* the same, with the blanks around it */
	FORM_ANY,		/* anything, or nothing */
	FORM_NEVER,		/* no arguments can make it right */
};

enum {
	/* Allowed before login: everything else is 480 then. */
	COMMAND_BEFORE_LOGIN = 1 << 0,
	/* The next line must not be read before this one is answered: it may
	 * not be a command, or may mean something else by then. */
	COMMAND_ALONE = 1 << 1,
	/* The article follows at once, without a go-ahead (RFC 4644, 2.5):
	 * read it to its end also when the command is refused. */
	COMMAND_ARTICLE_FOLLOWS = 1 << 2,
	/* The line holds a secret: it is never logged. */
	COMMAND_SECRET = 1 << 3,
	/* Not offered by HELP. */
	COMMAND_HIDDEN = 1 << 4,
	/* Each line of its block begins with an article number. */
	COMMAND_NUMBERED = 1 << 5,
};

enum {
	COMMAND_BLOCKS_MAX = 14,	/* with the 0 behind the last */
	COMMAND_LINES_MAX = 4,
	COMMAND_HELP_MAX = 4096,	/* any answer of command_help() fits */
	COMMAND_USAGE_MAX = 128,	/* any answer of command_usage() fits */
	COMMAND_GROW_MAX = 2,		/* see command_write() */
	MSGID_MAX = 250,		/* RFC 3977, 3.6 */
};

struct command_row {
	enum command_id id;
	enum command_route route;	/* ROUTE_MSGID may be GROUP: see
					 * command.route */
	enum command_form form;
	unsigned flags;			/* COMMAND_... */
	const char *verb;		/* upper case */
	const char *keyword;		/* second word, or NULL */
	const char *args;		/* syntax of what follows, "" = none */
	const char *args_by_id;		/* the same where there are no groups;
					 * NULL = as args */
	uint16_t blocks[COMMAND_BLOCKS_MAX];	/* codes before a block */
	uint16_t lines[COMMAND_LINES_MAX];	/* 1xx-3xx of one line */
	int refuse_code;		/* of ROUTE_REFUSE, else 0 */
};

/* One parsed line. All slices point into the caller's line. */
struct command {
	const struct command_row *row;	/* never NULL */
	enum command_route route;	/* by verb and argument form */
	const char *line;		/* the line without trailing blanks */
	size_t line_n;
	const char *args;		/* behind verb and keyword, no blanks
					 * around (AUTHINFO PASS: exact) */
	size_t args_n;
	const char *msgid;		/* with < and >; NULL if none */
	size_t msgid_n;
};

enum command_result {
	COMMAND_OK,
	COMMAND_UNKNOWN,	/* 500, or to be forwarded when pinned */
	COMMAND_SYNTAX,		/* 501, see command_usage() */
	COMMAND_EMPTY,		/* nothing or only blanks: 501 */
};

/* Reads one line (without its line end) by the table. Verbs in any case; words
 * are parted by blanks and tabs; such at the end are ignored (except in a
 * password). out_r is complete after every result: row, and so the login
 * check, is also there for a 501.
 *   COMMAND_SYNTAX   known verb, bad arguments; control octets; a line that
 *                    begins with a blank or a tab
 *   COMMAND_UNKNOWN  route ROUTE_UNKNOWN when the first word is a keyword in
 *                    the sense of RFC 3977, 9.8, else ROUTE_REFUSE: such a
 *                    line is never to reach a backend
 * What ROUTE_REFUSE refuses is COMMAND_OK with any arguments: it is refused
 * anyway, and TAKETHIS has an article behind it.
 * Borrows line; out_r points into it. */
enum command_result command_parse(const char *line, size_t n,
    struct command *out_r);

/* Makes a command of the proxy's own, without arguments (DATE, QUIT, ...). */
void command_init(struct command *c, enum command_id id);

/* Lets the slices point into a copy of what c->line points to. */
void command_move(struct command *c, const char *line);

/* The i-th word (from 0) of the arguments; false = there is none. */
bool command_get_word(const struct command *c, unsigned i,
    const char **word_r, size_t *n_r);

/* Writes the line as it goes to a backend: verb and keyword in upper case, one
 * blank, the arguments, CRLF; an unknown verb's line as it came. Result: its
 * octets, at most line_n + COMMAND_GROW_MAX; nothing is written when that is
 * over size. */
size_t command_write(const struct command *c, char *buf, size_t size);

/* Whether it is about article numbers or lists what belongs to them, which
 * differs from server to server: GROUP, LISTGROUP, LIST, NEWGROUPS, NEWNEWS,
 * and what nobody knows. */
bool command_prefers_same(const struct command *c);

/* Whether a multi-line block follows this status code: a matter of command
 * *and* code. A code that can't answer the command has none. */
bool command_code_has_block(const struct command *c, int code);
/* Whether this 1xx-3xx code can answer the command at all. */
bool command_code_is_known(const struct command *c, int code);

/* Borrowed for ever. id < CMD_N; the rows can be walked with it. */
const struct command_row *command_get_row(enum command_id id);

/* The words of a row: "LIST ACTIVE", "DATE". Result as snprintf(3). */
size_t command_name(const struct command_row *row, char *buf, size_t size);

/* The whole 501 line for a row: "501 Syntax: STAT [<message-id>|number]".
 * Result as snprintf(3). */
size_t command_usage(const struct command_row *row, bool per_command,
    char *buf, size_t size);

typedef bool command_pred_f(const struct command_row *row, void *arg);

/* Writes the whole answer to HELP, from "100" to the terminator: the rows that
 * are not hidden or refused and that pred (NULL = all) wants. per_command: only
 * what needs no group, in its form by message-id. Result: octets; nothing is
 * written when that is over size. */
size_t command_help(bool per_command, command_pred_f *pred, void *arg,
    char *buf, size_t size);

/* Whether this is a message-id in the sense of RFC 3977, 3.6: "<", 1 to 248
 * printable US-ASCII octets without ">", ">". */
bool msgid_is_valid(const char *s, size_t n);
