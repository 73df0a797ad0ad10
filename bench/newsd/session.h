// SPDX-License-Identifier: BSD-2-Clause
/* session - one client's side of the conversation: what it sent becomes
 * answers in its struct out.
 *
 *      line --session_line()--> COMMAND --GROUP, ARTICLE ...--> COMMAND
 *                                  |--LIST, OVER ...--> LISTING
 *                                  |                      session_more()
 *                                  |--POST, IHAVE--> POST, SKIP
 *                                  |                      session_data()
 *                                  '--QUIT, faults--> END, SILENT
 *
 * Knows no sockets. Owner: struct conn. Thread: the connection's worker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define SESSION_LINE_MAX 512 /* with CRLF, RFC 3977 section 3.1 */

struct article;
struct group;
struct newsd;
struct out;

enum session_state {
	SESSION_COMMAND, /* wants a line */
	SESSION_LISTING, /* a long answer goes on with session_more() */
	SESSION_POST,	 /* an article comes in, by session_data() */
	SESSION_SKIP,	 /* the same, too large to be kept */
	SESSION_SILENT,	 /* takes everything, answers nothing */
	SESSION_END,	 /* send what there is, then close */
};

enum listing_kind {
	LISTING_ACTIVE,
	LISTING_NEWSGROUPS,
	LISTING_TIMES,
	LISTING_NEWGROUPS,
	LISTING_NUMBERS,
	LISTING_OVER,
	LISTING_HDR,
	LISTING_NEWNEWS,
};

/* A long answer: rows at..end-1 are still to be written. */
struct listing {
	enum listing_kind kind;
	uint64_t at, end;
	time_t since;
	const struct group *group;
	char text[SESSION_LINE_MAX]; /* wildmat, or the field of HDR */
};

/* An article on its way in. */
struct posting {
	char *text;
	size_t n, room_n;
	size_t line_at;	     /* where the line being received began */
	bool is_ihave;
	char id[SESSION_LINE_MAX]; /* of IHAVE */
};

struct session {
	struct newsd *nd;
	struct out *out;
	enum session_state state;
	bool is_control;	/* came in by the control port */
	bool is_logged_in;
	bool is_slow;		/* fault: the answer now in out dribbles */
	bool is_cut;		/* fault: cut the next block, then close */
	unsigned unknown_n;	/* in a row */
	const struct group *group;
	uint32_t number;	/* current article; 0: none */
	char user[SESSION_LINE_MAX];
	struct listing listing;
	struct posting posting;
};

void session_init(struct session *s, struct newsd *nd, struct out *out,
    bool is_control);
void session_fini(struct session *s);

void session_greet(struct session *s);

/* One command line without its line end, n < SESSION_LINE_MAX; borrows line
 * and ends it with a NUL at line[n]. Only in SESSION_COMMAND. */
void session_line(struct session *s, char *line, size_t n);

/* A line that was over SESSION_LINE_MAX. */
void session_line_too_long(struct session *s);

/* Bytes of an article; gives how many belonged to it. Only in SESSION_POST
 * and SESSION_SKIP. */
size_t session_data(struct session *s, const char *p, size_t n);

/* Writes more of a long answer. Only in SESSION_LISTING. */
void session_more(struct session *s);

/* One status line (CRLF is added), counted by its code. */
void session_reply(struct session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* One line of a block. */
void session_row(struct session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void session_block_end(struct session *s);

/* True when the client may do what needs a login. */
bool session_may(const struct session *s);
