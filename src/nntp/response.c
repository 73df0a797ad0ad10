// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/response.h"

#include <string.h>

#include "base/check.h"
#include "nntp/command.h"
#include "nntp/number.h"
#include "nntp/text.h"

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* Whether the first octets, as far as they are there, can be a code. */
static bool is_code_start(const char *buf, size_t n)
{
	if (n > 0 && (buf[0] < '1' || buf[0] > '5'))
		return false;
	if (n > 1 && !is_digit(buf[1]))
		return false;
	if (n > 2 && !is_digit(buf[2]))
		return false;
	return n <= 3 || (buf[3] != '\0' && strchr(" \t,\r\n", buf[3]) != NULL);
}

/* Sets number and msgid from the text behind the code. */
static void parse_text(const char *s, size_t n, struct response *r)
{
	size_t i = 0;

	while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == ','))
		i++;
	r->number = s + i;
	while (i < n && is_digit(s[i]))
		i++;
	r->number_n = (size_t)(s + i - r->number);
	if (i < n && s[i] != ' ' && s[i] != '\t')
		r->number_n = 0;
	r->msgid = memchr(s, '<', n);
	if (r->msgid == NULL)
		return;
	for (i = (size_t)(r->msgid - s); i < n && s[i] != '>'; i++) {
		if (s[i] == ' ' || s[i] == '\t')
			break;
	}
	if (i == n || s[i] != '>')
		r->msgid = NULL;
	else
		r->msgid_n = (size_t)(s + i + 1 - r->msgid);
}

enum response_result response_parse(const char *buf, size_t n,
    struct response *out_r)
{
	const char *end;
	size_t text_n;

	if (n > RESPONSE_LINE_MAX)
		n = RESPONSE_LINE_MAX;
	if (!is_code_start(buf, n))
		return RESPONSE_BAD;
	end = n > 0 ? memchr(buf, '\n', n) : NULL;
	if (end == NULL)
		return n < RESPONSE_LINE_MAX ? RESPONSE_MORE : RESPONSE_BAD;
	text_n = (size_t)(end - buf);
	if (text_n > 0 && buf[text_n - 1] == '\r')
		text_n--;
	if (text_n < 3 || memchr(buf, '\r', text_n) != NULL ||
	    memchr(buf, '\0', text_n) != NULL)
		return RESPONSE_BAD;
	*out_r = (struct response){
		.code = (buf[0] - '0') * 100 + (buf[1] - '0') * 10 +
		    (buf[2] - '0'),
		.line_n = (size_t)(end + 1 - buf),
	};
	parse_text(buf + 3, text_n - 3, out_r);
	return RESPONSE_OK;
}

/* RFC 977 let servers say "<0>" for a message-id they don't want to look up
 * (RFC 3977, appendix D): that names nothing. */
static bool is_other_msgid(const struct command *c, const struct response *r)
{
	if (r->code < 220 || r->code > 223)
		return false;
	if (c->msgid == NULL || r->msgid == NULL)
		return false;
	if (r->msgid_n == 3 && memcmp(r->msgid, "<0>", 3) == 0)
		return false;
	return r->msgid_n != c->msgid_n ||
	    memcmp(r->msgid, c->msgid, c->msgid_n) != 0;
}

static enum response_class classify_success(const struct command *c,
    const struct response *r)
{
	if (!command_code_is_known(c, r->code))
		return RESPONSE_GARBAGE;
	if (c->route == ROUTE_MSGID && is_other_msgid(c, r))
		return RESPONSE_STALE;
	/* The article has not been sent yet. */
	if (c->route == ROUTE_POST && r->code < 300)
		return RESPONSE_GARBAGE;
	return r->code >= 300 ? RESPONSE_CONTINUE : RESPONSE_PASS;
}

static enum response_class classify_by_msgid(int code)
{
	switch (code) {
	case 420: case 423: case 430: case 451:
		return RESPONSE_MISS;
	case 412: case 500: case 503:
		return RESPONSE_UNSUPPORTED;
	case 501:
		return RESPONSE_SYNTAX;
	default:
		return RESPONSE_TROUBLE;
	}
}

static enum response_class classify_anywhere(const struct command *c, int code)
{
	switch (code) {
	case 411:
		return c->route == ROUTE_SELECT ? RESPONSE_MISS : RESPONSE_PASS;
	case 500: case 503:
		return RESPONSE_UNSUPPORTED;
	case 501:
		return RESPONSE_SYNTAX;
	case 400: case 401: case 403:
	case 480: case 481: case 482: case 483: case 502:
		return RESPONSE_TROUBLE;
	default:
		return RESPONSE_PASS;
	}
}

static enum response_class classify_post(const struct command *c, int code)
{
	switch (code) {
	/* Whoever reads there need not be allowed to post. */
	case 440: case 480: case 483: case 501:
		return RESPONSE_UNSUPPORTED;
	default:
		return classify_anywhere(c, code);
	}
}

static enum response_class classify_pinned(int code)
{
	switch (code) {
	case 400: case 401: case 480: case 483:
		return RESPONSE_TROUBLE;
	default:
		return RESPONSE_PASS;
	}
}

enum response_class response_classify(const struct command *c,
    const struct response *r)
{
	if (r->code < 400)
		return classify_success(c, r);
	switch (c->route) {
	case ROUTE_MSGID:
		return classify_by_msgid(r->code);
	case ROUTE_LOCAL:
	case ROUTE_ANY:
	case ROUTE_SELECT:
		return classify_anywhere(c, r->code);
	case ROUTE_POST:
		return classify_post(c, r->code);
	case ROUTE_GROUP:
		return classify_pinned(r->code);
	case ROUTE_REFUSE:
	case ROUTE_UNKNOWN:
		return RESPONSE_PASS;
	}
	NEVER("a route without a case");
}

enum response_class response_classify_posted(const struct command *c,
    const struct response *r)
{
	/* 403 is about this article (RFC 3977, 3.2.1). */
	if (r->code >= 400)
		return r->code != 403 && classify_anywhere(c, r->code) ==
		    RESPONSE_TROUBLE ? RESPONSE_TROUBLE : RESPONSE_PASS;
	if (r->code >= 300 || !command_code_is_known(c, r->code))
		return RESPONSE_GARBAGE;
	return RESPONSE_PASS;
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == ',' || ch == '\r' || ch == '\n';
}

bool response_get_number(const struct response *r, const char *line,
    unsigned i, uint64_t *number_r)
{
	const char *s = line + 3, *end = line + r->line_n, *word;

	do {
		while (s < end && is_blank(*s))
			s++;
		word = s;
		while (s < end && !is_blank(*s))
			s++;
	} while (i-- > 0);
	return number_parse(word, (size_t)(s - word), number_r);
}

size_t response_hide_number(const struct response *r, const char *line,
    char *buf, size_t size)
{
	struct text t = { buf, size, 0 };
	size_t before_n, n;

	if (r->number_n == 0) {
		before_n = r->line_n;
		n = r->line_n;
	} else {
		before_n = (size_t)(r->number - line);
		n = r->line_n - r->number_n + 1;
	}
	if (n > size)
		return n;
	text_add(&t, line, before_n);
	if (r->number_n > 0) {
		text_puts(&t, "0");
		text_add(&t, r->number + r->number_n,
		    r->line_n - before_n - r->number_n);
	}
	return n;
}
