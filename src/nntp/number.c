// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/number.h"

void number_init(struct number *number)
{
	*number = (struct number){ 0 };
}

static void add_digit(struct number *number, char digit)
{
	uint64_t value = number->value;

	if (value > (UINT64_MAX - 9) / 10)
		value = UINT64_MAX;
	else
		value = value * 10 + (uint64_t)(digit - '0');
	number->value = value;
	number->digits_n++;
}

size_t number_scan(struct number *number, const char *buf, size_t n)
{
	size_t i = 0;

	while (!number->is_over && i < n) {
		if (buf[i] < '0' || buf[i] > '9')
			number->is_over = true;
		else
			add_digit(number, buf[i++]);
	}
	return i;
}

bool number_parse(const char *s, size_t n, uint64_t *value_r)
{
	struct number number;

	number_init(&number);
	if (n == 0 || number_scan(&number, s, n) < n)
		return false;
	*value_r = number.value;
	return true;
}
