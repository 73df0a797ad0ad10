// SPDX-License-Identifier: BSD-2-Clause
/* answers - what becomes of one line of a client: answered here, queued for a
 * backend, or held until its article is through. */
#include "client/session_priv.h"

#include "base/check.h"
#include "client/announce.h"
#include "client/handshake.h"
#include "conf/conf.h"
#include "nntp/capabilities.h"
#include "nntp/command.h"
#include "route/exchange.h"

#include <stdio.h>
#include <string.h>

/* --- what the client may do ------------------------------------------------ */

static bool
is_per_command(const struct session *s)
{
	return s->context->router->mode == MODE_PER_COMMAND;
}

static bool
has_posting_user(const struct client_context *context, uint64_t postable)
{
	const struct conf *conf = context->conf;

	for (size_t i = 0; i < conf->users_n; i++)
		if (conf->users[i].posting &&
		    (router_get_eligible(context->router,
		    conf->users[i].backends_mask) & postable) != 0)
			return true;
	return conf->users_n == 0;
}

bool
answers_may_post(const struct session *s)
{
	const struct router *router = s->context->router;
	uint64_t eligible = pipeline_get_eligible(&s->pipeline);

	if (router->mode == MODE_STATEFUL && pin_is_held(&s->pipeline.pin))
		eligible = UINT64_C(1) << pin_get_backend_id(&s->pipeline.pin);
	eligible &= router->posting;
	if (eligible == 0)
		return false;
	return s->user != NULL ? s->user->posting :
	    has_posting_user(s->context, eligible);
}

/* --- answers made here ------------------------------------------------------ */

static void
answer_code(struct exchange *x, int code, const char *text)
{
	char line[128];

	snprintf(line, sizeof(line), "%d %s", code, text);
	exchange_answer_line(x, line);
}

static void
answer_usage(struct session *s, struct exchange *x)
{
	char line[COMMAND_USAGE_MAX];
	size_t n = command_usage(x->command.row, is_per_command(s), line,
	    sizeof(line));

	CHECK(n < sizeof(line));
	exchange_answer(x, line, n);
}

/* For HELP: what this client can do. */
static bool
is_offered(const struct command_row *row, void *arg)
{
	const struct session *s = arg;

	switch (row->id) {
	case CMD_POST:
	case CMD_IHAVE:
		return answers_may_post(s);
	case CMD_AUTHINFO_USER:
	case CMD_AUTHINFO_PASS:
	case CMD_AUTHINFO_SASL:
		return login_is_needed(s) && !handshake_is_needed(s);
	case CMD_STARTTLS:
		return handshake_is_offered(s);
	default:
		return true;
	}
}

static void
answer_help(struct session *s, struct exchange *x)
{
	char text[COMMAND_HELP_MAX];
	size_t n = command_help(is_per_command(s), is_offered, s, text,
	    sizeof(text));

	CHECK(n <= sizeof(text));
	exchange_answer(x, text, n);
}

static uint64_t
make_capabilities(struct session *s, struct exchange *x, bool is_final)
{
	const struct audience audience = {
		.needs_tls = handshake_is_needed(s),
		.may_start_tls = handshake_is_offered(s),
		.has_login = s->context->conf->users_n > 0,
		.needs_login = login_is_needed(s),
		.may_post = answers_may_post(s),
		.eligible = pipeline_get_eligible(&s->pipeline),
		.pinned_id = pin_get_backend_id(&s->pipeline.pin),
	};
	const struct router *router = s->context->router;
	uint64_t unknown = announce_get_unknown(router, &audience) &
	    ~x->spent & ~x->failed;
	struct capabilities c;
	char text[CAPABILITIES_MAX];
	size_t n;

	if (unknown != 0 && !is_final)
		return unknown;
	announce_make(router, &audience, &c);
	n = capabilities_write(&c, text, sizeof(text));
	CHECK(n <= sizeof(text));
	exchange_answer(x, text, n);
	return 0;
}

uint64_t
answers_make(struct session *s, struct exchange *x, bool is_final)
{
	if (x->command.row->id == CMD_CAPABILITIES)
		return make_capabilities(s, x, is_final);
	handshake_answer(s, x);
	return 0;
}

static void
answer_local(struct session *s, struct exchange *x)
{
	switch (x->command.row->id) {
	case CMD_CAPABILITIES:
	case CMD_STARTTLS:
		break;	/* queued: what is true may change before */
	case CMD_HELP:
		answer_help(s, x);
		break;
	case CMD_MODE_READER:
		/* Download tools say it first, whatever is announced. */
		exchange_answer_line(x, answers_may_post(s) ?
		    "200 posting allowed" : "201 posting prohibited");
		break;
	case CMD_QUIT:
		exchange_end(x, REASON_QUIT);
		break;
	case CMD_AUTHINFO_USER:
	case CMD_AUTHINFO_PASS:
	case CMD_AUTHINFO_SASL:
		login_answer(s, x);
		break;
	default:
		exchange_answer_line(x, "500 not supported");
	}
}

/* --- refusals ----------------------------------------------------------------- */

/* The answer is made when the article behind the command is through. */
static void
hold_for_article(struct session *s, struct exchange *x)
{
	exchange_enter(x, EXCH_HELD);
	multiline_init(&s->article);
	s->input = INPUT_ARTICLE;
}

static void
refuse(struct session *s, struct exchange *x)
{
	const struct command_row *row = x->command.row;

	if ((row->flags & COMMAND_ARTICLE_FOLLOWS) != 0 && s->input ==
	    INPUT_LINES)
		hold_for_article(s, x);
	else
		answer_code(x, row->refuse_code != 0 ? row->refuse_code : 500,
		    "not supported");
}

void
answers_end_article(struct session *s)
{
	struct exchange *x = pipeline_last(&s->pipeline);

	CHECK(x != NULL && x->state == EXCH_HELD);
	s->input = INPUT_LINES;
	if (handshake_is_needed(s))
		exchange_answer_line(x, HANDSHAKE_NEEDED);
	else if (login_is_needed(s))
		exchange_answer_line(x, "480 login required");
	else
		answer_code(x, x->command.row->refuse_code, "not supported");
}

/* --- one line ------------------------------------------------------------------- */

/* The article of POST or IHAVE is what comes next, when a backend says so. */
static void
route_post(struct session *s, struct exchange *x)
{
	multiline_init(&s->article);
	if (answers_may_post(s))
		return;		/* queued */
	exchange_answer_line(x, x->command.row->id == CMD_POST ?
	    "440 posting not allowed" : "500 not supported");
}

/* Where sessions keep no connection, only commands by message-id, and those
 * that need no group, can be served. */
static bool
route_without_groups(struct exchange *x, enum command_result result)
{
	enum command_route by_verb = x->command.row->route;

	if (by_verb == ROUTE_SELECT || by_verb == ROUTE_GROUP)
		exchange_answer_line(x, "500 not supported");
	else if (x->command.route == ROUTE_UNKNOWN)
		exchange_answer_line(x, "500 what?");
	else if (x->command.route == ROUTE_GROUP && result == COMMAND_OK)
		exchange_answer_line(x, "503 by message-id only");
	else
		return false;
	return true;
}

static void
route(struct session *s, struct exchange *x, enum command_result result)
{
	const struct command *c = &x->command;

	if (is_per_command(s) && route_without_groups(x, result))
		return;
	if (c->row->route == ROUTE_REFUSE)
		refuse(s, x);
	else if (c->route == ROUTE_REFUSE)
		exchange_answer_line(x, "500 what?");
	else if (result == COMMAND_SYNTAX)
		answer_usage(s, x);
	else if (c->route == ROUTE_POST)
		route_post(s, x);
	else if (c->route == ROUTE_LOCAL)
		answer_local(s, x);
	/* else it stays queued, for a backend */
}

void
answers_take_line(struct session *s, const char *line, size_t n)
{
	struct command command;
	enum command_result result = command_parse(line, n, &command);
	struct exchange *x = exchange_new(&s->pipeline.client, &command, line,
	    n);
	bool is_open_to_all = (command.row->flags & (COMMAND_BEFORE_LOGIN |
	    COMMAND_ARTICLE_FOLLOWS)) != 0;

	pipeline_add(&s->pipeline, x);
	if (result == COMMAND_EMPTY)
		exchange_answer_line(x, "501 empty line");
	else if (is_open_to_all)
		route(s, x, result);
	else if (handshake_is_needed(s))
		exchange_answer_line(x, HANDSHAKE_NEEDED);
	else if (login_is_needed(s))
		exchange_answer_line(x, "480 login required");
	else if (login_get_bar(s) != REASON_NONE)
		exchange_end(x, login_get_bar(s));
	else
		route(s, x, result);
}

void
answers_take_bad_line(struct session *s, const char *line, size_t n)
{
	struct command command;
	struct exchange *x;

	(void)command_parse(line, n, &command);
	x = exchange_new(&s->pipeline.client, &command, line, n);
	pipeline_add(&s->pipeline, x);
	if ((command.row->flags & COMMAND_ARTICLE_FOLLOWS) != 0)
		hold_for_article(s, x);
	else
		exchange_answer_line(x, "501 line too long");
}

/* It stands for a command of its own, for it gets an answer of its own. */
static struct exchange *
add_response(struct session *s)
{
	static const char line[] = "AUTHINFO SASL PLAIN";
	struct command command;
	struct exchange *x;

	CHECK(command_parse(line, strlen(line), &command) == COMMAND_OK);
	x = exchange_new(&s->pipeline.client, &command, line, strlen(line));
	pipeline_add(&s->pipeline, x);
	s->input = INPUT_LINES;
	line_set_max(&s->line, LINE_MAX_BYTES);
	return x;
}

void
answers_take_response(struct session *s, const char *line, size_t n)
{
	login_take_response(s, add_response(s), line, n);
}

void
answers_take_bad_response(struct session *s)
{
	exchange_answer_line(add_response(s), "501 line too long");
}
