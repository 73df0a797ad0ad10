// SPDX-License-Identifier: BSD-2-Clause
/* line - cuts a client's byte stream into command lines.
 *
 * The caller holds the buffer and gives what is unread of it; this object only
 * remembers that the rest of an over-long line is still to be thrown away.
 *
 * Owner: the session. Any thread. Pure: no I/O, no memory, no logging. */
#pragma once

#include <stddef.h>

enum {
	/* With CRLF (RFC 3977, 3.1). A bare LF counts as CRLF here, so that
	 * what is forwarded is never longer. */
	LINE_MAX_BYTES = 512,
	/* For AUTHINFO SASL and the answers to its challenges, which may be
	 * longer (RFC 4643, 2.4.2). */
	LINE_SASL_MAX_BYTES = 4096,
};

enum line_result {
	LINE_MORE,	/* no whole line: read more */
	LINE_OK,
	LINE_EMPTY,	/* a line of no octets: 501 */
	LINE_LONG,	/* over the limit: 501, said once per line */
};

enum line_state {
	LINE_CUT,	/* at the start of a line */
	LINE_SKIP,	/* inside an over-long line, reported already */
};

struct line {
	enum line_state state;
	size_t max_bytes;	/* of any line, with CRLF */
	size_t sasl_max_bytes;	/* of a line AUTHINFO SASL; >= max_bytes */
};

/* Limits: LINE_MAX_BYTES for all lines, with sasl_max_bytes (0 = the same) for
 * a line that begins with AUTHINFO SASL. */
void line_init(struct line *l, size_t sasl_max_bytes);

/* Sets the limit of the lines to come, for the answers to a SASL challenge and
 * back. At most sasl_max_bytes where that was set. */
void line_set_max(struct line *l, size_t max_bytes);

/* Inside an over-long line: how many octets of buf are its rest, its line end
 * included; all n when that is not there. Else 0. For what must not be cut into
 * lines behind it. */
size_t line_skip(struct line *l, const char *buf, size_t n);

/* Cuts one line from the start of buf. *used_r octets of buf are done with,
 * after every result. LINE_OK: *line_r, *line_n_r are the line without its line
 * end (CRLF or LF); LINE_LONG: its first octets. With LINE_MORE the caller
 * throws *used_r octets away, reads more behind the rest and calls again; the
 * rest is always less than the limit, so a buffer of sasl_max_bytes (or
 * LINE_MAX_BYTES) is enough. Borrows buf; *line_r points into it. */
enum line_result line_cut(struct line *l, const char *buf, size_t n,
    const char **line_r, size_t *line_n_r, size_t *used_r);
