// SPDX-License-Identifier: BSD-2-Clause
/* out - what one connection still has to send: pieces of text and of
 * articles, in order.
 *
 * Text is kept in one buffer, articles are referenced, never copied. The
 * queue does not limit itself: the session asks out_is_full() between answers
 * and stops there, so it holds at most OUT_TEXT_MAX and one answer's text.
 * Owner: struct conn. Thread: the connection's worker. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUT_SEGS_N 64
#define OUT_TEXT_MAX (64u << 10)

struct article;

/* A piece: text[at..at+n), or the article's bytes. */
struct seg {
	struct article *article; /* NULL: text */
	size_t at, n;
};

struct out {
	struct seg segs[OUT_SEGS_N];
	unsigned first, n;
	char *text;
	size_t text_n, room_n;
};

enum out_rc { OUT_DONE, OUT_AGAIN, OUT_FAIL };

void out_init(struct out *o);
void out_fini(struct out *o);
bool out_is_empty(const struct out *o);
bool out_is_full(const struct out *o);

void out_text(struct out *o, const char *p, size_t n);
/* Appends n bytes of the article from at on; takes the reference. */
void out_article(struct out *o, struct article *a, size_t at, size_t n);

/* Sends what the socket takes, at most about max_bytes. OUT_AGAIN: something
 * is left. *sent grows by the bytes sent. */
enum out_rc out_flush(struct out *o, int fd, size_t max_bytes,
    uint64_t *sent);
