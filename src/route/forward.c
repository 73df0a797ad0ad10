// SPDX-License-Identifier: BSD-2-Clause
#include "route/forward.h"

#include "base/check.h"
#include "net/loop.h"
#include "net/output.h"
#include "route/exchange.h"
#include "route/mend.h"

/* Pieces from this size on are sent at once; smaller ones are gathered. */
#define DIRECT_BYTES 4096

static void
begin(struct exchange *x, struct loop *l, enum exchange_state state)
{
	exchange_enter(x, state);
	/* From here on it is the backend's and the client's pace that count,
	 * not command_timeout. */
	timer_clear(&l->timers, &x->timer);
}

static void
give(struct exchange *x, const char *p, size_t n)
{
	struct exchange_client *client = x->client;

	if (n < DIRECT_BYTES) {
		output_append(client->output, p, n);
		client->ops->kick(client);
	} else if (output_write(client->output, p, n) != IO_OK) {
		client->ops->kick(client);
	}
}

void
forward_status(struct exchange *x, struct loop *l, const char *line,
    const struct response *response)
{
	char buf[RESPONSE_LINE_MAX];
	size_t n;

	begin(x, l, EXCH_RELAYING);
	if (x->mend != NULL && !mend_is_giving(x->mend))
		return;		/* the client has one */
	/* "22x number message-id"; of OVER and HDR it is the block that has
	 * the number. */
	if (!x->hides_number || response->code < 220 || response->code > 223 ||
	    (x->command.row->flags & COMMAND_NUMBERED) != 0) {
		give(x, line, response->line_n);
		return;
	}
	n = response_hide_number(response, line, buf, sizeof(buf));
	CHECK(n <= sizeof(buf));
	give(x, buf, n);
}

void
forward_block(struct exchange *x, const char *p, size_t n)
{
	size_t digits_n = number_scan(&x->number, p, n);

	if (x->mend != NULL)
		mend_give(x->mend, p, n);
	if (digits_n > 0 && x->hides_number &&
	    (x->command.row->flags & COMMAND_NUMBERED) != 0) {
		/* The first of them becomes a 0, the others nothing. */
		if (x->number.digits_n == digits_n)
			give(x, "0", 1);
		p += digits_n;
		n -= digits_n;
	}
	if (n > 0)
		give(x, p, n);
}

bool
forward_may_pass(const struct exchange *x)
{
	return x->number.is_over &&
	    (x->mend == NULL || mend_may_pass(x->mend));
}

void
forward_pass(struct exchange *x, size_t n)
{
	if (x->mend != NULL)
		mend_pass(x->mend, n);
}

void
forward_go_ahead(struct exchange *x, struct loop *l, const char *line,
    const struct response *response)
{
	begin(x, l, EXCH_POSTING);
	give(x, line, response->line_n);
}
