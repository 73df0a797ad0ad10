// SPDX-License-Identifier: BSD-2-Clause
#include "load/verify.h"

#include "base/check.h"
#include "load/request.h"
#include "newsd/text.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SUM_LINE "newsd crc32=%08" PRIx32 "\r\n"
#define SUM_LINE_N (sizeof("newsd crc32=12345678\r\n") - 1)

static bool
starts_with(const char *p, size_t n, const char *text)
{
	return n >= strlen(text) && memcmp(p, text, strlen(text)) == 0;
}

/* Header lines, whose last is X-Checksum-Plain, begun by Path. */
static bool
verify_head(const struct request *r, const char *p, size_t n)
{
	char id_line[REQUEST_LINE_MAX + 16];

	snprintf(id_line, sizeof(id_line), "\r\nMessage-ID: %s\r\n", r->id);
	return starts_with(p, n, "Path: ") &&
	    memmem(p, n, id_line, strlen(id_line)) != NULL &&
	    memmem(p, n, "\r\nX-Checksum-Plain: ", 20) != NULL;
}

/* All up to the last line has the sum that the last line names. */
static bool
verify_body(const struct request *r, const char *p, size_t n)
{
	char first[128], last[SUM_LINE_N + 1];
	size_t summed;

	snprintf(first, sizeof(first),
	    "=ybegin line=128 size=%" PRIu64 " name=gen-%" PRIu64 "-%" PRIu64
	    ".bin\r\n", r->size, r->size, r->seed);
	if (n < SUM_LINE_N || !starts_with(p, n, first))
		return false;
	summed = n - SUM_LINE_N;
	snprintf(last, sizeof(last), SUM_LINE, text_crc32(0, p, summed));
	return memcmp(p + summed, last, SUM_LINE_N) == 0;
}

bool
verify_block(const struct request *r, const char *p, size_t n)
{
	const char *body;

	CHECK(n >= 3);
	n -= 3; /* the final dot */
	switch (r->verb) {
	case VERB_HEAD:
		return verify_head(r, p, n);
	case VERB_BODY:
		return verify_body(r, p, n);
	case VERB_ARTICLE:
		body = memmem(p, n, "\r\n\r\n", 4);
		return body != NULL &&
		    verify_head(r, p, (size_t)(body + 2 - p)) &&
		    verify_body(r, body + 4, n - (size_t)(body + 4 - p));
	case VERB_STAT:
	case VERBS_N:
		break;
	}
	NEVER("a block for a verb without");
}
