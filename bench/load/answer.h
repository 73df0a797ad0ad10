// SPDX-License-Identifier: BSD-2-Clause
/* answer - finds where the answer to a request ends, and whether it is one.
 *
 *      STATUS --the right code and id--> BLOCK --".\r\n"--> DONE
 *         |--STAT: no block--> DONE
 *         '--anything else--> BAD
 *
 * A block is scanned only if something can follow it. An answer that is
 * `alone` (nothing else was asked) can end only where the bytes end that are
 * here, so the last five of them tell; that is exact, for in a block a line
 * that begins with a dot has two.
 *
 * Owner: struct conn. Thread: the only one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ANSWER_LINE_MAX 512
#define ANSWER_TAIL_N 5 /* CRLF . CRLF */

struct request;

enum answer_state { ANSWER_STATUS, ANSWER_BLOCK, ANSWER_DONE, ANSWER_BAD };

struct answer {
	enum answer_state state;
	const struct request *request; /* borrowed until DONE */
	size_t line_n;
	char line[ANSWER_LINE_MAX];	/* of a status line, so far */
	char tail[ANSWER_TAIL_N];	/* last bytes of the block, so far */
};

/* The next answer is the one to this request. */
void answer_begin(struct answer *a, const struct request *request);

/* Takes bytes up to the end of the answer; gives how many were taken. After
 * BAD, line has the status line as far as it is known, NUL-terminated. */
size_t answer_take(struct answer *a, const char *p, size_t n, bool is_alone);
