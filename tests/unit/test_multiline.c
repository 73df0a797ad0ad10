// SPDX-License-Identifier: BSD-2-Clause
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "base/check.h"
#include "nntp/multiline.h"
#include "test.h"

static const char *const way_names[] = { "plain", "sse2", "avx2" };

/* Byte by byte: the block as the RFC says it, with nothing clever. Result: as
 * multiline_scan() of the whole stream. */
static size_t reference(const char *s, size_t n, bool *end_r)
{
	char last[5] = { 'x', 'x', 'x', '\r', '\n' };

	*end_r = false;
	for (size_t i = 0; i < n; i++) {
		memmove(last, last + 1, 4);
		last[4] = s[i];
		if (memcmp(last, "\r\n.\r\n", 5) == 0) {
			*end_r = true;
			return i + 1;
		}
	}
	return n;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Text that is nearly always nearly a terminator. */
static void fill_nearly(char *buf, size_t n, uint64_t *state)
{
	static const char letters[] = { '\r', '\n', '.', '\r', '\n', '.', 'a',
		'\0' };

	for (size_t i = 0; i < n; i++)
		buf[i] = letters[next_random(state) % sizeof(letters)];
}

/* yEnc-like lines with a few dots at their start. */
static void fill_lines(char *buf, size_t n, uint64_t *state)
{
	for (size_t i = 0; i < n; i++) {
		buf[i] = (char)(next_random(state) % 251);
		if (i % 40 == 38)
			buf[i] = '\r';
		else if (i % 40 == 39)
			buf[i] = '\n';
		else if (i % 40 < 2 && next_random(state) % 2 != 0)
			buf[i] = '.';
	}
}

static size_t scan_pieces(const char *s, size_t n, size_t first, size_t then,
    bool *end_r)
{
	struct multiline m;
	size_t done = 0, piece = first;

	multiline_init(&m);
	*end_r = false;
	while (done < n) {
		size_t used;

		if (piece > n - done)
			piece = n - done;
		used = multiline_scan(&m, s + done, piece, end_r);
		done += used;
		if (*end_r)
			return done;
		cr_assert_eq(used, piece);
		piece = then;
	}
	return done;
}

static void check_pieces(const char *s, size_t n, size_t first, size_t then)
{
	bool end, expected_end;
	size_t expected = reference(s, n, &expected_end);

	cr_assert_eq(scan_pieces(s, n, first, then, &end), expected,
	    "split at %zu, then %zu", first, then);
	cr_assert_eq(end, expected_end, "split at %zu, then %zu", first, then);
}

Test(multiline, every_split_of_known_blocks)
{
	static const char *const blocks[] = {
		".\r\n", ".\r\nrest", "..\r\n.\r\n", "a\r\n.\r\nstale\r\n",
		"\r\n.\r\n", "\r\n\r\n.\r\n", "a\r\n..\r\n.x\r\n.\r\n",
		"a\n.\n.\r\n\r\n.\r\n", "a\r.\r\n", "\r\r\n.\r\n",
		"\r\n.\r\r\n.\r\n", "\r\n.\r.\r\n", ".\r", ".\r\r\n.\r\n",
		"a\r\n.\r", "a.\r\n", ".", "\n.\r\n", "\r\n..\r\n.\r\n",
		"\r\n.\r\n.\r\n", "a\r\n. \r\n.\r\n", "\r\n.\n\r\n.\r\n",
	};

	for (size_t i = 0; i < ARRAY_N(blocks); i++) {
		size_t n = strlen(blocks[i]);

		for (size_t first = 0; first <= n; first++) {
			for (size_t then = 1; then <= n; then++)
				check_pieces(blocks[i], n, first, then);
		}
	}
}

Test(multiline, what_ends_a_block_and_what_does_not)
{
	struct multiline m;
	bool end;

	multiline_init(&m);
	cr_assert_eq(multiline_scan(&m, ".\r\n223 x", 8, &end), 3);
	cr_assert(end);
	/* Ready for the next block. */
	cr_assert_eq(multiline_scan(&m, ".\r\n", 3, &end), 3);
	cr_assert(end);
	cr_assert_eq(multiline_scan(&m, "a.\r\n", 4, &end), 4);
	cr_assert_not(end);
	cr_assert_eq(multiline_scan(&m, "", 0, &end), 0);
	cr_assert_not(end);
	cr_assert_eq(multiline_scan(&m, "..\r\n\n.\n", 7, &end), 7);
	cr_assert_not(end);
	cr_assert_eq(multiline_scan(&m, "\r\n.\r\n", 5, &end), 5);
	cr_assert(end);
}

Test(multiline, random_streams_in_random_pieces, .timeout = 60)
{
	enum { MAX = 700 };
	uint64_t state = 88172645463325252u;
	char buf[MAX];

	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + next_random(&state) % MAX;

		if (round % 2 == 0) {
			fill_nearly(buf, n, &state);
		} else {
			fill_lines(buf, n, &state);
			if (n > 10)
				fill_nearly(buf + n - 8, 8, &state);
		}
		check_pieces(buf, n, next_random(&state) % n,
		    1 + next_random(&state) % (round % 3 == 0 ? 6 : MAX));
	}
}

/* A buffer whose end is the end of readable memory, and whose start is the
 * start: a search that looks beyond dies. */
struct guarded {
	char *pages;
	char *start;
	size_t page_n;
};

static void guard(struct guarded *g)
{
	g->page_n = (size_t)sysconf(_SC_PAGESIZE);
	g->pages = mmap(NULL, 3 * g->page_n, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(g->pages, MAP_FAILED);
	g->start = g->pages + g->page_n;
	cr_assert_eq(mprotect(g->start, g->page_n, PROT_READ | PROT_WRITE), 0);
}

static void check_place(enum multiline_way way, char *buf, size_t n,
    size_t place)
{
	multiline_find_f *find = multiline_get_way(way);

	memset(buf, 'a', n);
	/* Decoys before, and half ones at the end. */
	for (size_t i = 0; i + 3 < place; i += 7)
		memcpy(buf + i, "\n.\r", 3);
	if (place + 5 <= n) {
		memcpy(buf + place, "\r\n.\r\n", 5);
		cr_assert_eq(find(buf, n), buf + place, "%s %zu of %zu",
		    way_names[way], place, n);
	} else if (place < n) {
		memcpy(buf + place, "\r\n.\r\n", n - place);
		cr_assert_null(find(buf, n), "%s %zu of %zu", way_names[way],
		    place, n);
	}
}

Test(multiline, every_way_finds_every_place_at_every_alignment, .timeout = 60)
{
	struct guarded g;

	guard(&g);
	for (int way = 0; way < MULTILINE_WAYS_N; way++) {
		if (multiline_get_way(way) == NULL)
			continue;
		for (size_t n = 1; n <= 300; n++) {
			/* At the end of memory, so at every alignment. */
			char *end = g.start + g.page_n - n;

			for (size_t place = 0; place <= n; place++)
				check_place(way, end, n, place);
			check_place(way, g.start, n, n / 2);
			check_place(way, g.start + n % 64, n, n / 2);
		}
	}
	munmap(g.pages, 3 * g.page_n);
}

Test(multiline, every_way_agrees_on_random_data, .timeout = 60)
{
	enum { MAX = 4096 };
	uint64_t state = 2463534242u;
	char *buf = xmalloc(MAX);
	multiline_find_f *plain = multiline_get_way(MULTILINE_PLAIN);

	cr_assert_not_null(plain);
	for (int round = 0; round < 20000; round++) {
		size_t from = next_random(&state) % 64;
		size_t n = next_random(&state) % (MAX - 64);
		const char *expected;

		if (round % 2 == 0)
			fill_nearly(buf, 64 + n, &state);
		else
			fill_lines(buf, 64 + n, &state);
		expected = memmem(buf + from, n, "\r\n.\r\n", 5);
		cr_assert_eq(plain(buf + from, n), expected);
		for (int way = 0; way < MULTILINE_WAYS_N; way++) {
			multiline_find_f *find = multiline_get_way(way);

			if (find != NULL)
				cr_assert_eq(find(buf + from, n), expected,
				    "%s", way_names[way]);
		}
	}
	free(buf);
}
