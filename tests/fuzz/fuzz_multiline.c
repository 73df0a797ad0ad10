// SPDX-License-Identifier: BSD-2-Clause
/* The first octet chooses where the stream is cut; the rest is the stream. All
 * ways of searching against one octet at a time. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fuzz.h"
#include "nntp/multiline.h"

enum { COPIES = 3, GAP = 61 };

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

static void check_stream(const char *s, size_t n, unsigned seed)
{
	bool end = false, expected_end;
	size_t expected = reference(s, n, &expected_end);
	size_t done = 0;
	struct multiline m;

	multiline_init(&m);
	while (done < n && !end) {
		size_t piece = seed == 0 ? n : 1 + (seed >> 16) % seed % 200;
		size_t used;

		if (piece > n - done)
			piece = n - done;
		used = multiline_scan(&m, s + done, piece, &end);
		CHECK(end || used == piece);
		CHECK(used <= piece);
		done += used;
		seed = seed * 1103515245u + 12345u;
	}
	CHECK(done == expected && end == expected_end);
}

static void check_ways(const char *s, size_t n)
{
	const char *expected = memmem(s, n, "\r\n.\r\n", 5);

	for (int way = 0; way < MULTILINE_WAYS_N; way++) {
		multiline_find_f *find =
		    multiline_get_way((enum multiline_way)way);

		if (find != NULL)
			CHECK(find(s, n) == expected);
	}
}

/* The input behind so much text that the wide loops see it. */
static void check_far(const char *s, size_t n)
{
	size_t far_n = COPIES * (n + GAP);
	char *far = xmalloc(far_n);

	memset(far, '.', far_n);
	for (size_t i = 0; i < COPIES; i++)
		memcpy(far + i * (n + GAP) + GAP, s, n);
	check_ways(far, far_n);
	check_stream(far, far_n, 0);
	free(far);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *s = (const char *)data + 1;

	if (n < 1)
		return 0;
	check_ways(s, n - 1);
	check_stream(s, n - 1, 0);
	check_stream(s, n - 1, data[0] + 1u);
	check_far(s, n - 1);
	return 0;
}
