// SPDX-License-Identifier: BSD-2-Clause
/* A command line, LF, and what a backend says to it. The first octets of the
 * answer, however few, never lead to another verdict than all of them. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fuzz.h"
#include "nntp/command.h"
#include "nntp/response.h"

static void check_slices(const struct response *r, const char *s)
{
	CHECK(r->code >= 100 && r->code <= 599);
	CHECK(r->line_n >= 4 && r->line_n <= RESPONSE_LINE_MAX);
	CHECK(s[r->line_n - 1] == '\n');
	CHECK(memchr(s, '\n', r->line_n) == s + r->line_n - 1);
	CHECK(r->number >= s + 3 &&
	    r->number + r->number_n <= s + r->line_n);
	if (r->msgid != NULL) {
		CHECK(r->msgid > s && r->msgid + r->msgid_n < s + r->line_n);
		CHECK(r->msgid[0] == '<' && r->msgid[r->msgid_n - 1] == '>');
	}
}

static void check_hidden(const struct response *r, const char *s)
{
	char buf[RESPONSE_LINE_MAX];
	size_t n = response_hide_number(r, s, buf, sizeof(buf));
	struct response again;

	CHECK(n <= r->line_n);
	CHECK(response_parse(buf, n, &again) == RESPONSE_OK);
	CHECK(again.code == r->code && again.line_n == n);
	CHECK(again.msgid_n == r->msgid_n);
	CHECK(again.number_n == (r->number_n > 0));
}

static void check_class(const struct command *c, const struct response *r)
{
	switch (response_classify(c, r)) {
	case RESPONSE_PASS:
		CHECK(r->code >= 400 || command_code_is_known(c, r->code));
		break;
	case RESPONSE_CONTINUE:
		CHECK(r->code / 100 == 3);
		break;
	case RESPONSE_STALE:
		CHECK(r->msgid != NULL && c->msgid != NULL);
		CHECK(r->code >= 220 && r->code <= 223);
		break;
	case RESPONSE_GARBAGE:
		/* Success of an article that was not sent is none. */
		CHECK(r->code < 400 && (!command_code_is_known(c, r->code) ||
		    (c->route == ROUTE_POST && r->code < 300)));
		break;
	case RESPONSE_MISS:
	case RESPONSE_UNSUPPORTED:
	case RESPONSE_SYNTAX:
	case RESPONSE_TROUBLE:
		CHECK(r->code >= 400);
		break;
	}
}

/* To the article of POST or IHAVE. */
static void check_class_posted(const struct command *c,
    const struct response *r)
{
	enum response_class class = response_classify_posted(c, r);

	CHECK(class == RESPONSE_PASS || class == RESPONSE_TROUBLE ||
	    class == RESPONSE_GARBAGE);
	CHECK((class == RESPONSE_GARBAGE) == (r->code < 400 &&
	    (r->code >= 300 || !command_code_is_known(c, r->code))));
	CHECK(class != RESPONSE_TROUBLE || r->code >= 400);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *line = (const char *)data;
	const char *lf = n > 0 ? memchr(data, '\n', n) : NULL;
	enum response_result result;
	struct response r;
	struct command c;
	const char *s;

	if (lf == NULL)
		return 0;
	command_parse(line, (size_t)(lf - line), &c);
	s = lf + 1;
	n -= (size_t)(s - line);
	result = response_parse(s, n, &r);
	for (size_t i = 0; i < n && i <= RESPONSE_LINE_MAX; i++) {
		struct response part;
		enum response_result early = response_parse(s, i, &part);

		if (result == RESPONSE_OK && i < r.line_n)
			CHECK(early == RESPONSE_MORE);
		else
			CHECK(early == RESPONSE_MORE || early == result);
	}
	if (n > RESPONSE_LINE_MAX)
		CHECK(result != RESPONSE_MORE);
	if (result == RESPONSE_OK) {
		check_slices(&r, s);
		check_hidden(&r, s);
		check_class(&c, &r);
		if (c.route == ROUTE_POST)
			check_class_posted(&c, &r);
	}
	return 0;
}
