// SPDX-License-Identifier: BSD-2-Clause
/* One client line: parsed, written, parsed again. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fuzz.h"
#include "nntp/command.h"

static bool is_inside(const struct command *c, const char *s, size_t n)
{
	size_t line_n = c->line_n;

	return s >= c->line && s + n <= c->line + line_n;
}

/* What no backend must ever see inside a line. */
static bool is_clean(const char *s, size_t n)
{
	return memchr(s, '\0', n) == NULL && memchr(s, '\r', n) == NULL &&
	    memchr(s, '\n', n) == NULL;
}

static void check_slices(const struct command *c)
{
	const char *word;
	size_t word_n;

	CHECK(is_inside(c, c->args, c->args_n));
	if (c->msgid != NULL) {
		CHECK(is_inside(c, c->msgid, c->msgid_n));
		CHECK(msgid_is_valid(c->msgid, c->msgid_n));
	}
	for (unsigned i = 0; command_get_word(c, i, &word, &word_n); i++)
		CHECK(word_n > 0 && is_inside(c, word, word_n));
}

/* What goes to a backend means there what it meant here. */
static void check_again(const struct command *c, enum command_result result)
{
	size_t size = c->line_n + COMMAND_GROW_MAX;
	char *buf = xmalloc(size);
	struct command again;
	size_t n = command_write(c, buf, size);

	CHECK(n <= size && n >= 2);
	CHECK(memcmp(buf + n - 2, "\r\n", 2) == 0);
	CHECK(is_clean(buf, n - 2));
	CHECK(command_parse(buf, n - 2, &again) == result);
	CHECK(again.row == c->row && again.route == c->route);
	CHECK(again.args_n == c->args_n);
	CHECK(memcmp(again.args, c->args, c->args_n) == 0);
	CHECK((again.msgid == NULL) == (c->msgid == NULL));
	CHECK(again.msgid_n == c->msgid_n);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct command c;
	enum command_result result = command_parse((const char *)data, n, &c);

	CHECK(c.row != NULL && c.line == (const char *)data && c.line_n <= n);
	check_slices(&c);
	switch (result) {
	case COMMAND_OK:
		CHECK(c.row->id != CMD_UNKNOWN && c.route != ROUTE_UNKNOWN);
		if (c.route != ROUTE_REFUSE)
			check_again(&c, result);
		break;
	case COMMAND_UNKNOWN:
		CHECK(c.row->id == CMD_UNKNOWN);
		if (c.route == ROUTE_UNKNOWN)
			check_again(&c, result);
		else
			CHECK(c.route == ROUTE_REFUSE);
		break;
	case COMMAND_SYNTAX:
	case COMMAND_EMPTY:
		break;
	}
	return 0;
}
