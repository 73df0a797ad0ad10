// SPDX-License-Identifier: BSD-2-Clause
/* session_priv - what session.c (life), input.c (bytes to commands), answers.c
 * (what the proxy answers itself), login.c, handshake.c and deadline.c share;
 * nobody else includes it.
 *
 * Owner and thread as in session.h. */
#pragma once

#include "base/list.h"
#include "client/client.h"
#include "client/session.h"
#include "net/loop.h"
#include "net/output.h"
#include "net/stream.h"
#include "nntp/line.h"
#include "nntp/multiline.h"
#include "nntp/reason.h"
#include "route/pipeline.h"

#include <stdint.h>

struct account;
struct exchange;
struct password_check;
struct seat;

enum session_state {
	SESS_QUEUED, SESS_TLS, SESS_STARTTLS, SESS_LATE_TLS, SESS_OPEN, SESS_LAST,
	SESS_FLUSHING, SESS_LINGERING, SESS_CLOSED
};

/* What the client's next bytes are. */
enum session_input {
	INPUT_LINES,	/* commands; or an article, while the pipeline posts */
	INPUT_RESPONSE,	/* one line, which is no command (AUTHINFO SASL) */
	INPUT_ARTICLE,	/* of a refused TAKETHIS: read and thrown away */
	INPUT_ENDED,	/* the client has ended its stream */
};

/* How far the login has come. */
enum login_state {
	LOGIN_OUT,
	LOGIN_CHECKING,		/* the password is being checked */
	LOGIN_HELD,		/* it was: the answer comes later (failures.h) */
	LOGIN_QUEUED,		/* it is right: a seat is awaited (account.h) */
	LOGIN_IN,
};

struct session {
	struct list link;		/* in context->sessions */
	struct client_context *context;	/* const */
	const struct conf_listen *listen;	/* a reference: listen->whole */
	enum session_state state;
	enum session_input input;
	struct stream stream;
	struct output output;
	struct pace pace;		/* of its user */
	struct timer pace_timer;	/* set while bytes wait for it */
	uint64_t offered;		/* backends of its listener, by id */
	struct pipeline pipeline;
	struct task pump;
	struct timer timer;
	struct line line;
	struct multiline article;
	char *unread;			/* read and not yet used, or NULL */
	size_t unread_n;

	char *user_name;		/* of AUTHINFO USER, then who it is */
	enum login_state login;
	const struct conf_user *user;	/* logged in as; NULL: nobody */
	struct password_check *check;	/* CHECKING or HELD, or NULL */
	struct timer login_timer;	/* set while HELD or QUEUED */
	struct account *account;	/* of the user; NULL: nobody */
	uint64_t charged_bytes;		/* to its quota */
	struct seat *seat;		/* QUEUED or IN, or NULL */

	struct list handshake_link;	/* in context->handshakes, or QUEUED in
					 * handshakes_waiting, or not */
	uint64_t handshake_ms;		/* it is there since */

	uint64_t started_ms;
	uint64_t active_ms;		/* last byte from or to the client */
	uint64_t noted_sent_bytes;	/* what it had been sent then */
	uint64_t window_ms;		/* the stall window began; 0: none */
	uint64_t window_taken_bytes;	/* what the client had taken then */
	uint64_t line_ms;		/* inside a line since; 0: it is not */
	uint64_t article_ms;		/* reads an article since; 0: not now */
	uint64_t login_ms;		/* must log in since; 0: need not */
	uint64_t linger_ms;		/* LINGERING since */
	uint64_t received_bytes;
	enum reason end;
	struct addr peer;
};

static inline struct loop *
session_loop(const struct session *s)
{
	return s->context->loop;
}

/* The user's rate allows nothing at this moment. */
static inline bool
session_is_held(const struct session *s)
{
	return pace_is_held(&s->pace, session_loop(s)->now_ms);
}

/* --- session.c --- */
/* Its last word is in the output. */
void session_end(struct session *, enum reason);
/* Without another word. */
void session_close(struct session *, enum reason);
void session_kick(struct session *);
/* It was QUEUED, and has a place for its handshake. */
void session_start_tls(struct session *);
/* 382 is its answer to the first command. */
void session_await_tls(struct session *);

/* --- input.c --- */
/* Reads from the socket and takes commands; may close the session. */
void input_read(struct session *);
/* Takes commands from what was read before. True when it took any. */
bool input_take_unread(struct session *);
/* Throws away what was read and not used, and wipes it. */
void input_forget(struct session *);
/* The same, and what comes next is the start of a command. */
void input_restart(struct session *);
/* More commands may be taken now. */
bool input_is_wanted(const struct session *);

/* The client is to send the rest of an article. */
bool input_is_article(const struct session *);

/* --- answers.c --- */
/* Whether the client may post: now, or when it has logged in. */
bool answers_may_post(const struct session *);
/* Decides about one line: queued for a backend, answered, or held. */
void answers_take_line(struct session *, const char *line, size_t n);
void answers_take_bad_line(struct session *, const char *line, size_t n);
/* INPUT_RESPONSE: the line that ends it. */
void answers_take_response(struct session *, const char *line, size_t n);
void answers_take_bad_response(struct session *);
/* CAPABILITIES is the first: see struct pipeline_user. */
uint64_t answers_make(struct session *, struct exchange *x, bool is_final);
/* The article of a refused TAKETHIS is through. */
void answers_end_article(struct session *);

/* --- login.c --- */
#define LOGIN_TEXT_MAX 128
bool login_is_needed(const struct session *);
/* Who is logged in, or wants to be, so that it can't look like another field of
 * a log line; "-": nobody. Returns buf. */
const char *login_format_user(const struct session *,
    char buf[LOGIN_TEXT_MAX]);
void login_init(struct session *);
/* Another configuration: false when who is logged in is no user any more, and
 * there are others. */
bool login_change(struct session *);
/* The backends that it may use: of its listener, and of its user. */
uint64_t login_get_eligible(const struct session *);
void login_answer(struct session *, struct exchange *x);
/* x is answered by what the client has sent after a challenge. */
void login_take_response(struct session *, struct exchange *x,
    const char *response, size_t n);
/* The password was right, and it is other connections that are waited for. */
bool login_is_queued(const struct session *);
/* The password was checked; it is us who keep the answer back. */
bool login_is_held(const struct session *);
/* The user may not go on; REASON_NONE: may, or is not logged in. */
enum reason login_get_bar(const struct session *);
/* What went in and out since the last time is charged to the user. */
void login_charge(struct session *);
/* What is under way is for nobody any more. */
void login_give_up(struct session *);
/* The user's place is free for another connection. */
void login_leave(struct session *);
void login_free(struct session *);
