// SPDX-License-Identifier: BSD-2-Clause
/* login - AUTHINFO (RFC 4643) of one session. */
#include "client/session_priv.h"

#include "base/check.h"
#include "base/log.h"
#include "client/failures.h"
#include "client/handshake.h"
#include "client/password.h"
#include "conf/conf.h"
#include "route/exchange.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
login_is_needed(const struct session *s)
{
	return s->context->conf->users_n > 0 && s->user == NULL;
}

const char *
login_format_user(const struct session *s, char buf[LOGIN_TEXT_MAX])
{
	const char *name = s->user_name != NULL ? s->user_name : "-";
	size_t n = 0;

	for (; *name != '\0' && n + 4 < LOGIN_TEXT_MAX; name++) {
		unsigned char c = (unsigned char)*name;

		if (isalnum(c) || strchr("._@+-", c) != NULL)
			buf[n++] = (char)c;
		else
			n += (size_t)snprintf(buf + n, LOGIN_TEXT_MAX - n,
			    "%%%02X", c);
	}
	buf[n] = '\0';
	return buf;
}

bool
login_change(struct session *s)
{
	bool was_in = s->user != NULL;

	s->user = was_in ? conf_find_user(s->context->conf, s->user_name) :
	    NULL;
	return s->user != NULL || !was_in || s->context->conf->users_n == 0;
}

/* What the check has found. */
static void
tell(struct session *s)
{
	struct exchange *x = pipeline_last(&s->pipeline);

	CHECK(x != NULL && x->state == EXCH_HELD);
	/* A reload may have taken the user away meanwhile. */
	s->user = s->check->is_right ?
	    conf_find_user(s->context->conf, s->user_name) : NULL;
	if (s->user != NULL) {
		exchange_answer_line(x, "281 welcome");
	} else {
		login_free(s);
		exchange_answer_line(x, "481 wrong name or password");
	}
	free(s->check);
	s->check = NULL;
	session_kick(s);
}

static void
on_hold_end(struct timer *t)
{
	tell(LIST_ENTRY(t, struct session, hold));
}

void
login_init(struct session *s)
{
	timer_init(&s->hold, on_hold_end);
}

static void
on_checked(struct message *m)
{
	struct password_check *check = LIST_ENTRY(m, struct password_check,
	    message);
	struct session *s = check->user;
	char peer[ADDR_TEXT_MAX], user[LOGIN_TEXT_MAX];
	uint64_t hold_ms, now_ms;

	if (s == NULL) {
		free(check);
		return;
	}
	now_ms = session_loop(s)->now_ms;
	hold_ms = failures_note(s->context->failures, &s->peer,
	    check->is_right, now_ms);
	if (!check->is_right)
		log_warn("client=%s login failed user=%s",
		    addr_format(&s->peer, peer), login_format_user(s, user));
	if (hold_ms == 0)
		tell(s);
	else
		timer_set(&session_loop(s)->timers, &s->hold,
		    now_ms + hold_ms);
}

static void
set_user_name(struct session *s, const char *name, size_t n)
{
	free(s->user_name);
	s->user_name = xstrndup(name, n);
}

static void
check_password(struct session *s, struct exchange *x)
{
	struct password_check *check = xcalloc(1, sizeof(*check));
	char *password = xstrndup(x->command.args, x->command.args_n);
	char host[ADDR_TEXT_MAX];

	check->message.deliver = on_checked;
	check->loop = session_loop(s);
	check->user = s;
	if (passwords_ask(s->context->passwords, check, s->user_name, password,
	    addr_format_host(&s->peer, host))) {
		s->check = check;
		exchange_enter(x, EXCH_HELD);
	} else {
		free(check);
		exchange_end(x, REASON_LOGIN_BUSY);
	}
	explicit_bzero(password, strlen(password));
	free(password);
	/* It is not needed any more, and x lives on. */
	explicit_bzero(x->line, x->line_n);
}

void
login_answer(struct session *s, struct exchange *x)
{
	if (handshake_is_needed(s)) {
		exchange_answer_line(x, HANDSHAKE_NEEDED);
		return;
	}
	if (s->context->conf->users_n == 0 || s->user != NULL) {
		exchange_answer_line(x, "502 no login here");
		return;
	}
	switch (x->command.row->id) {
	case CMD_AUTHINFO_USER:
		set_user_name(s, x->command.args, x->command.args_n);
		exchange_answer_line(x, "381 password?");
		break;
	case CMD_AUTHINFO_PASS:
		if (s->user_name == NULL)
			exchange_answer_line(x, "482 AUTHINFO USER first");
		else
			check_password(s, x);
		break;
	default:
		exchange_answer_line(x, "503 mechanism not known");
	}
}

void
login_give_up(struct session *s)
{
	if (timer_is_set(&s->hold)) {
		timer_clear(&session_loop(s)->timers, &s->hold);
		free(s->check);
	} else if (s->check != NULL) {
		password_give_up(s->check);
	}
	s->check = NULL;
}

void
login_free(struct session *s)
{
	free(s->user_name);
	s->user_name = NULL;
}
