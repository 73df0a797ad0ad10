// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "base/check.h"
#include "nntp/command.h"
#include "nntp/response.h"
#include "test.h"

static enum response_result parse_n(const char *s, size_t n,
    struct response *r)
{
	static char *copy;

	free(copy);
	copy = xmalloc(n > 0 ? n : 1);
	memcpy(copy, s, n);
	return response_parse(copy, n, r);
}

static enum response_result parse(const char *s, struct response *r)
{
	return parse_n(s, strlen(s), r);
}

Test(response, good_lines)
{
	static const struct {
		const char *line;
		int code;
		const char *number, *msgid;
	} samples[] = {
		{ "223 5 <a@b> status\r\n", 223, "5", "<a@b>" },
		{ "223 5 <a@b>\n", 223, "5", "<a@b>" },
		{ "223\r\n", 223, "", NULL },
		{ "223\n", 223, "", NULL },
		{ "223 \r\n", 223, "", NULL },
		{ "220, 0 <id>\r\n", 220, "0", "<id>" },
		{ "220,0 <id>\r\n", 220, "0", "<id>" },
		{ "220\t0\t<id>\r\n", 220, "0", "<id>" },
		{ "220 <id> article\r\n", 220, "", "<id>" },
		{ "220 0x <id>\r\n", 220, "", "<id>" },
		{ "220 article <see below> <id>\r\n", 220, "", NULL },
		{ "220 0 <id\r\n", 220, "0", NULL },
		{ "220 0 <a<b@c>\r\n", 220, "0", "<a<b@c>" },
		{ "430 No such article\r\n", 430, "", NULL },
		{ "211 1 2 3 a.b\r\n", 211, "1", NULL },
		{ "111 20261122190000\r\n", 111, "20261122190000", NULL },
		{ "200 \xc3\xa4\xff ok\r\n", 200, "", NULL },
		{ "599 x\r\n", 599, "", NULL },
	};

	for (size_t i = 0; i < ARRAY_N(samples); i++) {
		const char *line = samples[i].line, *msgid = samples[i].msgid;
		struct response r;

		cr_assert_eq(parse(line, &r), RESPONSE_OK, "%s", line);
		cr_assert_eq(r.code, samples[i].code, "%s", line);
		cr_assert_eq(r.line_n, strlen(line), "%s", line);
		cr_assert_eq(r.number_n, strlen(samples[i].number), "%s",
		    line);
		cr_assert_eq(memcmp(r.number, samples[i].number, r.number_n),
		    0, "%s", line);
		cr_assert_eq(r.msgid != NULL, msgid != NULL, "%s", line);
		if (msgid != NULL) {
			cr_assert_eq(r.msgid_n, strlen(msgid), "%s", line);
			cr_assert_arr_eq(r.msgid, msgid, r.msgid_n);
		}
		/* Any part of it is not yet a line; what follows no matter. */
		for (size_t n = 0; n < strlen(line); n++)
			cr_assert_eq(parse_n(line, n, &r), RESPONSE_MORE,
			    "%zu of %s", n, line);
	}
}

Test(response, only_the_first_line_counts)
{
	struct response r;

	cr_assert_eq(parse("222 0 <a>\r\nbody <x>\r\n.\r\n", &r),
	    RESPONSE_OK);
	cr_assert_eq(r.line_n, 11);
	cr_assert_eq(r.msgid_n, 3);
	cr_assert_eq(parse("222 0\r\n<x>\r\n.\r\n", &r), RESPONSE_OK);
	cr_assert_null(r.msgid);
}

Test(response, bad_lines)
{
	static const char *const lines[] = { "abc\r\n", "abc", "a", "\r\n",
		"\n", "22\r\n", "22", "2\n", "22x 5\r\n", "2230 x\r\n",
		"223x\r\n", "223-x\r\n", "023 x\r\n", "623 x\r\n", " 223\r\n",
		"223 a\rb\r\n", "223 a\r\r\n", ".\r\n", "-23 x\r\n" };
	struct response r;

	for (size_t i = 0; i < ARRAY_N(lines); i++) {
		bool is_open = strcmp(lines[i], "22") == 0;

		cr_assert_eq(parse(lines[i], &r),
		    is_open ? RESPONSE_MORE : RESPONSE_BAD, "[%s]", lines[i]);
	}
	cr_assert_eq(parse_n("223 a\0b\r\n", 9, &r), RESPONSE_BAD);
	cr_assert_eq(parse_n("223\0", 4, &r), RESPONSE_BAD);
}

Test(response, a_line_has_a_limit)
{
	char *s = xmalloc(100000);
	struct response r;

	memset(s, 'x', 100000);
	memcpy(s, "223 ", 4);
	cr_assert_eq(parse_n(s, RESPONSE_LINE_MAX - 1, &r), RESPONSE_MORE);
	cr_assert_eq(parse_n(s, RESPONSE_LINE_MAX, &r), RESPONSE_BAD);
	cr_assert_eq(parse_n(s, 100000, &r), RESPONSE_BAD);
	memcpy(s + RESPONSE_LINE_MAX - 2, "\r\n", 2);
	cr_assert_eq(parse_n(s, 100000, &r), RESPONSE_OK);
	cr_assert_eq(r.line_n, RESPONSE_LINE_MAX);
	memcpy(s + RESPONSE_LINE_MAX - 2, "x\r\n", 3);
	cr_assert_eq(parse_n(s, 100000, &r), RESPONSE_BAD);
	free(s);
}

static enum response_class classify(const char *command, const char *line)
{
	struct response r;
	struct command c;

	cr_assert_neq(command_parse(command, strlen(command), &c),
	    COMMAND_SYNTAX, "%s", command);
	cr_assert_eq(response_parse(line, strlen(line), &r), RESPONSE_OK);
	return response_classify(&c, &r);
}

/* The class of every code that the list doesn't name is other. */
struct expected {
	int code;
	enum response_class class;
};

static void check_codes(const char *command, const struct expected *expected,
    size_t n, enum response_class other_success,
    enum response_class other_failure)
{
	struct command c;

	command_parse(command, strlen(command), &c);
	for (int code = 100; code < 600; code++) {
		struct response r = { .code = code };
		enum response_class class =
		    code < 400 ? other_success : other_failure;

		for (size_t i = 0; i < n; i++) {
			if (expected[i].code == code)
				class = expected[i].class;
		}
		cr_assert_eq(response_classify(&c, &r), class, "%s %d",
		    command, code);
	}
}

#define BY_MSGID_FAILURES                                                     \
	{ 420, RESPONSE_MISS }, { 423, RESPONSE_MISS },                       \
	{ 430, RESPONSE_MISS }, { 451, RESPONSE_MISS },                       \
	{ 412, RESPONSE_UNSUPPORTED }, { 500, RESPONSE_UNSUPPORTED },         \
	{ 503, RESPONSE_UNSUPPORTED }, { 501, RESPONSE_SYNTAX }

Test(response, by_message_id)
{
	static const struct expected article[] = { { 220, RESPONSE_PASS },
		{ 221, RESPONSE_PASS }, { 222, RESPONSE_PASS },
		{ 223, RESPONSE_PASS }, BY_MSGID_FAILURES };
	static const struct expected stat[] = { { 223, RESPONSE_PASS },
		BY_MSGID_FAILURES };
	static const struct expected over[] = { { 224, RESPONSE_PASS },
		BY_MSGID_FAILURES };
	static const struct expected hdr[] = { { 221, RESPONSE_PASS },
		{ 225, RESPONSE_PASS }, BY_MSGID_FAILURES };

	check_codes("ARTICLE <a@b>", article, ARRAY_N(article),
	    RESPONSE_GARBAGE, RESPONSE_TROUBLE);
	check_codes("HEAD <a@b>", article, ARRAY_N(article),
	    RESPONSE_GARBAGE, RESPONSE_TROUBLE);
	check_codes("BODY <a@b>", article, ARRAY_N(article),
	    RESPONSE_GARBAGE, RESPONSE_TROUBLE);
	check_codes("STAT <a@b>", stat, ARRAY_N(stat), RESPONSE_GARBAGE,
	    RESPONSE_TROUBLE);
	check_codes("OVER <a@b>", over, ARRAY_N(over), RESPONSE_GARBAGE,
	    RESPONSE_TROUBLE);
	check_codes("XHDR Subject <a@b>", hdr, ARRAY_N(hdr), RESPONSE_GARBAGE,
	    RESPONSE_TROUBLE);
}

#define ANYWHERE_TROUBLE                                                      \
	{ 400, RESPONSE_TROUBLE }, { 401, RESPONSE_TROUBLE },                 \
	{ 403, RESPONSE_TROUBLE }, { 480, RESPONSE_TROUBLE },                 \
	{ 481, RESPONSE_TROUBLE }, { 482, RESPONSE_TROUBLE },                 \
	{ 483, RESPONSE_TROUBLE }, { 502, RESPONSE_TROUBLE },                 \
	{ 500, RESPONSE_UNSUPPORTED }, { 503, RESPONSE_UNSUPPORTED }

#define ANYWHERE_FAILURES                                                     \
	ANYWHERE_TROUBLE, { 501, RESPONSE_SYNTAX }

Test(response, from_anywhere)
{
	static const struct expected date[] = { { 111, RESPONSE_PASS },
		ANYWHERE_FAILURES };
	static const struct expected list[] = { { 215, RESPONSE_PASS },
		ANYWHERE_FAILURES };
	static const struct expected group[] = { { 211, RESPONSE_PASS },
		{ 411, RESPONSE_MISS }, ANYWHERE_FAILURES };
	static const struct expected post[] = { { 340, RESPONSE_CONTINUE },
		ANYWHERE_TROUBLE, { 440, RESPONSE_UNSUPPORTED },
		{ 480, RESPONSE_UNSUPPORTED }, { 483, RESPONSE_UNSUPPORTED },
		{ 501, RESPONSE_UNSUPPORTED } };
	static const struct expected ihave[] = { { 335, RESPONSE_CONTINUE },
		ANYWHERE_TROUBLE, { 440, RESPONSE_UNSUPPORTED },
		{ 480, RESPONSE_UNSUPPORTED }, { 483, RESPONSE_UNSUPPORTED },
		{ 501, RESPONSE_UNSUPPORTED } };
	static const struct expected user[] = { { 381, RESPONSE_CONTINUE },
		{ 281, RESPONSE_PASS }, ANYWHERE_FAILURES };

	check_codes("DATE", date, ARRAY_N(date), RESPONSE_GARBAGE,
	    RESPONSE_PASS);
	check_codes("LIST ACTIVE", list, ARRAY_N(list), RESPONSE_GARBAGE,
	    RESPONSE_PASS);
	check_codes("GROUP a", group, ARRAY_N(group), RESPONSE_GARBAGE,
	    RESPONSE_PASS);
	check_codes("LISTGROUP a", group, ARRAY_N(group), RESPONSE_GARBAGE,
	    RESPONSE_PASS);
	check_codes("POST", post, ARRAY_N(post), RESPONSE_GARBAGE,
	    RESPONSE_PASS);
	check_codes("IHAVE <a@b>", ihave, ARRAY_N(ihave), RESPONSE_GARBAGE,
	    RESPONSE_PASS);
	check_codes("AUTHINFO USER a", user, ARRAY_N(user), RESPONSE_GARBAGE,
	    RESPONSE_PASS);
}

static enum response_class classify_posted(const char *command, int code)
{
	struct response r = { .code = code };
	struct command c;

	cr_assert_eq(command_parse(command, strlen(command), &c), COMMAND_OK);
	return response_classify_posted(&c, &r);
}

Test(response, to_an_article)
{
	cr_assert_eq(classify_posted("POST", 240), RESPONSE_PASS);
	cr_assert_eq(classify_posted("POST", 441), RESPONSE_PASS);
	cr_assert_eq(classify_posted("POST", 403), RESPONSE_PASS);
	cr_assert_eq(classify_posted("POST", 503), RESPONSE_PASS);
	cr_assert_eq(classify_posted("POST", 502), RESPONSE_TROUBLE);
	cr_assert_eq(classify_posted("POST", 400), RESPONSE_TROUBLE);
	cr_assert_eq(classify_posted("POST", 480), RESPONSE_TROUBLE);
	cr_assert_eq(classify_posted("POST", 340), RESPONSE_GARBAGE);
	cr_assert_eq(classify_posted("POST", 235), RESPONSE_GARBAGE);
	cr_assert_eq(classify_posted("IHAVE <a@b>", 235), RESPONSE_PASS);
	cr_assert_eq(classify_posted("IHAVE <a@b>", 436), RESPONSE_PASS);
	cr_assert_eq(classify_posted("IHAVE <a@b>", 437), RESPONSE_PASS);
	cr_assert_eq(classify_posted("IHAVE <a@b>", 240), RESPONSE_GARBAGE);
}

static int get_number(const char *line, unsigned i)
{
	struct response r;
	uint64_t number;

	cr_assert_eq(response_parse(line, strlen(line), &r), RESPONSE_OK);
	return response_get_number(&r, line, i, &number) ? (int)number : -1;
}

Test(response, numbers_of_the_text)
{
	cr_assert_eq(get_number("211 3 17 19 a.b\r\n", 0), 3);
	cr_assert_eq(get_number("211 3 17 19 a.b\r\n", 1), 17);
	cr_assert_eq(get_number("211 3\t17  19 a.b\r\n", 2), 19);
	cr_assert_eq(get_number("211 3 17 19 a.b\r\n", 3), -1);
	cr_assert_eq(get_number("211 3 17 19 a.b\r\n", 4), -1);
	cr_assert_eq(get_number("211 3 17x 19\n", 1), -1);
	cr_assert_eq(get_number("211 list follows\r\n", 0), -1);
	cr_assert_eq(get_number("211\r\n", 0), -1);
	cr_assert_eq(get_number("220, 0 <a@b>\r\n", 0), 0);
}

Test(response, from_the_pinned_backend)
{
	static const struct expected article[] = { { 220, RESPONSE_PASS },
		{ 221, RESPONSE_PASS }, { 222, RESPONSE_PASS },
		{ 223, RESPONSE_PASS }, { 400, RESPONSE_TROUBLE },
		{ 401, RESPONSE_TROUBLE }, { 480, RESPONSE_TROUBLE },
		{ 483, RESPONSE_TROUBLE } };

	check_codes("ARTICLE 5", article, ARRAY_N(article), RESPONSE_GARBAGE,
	    RESPONSE_PASS);
}

Test(response, of_an_unknown_verb)
{
	struct command c;

	command_parse("XFOO", 4, &c);
	for (int code = 100; code < 600; code++) {
		struct response r = { .code = code };

		cr_assert_eq(response_classify(&c, &r), code / 100 == 3 ?
		    RESPONSE_GARBAGE : RESPONSE_PASS, "%d", code);
	}
}

Test(response, stale_answers)
{
	cr_assert_eq(classify("BODY <a@b>", "222 0 <a@b>\r\n"), RESPONSE_PASS);
	cr_assert_eq(classify("BODY <a@b>", "222 0 <a@c>\r\n"),
	    RESPONSE_STALE);
	cr_assert_eq(classify("BODY <a@b>", "222 0 <A@b>\r\n"),
	    RESPONSE_STALE);
	cr_assert_eq(classify("BODY <a@b>", "222 0 <a@bb>\r\n"),
	    RESPONSE_STALE);
	cr_assert_eq(classify("BODY <a@b>", "223 0 <x>\r\n"), RESPONSE_STALE);
	cr_assert_eq(classify("STAT <a@b>", "223 0 <x>\r\n"), RESPONSE_STALE);
	cr_assert_eq(classify("XHDR a <a@b>", "221 a of <x>\r\n"),
	    RESPONSE_STALE);
	cr_assert_eq(classify("BODY <a@b>", "222 0 <\xc3\xa4>\r\n"),
	    RESPONSE_STALE);
	/* No other is named. */
	cr_assert_eq(classify("BODY <a@b>", "222 body follows\r\n"),
	    RESPONSE_PASS);
	cr_assert_eq(classify("BODY <a@b>", "222 0 <0>\r\n"), RESPONSE_PASS);
	cr_assert_eq(classify("BODY 5", "222 5 <x>\r\n"), RESPONSE_PASS);
	cr_assert_eq(classify("BODY <a@b>", "430 <x>\r\n"), RESPONSE_MISS);
	cr_assert_eq(classify("OVER <a@b>", "224 <x>\r\n"), RESPONSE_PASS);
	/* 220 to STAT can't be framed, whoever it names. */
	cr_assert_eq(classify("STAT <a@b>", "220 0 <x>\r\n"),
	    RESPONSE_GARBAGE);
}

static void check_hidden(const char *line, const char *expected)
{
	char buf[128];
	struct response r;
	size_t n;

	cr_assert_eq(response_parse(line, strlen(line), &r), RESPONSE_OK);
	n = response_hide_number(&r, line, buf, sizeof(buf));
	cr_assert_eq(n, strlen(expected), "%s", line);
	cr_assert_leq(n, r.line_n, "%s", line);
	cr_assert_arr_eq(buf, expected, n, "%s", line);
	buf[0] = 'x';
	cr_assert_eq(response_hide_number(&r, line, buf, n - 1), n);
	cr_assert_eq(buf[0], 'x');
}

Test(response, numbers_are_hidden)
{
	check_hidden("220 1234 <a@b> x\r\n", "220 0 <a@b> x\r\n");
	check_hidden("220 0 <a@b>\r\n", "220 0 <a@b>\r\n");
	check_hidden("220, 77 <a@b>\n", "220, 0 <a@b>\n");
	check_hidden("223 5\r\n", "223 0\r\n");
	check_hidden("223 <a@b>\r\n", "223 <a@b>\r\n");
	check_hidden("223\r\n", "223\r\n");
}
