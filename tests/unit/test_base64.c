// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/base64.h"

#include <string.h>

#include "base/check.h"
#include "test.h"

static void
expect(const char *text, const char *octets, size_t octets_n)
{
	char buf[64];
	size_t n;

	cr_assert(base64_decode(text, strlen(text), buf, &n), "%s", text);
	cr_assert_eq(n, octets_n, "%s", text);
	cr_assert_arr_eq(buf, octets, octets_n);
}

/* RFC 4648, 10, and every digit. */
Test(base64, decoded)
{
	static const char *const cases[][2] = {
		{ "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" },
		{ "Zm9v", "foo" }, { "Zm9vYg==", "foob" },
		{ "Zm9vYmE=", "fooba" }, { "Zm9vYmFy", "foobar" },
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++)
		expect(cases[i][0], cases[i][1], strlen(cases[i][1]));
	expect("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789+/", "\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3"
	    "\x8f\x41\x14\x93\x51\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18"
	    "\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d"
	    "\xb7\xe3\x9e\xbb\xf3\xdf\xbf", 48);
	expect("AAAA", "\0\0\0", 3);
}

Test(base64, refused)
{
	static const char *const cases[] = {
		"Z", "Zg", "Zg=", "Zm9", "Zm9vY", "=", "==", "===", "====",
		"=AAA", "AAA=BBB", "AAA=BBBB", "AA==AAAA", "A===", "Zg= ",
		" Zm9v", "Zm9v ", "Zm\n9", "Zm9-", "Zm9_", "Zm9*", "Zm9\x80",
		"Zh==", "Zm9=", "Zn==", "*",
	};
	char buf[64];
	size_t n;

	for (size_t i = 0; i < ARRAY_N(cases); i++)
		cr_assert_not(base64_decode(cases[i], strlen(cases[i]), buf,
		    &n), "%s", cases[i]);
	cr_assert_not(base64_decode("Zm\0v", 4, buf, &n));
}
