// SPDX-License-Identifier: BSD-2-Clause
/* capabilities - the answer to CAPABILITIES, as facts and as text.
 *
 * The same struct describes the proxy (written) and a backend (read); what all
 * backends can do is the intersection.
 *
 * Owner: the caller. Any thread. Pure: no I/O, no memory, no logging. */
#pragma once

#include <stddef.h>

/* One bit per capability or argument (RFC 3977, 9.5; 4642, 4643, 4644, 8054;
 * XPAT is what INN announces). */
enum {
	CAPABILITY_READER = 1 << 0,
	CAPABILITY_MODE_READER = 1 << 1,	/* not together with READER */
	CAPABILITY_POST = 1 << 2,
	CAPABILITY_IHAVE = 1 << 3,
	CAPABILITY_NEWNEWS = 1 << 4,
	CAPABILITY_OVER = 1 << 5,
	CAPABILITY_OVER_MSGID = 1 << 6,		/* implies OVER */
	CAPABILITY_HDR = 1 << 7,
	CAPABILITY_XPAT = 1 << 8,
	CAPABILITY_STREAMING = 1 << 9,
	CAPABILITY_STARTTLS = 1 << 10,
	CAPABILITY_AUTHINFO = 1 << 11,		/* the label alone */
	CAPABILITY_AUTHINFO_USER = 1 << 12,	/* implies AUTHINFO */
	CAPABILITY_AUTHINFO_SASL = 1 << 13,	/* implies AUTHINFO */
	CAPABILITY_COMPRESS_DEFLATE = 1 << 14,
	CAPABILITY_VERSION_2 = 1 << 15,		/* read, always written */
};

/* Words of the LIST capability (RFC 3977, 7.6; 6048). */
enum {
	CAPABILITY_LIST_ACTIVE = 1 << 0,
	CAPABILITY_LIST_ACTIVE_TIMES = 1 << 1,
	CAPABILITY_LIST_COUNTS = 1 << 2,
	CAPABILITY_LIST_DISTRIB_PATS = 1 << 3,
	CAPABILITY_LIST_DISTRIBUTIONS = 1 << 4,
	CAPABILITY_LIST_HEADERS = 1 << 5,
	CAPABILITY_LIST_MODERATORS = 1 << 6,
	CAPABILITY_LIST_MOTD = 1 << 7,
	CAPABILITY_LIST_NEWSGROUPS = 1 << 8,
	CAPABILITY_LIST_OVERVIEW_FMT = 1 << 9,
	CAPABILITY_LIST_SUBSCRIPTIONS = 1 << 10,
};

/* Mechanisms of the SASL capability. */
enum {
	CAPABILITY_SASL_PLAIN = 1 << 0,
	CAPABILITY_SASL_LOGIN = 1 << 1,
	CAPABILITY_SASL_EXTERNAL = 1 << 2,
	CAPABILITY_SASL_CRAM_MD5 = 1 << 3,
	CAPABILITY_SASL_DIGEST_MD5 = 1 << 4,
	CAPABILITY_SASL_SCRAM_SHA_1 = 1 << 5,
	CAPABILITY_SASL_SCRAM_SHA_256 = 1 << 6,
};

/* Any answer of capabilities_write() fits, if implementation is at most 128
 * octets long. */
enum { CAPABILITIES_MAX = 1024 };

struct capabilities {
	unsigned flags;			/* CAPABILITY_... */
	unsigned list;			/* CAPABILITY_LIST_...; LIST is
					 * announced when it is not 0 */
	unsigned sasl;			/* CAPABILITY_SASL_... */
	const char *implementation;	/* text behind IMPLEMENTATION, NULL =
					 * none; never set by parsing */
};

/* Nothing is true. */
void capabilities_init(struct capabilities *c);

/* Adds the facts of one line of a 101 block, without its LF; a CR at its end is
 * ignored. Labels and arguments that the table doesn't know are ignored, in
 * any case of letters. Borrows line. */
void capabilities_parse(struct capabilities *c, const char *line, size_t n);

/* Leaves in c what is true of both. c keeps its implementation. */
void capabilities_intersect(struct capabilities *c,
    const struct capabilities *other);

/* Writes the whole answer, from "101" to the terminator; VERSION 2 is its first
 * line (RFC 3977, 5.2.2). Result: octets; nothing is written when that is over
 * size. Borrows c->implementation, which must not hold a CR or LF. */
size_t capabilities_write(const struct capabilities *c, char *buf,
    size_t size);

/* The same as one line for the log, without the implementation: "READER, OVER
 * MSGID, LIST ACTIVE"; "nothing" if nothing is true. Returns buf or a constant
 * text. */
const char *capabilities_format(const struct capabilities *c,
    char buf[CAPABILITIES_MAX]);
