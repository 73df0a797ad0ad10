// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/line.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"

void line_init(struct line *l, size_t sasl_max_bytes)
{
	l->state = LINE_CUT;
	l->max_bytes = LINE_MAX_BYTES;
	l->sasl_max_bytes = sasl_max_bytes;
	if (l->sasl_max_bytes < l->max_bytes)
		l->sasl_max_bytes = l->max_bytes;
}

void line_set_max(struct line *l, size_t max_bytes)
{
	CHECK(max_bytes > 2 && max_bytes <= l->sasl_max_bytes);
	l->max_bytes = max_bytes;
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

static bool is_sasl(const char *buf, size_t n)
{
	static const char verb[] = "AUTHINFO", keyword[] = "SASL";
	size_t i = sizeof(verb) - 1;

	if (n <= i || strncasecmp(buf, verb, i) != 0 || !is_blank(buf[i]))
		return false;
	while (i < n && is_blank(buf[i]))
		i++;
	if (n - i < sizeof(keyword) ||
	    strncasecmp(buf + i, keyword, sizeof(keyword) - 1) != 0)
		return false;
	return is_blank(buf[i + sizeof(keyword) - 1]);
}

/* The most octets that the line at buf may have before its line end. */
static size_t get_limit(const struct line *l, const char *buf, size_t n)
{
	size_t max_bytes = l->max_bytes;

	/* Looked at only when it matters. */
	if (n + 2 > max_bytes && is_sasl(buf, n))
		max_bytes = l->sasl_max_bytes;
	return max_bytes - 2;
}

/* Throws away up to the end of the over-long line. Result: octets of buf. */
static size_t skip(struct line *l, const char *buf, size_t n)
{
	const char *lf = n > 0 ? memchr(buf, '\n', n) : NULL;

	if (lf == NULL)
		return n;
	l->state = LINE_CUT;
	return (size_t)(lf + 1 - buf);
}

/* There is a line end at lf. */
static enum line_result finish(const struct line *l, const char *buf,
    const char *lf, size_t *n_r)
{
	size_t n = (size_t)(lf - buf);
	size_t limit;

	if (n > 0 && buf[n - 1] == '\r')
		n--;
	*n_r = n;
	if (n == 0)
		return LINE_EMPTY;
	limit = get_limit(l, buf, n);
	if (n <= limit)
		return LINE_OK;
	*n_r = limit;
	return LINE_LONG;
}

/* Without a line end among the n octets: can one still come in time? */
static bool is_hopeless(const struct line *l, const char *buf, size_t n)
{
	size_t limit = get_limit(l, buf, n);

	if (n > limit && buf[n - 1] == '\r')
		n--;
	return n > limit;
}

enum line_result line_cut(struct line *l, const char *buf, size_t n,
    const char **line_r, size_t *line_n_r, size_t *used_r)
{
	size_t skipped = l->state == LINE_SKIP ? skip(l, buf, n) : 0;
	const char *lf;

	*used_r = skipped;
	*line_r = buf + skipped;
	*line_n_r = 0;
	if (skipped == n)
		return LINE_MORE;
	buf += skipped;
	n -= skipped;
	lf = memchr(buf, '\n', n);
	if (lf != NULL) {
		*used_r += (size_t)(lf + 1 - buf);
		return finish(l, buf, lf, line_n_r);
	}
	if (!is_hopeless(l, buf, n))
		return LINE_MORE;
	*line_n_r = get_limit(l, buf, n);
	*used_r += n;
	l->state = LINE_SKIP;
	return LINE_LONG;
}

size_t line_skip(struct line *l, const char *buf, size_t n)
{
	const char *lf;

	if (l->state != LINE_SKIP)
		return 0;
	lf = memchr(buf, '\n', n);
	if (lf == NULL)
		return n;
	l->state = LINE_CUT;
	return (size_t)(lf - buf) + 1;
}
