// SPDX-License-Identifier: BSD-2-Clause
#include "net/proxy_header.h"

#include <string.h>

#include "test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_ADDRESSES "\xc0\x00\x02\x01\xc0\x00\x02\x09\x9c\x40\x00\x77"
/* A string literal with its length. */
#define S(text) text, sizeof(text) - 1

static void
expect(const char *text, size_t n, enum proxy_header_result wanted)
{
	struct proxy_header h;

	cr_assert_eq(proxy_header_parse(text, n, &h), wanted, "%.*s",
	    (int)n, text);
}

/* Of every shorter piece more is wanted; what is behind it does not count. */
static void
expect_source(const char *text, size_t n, const char *source)
{
	char longer[PROXY_HEADER_MAX + 8] = { 0 }, where[ADDR_TEXT_MAX];
	struct proxy_header h;

	for (size_t i = 0; i < n; i++)
		expect(text, i, PROXY_HEADER_MORE);
	memcpy(longer, text, n);
	strcpy(longer + n, "QUIT\r\n");
	cr_assert_eq(proxy_header_parse(longer, n + 6, &h), PROXY_HEADER_OK,
	    "%s", text);
	cr_assert_eq(h.n, n);
	cr_assert_eq(h.has_source, source != NULL);
	if (source != NULL)
		cr_assert_str_eq(addr_format(&h.source, where), source);
}

Test(proxy_header, version_1)
{
	expect_source(S("PROXY TCP4 192.0.2.1 192.0.2.9 40000 119\r\n"),
	    "192.0.2.1:40000");
	expect_source(S("PROXY TCP6 2001:db8::1 2001:db8::9 40000 119\r\n"),
	    "[2001:db8::1]:40000");
	expect_source(S("PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\n"),
	    "1.2.3.4:0");
}

Test(proxy_header, version_1_of_unknown_origin)
{
	expect_source(S("PROXY UNKNOWN\r\n"), NULL);
	expect_source(S("PROXY UNKNOWN any thing 1 2 3\r\n"), NULL);
}

Test(proxy_header, version_1_is_taken_literally)
{
	static const char *const wrong[] = {
		"PROXY\r\n", "PROXY \r\n", "PROXY TCP4\r\n", "PROXY UDP4 \r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 40000\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 40000 119 \r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 40000 119 1\r\n",
		"PROXY  TCP4 192.0.2.1 192.0.2.9 40000 119\r\n",
		"PROXY TCP4  192.0.2.1 192.0.2.9 40000 119\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 040000 119\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 65536 119\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 40000 99999\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 -1 119\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 40000 +119\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 40000 \r\n",
		"PROXY TCP4 192.0.2.256 192.0.2.9 40000 119\r\n",
		"PROXY TCP4 host 192.0.2.9 40000 119\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::9 40000 119\r\n",
		"PROXY TCP4 192.0.2.1 2001:db8::9 40000 119\r\n",
		"PROXY TCP6 192.0.2.1 192.0.2.9 40000 119\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 40000 119\n",
		"proxy TCP4 192.0.2.1 192.0.2.9 40000 119\r\n",
		"PROXY UNKNOWNS\r\n", "PROXY UNKNOWN\n",
		"MODE READER\r\n", "QUIT\r\n", "P\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(wrong[i], strlen(wrong[i]), PROXY_HEADER_BAD);
	expect(S("PROXY TCP4 192.0.2.1\0 192.0.2.9 40000 119\r\n"),
	    PROXY_HEADER_BAD);
}

Test(proxy_header, version_1_has_107_octets)
{
	char text[120] = "PROXY UNKNOWN ";

	memset(text + 14, 'x', sizeof(text) - 14);
	memcpy(text + 105, "\r\n", 2);
	expect(text, 106, PROXY_HEADER_MORE);
	expect(text, sizeof(text), PROXY_HEADER_OK);
	memcpy(text + 105, "x\r\n", 3);
	expect(text, 106, PROXY_HEADER_MORE);
	expect(text, 107, PROXY_HEADER_BAD);
	expect(text, sizeof(text), PROXY_HEADER_BAD);
}

Test(proxy_header, version_2)
{
	expect_source(S(SIGNATURE "\x21\x11\x00\x0c" V4_ADDRESSES),
	    "192.0.2.1:40000");
	expect_source(S(SIGNATURE "\x21\x21\x00\x24"
	    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
	    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
	    "\x9c\x40\x00\x77"), "[2001:db8::1]:40000");
}

Test(proxy_header, version_2_extensions_are_passed_over)
{
	expect_source(S(SIGNATURE "\x21\x11\x00\x13" V4_ADDRESSES
	    "\x03\x00\x04" "abcd"), "192.0.2.1:40000");
}

Test(proxy_header, version_2_of_the_proxy_itself)
{
	expect_source(S(SIGNATURE "\x20\x00\x00\x00"), NULL);
	expect_source(S(SIGNATURE "\x20\x11\x00\x0c" V4_ADDRESSES), NULL);
	expect_source(S(SIGNATURE "\x21\x00\x00\x00"), NULL);
	expect_source(S(SIGNATURE "\x21\x00\x00\x03" "abc"), NULL);
}

Test(proxy_header, version_2_unix)
{
	char text[16 + 216] = SIGNATURE "\x21\x31\x00\xd8/run/client";

	expect_source(text, sizeof(text), "unix:");
	text[15]--;
	expect(text, sizeof(text), PROXY_HEADER_BAD);
}

Test(proxy_header, version_2_that_is_wrong)
{
	/* version 1 or 3, an unknown command */
	expect(S(SIGNATURE "\x11\x11\x00\x0c" V4_ADDRESSES), PROXY_HEADER_BAD);
	expect(S(SIGNATURE "\x31\x11\x00\x0c" V4_ADDRESSES), PROXY_HEADER_BAD);
	expect(S(SIGNATURE "\x22\x11\x00\x0c" V4_ADDRESSES), PROXY_HEADER_BAD);
	/* datagrams, an unknown family */
	expect(S(SIGNATURE "\x21\x12\x00\x0c" V4_ADDRESSES), PROXY_HEADER_BAD);
	expect(S(SIGNATURE "\x21\x41\x00\x0c" V4_ADDRESSES), PROXY_HEADER_BAD);
	/* too short for its family */
	expect(S(SIGNATURE "\x21\x11\x00\x0b" V4_ADDRESSES), PROXY_HEADER_BAD);
	expect(S(SIGNATURE "\x21\x21\x00\x0c" V4_ADDRESSES), PROXY_HEADER_BAD);
	/* nearly the signature */
	expect(S("\r\n\r\n\0\r\nQUIT\r"), PROXY_HEADER_BAD);
}

Test(proxy_header, version_2_has_a_limit)
{
	char text[PROXY_HEADER_MAX] = SIGNATURE "\x21\x11\x0f\xf0" V4_ADDRESSES;
	struct proxy_header h;

	expect(text, sizeof(text) - 1, PROXY_HEADER_MORE);
	cr_assert_eq(proxy_header_parse(text, sizeof(text), &h),
	    PROXY_HEADER_OK);
	cr_assert_eq(h.n, sizeof(text));
	text[15]++;
	expect(text, 16, PROXY_HEADER_BAD);
	expect(text, sizeof(text), PROXY_HEADER_BAD);
}
