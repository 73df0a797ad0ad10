// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/reason.h"

#include "base/check.h"

static const struct {
	const char *key, *words, *answer;
} rows[REASON_COUNT] = {
#define X(name, key, words, answer) { key, words, answer },
	REASONS(X)
#undef X
};

bool
reason_is_loss(enum reason r)
{
	return r == REASON_BACKEND_EOF || r == REASON_BACKEND_RESET ||
	    r == REASON_TLS_CUT;
}

const char *
reason_key(enum reason r)
{
	CHECK(r < REASON_COUNT);
	return rows[r].key;
}

const char *
reason_words(enum reason r)
{
	CHECK(r < REASON_COUNT);
	return rows[r].words;
}

const char *
reason_answer(enum reason r)
{
	CHECK(r < REASON_COUNT);
	return rows[r].answer;
}
