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
struct conf_listen;

struct worker {
	struct loop loop;
	struct client_context context;
	struct backend **backends;	/* const */
	size_t backends_n;
	pthread_t thread;
	struct message drain, stop;
};

/* Keeps backends and what `shared` points to: of that the worker fills in the
 * rest. 0, or an error number. */
int worker_start(struct worker *, unsigned index,
    const struct client_context *shared, struct backend **backends)
    __attribute__((warn_unused_result));

/* Acceptor: takes fd. */
void worker_give_client(struct worker *, int fd, const struct addr *peer,
    const struct conf_listen *listen);
/* Any thread: clients that it has or is being given. */
unsigned worker_get_load(struct worker *);

/* Main thread: clients may finish the answer in flight. */
void worker_drain(struct worker *);
/* Main thread: ends what is left, joins; the pools are closed. The loop stays
 * until worker_fini(), for others may still post to it. */
void worker_stop(struct worker *);
void worker_fini(struct worker *);
