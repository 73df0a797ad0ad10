// SPDX-License-Identifier: BSD-2-Clause
/* A response of a client: read as PLAIN, and decoded and put together again. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fuzz.h"
#include "nntp/base64.h"
#include "nntp/line.h"
#include "nntp/sasl.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* What is accepted is what these octets look like. */
static void
check_form(const char *s, size_t n, const unsigned char *p, size_t p_n)
{
	CHECK(n == (p_n + 2) / 3 * 4);
	for (size_t i = 0; i < n; i++) {
		size_t at = i / 4 * 3, k = i % 4;
		unsigned bits = 0;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (at + j < p_n ? p[at + j] : 0u);
		CHECK(s[i] == (at + k > p_n ? '=' :
		    digits[bits >> (18 - 6 * k) & 63]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *s = (const char *)data;
	struct sasl_plain plain;
	char *buf;
	size_t buf_n;

	if (n > LINE_SASL_MAX_BYTES)
		return 0;
	buf = xmalloc(BASE64_DECODED_MAX(n) + 1);
	if (base64_decode(s, n, buf, &buf_n))
		check_form(s, n, (const unsigned char *)buf, buf_n);
	CHECK(buf_n <= BASE64_DECODED_MAX(n));
	if (sasl_plain_parse(s, n, &plain) == SASL_FINE) {
		size_t name_n = strlen(plain.name);
		size_t password_n = strlen(plain.password);

		CHECK(name_n > 0 && password_n > 0);
		CHECK(buf_n == name_n + password_n + 2 ||
		    buf_n == 2 * name_n + password_n + 2);
		CHECK(memcmp(buf + buf_n - password_n, plain.password,
		    password_n) == 0);
	}
	free(buf);
	return 0;
}
