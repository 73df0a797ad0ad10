// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "nntp/line.h"
#include "test.h"

enum { OUT_MAX = 64 };

struct cut {
	enum line_result result;
	size_t n;
	char start[16];		/* the line's first octets */
};

/* Feeds a stream in pieces of at most step octets, as a session would: what is
 * not used stays at the start of a buffer of exactly the promised size. */
static size_t feed(const char *s, size_t n, size_t step, size_t sasl_max,
    struct cut *out)
{
	size_t size = sasl_max > 0 ? sasl_max : LINE_MAX_BYTES;
	char *buf = xmalloc(size);
	size_t have = 0, out_n = 0, rest, used, line_n;
	struct line l;
	const char *line;

	line_init(&l, sasl_max);
	while (n > 0) {
		size_t piece = n < step ? n : step;
		enum line_result result;

		if (piece > size - have)
			piece = size - have;
		cr_assert_gt(piece, 0, "no room in the buffer");
		memcpy(buf + have, s, piece);
		s += piece;
		n -= piece;
		have += piece;
		do {
			result = line_cut(&l, buf, have, &line, &line_n,
			    &used);
			cr_assert_leq(used, have);
			if (result != LINE_MORE) {
				struct cut *c = &out[out_n++];

				cr_assert_lt(out_n, OUT_MAX);
				*c = (struct cut){ result, line_n, "" };
				cr_assert(line >= buf &&
				    line + line_n <= buf + have);
				memcpy(c->start, line, line_n < 15 ?
				    line_n : 15);
			}
			rest = have - used;
			memmove(buf, buf + used, rest);
			have = rest;
		} while (result != LINE_MORE);
	}
	free(buf);
	return out_n;
}

static size_t feed_text(const char *s, size_t step, struct cut *out)
{
	return feed(s, strlen(s), step, 0, out);
}

Test(line, lines_come_out_whole)
{
	for (size_t step = 1; step < 32; step++) {
		struct cut out[OUT_MAX];

		cr_assert_eq(feed_text("DATE\r\nSTAT <a>\n\r\n\nab\rc\r\r\nQU",
		    step, out), 5);
		cr_assert_eq(out[0].result, LINE_OK);
		cr_assert_str_eq(out[0].start, "DATE");
		cr_assert_eq(out[1].result, LINE_OK);
		cr_assert_str_eq(out[1].start, "STAT <a>");
		cr_assert_eq(out[2].result, LINE_EMPTY);
		cr_assert_eq(out[3].result, LINE_EMPTY);
		cr_assert_eq(out[4].result, LINE_OK);
		cr_assert_str_eq(out[4].start, "ab\rc\r");
	}
}

static char *make_line(size_t n, const char *end, const char *tail,
    size_t *size_r)
{
	char *s = xmalloc(n + strlen(end) + strlen(tail) + 1);

	memset(s, 'a', n);
	strcpy(s + n, end);
	strcat(s, tail);
	*size_r = strlen(s);
	return s;
}

static void check_limit(size_t n, const char *end, enum line_result expected)
{
	static const size_t steps[] = { 1, 2, 509, 510, 511, 512, 513, 2000 };
	size_t size;
	char *s = make_line(n, end, "DATE\r\n", &size);

	for (size_t i = 0; i < ARRAY_N(steps); i++) {
		struct cut out[OUT_MAX];

		cr_assert_eq(feed(s, size, steps[i], 0, out), 2, "%zu %zu", n,
		    steps[i]);
		cr_assert_eq(out[0].result, expected, "%zu by %zu", n,
		    steps[i]);
		cr_assert_leq(out[0].n, LINE_MAX_BYTES - 2);
		cr_assert_eq(out[1].result, LINE_OK);
		cr_assert_str_eq(out[1].start, "DATE");
	}
	free(s);
}

Test(line, the_limit_is_512_octets)
{
	check_limit(509, "\r\n", LINE_OK);
	check_limit(510, "\r\n", LINE_OK);
	check_limit(511, "\r\n", LINE_LONG);
	check_limit(510, "\n", LINE_OK);
	check_limit(511, "\n", LINE_LONG);
	check_limit(509, "\r\r\n", LINE_OK);
	check_limit(510, "\r\r\n", LINE_LONG);
	check_limit(600, "\r\n", LINE_LONG);
	check_limit(5000, "\r\n", LINE_LONG);
	check_limit(100000, "\n", LINE_LONG);
}

Test(line, a_long_line_is_said_at_once_and_only_once)
{
	static char chunk[LINE_MAX_BYTES];
	const char *line;
	size_t line_n, used;
	struct line l;

	memset(chunk, 'x', sizeof(chunk));
	line_init(&l, 0);
	cr_assert_eq(line_cut(&l, chunk, sizeof(chunk), &line, &line_n, &used),
	    LINE_LONG);
	cr_assert_eq(used, sizeof(chunk));
	for (int i = 0; i < 2000; i++) {
		cr_assert_eq(line_cut(&l, chunk, sizeof(chunk), &line, &line_n,
		    &used), LINE_MORE);
		cr_assert_eq(used, sizeof(chunk));
	}
	memcpy(chunk, "xx\r\nDATE\r\n", 10);
	cr_assert_eq(line_cut(&l, chunk, 10, &line, &line_n, &used), LINE_OK);
	cr_assert_eq(used, 10);
	cr_assert_eq(line, chunk + 4);
	cr_assert_eq(line_n, 4);
}

Test(line, nothing_to_cut)
{
	const char *line;
	size_t line_n, used;
	struct line l;

	line_init(&l, 0);
	cr_assert_eq(line_cut(&l, "", 0, &line, &line_n, &used), LINE_MORE);
	cr_assert_eq(used, 0);
	cr_assert_eq(line_n, 0);
}

static enum line_result cut_first(const char *verb, size_t n, size_t sasl_max)
{
	struct cut out[OUT_MAX];
	size_t size;
	char *s = make_line(n, "\r\n", "DATE\r\n", &size);

	memcpy(s, verb, strlen(verb));
	for (size_t step = 100; step < 6000; step += 1000) {
		cr_assert_eq(feed(s, size, step, sasl_max, out), 2);
		cr_assert_str_eq(out[1].start, "DATE");
	}
	free(s);
	return out[0].result;
}

Test(line, sasl_may_be_longer)
{
	static const size_t max = LINE_SASL_MAX_BYTES;

	cr_assert_eq(cut_first("AUTHINFO SASL PLAIN ", 1000, max), LINE_OK);
	cr_assert_eq(cut_first("authinfo \t sasl\tPLAIN ", 1000, max),
	    LINE_OK);
	cr_assert_eq(cut_first("AUTHINFO SASL PLAIN ", max - 2, max), LINE_OK);
	cr_assert_eq(cut_first("AUTHINFO SASL PLAIN ", max - 1, max),
	    LINE_LONG);
	cr_assert_eq(cut_first("AUTHINFO SASLX ", 1000, max), LINE_LONG);
	cr_assert_eq(cut_first("AUTHINFO PASS ", 1000, max), LINE_LONG);
	cr_assert_eq(cut_first("AUTHINFO SASL PLAIN ", 1000, 0), LINE_LONG);
}

Test(line, the_answer_to_a_challenge_has_a_limit_of_its_own)
{
	char buf[1100];
	const char *line;
	size_t line_n, used;
	struct line l;

	memset(buf, 'A', sizeof(buf));
	memcpy(buf + 1000, "\r\n", 2);
	line_init(&l, LINE_SASL_MAX_BYTES);
	line_set_max(&l, LINE_SASL_MAX_BYTES);
	cr_assert_eq(line_cut(&l, buf, 1002, &line, &line_n, &used), LINE_OK);
	cr_assert_eq(line_n, 1000);
	line_set_max(&l, LINE_MAX_BYTES);
	cr_assert_eq(line_cut(&l, buf, 1002, &line, &line_n, &used),
	    LINE_LONG);
	cr_assert_eq(used, 1002);
}
