// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/sasl.h"

#include "base/check.h"
#include "nntp/base64.h"
#include "nntp/line.h"

#include <stdbool.h>
#include <string.h>

/* Takes the next part off s, n, up to a NUL or the end. False: it is too
 * long. */
static bool
cut_part(const char **s, size_t *n, char part_r[SASL_PART_MAX + 1])
{
	size_t part_n = strnlen(*s, *n);
	size_t used = part_n < *n ? part_n + 1 : part_n;

	if (part_n > SASL_PART_MAX)
		return false;
	memcpy(part_r, *s, part_n);
	part_r[part_n] = '\0';
	*s += used;
	*n -= used;
	return true;
}

static size_t
count_nuls(const char *s, size_t n)
{
	size_t nuls_n = 0;

	for (size_t i = 0; i < n; i++)
		nuls_n += s[i] == '\0';
	return nuls_n;
}

static enum sasl_result
parse_message(const char *s, size_t n, struct sasl_plain *p_r)
{
	char identity[SASL_PART_MAX + 1];

	if (count_nuls(s, n) != 2 || !cut_part(&s, &n, identity) ||
	    !cut_part(&s, &n, p_r->name) || !cut_part(&s, &n, p_r->password) ||
	    p_r->name[0] == '\0' || p_r->password[0] == '\0')
		return SASL_BAD;
	return identity[0] == '\0' || strcmp(identity, p_r->name) == 0 ?
	    SASL_FINE : SASL_BAD;
}

enum sasl_result
sasl_plain_parse(const char *response, size_t n, struct sasl_plain *p_r)
{
	char message[BASE64_DECODED_MAX(LINE_SASL_MAX_BYTES)];
	enum sasl_result result = SASL_NOT_BASE64;
	size_t message_n;

	CHECK(n <= LINE_SASL_MAX_BYTES);
	if (n == 1 && response[0] == '*')
		return SASL_GIVEN_UP;
	if (n == 1 && response[0] == '=')
		return SASL_BAD;	/* no octets */
	if (n > 0 && base64_decode(response, n, message, &message_n))
		result = parse_message(message, message_n, p_r);
	explicit_bzero(message, sizeof(message));
	return result;
}
