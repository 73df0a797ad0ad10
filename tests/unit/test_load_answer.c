// SPDX-License-Identifier: BSD-2-Clause
#include "test.h"

#include <string.h>

#include "load/answer.h"
#include "load/request.h"

static const struct request body = { .verb = VERB_BODY, .size = 7, .seed = 1,
	.id_n = 9, .id = "<7.1@gen>" };
static const struct request stat_ = { .verb = VERB_STAT, .size = 7, .seed = 1,
	.id_n = 9, .id = "<7.1@gen>" };

/* Feeds it in two pieces, each as often as the answer does not take all. */
static enum answer_state
feed(const struct request *r, const char *text, size_t cut, bool is_alone,
    size_t *taken_r)
{
	size_t ends[] = { cut, strlen(text) }, at = 0;
	struct answer a;

	answer_begin(&a, r);
	for (int i = 0; i < 2; i++)
		while (at < ends[i] && (a.state == ANSWER_STATUS ||
		    a.state == ANSWER_BLOCK))
			at += answer_take(&a, text + at, ends[i] - at,
			    is_alone);
	*taken_r = at;
	return a.state;
}

/* The answer is done, after so many bytes, wherever it is cut. */
static void
check(const struct request *r, const char *text, size_t n, bool is_alone)
{
	for (size_t cut = 0; cut <= strlen(text); cut++) {
		size_t taken;

		cr_assert_eq(feed(r, text, cut, is_alone, &taken),
		    ANSWER_DONE, "cut at %zu", cut);
		cr_assert_eq(taken, n, "cut at %zu", cut);
	}
}

#define STATUS "222 0 <7.1@gen>\r\n"

Test(load_answer, ends)
{
	check(&stat_, "223 0 <7.1@gen>\r\n223", 17, false);
	check(&body, STATUS "a\r\n..\r\n..b\r\n.\r\n", 32, true);
	check(&body, STATUS "a\r\n..\r\n..b\r\n.\r\n", 32, false);
	check(&body, STATUS ".\r\n", 20, true);
	check(&body, STATUS ".\r\n", 20, false);
}

Test(load_answer, ends_before_the_next)
{
	check(&body, STATUS "a\r\n.\r\n222 ", 23, false);
	check(&body, STATUS ".\r\n" STATUS "b\r\n.\r\n", 20, false);
}

Test(load_answer, goes_on)
{
	static const char *const texts[] = { STATUS, STATUS "a\r\n",
		STATUS "a\r\n..\r\n", STATUS "a.\r\n", STATUS "a\r\n.\r",
		"222 0 <7.1@gen>" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t taken;
		enum answer_state alone = feed(&body, texts[i], 3, true,
		    &taken);

		cr_assert(alone == ANSWER_STATUS || alone == ANSWER_BLOCK);
		cr_assert_eq(taken, strlen(texts[i]));
		cr_assert_eq(feed(&body, texts[i], 3, false, &taken), alone);
	}
}

Test(load_answer, is_none)
{
	static const char *const texts[] = { "223 0 <7.1@gen>\r\n",
		"222 0 <7.2@gen>\r\n", "222 0 <7.1@gen>\n", "\r\n",
		"430 no\r\n", "222\r\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t cut = 0; cut <= strlen(texts[i]); cut++) {
			size_t taken;

			cr_assert_eq(feed(&body, texts[i], cut, true, &taken),
			    ANSWER_BAD, "%zu at %zu", i, cut);
		}
}
