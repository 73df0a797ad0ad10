// SPDX-License-Identifier: BSD-2-Clause
#include "route/pin.h"

#include "base/check.h"
#include "nntp/number.h"
#include "route/relay.h"
#include "route/selector.h"

#include <stdlib.h>

/* The only writer of the state. */
static void
enter(struct pin *p, enum pin_state state, struct relay *relay)
{
	CHECK((state == PIN_HELD) == (relay != NULL));
	CHECK(p->state != PIN_LOST || state == PIN_HELD);
	p->state = state;
	p->relay = relay;
	free(p->group);
	p->group = NULL;
	p->article = 0;
}

void
pin_init(struct pin *p)
{
	*p = (struct pin){ .state = PIN_NONE };
}

void
pin_hold(struct pin *p, struct relay *relay)
{
	struct relay *old = p->relay;

	enter(p, PIN_HELD, relay);
	if (old != NULL)
		relay_release(old);
}

void
pin_lose(struct pin *p)
{
	enter(p, PIN_LOST, NULL);
}

void
pin_release(struct pin *p)
{
	struct relay *old = p->relay;

	if (old == NULL)
		return;
	enter(p, PIN_NONE, NULL);
	relay_release(old);
}

bool
pin_is_held(const struct pin *p)
{
	return p->state == PIN_HELD;
}

bool
pin_has_group(const struct pin *p)
{
	return p->group != NULL;
}

int
pin_get_backend_id(const struct pin *p)
{
	return p->relay != NULL ? relay_get_backend_id(p->relay) :
	    SELECTOR_NONE;
}

/* --- following the session ---------------------------------------------------- */

static void
select_group(struct pin *p, const struct command *c)
{
	const char *name;
	size_t n;

	if (c->route != ROUTE_SELECT || !command_get_word(c, 0, &name, &n))
		return;		/* LISTGROUP of the group it is in */
	free(p->group);
	p->group = xstrndup(name, n);
}

/* "211 number low high group": the first article is the current one, if there
 * is any (RFC 3977, 6.1.1.2). */
static void
follow_group(struct pin *p, const struct response *r, const char *line)
{
	uint64_t count, low;

	p->article = response_get_number(r, line, 0, &count) && count > 0 &&
	    response_get_number(r, line, 1, &low) ? low : 0;
}

/* "22x number message-id". */
static void
follow_article(struct pin *p, const struct command *c,
    const struct response *r, const char *line)
{
	uint64_t number;

	if (response_get_number(r, line, 0, &number) && number > 0)
		p->article = number;
	else if (number_parse(c->args, c->args_n, &number))
		p->article = number;
}

void
pin_follow(struct pin *p, const struct command *c, const struct response *r,
    const char *line)
{
	switch (c->row->id) {
	case CMD_GROUP:
	case CMD_LISTGROUP:
		if (r->code != 211)
			break;
		select_group(p, c);
		follow_group(p, r, line);
		break;
	case CMD_NEXT:
	case CMD_LAST:
	case CMD_ARTICLE:
	case CMD_HEAD:
	case CMD_BODY:
	case CMD_STAT:
		if (c->route == ROUTE_GROUP && r->code >= 220 &&
		    r->code <= 223)
			follow_article(p, c, r, line);
		break;
	default:
		break;
	}
}

void
pin_follow_list(struct pin *p, uint64_t first)
{
	if (p->article == 0)
		p->article = first;
}
