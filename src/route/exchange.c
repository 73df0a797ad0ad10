// SPDX-License-Identifier: BSD-2-Clause
#include "route/exchange.h"

#include "base/check.h"
#include "net/loop.h"
#include "route/mend.h"
#include "route/selector.h"

#include <stdlib.h>
#include <string.h>

#define STATE(s) (1u << EXCH_##s)

/* The states that may follow each. */
static const unsigned next_states[EXCH_STATE_COUNT] = {
	[EXCH_QUEUED] = STATE(WAITING) | STATE(CONNECTING) |
	    STATE(HELD) | STATE(ANSWERED),
	[EXCH_WAITING] = STATE(QUEUED) | STATE(ANSWERED),
	[EXCH_CONNECTING] = STATE(QUEUED) | STATE(SENT) | STATE(ANSWERED),
	[EXCH_SENT] = STATE(QUEUED) | STATE(POSTING) | STATE(RELAYING) |
	    STATE(ANSWERED),
	[EXCH_POSTING] = STATE(RELAYING) | STATE(ANSWERED),
	[EXCH_RELAYING] = STATE(CUT),
	[EXCH_CUT] = STATE(MENDING),
	[EXCH_MENDING] = STATE(CUT),
	[EXCH_HELD] = STATE(ANSWERED),
	[EXCH_ANSWERED] = 0,
};

struct exchange *
exchange_new(struct exchange_client *client, const struct command *command,
    const char *line, size_t line_n)
{
	struct exchange *x = spares_take(loop_spares(), sizeof(*x) + line_n);

	*x = (struct exchange){
		.client = client,
		.command = *command,
		.given_id = SELECTOR_NONE,
		.line_n = line_n,
	};
	list_init(&x->link);
	list_init(&x->relay_link);
	timer_init(&x->timer, NULL);
	memcpy(x->line, line, line_n);
	command_move(&x->command, x->line + (command->line - line));
	return x;
}

struct exchange *
exchange_new_own(enum command_id id)
{
	struct command command;

	command_init(&command, id);
	return exchange_new(NULL, &command, command.line, command.line_n);
}

void
exchange_free(struct exchange *x)
{
	CHECK(x->relay == NULL && x->wait == NULL && x->slots == 0 &&
	    x->backend == NULL && !timer_is_set(&x->timer));
	CHECK(!list_is_linked(&x->link) && !list_is_linked(&x->relay_link));
	mend_free(x->mend);
	free(x->answer);
	/* AUTHINFO has secrets in it; which command it is does not matter. */
	explicit_bzero(x->line, x->line_n);
	spares_give(loop_spares(), x, sizeof(*x) + x->line_n);
}

void
exchange_enter(struct exchange *x, enum exchange_state state)
{
	CHECK((next_states[x->state] & 1u << state) != 0);
	x->state = state;
}

void
exchange_answer(struct exchange *x, const char *text, size_t n)
{
	exchange_enter(x, EXCH_ANSWERED);
	x->answer = xmalloc(n);
	x->answer_n = n;
	memcpy(x->answer, text, n);
}

void
exchange_answer_line(struct exchange *x, const char *line)
{
	size_t n = strlen(line);

	exchange_enter(x, EXCH_ANSWERED);
	x->answer = xmalloc(n + 2);
	x->answer_n = n + 2;
	memcpy(x->answer, line, n);
	memcpy(x->answer + n, "\r\n", 2);
}

void
exchange_end(struct exchange *x, enum reason reason)
{
	const char *line = reason_answer(reason);

	x->ends = reason;
	if (line != NULL)
		exchange_answer_line(x, line);
	else
		exchange_answer(x, "", 0);
}

void
exchange_leave_twin(struct exchange *x)
{
	struct exchange *twin =
	    exchange_new(NULL, &x->command, x->line, x->line_n);

	exchange_enter(twin, EXCH_CONNECTING);
	exchange_enter(twin, EXCH_SENT);
	twin->relay = x->relay;
	twin->backend = x->backend;
	list_insert_between(&twin->relay_link, x->relay_link.prev,
	    &x->relay_link);
	list_remove(&x->relay_link);
	x->relay = NULL;
	x->backend = NULL;
	exchange_enter(x, EXCH_QUEUED);
}
