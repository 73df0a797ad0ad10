// SPDX-License-Identifier: BSD-2-Clause
/* arrival - a client on its way to be a session.
 *
 * At most listeners it is one at once. Where proxy_protocol = require, the
 * header of the proxy before us comes first and tells who the client really is:
 * only then it is admitted (admission.h). The header is taken from the socket
 * to its last octet and no further, so that whatever is spoken next, encrypted
 * or not, finds all of its own.
 *
 * Smaller than a session, in whose place it stands. Keeps nothing of the
 * configuration: it may change while the header is awaited. Owner: the worker
 * that got the socket. */
#pragma once

struct addr;
struct client_context;
struct conf_listen;
struct list;

/* Takes fd, a non-blocking socket that context->sessions_n has counted. Without
 * a header to come, peer is admitted already. */
void arrival_start(struct client_context *, int fd, const struct addr *peer,
    const struct conf_listen *listen);

/* The server goes down: the client is told. */
void arrival_shut_down(struct list *link);
