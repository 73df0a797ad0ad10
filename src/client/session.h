// SPDX-License-Identifier: BSD-2-Clause
/* session - one client: its bytes become commands, answers become its bytes.
 *
 *   OPEN ──► LAST ──► FLUSHING ──► LINGERING ──► CLOSED
 *     └────────┴──────────┴────────────┴───────────►
 *
 * OPEN: reads commands. LAST: it has to end (the server goes down), the first
 * command in flight may still be answered. FLUSHING: its last word is said,
 * bytes are still to be taken by the client. LINGERING: we have ended the
 * stream, the client's end is awaited, for closing with unread input would
 * reset the connection and could cost the client our last word. CLOSED: freed
 * at the end of the turn.
 *
 * Owner: the worker that got the socket, for ever. */
#pragma once

#include "net/addr.h"
#include "nntp/reason.h"

#include <stddef.h>

struct client_context;
struct conf_listen;
struct conf_proxy;
struct session;

/* Takes fd, a non-blocking socket, and the place of peer in the census; keeps
 * context, and a reference to the configuration of listen. The greeting goes
 * out at once. */
void session_start(struct client_context *, int fd, const struct addr *peer,
    const struct conf_listen *listen);

/* Its context has changed: another configuration and router. The listener and
 * the user are found again by their names: without its listener it goes on with
 * what it had, without its user it is shut down. On its loop. */
void session_change(struct session *);
/* It has to end, the reason has an answer: an idle client is told at once,
 * another when its answer in flight is complete. */
void session_shut_down(struct session *, enum reason reason);
/* Ends at once. */
void session_abort(struct session *);

/* The most memory that one takes; what it has at backends is not in it. */
size_t session_get_size_max(const struct conf_proxy *);
/* The longest piece of an article that it gives to a backend at a time. */
size_t session_get_article_max(void);

struct list;
/* The session whose link in context->sessions this is. */
struct session *session_from_link(struct list *link);
