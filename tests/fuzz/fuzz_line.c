// SPDX-License-Identifier: BSD-2-Clause
/* The first octet chooses the pieces in which the stream comes and the limits;
 * the lines are those that the whole stream has when it is cut at LF. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "fuzz.h"
#include "nntp/line.h"

/* Whether a line without its line end may be that long. */
static bool is_short(const char *s, size_t n, size_t sasl_max)
{
	return n + 2 <= LINE_MAX_BYTES ||
	    (n + 2 <= sasl_max && strncasecmp(s, "AUTHINFO", 8) == 0);
}

/* Takes the next line off the stream and compares. */
static void check_line(const char **s, const char *end, size_t sasl_max,
    enum line_result result, const char *line, size_t line_n)
{
	const char *lf = memchr(*s, '\n', (size_t)(end - *s));
	const char *stop = lf != NULL ? lf : end;
	size_t n = (size_t)(stop - *s);

	if (lf != NULL && n > 0 && (*s)[n - 1] == '\r')
		n--;
	CHECK(line_n <= n && memcmp(line, *s, line_n) == 0);
	switch (result) {
	case LINE_OK:
		CHECK(lf != NULL && line_n == n && n > 0);
		CHECK(is_short(*s, n, sasl_max));
		break;
	case LINE_EMPTY:
		CHECK(lf != NULL && n == 0);
		break;
	case LINE_LONG:
		CHECK(n + 2 > LINE_MAX_BYTES);
		break;
	case LINE_MORE:
		break;
	}
	*s = lf != NULL ? lf + 1 : end;
}

static void check_stream(const char *s, size_t n, size_t step,
    size_t sasl_max)
{
	size_t size = sasl_max > 0 ? sasl_max : LINE_MAX_BYTES;
	char *buf = xmalloc(size);
	const char *in = s, *next = s, *end = s + n, *line;
	size_t have = 0, used, line_n;
	struct line l;

	line_init(&l, sasl_max);
	while (in < end) {
		size_t piece = step < size - have ? step : size - have;
		enum line_result result;

		if (piece > (size_t)(end - in))
			piece = (size_t)(end - in);
		CHECK(piece > 0);
		memcpy(buf + have, in, piece);
		in += piece;
		have += piece;
		do {
			result = line_cut(&l, buf, have, &line, &line_n,
			    &used);
			CHECK(used <= have);
			if (result != LINE_MORE)
				check_line(&next, end, sasl_max, result, line,
				    line_n);
			have -= used;
			memmove(buf, buf + used, have);
		} while (result != LINE_MORE);
		CHECK(have < size);
	}
	/* Every line end was answered for; what is left is no line. */
	CHECK(next == end || memchr(next, '\n', (size_t)(end - next)) == NULL);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *s = (const char *)data + 1;

	if (n < 2)
		return 0;
	check_stream(s, n - 1, data[0] % 128 * 8 + 1,
	    data[0] & 128 ? LINE_SASL_MAX_BYTES : 0);
	return 0;
}
