// SPDX-License-Identifier: BSD-2-Clause
/* relay_priv - what relay.c (leasing, sending, ends) and relay_read.c (bytes
 * of the backend become answers) share; nobody else includes it.
 *
 * Owner and thread as in relay.h. */
#pragma once

#include "base/list.h"
#include "net/loop.h"
#include "nntp/lone_dot.h"
#include "nntp/multiline.h"
#include "nntp/reason.h"
#include "route/relay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct conn;
struct exchange;

/* With so much pending a client is slow: its backend is not read. */
#define RELAY_OUTPUT_HIGH_BYTES (64 * 1024)

/* With so much of an article pending a backend is slow: its client is not
 * read. */
#define RELAY_ARTICLE_HIGH_BYTES (64 * 1024)

enum relay_state {
	RELAY_CONNECTING,
	RELAY_STATUS,		/* between answers */
	RELAY_BLOCK,		/* inside the first exchange's block */
	RELAY_ARTICLE,		/* inside the article that its client posts */
};

struct relay {
	/* const after init */
	struct loop *loop;
	struct conn *conn;
	struct backend *backend;
	bool is_pooled;		/* the connection was not made for it */
	bool has_slot;		/* a stateful one */
	uint64_t drain_limit_bytes;

	/* owner: the loop */
	enum relay_state state;
	struct list exchanges;
	size_t exchanges_n;	/* all */
	size_t sent_n;		/* of them, whose command went out */
	struct multiline block;
	struct lone_dot lone_dot;	/* in the article */
	size_t answered_n;	/* in this loan */
	size_t drained_bytes;	/* for nobody */
	uint64_t window_bytes;	/* received since the deadline was set */
	uint64_t window_sent_bytes;	/* of the connection, when it was set */
	char *saved;		/* read but not used yet, or NULL */
	size_t saved_n;
	struct task use_saved;
	relay_gone_f *gone;	/* NULL: nobody's */
	void *arg;
};

/* --- relay.c --- */
/* x leaves the relay; it is in none then. */
void relay_take_out(struct relay *, struct exchange *x);
/* x, taken out, may be asked elsewhere; or its answer is cut; or it was for
 * nobody and is freed. */
void relay_requeue(struct exchange *x);
/* Sends what is not sent yet, up to the depth. */
void relay_send_commands(struct relay *);
/* What is waited for has changed. */
void relay_update_deadline(struct relay *);
/* The connection is of no use; the relay is gone afterwards. */
void relay_lose(struct relay *, enum reason);
/* The same with the backend's own words, masked, or NULL. */
void relay_lose_saying(struct relay *, enum reason, const char *said);
/* Nobody waits for anything here any more; the relay is gone afterwards. */
void relay_end(struct relay *);

/* --- relay_splice.c --- */
/* How much of an answer is read at first. */
size_t relay_get_head_max(const struct relay *);
/* n octets were read. If they are such a head, what becomes of that which has come
 * behind it: the octets to be read now, to be used together with it, for they are
 * too few to be spliced; or 0: nothing, or it will be spliced, and then the head
 * is held back to leave with it. */
size_t relay_follow_head(struct relay *, size_t n);
/* Moves what may go on unread to the client. How much is to be read next, at
 * most; 0: nothing yet, more has come. */
size_t relay_splice(struct relay *);
/* What comes next of the block may go on unread. */
bool relay_is_spliced(const struct relay *);

/* --- relay_read.c --- */
/* The connection has something to read: may lose or end the relay. */
void relay_read(struct relay *);
/* A task: use_saved. */
void relay_on_use_saved(struct task *);
