// SPDX-License-Identifier: BSD-2-Clause
/* multiline - finds the end of a multi-line block in a stream of buffers.
 *
 * A block ends with exactly CRLF "." CRLF, or with "." CRLF right behind the
 * status line (RFC 3977, 3.1.1). Bare CR, bare LF, NUL and 8-bit octets are
 * data. Dot-stuffing is left as it is.
 *
 * Owner: the caller; a few octets per block in flight. Any thread.
 * Pure: no I/O, no memory, no logging. Looks at every octet once, with the
 * widest instructions that the processor has. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct multiline {
	uint8_t seen_n;		/* octets of CRLF "." CRLF seen at the end of
				 * what was scanned, 0..4 */
};

/* A new block: the next octet is the first of a line. */
void multiline_init(struct multiline *m);

/* Octets went by unread, five at least, and the block did not end in them or
 * with them. */
void multiline_pass(struct multiline *m);

/* Scans the next n octets of the stream. Result: how many of them belong to
 * the block: with *end_r false all n, with *end_r true up to and including the
 * terminator (the rest is the next answer's, m is as after multiline_init).
 * Borrows buf. */
size_t multiline_scan(struct multiline *m, const char *buf, size_t n,
    bool *end_r);

/* How the search is done; for tests, which compare them. */
enum multiline_way {
	MULTILINE_PLAIN,
	MULTILINE_SSE2,
	MULTILINE_AVX2,
	MULTILINE_WAYS_N,
};

/* Gives a pointer to the first CRLF "." CRLF of buf, or NULL. */
typedef const char *multiline_find_f(const char *buf, size_t n);

/* The search done in this way; NULL = not on this processor. */
multiline_find_f *multiline_get_way(enum multiline_way way);
