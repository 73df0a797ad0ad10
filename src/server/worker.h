// SPDX-License-Identifier: BSD-2-Clause
/* worker - a thread with a loop that serves its clients for ever.
 *
 * Made and ended by the server on the main thread; in between its thread owns
 * it, but for the atomics of the context and the calls here. */
#pragma once

#include "client/client.h"
#include "net/addr.h"
#include "net/loop.h"

#include <pthread.h>

struct backend;
struct conf;
struct conf_listen;
struct router;

struct worker {
	struct loop loop;
	struct client_context context;
	struct backend **backends;	/* at its end, see worker_stop() */
	size_t backends_n;
	pthread_t thread;
	struct message drain, stop;
};

/* Keeps what `shared` points to: of that the worker fills in the rest. 0, or an
 * error number. */
int worker_start(struct worker *, unsigned index,
    const struct client_context *shared)
    __attribute__((warn_unused_result));
/* Main thread: keeps another configuration and its router, for all of its
 * clients at once. When it returns the worker knows nothing of the old ones. */
void worker_change(struct worker *, const struct conf *conf,
    const struct router *router);

/* Acceptor: takes fd. */
void worker_give_client(struct worker *, int fd, const struct addr *peer,
    const struct conf_listen *listen);
/* Any thread: clients that it has or is being given. */
unsigned worker_get_load(struct worker *);

/* Main thread: clients may finish the answer in flight. */
void worker_drain(struct worker *);
/* Main thread: ends what is left, joins; the pools of the backends, which are
 * all there are, are closed. The loop stays until worker_fini(), for others may
 * still post to it. */
void worker_stop(struct worker *, struct backend **backends, size_t n);
void worker_fini(struct worker *);
