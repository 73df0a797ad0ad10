// SPDX-License-Identifier: BSD-2-Clause
/* word - one word of a line, as a slice of it; words are parted by blanks and
 * tabs.
 *
 * Owner: a variable of the function that reads the line, whose owner keeps the
 * octets. Any thread. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct word {
	const char *s;
	size_t n;
};

static inline bool word_is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

/* US-ASCII only, whatever the locale is. */
static inline char word_to_upper(char ch)
{
	return ch >= 'a' && ch <= 'z' ? (char)(ch - 'a' + 'A') : ch;
}

/* Takes the next word off s, n. An empty word = there is none. */
static inline struct word word_cut(const char **s, size_t *n)
{
	struct word w;

	while (*n > 0 && word_is_blank(**s)) {
		(*s)++;
		(*n)--;
	}
	w.s = *s;
	while (*n > 0 && !word_is_blank(**s)) {
		(*s)++;
		(*n)--;
	}
	w.n = (size_t)(*s - w.s);
	return w;
}

/* Whether it is this one, in any case of letters. upper is in upper case. */
static inline bool word_is(struct word w, const char *upper)
{
	for (size_t i = 0; i < w.n; i++) {
		if (upper[i] == '\0' || word_to_upper(w.s[i]) != upper[i])
			return false;
	}
	return upper[w.n] == '\0';
}
