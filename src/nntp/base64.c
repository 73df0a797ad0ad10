// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/base64.h"

/* -1: not in the alphabet. */
static int
get_digit(char ch)
{
	if (ch >= 'A' && ch <= 'Z')
		return ch - 'A';
	if (ch >= 'a' && ch <= 'z')
		return ch - 'a' + 26;
	if (ch >= '0' && ch <= '9')
		return ch - '0' + 52;
	if (ch == '+')
		return 62;
	return ch == '/' ? 63 : -1;
}

/* The last group may end with one or two '='. */
static size_t
count_padding(const char *s, size_t n)
{
	if (n == 0 || s[n - 1] != '=')
		return 0;
	return s[n - 2] == '=' ? 2 : 1;
}

bool
base64_decode(const char *s, size_t n, char *buf, size_t *n_r)
{
	size_t padding = n % 4 == 0 ? count_padding(s, n) : 0;
	unsigned bits = 0, bits_n = 0;

	*n_r = 0;
	if (n % 4 != 0)
		return false;
	for (size_t i = 0; i < n - padding; i++) {
		int digit = get_digit(s[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (unsigned)digit;
		bits_n += 6;
		if (bits_n < 8)
			continue;
		bits_n -= 8;
		buf[(*n_r)++] = (char)(bits >> bits_n);
		bits &= (1u << bits_n) - 1;
	}
	return bits == 0;
}
