// SPDX-License-Identifier: BSD-2-Clause
/* relay - a backend connection on loan, and the commands that went out on it.
 *
 *   exchanges:   x1 ──── x2 ──── x3          in order of sending
 *                 │
 *   connection ───┴─► status line ─► block ─► output of x1's client
 *        ▲
 *        └──────── article ◄───────────────── input of x1's client (POST, IHAVE)
 *
 * Reads an answer only when its exchange is its client's head (until then the
 * bytes wait in the kernel) and while the client takes it; forwards it
 * unchanged, but for article numbers that would mean nothing to the client;
 * what comes after the last answer asked for is never forwarded.
 *
 * A relay with a stateful slot is one that a session keeps, or posts on: it
 * frees the slot in its end. While nothing else is sent on it, it is kept
 * alive with DATE.
 *
 * A relay whose client is gone reads the rest of its answers out, up to
 * drain_limit and DRAIN_MS, to save the connection.
 *
 * Owner: the pipeline that leased it; alone after relay_release(). One loop.
 * Every way out gives the connection back exactly once: end() or lose(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct conn;
struct exchange;
struct loop;
struct relay;

/* Called when the relay is gone: it was lost, or released by itself. */
typedef void relay_gone_f(struct relay *, void *arg);

/* Takes conn, ready or being made, and a stateful slot of its backend if
 * has_slot. drain_limit_bytes: of answers for nobody that are read. gone is
 * called at most once, never after relay_release(). Gives. */
struct relay *relay_new(struct conn *conn, struct loop *loop,
    uint64_t drain_limit_bytes, bool has_slot, relay_gone_f *gone, void *arg);

/* Sends the command of x behind the others, when the connection is made and
 * its depth not reached. It must be counted as
 * pending at the backend. */
void relay_push(struct relay *, struct exchange *x);

/* True when one more command may be pipelined: the connection is ready, its
 * depth is not reached, and nobody waits for a connection of this backend (or
 * this one is kept anyway). */
bool relay_has_room(const struct relay *);
bool relay_is_idle(const struct relay *);
/* For an idle one: nothing has come that nobody asked for. */
bool relay_is_quiet(struct relay *);
struct backend *relay_get_backend(const struct relay *);
int relay_get_backend_id(const struct relay *);
/* A former user has selected a group on it, and nobody sent anything unknown
 * since. */
bool relay_is_touched(const struct relay *);

/* x, which is in this relay, has become its client's head, or its client
 * takes bytes again. */
void relay_resume(struct relay *);

/* The first exchange is POSTING and its article not at its end. */
bool relay_is_posting(const struct relay *);
/* The same, and the backend takes more of it now. */
bool relay_wants_article(const struct relay *);
/* The next n octets of the article, as they are on the wire; is_end: with its
 * terminator. After relay_is_posting(). */
void relay_send_article(struct relay *, const char *p, size_t n, bool is_end);

/* The client of x, which is in this relay and SENT, POSTING or RELAYING, is
 * gone: what comes is for nobody. An article in the middle is cut off, so that
 * the server does not take it for whole; the relay may be gone then. */
void relay_forsake(struct relay *, struct exchange *x);

/* Takes the relay from its owner. An idle one's connection goes back to the
 * pool, one that is still being made goes there when it is. Exchanges may be
 * left in it only if their client is NULL: they are read out first. */
void relay_release(struct relay *);

/* Takes x out, QUEUED again; if its command went out already, its answer will
 * be read for nobody. x must not be RELAYING. */
void relay_pull(struct relay *, struct exchange *x);

/* The first exchange, or NULL. */
struct exchange *relay_first(const struct relay *);
