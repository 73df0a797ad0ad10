// SPDX-License-Identifier: BSD-2-Clause
#include "load/answer.h"

#include "base/check.h"
#include "load/request.h"

#include <string.h>

static const char end_of_block[ANSWER_TAIL_N] = { '\r', '\n', '.', '\r',
	'\n' };

void
answer_begin(struct answer *a, const struct request *request)
{
	a->state = ANSWER_STATUS;
	a->request = request;
	a->line_n = 0;
}

static enum answer_state
judge(const struct answer *a, const char *line, size_t n)
{
	const struct request *r = a->request;

	if (n < 5 || memcmp(line, request_get_code(r), 3) != 0 ||
	    line[n - 2] != '\r' || memmem(line, n, r->id, r->id_n) == NULL)
		return ANSWER_BAD;
	return r->verb == VERB_STAT ? ANSWER_DONE : ANSWER_BLOCK;
}

/* Keeps what is there of a status line; false: it is too long. */
static bool
keep_line(struct answer *a, const char *p, size_t n)
{
	if (n >= sizeof(a->line) - a->line_n)
		return false;
	memcpy(a->line + a->line_n, p, n);
	a->line_n += n;
	a->line[a->line_n] = '\0';
	return true;
}

static size_t
take_status(struct answer *a, const char *p, size_t n)
{
	const char *eol = memchr(p, '\n', n);
	size_t taken = eol != NULL ? (size_t)(eol + 1 - p) : n;

	if (eol != NULL && a->line_n == 0) {
		a->state = judge(a, p, taken);
		if (a->state == ANSWER_BAD)
			keep_line(a, p, taken < 200 ? taken : 200);
	} else if (!keep_line(a, p, taken)) {
		a->state = ANSWER_BAD;
	} else if (eol != NULL) {
		a->state = judge(a, a->line, a->line_n);
	}
	if (a->state == ANSWER_BLOCK) {
		/* Its line end may be the first of an empty block's end. */
		memset(a->tail, 0, sizeof(a->tail));
		memcpy(a->tail + sizeof(a->tail) - 2, "\r\n", 2);
	}
	return taken;
}

/* The tail becomes the last bytes of what it was and of p. */
static void
move_tail(struct answer *a, const char *p, size_t n)
{
	size_t new_n = n < ANSWER_TAIL_N ? n : ANSWER_TAIL_N;

	memmove(a->tail, a->tail + new_n, ANSWER_TAIL_N - new_n);
	memcpy(a->tail + ANSWER_TAIL_N - new_n, p + n - new_n, new_n);
}

static bool
is_at_end(const struct answer *a)
{
	return memcmp(a->tail, end_of_block, ANSWER_TAIL_N) == 0;
}

/* How many bytes of p belong to the block, if its end can be anywhere. */
static size_t
scan(struct answer *a, const char *p, size_t n)
{
	size_t i = 0;
	const char *end;

	/* An end that began in earlier bytes. */
	for (; i < n && i < ANSWER_TAIL_N - 1; i++) {
		move_tail(a, p + i, 1);
		if (is_at_end(a))
			return i + 1;
	}
	end = memmem(p, n, end_of_block, ANSWER_TAIL_N);
	if (end != NULL)
		n = (size_t)(end + ANSWER_TAIL_N - p);
	if (n > i)
		move_tail(a, p + i, n - i);
	return n;
}

size_t
answer_take(struct answer *a, const char *p, size_t n, bool is_alone)
{
	size_t taken = n;

	if (a->state == ANSWER_STATUS)
		return take_status(a, p, n);
	CHECK(a->state == ANSWER_BLOCK);
	if (is_alone)
		move_tail(a, p, n);
	else
		taken = scan(a, p, n);
	if (is_at_end(a))
		a->state = ANSWER_DONE;
	return taken;
}
