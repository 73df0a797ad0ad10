// SPDX-License-Identifier: BSD-2-Clause
/* response - the status line of a backend, and what it means for a command.
 *
 * Owner: the caller, who also keeps the buffer that the slices point into.
 * Any thread. Pure: no I/O, no memory, no logging, no state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;

/* With the line end. RFC 3977, 3.1 says 512; servers that put a long text or
 * a long group name behind the code are read all the same. */
enum { RESPONSE_LINE_MAX = 1024 };

struct response {
	int code;		/* 100..599 */
	size_t line_n;		/* octets of the line, with its line end */
	const char *number;	/* first word behind the code, if all digits */
	size_t number_n;	/* 0 = none */
	const char *msgid;	/* first <...> of the text, NULL = none */
	size_t msgid_n;
};

enum response_result {
	RESPONSE_MORE,	/* no line end yet, and still room for one */
	RESPONSE_OK,
	RESPONSE_BAD,	/* not NNTP: drop the connection */
};

/* Reads a status line from the start of buf. Needed: three digits, the first
 * from 1 to 5, then a blank, a tab, a comma (seen in the field) or the line
 * end, which is CRLF or a bare LF; no NUL, no CR elsewhere, at most
 * RESPONSE_LINE_MAX octets. A wrong start or length is BAD at once, without the
 * line end.
 * Borrows buf; out_r points into it and is set only with RESPONSE_OK. */
enum response_result response_parse(const char *buf, size_t n,
    struct response *out_r);

enum response_class {
	/* An answer for the client, to be forwarded as it is. */
	RESPONSE_PASS,
	/* A go-ahead the command may get: 335, 340, 381, 382, 383. */
	RESPONSE_CONTINUE,
	/* This backend lacks what was asked for, another may have it: by
	 * message-id 430, 420, 423, 451; for GROUP and LISTGROUP 411. */
	RESPONSE_MISS,
	/* This backend doesn't do this command: 500, 503. By message-id 412
	 * too: such a server wants a group where none may be needed. */
	RESPONSE_UNSUPPORTED,
	/* 501: the arguments displease this backend, though the proxy took
	 * them. For the client only if no backend has anything better. */
	RESPONSE_SYNTAX,
	/* Neither an answer nor a miss, the backend or our account there has
	 * a problem: 400, 401, 403, 480, 481, 482, 483, 502, and by message-id
	 * every failure that is not above. Another backend is tried. */
	RESPONSE_TROUBLE,
	/* 220 to 223 that names another message-id than the one asked for: the
	 * answers on this connection are out of step. Never forwarded, the
	 * connection is dropped. */
	RESPONSE_STALE,
	/* A code that can't answer this command, so that nobody knows where
	 * the answer ends: 1xx or 3xx to ARTICLE, 220 to STAT, 281 to BODY.
	 * Never forwarded, the connection is dropped. */
	RESPONSE_GARBAGE,
};

/* What an answer means, by command and code:
 *
 *         1xx-3xx  other    420 423  411    500 501 400 401  other
 *         of row   1xx-3xx  430 451         503     480 483  4xx 5xx
 * MSGID   PASS(1)  GARBAGE  MISS     TROUB  UNS SYN TROUBLE  TROUBLE(2)
 * ANY     PASS     GARBAGE  PASS     PASS   UNS SYN TROUBLE  PASS(3)
 * LOCAL   PASS     GARBAGE  PASS     PASS   UNS SYN TROUBLE  PASS(3)
 * SELECT  PASS     GARBAGE  PASS     MISS   UNS SYN TROUBLE  PASS(3)
 * POST    CONTINUE GARBAGE  PASS     PASS   UNS UNS TROUBLE  PASS(3, 4)
 * GROUP   PASS     GARBAGE  PASS     PASS   PASS    TROUBLE  PASS
 * UNKNOWN PASS     3xx: GB. PASS     PASS   PASS    PASS     PASS
 *
 * (1) or STALE   (2) 412: UNSUPPORTED   (3) 403, 481, 482, 502: TROUBLE
 * (4) 440, 480, 483: UNSUPPORTED
 * For GROUP and UNKNOWN there is one backend only, so its refusals are the
 * answer; but a 480 or 483 there speaks of the proxy's login, not of the
 * client's.
 * For POST and IHAVE it is the answer to the command, before the article. */
enum response_class response_classify(const struct command *c,
    const struct response *r);

/* What the answer to the article means that followed POST or IHAVE: PASS;
 * TROUBLE, GARBAGE: nobody knows what became of the article. */
enum response_class response_classify_posted(const struct command *c,
    const struct response *r);

/* The i-th word (from 0) of the text behind the code as a number; false: there
 * is none, or it is no number. line is what r was read from. */
bool response_get_number(const struct response *r, const char *line,
    unsigned i, uint64_t *number_r);

/* Writes the status line r (of which line is the start) with the article
 * number made 0: numbers mean something only to a session that selected the
 * group (RFC 3977, 6.2.1.2). Lines without a number are copied. Result: its
 * octets, at most r->line_n; nothing is written when that is over size. */
size_t response_hide_number(const struct response *r, const char *line,
    char *buf, size_t size);
