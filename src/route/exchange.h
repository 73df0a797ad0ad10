// SPDX-License-Identifier: BSD-2-Clause
/* exchange - one command in flight and all that is known about its answer.
 *
 *            +------------------ again ------------------+
 *            v                                           |
 *   new -> QUEUED -> WAITING -> CONNECTING -> SENT -> RELAYING -> (done, freed)
 *            |          |           |          | \        ^  |          ^
 *            |          |           |          |  POSTING-+  v          |
 *            |          +-----------+----------+-----+      CUT <--> MENDING
 *            v                      v                        |
 *          HELD --------------> ANSWERED -> (written, freed) +-> (freed)
 *
 * QUEUED: with nobody. WAITING: in the queues of pools. CONNECTING and SENT: in
 * a relay, before and after its command went out. POSTING: the client was told
 * to send its article, which goes to the backend. RELAYING: part of the answer
 * is with the client, so nobody else can answer any more. CUT: its backend was
 * lost there. MENDING: another exchange, in no pipeline, asks for the rest of
 * it (mender.h). HELD: the proxy itself will answer. ANSWERED: the proxy's own
 * answer is ready.
 *
 * Owner: the pipeline of its client, in the order of the client's commands; an
 * exchange whose client is gone and whose answer is still to be read belongs
 * to its relay alone. One loop. */
#pragma once

#include "base/list.h"
#include "conf/conf.h"
#include "net/timer.h"
#include "nntp/command.h"
#include "nntp/number.h"
#include "nntp/reason.h"
#include "nntp/response.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct exchange;
struct exchange_client;
struct mend;
struct output;
struct relay;
struct route_wait;

enum exchange_state {
	EXCH_QUEUED,
	EXCH_WAITING,
	EXCH_CONNECTING,
	EXCH_SENT,
	EXCH_POSTING,
	EXCH_RELAYING,
	EXCH_CUT,
	EXCH_MENDING,
	EXCH_HELD,
	EXCH_ANSWERED,
	EXCH_STATE_COUNT
};

/* What an exchange and its relay need of the client's side. */
struct exchange_client_ops {
	/* Every answer before this one is out: it may be sent. */
	bool (*is_head)(struct exchange_client *, const struct exchange *);
	/* The backend of x->relay has answered; line is what response was read
	 * from. Before anything of it is forwarded, or x is QUEUED again. */
	void (*answered)(struct exchange_client *, struct exchange *x,
	    enum response_class, const struct response *response,
	    const char *line);
	/* All that the client has of the article was in the answer to its
	 * mender x, too; or was different (x->mend). */
	void (*skipped)(struct exchange_client *, struct exchange *x);
	/* The whole answer is in the output; takes x. */
	void (*done)(struct exchange_client *, struct exchange *x);
	/* Something changed: look at the exchanges at the end of the turn. */
	void (*kick)(struct exchange_client *);
};

/* Embedded in the pipeline. */
struct exchange_client {
	const struct exchange_client_ops *ops;
	struct output *output;
	enum conf_relay relay;
};

struct exchange {
	struct list link;		/* in its client's pipeline */
	struct list relay_link;		/* in its relay, in order of sending */
	struct exchange_client *client;	/* NULL: gone */
	enum exchange_state state;
	struct command command;		/* points into line */

	/* what became of it so far: bits of backends */
	uint64_t missed;	/* said that they lack it */
	uint64_t unsupported;	/* don't do the command */
	uint64_t refused;	/* found fault with its arguments (501) */
	uint64_t spent;		/* answered with something useless */
	uint64_t failed;	/* could not be asked in this round */
	uint64_t full;		/* had no stateful slot in this round */
	uint64_t lost;		/* broke off inside their answers */
	unsigned rounds_n;

	/* where it is */
	struct backend *backend;	/* counted as pending there, or NULL */
	struct relay *relay;
	bool hides_number;		/* an article number in the answer would
					 * mean nothing to the client */
	struct number number;		/* that its block begins with */
	struct mend *mend;		/* what of the block is with the client;
					 * NULL: nobody could go on with it */
	int given_id;			/* of the backend that gave it, or
					 * SELECTOR_NONE */
	struct route_wait *wait;	/* WAITING */
	uint64_t waits;			/* backends whose queues it will join */
	uint64_t slots;			/* held at these backends while it seeks
					 * a connection; its relay gets one */

	/* deadlines, from when it is the first of its client's */
	struct timer timer;
	uint64_t deadline_ms;		/* command_timeout; 0: not begun */
	uint64_t wait_until_ms;		/* wait_timeout; 0: has not waited */
	uint64_t down_until_ms;		/* all backends down; 0: were not */

	/* ANSWERED */
	char *answer;			/* whole lines */
	size_t answer_n;
	enum reason ends;		/* the session ends with this answer */

	size_t line_n;
	char line[];
};

/* Copies line and what of the command points into it. QUEUED. Gives. */
struct exchange *exchange_new(struct exchange_client *,
    const struct command *, const char *line, size_t line_n);
/* Takes it; it must be in no relay, not waiting, its timer cleared. */
void exchange_free(struct exchange *);

/* The only writer of the state. */
void exchange_enter(struct exchange *, enum exchange_state);

/* The proxy's own answer: copies n octets of whole lines. ANSWERED. */
void exchange_answer(struct exchange *, const char *text, size_t n);
/* The same with one status line, given without its CRLF. */
void exchange_answer_line(struct exchange *, const char *line);
/* The session ends here: with the reason's answer, if it has one. */
void exchange_end(struct exchange *, enum reason);

/* A command of the proxy's own, without arguments, whose answer is for nobody.
 * Gives. */
struct exchange *exchange_new_own(enum command_id id);

/* Leaves a twin in its place in the relay, whose answer is for nobody, and
 * makes x QUEUED again. x must be SENT. */
void exchange_leave_twin(struct exchange *x);
