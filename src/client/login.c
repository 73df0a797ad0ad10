// SPDX-License-Identifier: BSD-2-Clause
/* login - AUTHINFO (RFC 4643) of one session. */
#include "client/session_priv.h"

#include "base/check.h"
#include "base/log.h"
#include "base/quota.h"
#include "client/account.h"
#include "client/deadline.h"
#include "client/failures.h"
#include "client/handshake.h"
#include "client/password.h"
#include "conf/conf.h"
#include "nntp/sasl.h"
#include "nntp/word.h"
#include "route/exchange.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* NULL: there is no such user any more, although the password was right. */
static const struct conf_user *
find_user(const struct session *s)
{
	return conf_find_user(s->context->conf, s->user_name);
}

uint64_t
login_get_eligible(const struct session *s)
{
	return s->user == NULL ? s->offered : s->offered &
	    router_get_eligible(s->context->router, s->user->backends_mask);
}

static bool
has_expired(const struct conf_user *user)
{
	struct timespec now;

	if (user->expires_s == 0)
		return false;
	SYS_OK(clock_gettime(CLOCK_REALTIME_COARSE, &now));
	return (uint64_t)now.tv_sec >= user->expires_s;
}

bool
login_is_queued(const struct session *s)
{
	return s->login == LOGIN_QUEUED;
}

bool
login_is_held(const struct session *s)
{
	return s->login == LOGIN_HELD;
}

static bool
has_spent(const struct session *s)
{
	return quota_is_spent(account_get_quota(s->account));
}

enum reason
login_get_bar(const struct session *s)
{
	if (s->user == NULL)
		return REASON_NONE;
	if (has_expired(s->user))
		return REASON_USER_EXPIRED;
	return has_spent(s) ? REASON_USER_SPENT : REASON_NONE;
}

static uint64_t
get_moved_bytes(const struct session *s)
{
	return s->output.sent_bytes + s->received_bytes;
}

void
login_charge(struct session *s)
{
	uint64_t moved = get_moved_bytes(s);

	if (s->user == NULL || moved == s->charged_bytes)
		return;
	quota_charge(account_get_quota(s->account), moved - s->charged_bytes);
	s->charged_bytes = moved;
}

/* The only writer of the login's state. */
static void
enter(struct session *s, enum login_state state)
{
	log_trace("fd=%d login %d -> %d", s->stream.fd, s->login, state);
	s->login = state;
}

/* Answers the command that gave the password. */
static void
answer(struct session *s, const char *line)
{
	struct exchange *x = pipeline_last(&s->pipeline);

	CHECK(x != NULL && x->state == EXCH_HELD);
	exchange_answer_line(x, line);
	session_kick(s);
}

static void
set_login_timer(struct session *s, uint64_t deadline_ms)
{
	timer_set(&session_loop(s)->timers, &s->login_timer, deadline_ms);
}

static void
clear_login_timer(struct session *s)
{
	timer_clear(&session_loop(s)->timers, &s->login_timer);
}

static void
drop_seat(struct session *s)
{
	if (s->seat != NULL)
		seat_leave(s->seat);
	s->seat = NULL;
}

/* --- coming in ------------------------------------------------------------- */

static void
deny(struct session *s)
{
	enter(s, LOGIN_OUT);
	login_free(s);
	answer(s, "481 wrong name or password");
}

/* It has a seat. */
static void
welcome(struct session *s)
{
	clear_login_timer(s);
	s->user = find_user(s);
	if (s->user == NULL) {
		drop_seat(s);
		deny(s);
		return;
	}
	enter(s, LOGIN_IN);
	s->pipeline.eligible = login_get_eligible(s);
	s->pace.bucket = account_get_bucket(s->account);
	s->charged_bytes = get_moved_bytes(s);
	answer(s, "281 welcome");
}

static void
refuse(struct session *s, enum reason reason, const char *line)
{
	char peer[ADDR_TEXT_MAX], user[LOGIN_TEXT_MAX];

	log_warn("client=%s login refused user=%s reason=%s (%s)",
	    addr_format(&s->peer, peer), login_format_user(s, user),
	    reason_key(reason), reason_words(reason));
	enter(s, LOGIN_OUT);
	login_free(s);
	answer(s, line);
}

static void
on_seat(void *arg)
{
	welcome(arg);
}

static void
queue(struct session *s)
{
	enter(s, LOGIN_QUEUED);
	if (s->state == SESS_OPEN) {
		set_login_timer(s, deadline_get_login(s));
	} else {	/* it was told to go meanwhile */
		login_give_up(s);
		exchange_end(pipeline_last(&s->pipeline), s->end);
		session_kick(s);
	}
}

static void
take_seat(struct session *s, const struct conf_user *user)
{
	switch (seat_take(s->account, session_loop(s),
	    user->over_limit == OVER_LIMIT_WAIT, on_seat, s, &s->seat)) {
	case SEAT_IS_TAKEN:
		welcome(s);
		break;
	case SEAT_IS_AWAITED:
		queue(s);
		break;
	case SEAT_IS_REFUSED:
		refuse(s, REASON_USER_FULL, "481 all places of this user are"
		    " taken");
		break;
	}
}

/* The password was right. */
static void
come_in(struct session *s)
{
	const struct conf_user *user = find_user(s);

	s->account = accounts_find(s->context->accounts, s->user_name);
	if (user == NULL || s->account == NULL)
		deny(s);
	else if (has_expired(user))
		refuse(s, REASON_USER_EXPIRED, "481 this user has expired");
	else if (has_spent(s))
		refuse(s, REASON_USER_SPENT, "481 nothing is left of this"
		    " user's quota");
	else
		take_seat(s, user);
}

/* What the check has found. */
static void
tell(struct session *s)
{
	bool is_right = s->check->is_right;

	free(s->check);
	s->check = NULL;
	if (is_right)
		come_in(s);
	else
		deny(s);
}

static void
on_login_timer(struct timer *t)
{
	struct session *s = LIST_ENTRY(t, struct session, login_timer);

	if (s->login == LOGIN_HELD) {
		tell(s);
		return;
	}
	CHECK(s->login == LOGIN_QUEUED);
	session_shut_down(s, REASON_USER_FULL);
}

void
login_init(struct session *s)
{
	timer_init(&s->login_timer, on_login_timer);
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
	enter(s, LOGIN_HELD);
	if (hold_ms == 0)
		tell(s);
	else
		set_login_timer(s, now_ms + hold_ms);
}

/* --- AUTHINFO -------------------------------------------------------------- */

static void
set_user_name(struct session *s, const char *name, size_t n)
{
	free(s->user_name);
	s->user_name = xstrndup(name, n);
}

/* As the user whose name was set. */
static void
check_password(struct session *s, struct exchange *x, const char *password)
{
	struct password_check *check = xcalloc(1, sizeof(*check));

	check->message.deliver = on_checked;
	check->loop = session_loop(s);
	check->user = s;
	if (passwords_ask(s->context->passwords, check, s->user_name, password,
	    &s->peer)) {
		s->check = check;
		enter(s, LOGIN_CHECKING);
		exchange_enter(x, EXCH_HELD);
	} else {
		free(check);
		exchange_end(x, REASON_LOGIN_BUSY);
	}
}

static void
take_password(struct session *s, struct exchange *x)
{
	char *password = xstrndup(x->command.args, x->command.args_n);

	check_password(s, x, password);
	explicit_bzero(password, strlen(password));
	free(password);
}

static void
take_response(struct session *s, struct exchange *x, const char *response,
    size_t n)
{
	struct sasl_plain plain;

	switch (sasl_plain_parse(response, n, &plain)) {
	case SASL_FINE:
		set_user_name(s, plain.name, strlen(plain.name));
		check_password(s, x, plain.password);
		break;
	case SASL_GIVEN_UP:
		exchange_answer_line(x, "481 given up");
		break;
	case SASL_BAD:
		exchange_answer_line(x, "481 wrong name or password");
		break;
	case SASL_NOT_BASE64:
		exchange_answer_line(x, "504 not base64");
		break;
	}
	explicit_bzero(&plain, sizeof(plain));
}

static void
take_sasl(struct session *s, struct exchange *x)
{
	const char *args = x->command.args;
	size_t n = x->command.args_n;
	struct word mechanism = word_cut(&args, &n);
	struct word response = word_cut(&args, &n);

	if (!word_is(mechanism, "PLAIN")) {
		exchange_answer_line(x, "503 mechanism not known");
	} else if (response.n > 0) {
		take_response(s, x, response.s, response.n);
	} else {
		/* A challenge of no octets. */
		exchange_answer_line(x, "383 =");
		s->input = INPUT_RESPONSE;
		line_set_max(&s->line, LINE_SASL_MAX_BYTES);
	}
}

static void
answer_authinfo(struct session *s, struct exchange *x)
{
	switch (x->command.row->id) {
	case CMD_AUTHINFO_USER:
		set_user_name(s, x->command.args, x->command.args_n);
		exchange_answer_line(x, "381 password?");
		break;
	case CMD_AUTHINFO_PASS:
		if (s->user_name == NULL)
			exchange_answer_line(x, "482 AUTHINFO USER first");
		else
			take_password(s, x);
		break;
	default:
		take_sasl(s, x);
	}
}

/* Why nobody can log in here and now; NULL: somebody can. */
static const char *
get_refusal(const struct session *s)
{
	if (handshake_is_needed(s))
		return HANDSHAKE_NEEDED;
	if (s->context->conf->users_n == 0 || s->user != NULL)
		return "502 no login here";
	return NULL;
}

void
login_take_response(struct session *s, struct exchange *x,
    const char *response, size_t n)
{
	/* A reload may have come between. */
	if (get_refusal(s) != NULL)
		exchange_answer_line(x, get_refusal(s));
	else
		take_response(s, x, response, n);
}

void
login_answer(struct session *s, struct exchange *x)
{
	if (get_refusal(s) != NULL)
		exchange_answer_line(x, get_refusal(s));
	else
		answer_authinfo(s, x);
	/* It is not needed any more, and x lives on. */
	explicit_bzero(x->line, x->line_n);
}

/* --- another configuration ------------------------------------------------- */

/* False: there is no such user any more. */
static bool
change_user(struct session *s)
{
	s->user = find_user(s);
	pace_restart(&s->pace);
	if (s->user != NULL)
		return true;
	login_leave(s);
	s->pace.bucket = NULL;
	enter(s, LOGIN_OUT);
	if (s->context->conf->users_n > 0)
		return false;	/* the log tells whose end it was */
	login_free(s);
	return true;
}

bool
login_change(struct session *s)
{
	switch (s->login) {
	case LOGIN_OUT:
	case LOGIN_CHECKING:
	case LOGIN_HELD:
		return true;	/* looked for when it comes in */
	case LOGIN_QUEUED:
		if (find_user(s) == NULL) {
			clear_login_timer(s);
			drop_seat(s);
			deny(s);
		}
		return true;
	default:
		return change_user(s);
	}
}

/* --- leaving --------------------------------------------------------------- */

void
login_give_up(struct session *s)
{
	switch (s->login) {
	case LOGIN_OUT:
	case LOGIN_IN:
		return;
	case LOGIN_CHECKING:
		password_give_up(s->check);	/* its message frees it */
		break;
	case LOGIN_HELD:
		free(s->check);
		break;
	case LOGIN_QUEUED:
		drop_seat(s);
		break;
	}
	s->check = NULL;
	clear_login_timer(s);
	enter(s, LOGIN_OUT);
}

void
login_leave(struct session *s)
{
	drop_seat(s);
}

void
login_free(struct session *s)
{
	free(s->user_name);
	s->user_name = NULL;
}
