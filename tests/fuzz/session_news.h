// SPDX-License-Identifier: BSD-2-Clause
/* session_news - the news servers of fuzz_session: they do what the script
 * says, and remember what they were asked.
 *
 * What a server says about an article is made of its message-id,
 * <serial.size@client>, so that whoever reads it can tell whether it is for
 * him, in order and complete. A '@' comes from nowhere else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NEWS_BACKENDS_MAX = 2,
	NEWS_PORT = 10000,
	NEWS_CLIENTS_MAX = 2,
	NEWS_LINE_MAX = 160,
	NEWS_POSTED_MAX = 256,
};

/* What becomes of a new connection. */
enum news_door { DOOR_OPEN, DOOR_SILENT, DOOR_SHUT };

/* How a question is answered. */
enum news_answer {
	ANSWER_GOOD,
	ANSWER_OTHER,		/* another article under the same id */
	ANSWER_MISS,		/* 430, 411, 440 */
	ANSWER_OFF,		/* 400, and the end */
	ANSWER_LIMIT,		/* 502 */
	ANSWER_UNKNOWN,		/* 500 */
	ANSWER_UNABLE,		/* 503 */
	ANSWER_NOT_NOW,		/* 403 */
	ANSWER_LOGIN,		/* 480 */
	ANSWER_STALE,		/* of another article */
	ANSWER_GARBAGE,
	ANSWER_CUT,		/* the first half of a good one, and the end */
	ANSWER_SYNTAX,		/* 501 */
	ANSWER_N,
};

void news_begin(unsigned backends_n, unsigned max_connections,
    bool has_small_buffers, bool is_helpful);
/* The proxy is configured anew: what it may do now, or might before. */
void news_change(unsigned backends_n, unsigned max_connections);
/* Closes everything. */
void news_end(void);
/* The proxy connects to a backend: a descriptor, or -1 with errno. It must not
 * have more than max_connections of them. */
int news_connect(unsigned backend);

void news_set_door(unsigned backend, enum news_door door);
/* A helpful backend answers by itself what comes before and after the
 * commands of clients. */
void news_help(void);
/* All that can be done well is done: connections, questions, bytes. */
void news_work(void);

/* The i-th open connection (any number). */
void news_accept(unsigned i);
void news_read(unsigned i);
void news_answer(unsigned i, enum news_answer how);
void news_send(unsigned i, size_t n);
/* Lies: from now on nobody knows what is an answer to what. */
void news_send_raw(unsigned i, const uint8_t *p, size_t n);
void news_close(unsigned i);
void news_half_close(unsigned i);

/* --- for the readers --- */
bool news_has_lied(void);
/* All backends said that they lack this article; or one refused to say. */
bool news_all_missed(unsigned client, unsigned serial);

/* The i-th line of the body of an article, without CRLF; false: there is none. */
bool news_make_line(char line[NEWS_LINE_MAX], const char *id, unsigned i,
    unsigned variant);

/* A client has ended its article of this serial, of so many lines. Until then
 * no backend may see its end. */
void news_expect_post(unsigned client, unsigned serial, unsigned lines_n);
/* Nobody knows what this client posts. */
void news_doubt_posts(unsigned client);
