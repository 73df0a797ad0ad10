// SPDX-License-Identifier: BSD-2-Clause
/* session_news_priv - what session_news.c (connections, what is heard) and
 * session_answers.c (what is said) share; nobody else includes it. */
#pragma once

#include "session_news.h"

#include <string.h>

enum {
	WIRES_MAX = 16,
	QUESTIONS_MAX = 64,
	TEXT_MAX = 64,		/* of a word that is remembered */
	IN_MAX = 2048,
	SERIALS_MAX = 256,
};

struct question {
	char verb[16];
	char word[TEXT_MAX];	/* its first argument */
};

struct wire {
	int fd;			/* -1: not there */
	unsigned backend;
	bool is_accepted;
	bool is_lying;
	bool is_ending;		/* closed when all is sent */
	bool in_article;
	unsigned article_lines_n;
	unsigned article_client, article_serial;	/* of its last line */
	char group[TEXT_MAX];
	struct question questions[QUESTIONS_MAX];
	unsigned questions_n;
	char in[IN_MAX];
	size_t in_n;
	char *out;
	size_t out_n, out_size;
};

struct post {
	unsigned lines_n;	/* 0: not ended */
	unsigned taken_n;
};

struct news {
	struct wire wires[WIRES_MAX];
	enum news_door doors[NEWS_BACKENDS_MAX];
	unsigned backends_n, max_connections;	/* at most, so far */
	unsigned steady_n;	/* of the backends, that were never away */
	bool has_small_buffers, is_helpful;
	bool has_lied, has_refused;
	unsigned missed[NEWS_CLIENTS_MAX][SERIALS_MAX];	/* backends */
	struct post posts[NEWS_CLIENTS_MAX][NEWS_POSTED_MAX];
	bool doubts[NEWS_CLIENTS_MAX];
};

extern struct news news;

static inline bool
question_is(const struct question *q, const char *verb)
{
	return strcmp(q->verb, verb) == 0;
}

/* --- session_news.c --- */
/* One more question waits for its answer. */
void news_ask(struct wire *w, const char *verb, const char *word);

/* --- session_answers.c --- */
/* Puts octets behind what is to be sent. */
void news_say(struct wire *w, const char *text, size_t n);
void news_make_answer(struct wire *w, const struct question *q,
    enum news_answer how);
