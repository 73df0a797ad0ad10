// SPDX-License-Identifier: BSD-2-Clause
/* lone_dot - finds lines of a lone dot in an article on its way to a server.
 *
 * An article ends with CRLF "." CRLF (RFC 3977, 3.1.1). Many a server takes a
 * bare LF for a line end as well: for it the article may end earlier, and what
 * follows are commands that nobody knows of.
 *
 * Owner: the caller. Any thread. Pure: no I/O, no memory, no logging. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lone_dot {
	enum {
		LONE_DOT_START,		/* at the start of a line */
		LONE_DOT_DOT,		/* the line has a dot so far */
		LONE_DOT_CR,		/* and then CRs */
		LONE_DOT_OTHER,		/* something else */
	} state;
};

/* A new article: the next octet is the first of a line. */
void lone_dot_init(struct lone_dot *);

/* Scans the next n octets. True when a line of a lone dot ends in them, with LF
 * or CRLF. */
bool lone_dot_scan(struct lone_dot *, const char *buf, size_t n);
