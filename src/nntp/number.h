// SPDX-License-Identifier: BSD-2-Clause
/* number - the article number that a block begins with, in a stream of
 * buffers: of LISTGROUP the first article, of OVER and HDR by message-id a
 * number that means nothing to a session without the group.
 *
 * Owner: the caller. Any thread. Pure: no I/O, no memory, no logging. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct number {
	bool is_over;		/* an octet that is no digit was seen */
	uint64_t value;		/* of the digits so far, UINT64_MAX if more */
	size_t digits_n;	/* 0: there is no number */
};

/* A new block: the next octet is its first. */
void number_init(struct number *);

/* Takes the next n octets of the block. Result: how many of them, from the
 * start, are digits of the number. */
size_t number_scan(struct number *, const char *buf, size_t n);

/* A whole text of digits as a number; false: it is none. */
bool number_parse(const char *s, size_t n, uint64_t *value_r);
