// SPDX-License-Identifier: BSD-2-Clause
#include "backend/ceiling.h"

#include "base/check.h"
#include "nntp/word.h"

#include <string.h>

static const char *const words[] = {
	"TOO MANY", "LIMIT", "CONNECTIONS", "THREADS", "EXCEED",
};

void
ceiling_init(struct ceiling *c, size_t most, uint64_t rise_ms)
{
	*c = (struct ceiling){
		.most = most,
		.now = most,
		.rise_ms = rise_ms,
		.next_ms = UINT64_MAX,
	};
}

void
ceiling_set(struct ceiling *c, size_t most)
{
	c->most = c->now = most;
	c->next_ms = UINT64_MAX;
}

void
ceiling_fall(struct ceiling *c, size_t running_n, uint64_t now_ms)
{
	size_t n = running_n > 0 ? running_n : 1;

	if (n < c->now)
		c->now = n;
	if (c->now < c->most)
		c->next_ms = now_ms + c->rise_ms;
}

void
ceiling_rise(struct ceiling *c, uint64_t now_ms)
{
	if (now_ms < c->next_ms)
		return;
	c->now++;
	c->next_ms = c->now < c->most ? now_ms + c->rise_ms : UINT64_MAX;
}

static bool
has_word(const char *line, size_t n, const char *upper)
{
	size_t length = strlen(upper);

	for (size_t i = 0; i + length <= n; i++) {
		size_t k = 0;

		while (k < length && word_to_upper(line[i + k]) == upper[k])
			k++;
		if (k == length)
			return true;
	}
	return false;
}

bool
ceiling_is_told(int code, const char *line, size_t n)
{
	if (code != 400 && code != 481 && code != 482 && code != 502)
		return false;
	for (size_t i = 0; i < ARRAY_N(words); i++)
		if (has_word(line, n, words[i]))
			return true;
	return false;
}
