// SPDX-License-Identifier: BSD-2-Clause
/* A backend's capability block: read, written, read again, intersected. */
#include <string.h>

#include "base/check.h"
#include "fuzz.h"
#include "nntp/capabilities.h"

static void parse_block(struct capabilities *c, const char *s, size_t n)
{
	capabilities_init(c);
	while (n > 0) {
		const char *lf = memchr(s, '\n', n);
		size_t line_n = lf != NULL ? (size_t)(lf - s) : n;
		size_t used = lf != NULL ? line_n + 1 : n;

		capabilities_parse(c, s, line_n);
		s += used;
		n -= used;
	}
}

static void check_same(const struct capabilities *a,
    const struct capabilities *b)
{
	CHECK((a->flags | CAPABILITY_VERSION_2) == b->flags);
	CHECK(a->list == b->list && a->sasl == b->sasl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char buf[CAPABILITIES_MAX], text[CAPABILITIES_MAX];
	struct capabilities c, again, both;
	size_t written_n;

	parse_block(&c, (const char *)data, n);
	written_n = capabilities_write(&c, buf, sizeof(buf));
	CHECK(written_n <= sizeof(buf));
	CHECK(memcmp(buf + written_n - 5, "\r\n.\r\n", 5) == 0);
	CHECK(strlen(capabilities_format(&c, text)) < sizeof(text));
	parse_block(&again, buf, written_n);
	check_same(&c, &again);
	both = c;
	capabilities_intersect(&both, &again);
	CHECK(both.flags == c.flags && both.list == c.list);
	parse_block(&again, (const char *)data, n / 2);
	capabilities_intersect(&both, &again);
	CHECK((both.flags & ~c.flags) == 0 && (both.list & ~again.list) == 0);
	return 0;
}
