// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/sasl.h"

#include <string.h>

#include "base/check.h"
#include "nntp/line.h"
#include "test.h"

static struct sasl_plain plain;

static enum sasl_result
parse(const char *response)
{
	return sasl_plain_parse(response, strlen(response), &plain);
}

Test(sasl, name_and_password)
{
	/* NUL alice NUL secret, with and without an identity */
	cr_assert_eq(parse("AGFsaWNlAHNlY3JldA=="), SASL_FINE);
	cr_assert_str_eq(plain.name, "alice");
	cr_assert_str_eq(plain.password, "secret");
	cr_assert_eq(parse("YWxpY2UAYWxpY2UAc2VjcmV0"), SASL_FINE);
	cr_assert_str_eq(plain.name, "alice");
	cr_assert_str_eq(plain.password, "secret");
}

Test(sasl, other_answers)
{
	cr_assert_eq(parse("*"), SASL_GIVEN_UP);
	cr_assert_eq(parse("="), SASL_BAD);
	cr_assert_eq(parse(""), SASL_NOT_BASE64);
	cr_assert_eq(parse("AGFsaWNlAHNlY3JldA="), SASL_NOT_BASE64);
	cr_assert_eq(parse("**"), SASL_NOT_BASE64);
}

Test(sasl, not_plain)
{
	static const char *const cases[] = {
		"YWxpY2U=",			/* alice */
		"YWxpY2UAc2VjcmV0",		/* alice NUL secret */
		"AGFsaWNlAHNlY3JldAA=",		/* a third NUL */
		"AABzZWNyZXQ=",			/* no name */
		"AGFsaWNlAA==",			/* no password */
		"Ym9iAGFsaWNlAHNlY3JldA==",	/* bob NUL alice NUL secret */
		"AAA=",
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++)
		cr_assert_eq(parse(cases[i]), SASL_BAD, "%s", cases[i]);
}

/* A group of three octets for each of four: "AAA" .. "A\0A" .. */
static enum sasl_result
parse_long(size_t name_groups, size_t password_groups)
{
	static char text[LINE_SASL_MAX_BYTES];
	size_t n = 0;

	memcpy(text + n, "AEFB", 4);			/* NUL A A */
	n += 4;
	for (size_t i = 0; i < name_groups; i++, n += 4)
		memcpy(text + n, "QUFB", 4);
	memcpy(text + n, "QUEA", 4);			/* A A NUL */
	n += 4;
	for (size_t i = 0; i < password_groups; i++, n += 4)
		memcpy(text + n, "QUFB", 4);
	CHECK(n <= sizeof(text));
	return sasl_plain_parse(text, n, &plain);
}

Test(sasl, lengths)
{
	cr_assert_eq(parse_long(85, 85), SASL_FINE);	/* 259, 255 */
	cr_assert_eq(parse_long(169, 170), SASL_FINE);	/* 511, 510 */
	cr_assert_eq(strlen(plain.name), 511);
	cr_assert_eq(strlen(plain.password), 510);
	cr_assert_eq(parse_long(170, 170), SASL_BAD);	/* 514 */
	cr_assert_eq(parse_long(169, 171), SASL_BAD);	/* 513 */
}
