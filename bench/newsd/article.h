// SPDX-License-Identifier: BSD-2-Clause
/* article - one article in memory, in the form in which it goes out.
 *
 * The bytes are CRLF lines, dot-stuffed once, with the final ".\r\n". They
 * never change after article_new(), so any thread may send them. Reference
 * counted: spool, cache and answers being sent each hold one. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define ARTICLE_ID_MAX 250 /* RFC 3977 section 3.6 */

struct article {
	atomic_uint refs_n;
	int fd;		/* memory file with the same bytes, or -1 */
	char *bytes;
	size_t bytes_n;
	size_t head_n;	/* header lines; an empty line follows */
	size_t body_at; /* bytes + body_at .. bytes + bytes_n: answer to BODY */
	size_t plain_n; /* size without stuffing and terminator: ":bytes" */
	size_t lines_n; /* of the body */
	time_t arrived;
	char *id;	/* with its angle brackets */
	char *overview; /* RFC 3977 section 8.4, without the number */
};

/* From now on a large article lies in a memory file of its own, from which
 * sendfile(2) takes pages without a copy. Before the first thread starts. */
void article_use_files(void);

/* From text with LF or CRLF lines; stuffed says that it still has the dots of
 * a data block. Borrows text. Gives an article, or NULL: no header, or no
 * good Message-ID. */
struct article *article_new(const char *text, size_t n, bool stuffed);

/* The same from bytes that have their final form; takes wire (malloc). */
struct article *article_new_wire(char *wire, size_t n);

struct article *article_ref(struct article *a);
void article_unref(struct article *a);

/* Writes the value of a header, unfolded, tabs made blanks, cut to size, into
 * buf. Gives its length, or -1 when there is none. */
int article_header(const struct article *a, const char *name, char *buf,
    size_t size);

/* A message-id by RFC 3977 section 3.6: <...>, printable, no blanks. */
bool article_is_id(const char *s);
