// SPDX-License-Identifier: BSD-2-Clause
/* server - the ports, the event loops, the signals.
 *
 * Worker 0 runs in the thread of server_run(), accepts for all and hands
 * connections out in turn; every other worker has a thread. A connection
 * stays with its worker until it is closed. One list of all connections,
 * under one mutex, says how many there are: a connection is counted from its
 * accept until its descriptor is closed. Owner: main. */
#pragma once

#include <stddef.h>

struct newsd;
struct server;

/* Opens the ports and blocks the signals. Gives a server, or NULL and a
 * message in err. Keeps nd. */
struct server *server_new(struct newsd *nd, char *err, size_t err_size);

/* "HOST:PORT" of the port, and of the control port ("" without one). */
const char *server_get_address(const struct server *sv);
const char *server_get_control_address(const struct server *sv);

/* Serves until TERM or INT. */
void server_run(struct server *sv);

void server_free(struct server *sv);
