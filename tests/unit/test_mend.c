// SPDX-License-Identifier: BSD-2-Clause
#include "route/mend.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

static const char head[] = "Path: one!not-for-mail\r\n"
    "Message-ID: <a@b>\r\n"
    "Subject: a long\r\n folded: one\r\n"
    "X: 1\r\n"
    "From: me\r\n"
    "\r\n";
/* The same article on another server. */
static const char other_head[] = "Xref: two local.test:5\r\n"
    "Message-ID: <a@b>\r\n"
    "Subject: a long\r\n folded: one\r\n"
    "From: me\r\n"
    "Path: two!one!not-for-mail\r\n\tand more\r\n"
    "\r\n";
static const char text[] = "..\r\n\r\nFrom: x\r\nabc\r\n..\r\n\r\n.\r\n";

enum { HEAD_N = sizeof(head) - 1, TEXT_N = sizeof(text) - 1 };

struct copy {
	char s[512];
	size_t n;
};

/* Of a text. */
struct stretch {
	size_t start, end;
};

static struct copy
join(const char *a, const char *b)
{
	struct copy c;

	c.n = strlen(a) + strlen(b);
	memcpy(c.s, a, strlen(a));
	memcpy(c.s + strlen(a), b, strlen(b));
	return c;
}

/* In pieces of step octets; the first as long as first. */
static size_t
next_piece(size_t at, size_t n, size_t first, size_t step)
{
	size_t piece = at == 0 && first > 0 ? first : step;

	return piece < n - at ? piece : n - at;
}

static void
give(struct mend *m, const struct copy *c, size_t n, size_t first, size_t step)
{
	size_t piece;

	for (size_t at = 0; at < n; at += piece) {
		piece = next_piece(at, n, first, step);
		mend_give(m, c->s + at, piece);
	}
}

/* Reads the copy; out_r gets what is for the client. */
static void
go_on(struct mend *m, const struct copy *c, size_t first, size_t step,
    struct copy *out_r)
{
	size_t piece, skipped_n;

	out_r->n = 0;
	for (size_t at = 0; at < c->n; at += piece) {
		piece = next_piece(at, c->n, first, step);
		skipped_n = mend_is_giving(m) ? 0 :
		    mend_skip(m, c->s + at, piece);
		if (skipped_n < piece) {
			cr_assert(mend_is_giving(m));
			mend_give(m, c->s + at + skipped_n, piece - skipped_n);
			memcpy(out_r->s + out_r->n, c->s + at + skipped_n,
			    piece - skipped_n);
			out_r->n += piece - skipped_n;
		}
	}
}

/* Cut at every octet, the pieces of both copies cut at every octet. */
static void
mend_everywhere(bool has_head, const struct copy *one,
    const struct copy *two, size_t text_at)
{
	for (size_t cut = text_at; cut < one->n; cut++) {
		for (size_t split = 1; split < two->n; split++) {
			struct mend *m = mend_new(has_head, false);
			struct copy out;
			size_t left = one->n - cut;

			give(m, one, cut, split, split % 2 ? one->n : 1);
			cr_assert(mend_is_possible(m));
			cr_assert_eq(mend_get_offset(m), cut - text_at);
			mend_restart(m);
			cr_assert_not(mend_is_giving(m));
			cr_assert_eq(mend_get_offset(m), cut - text_at);
			go_on(m, two, split, split % 2 ? 1 : two->n, &out);
			cr_assert(mend_is_giving(m));
			cr_assert_eq(out.n, left, "cut %zu", cut);
			cr_assert_arr_eq(out.s, one->s + cut, left);
			mend_free(m);
		}
	}
}

Test(mend, goes_on_with_a_body_cut_anywhere, .timeout = 60)
{
	struct copy body = join("", text);

	mend_everywhere(false, &body, &body, 0);
}

Test(mend, goes_on_with_an_article_cut_behind_its_header, .timeout = 60)
{
	struct copy one = join(head, text), two = join(other_head, text);

	mend_everywhere(true, &one, &two, HEAD_N);
}

Test(mend, goes_on_with_an_article_that_has_no_header_lines)
{
	struct copy one = join("\r\n", text), two = join("Path: x\r\n\r\n",
	    text);

	mend_everywhere(true, &one, &two, 2);
}

Test(mend, does_not_go_on_inside_a_header)
{
	struct copy one = join(head, text);

	for (size_t cut = 0; cut <= HEAD_N; cut++) {
		for (size_t step = 1; step < HEAD_N; step++) {
			struct mend *m = mend_new(true, false);

			give(m, &one, cut, 0, step);
			cr_assert_eq(mend_is_possible(m), cut == HEAD_N);
			cr_assert_eq(mend_get_offset(m), 0);
			mend_free(m);
		}
	}
}

/* What the client gets of two, when one was cut there. */
static bool
is_refused(bool has_head, const struct copy *one, size_t cut,
    const struct copy *two)
{
	bool is = false;

	for (size_t step = 1; step <= two->n; step++) {
		struct mend *m = mend_new(has_head, false);
		struct copy out;

		give(m, one, cut, 0, one->n);
		mend_restart(m);
		go_on(m, two, 0, step, &out);
		cr_assert(step == 1 || is == !mend_is_giving(m));
		is = !mend_is_giving(m);
		if (is)
			cr_assert_eq(out.n, 0);
		mend_free(m);
	}
	return is;
}

Test(mend, refuses_a_copy_with_another_octet_before_the_cut, .timeout = 60)
{
	struct copy one = join("", text);

	for (size_t cut = 0; cut < TEXT_N; cut++) {
		for (size_t at = 0; at < TEXT_N; at++) {
			struct copy two = one;

			two.s[at] ^= 1;
			/* Behind it nobody can know. */
			cr_assert_eq(is_refused(false, &one, cut, &two),
			    at < cut);
		}
	}
}

Test(mend, refuses_a_copy_that_ends_before_the_cut)
{
	struct copy one = join("", text);

	for (size_t cut = 1; cut < TEXT_N; cut++) {
		struct copy two = join("", text);

		two.n = cut - 1;
		if (two.n > 0)
			cr_assert(is_refused(false, &one, cut, &two));
		memcpy(two.s + two.n, "\r\n.\r\n", 5);
		two.n += 5;
		/* Some of them go on as the first did, for an octet. */
		cr_assert_eq(is_refused(false, &one, cut, &two),
		    memcmp(one.s, two.s, cut) != 0);
	}
}

Test(mend, refuses_another_header, .timeout = 60)
{
	static const char *const heads[] = {
		"Message-ID: <b@b>\r\nSubject: a long\r\n folded: one\r\n"
		    "From: me\r\n\r\n",
		"Message-ID: <a@b>\r\nSubject: a long\r\n folded: two\r\n"
		    "From: me\r\n\r\n",
		"Message-ID: <a@b>\r\nSubject: a long\r\n folded: one\r\n"
		    "From: me\r\nNewsgroups: more\r\n\r\n",
		"Message-ID: <a@b>\r\nSubject: a long\r\n folded: one\r\n"
		    "\r\n",
		"Path: only\r\n\r\n",
		"\r\n",
	};
	struct copy one = join(head, text);

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct copy two = join(heads[i], text);

		for (size_t cut = HEAD_N; cut < one.n; cut++)
			cr_assert(is_refused(true, &one, cut, &two), "%zu", i);
	}
}

Test(mend, never_finds_the_text_of_a_copy_without_a_blank_line)
{
	struct copy one = join(head, text);
	struct copy two = join("Message-ID: <a@b>\r\n", ".\r\n");
	struct copy bare = join("Message-ID: <a@b>\n\nabc\r\n", ".\r\n");

	cr_assert(is_refused(true, &one, HEAD_N, &two));
	cr_assert(is_refused(true, &one, HEAD_N, &bare));
}

Test(mend, goes_on_again_when_the_second_copy_is_cut_too)
{
	struct copy one = join(head, text), two = join(other_head, text);
	struct mend *m = mend_new(true, false);
	struct copy out;

	give(m, &one, HEAD_N + 5, 0, one.n);
	mend_restart(m);
	/* While it is still skipped: nothing is lost. */
	two.n = 40;
	go_on(m, &two, 0, 7, &out);
	cr_assert_eq(out.n, 0);
	cr_assert(mend_is_possible(m));
	mend_restart(m);
	cr_assert_eq(mend_get_offset(m), 5);
	/* And behind. */
	two = join(other_head, text);
	two.n -= 6;
	go_on(m, &two, 0, 7, &out);
	cr_assert_eq(out.n, TEXT_N - 5 - 6);
	cr_assert_eq(mend_get_offset(m), TEXT_N - 6);
	mend_restart(m);
	go_on(m, &one, 0, 9, &out);
	cr_assert_eq(out.n, 6);
	cr_assert_arr_eq(out.s, text + TEXT_N - 6, 6);
	mend_free(m);
}

Test(mend, is_over_with_a_copy_that_differs)
{
	struct copy one = join("", text), two = join("", "x\r\n.\r\n"), out;
	struct mend *m = mend_new(false, false);

	give(m, &one, 2, 0, 1);
	mend_restart(m);
	go_on(m, &two, 0, 1, &out);
	cr_assert(mend_is_different(m));
	cr_assert_not(mend_is_giving(m));
	cr_assert_not(mend_is_possible(m));
	mend_free(m);
	mend_free(NULL);
}

/* --- gaps ----------------------------------------------------------------------- */

/* Gives n octets of c, those of the gaps unread. */
static void
give_with_gaps(struct mend *m, const struct copy *c, size_t n,
    const struct stretch *gaps, size_t gaps_n)
{
	size_t at = 0;

	for (size_t i = 0; i < gaps_n; i++) {
		mend_give(m, c->s + at, gaps[i].start - at);
		for (at = gaps[i].start; at < gaps[i].end; at++) {
			cr_assert(mend_may_pass(m));
			mend_pass(m, 1);
		}
		cr_assert_not(mend_is_possible(m));
	}
	mend_give(m, c->s + at, n - at);
	cr_assert(mend_is_possible(m));
	cr_assert_eq(mend_get_offset(m), n);
}

static const struct stretch gaps[] = { { 3, 7 }, { 8, 15 } };
enum { GAPS_N = sizeof(gaps) / sizeof(gaps[0]) };

static bool
is_in_gap(size_t at)
{
	for (size_t i = 0; i < GAPS_N; i++)
		if (at >= gaps[i].start && at < gaps[i].end)
			return true;
	return false;
}

/* In a gap an octet may differ, and only there. */
Test(mend, compares_what_is_outside_gaps, .timeout = 60)
{
	struct copy one = join("", text), out;

	for (size_t cut = gaps[GAPS_N - 1].end + 1; cut < TEXT_N; cut++)
	for (size_t at = 0; at < cut; at++)
	for (size_t step = 1; step <= TEXT_N; step++) {
		struct mend *m = mend_new(false, false);
		struct copy two = one;

		two.s[at] ^= 1;
		give_with_gaps(m, &one, cut, gaps, GAPS_N);
		mend_restart(m);
		go_on(m, &two, 0, step, &out);
		cr_assert_eq(mend_is_giving(m), is_in_gap(at));
		cr_assert_eq(out.n, is_in_gap(at) ? TEXT_N - cut : 0);
		mend_free(m);
	}
}

Test(mend, goes_on_again_behind_gaps)
{
	struct copy one = join("", text), out;
	struct mend *m = mend_new(false, false);
	struct copy two = one;

	give_with_gaps(m, &one, 17, gaps, GAPS_N);
	mend_restart(m);
	two.n = 16;		/* inside what is skipped */
	go_on(m, &two, 0, 3, &out);
	cr_assert_eq(out.n, 0);
	mend_restart(m);
	two.n = 19;		/* and behind, with another gap */
	go_on(m, &two, 0, 3, &out);
	cr_assert_eq(out.n, 2);
	mend_pass(m, 3);
	mend_give(m, one.s + 22, 1);
	mend_restart(m);
	cr_assert_eq(mend_get_offset(m), 23);
	two = one;
	two.s[20] ^= 1;
	go_on(m, &two, 0, 2, &out);
	cr_assert(mend_is_giving(m));
	cr_assert_eq(out.n, TEXT_N - 23);
	mend_free(m);
}

/* Of a long article more is known than its ends. */
Test(mend, makes_no_gap_of_a_mebibyte_longer)
{
	struct mend *m = mend_new(false, false);

	mend_give(m, "x", 1);
	mend_pass(m, (1 << 20) - 1);
	cr_assert(mend_may_pass(m));
	mend_pass(m, 1);
	cr_assert_not(mend_may_pass(m));
	mend_give(m, "x", 1);
	cr_assert(mend_may_pass(m));
	mend_free(m);
}

Test(mend, has_gaps_only_where_it_may)
{
	struct copy one = join(head, text), out;
	struct mend *m = mend_new(true, false);

	give(m, &one, HEAD_N - 1, 0, one.n);
	cr_assert_not(mend_may_pass(m), "inside the header");
	mend_give(m, one.s + HEAD_N - 1, 1);
	cr_assert(mend_may_pass(m));
	mend_restart(m);
	cr_assert_not(mend_may_pass(m), "while it skips");
	go_on(m, &one, 0, one.n, &out);
	for (size_t n = 0; n < 1000 && mend_may_pass(m); n++) {
		mend_pass(m, 100);
		mend_give(m, "x", 1);
	}
	cr_assert_not(mend_may_pass(m), "not without end");
	cr_assert(mend_is_possible(m));
	mend_free(m);
	m = mend_new(false, true);
	mend_give(m, "x", 1);
	cr_assert_not(mend_may_pass(m), "exact");
	mend_free(m);
}
