// SPDX-License-Identifier: BSD-2-Clause
/* acceptor - the thread that takes connections in and hands them to workers.
 *
 * It admits (max_clients; admission.h, or at a listener that requires a PROXY
 * header proxy_protocol_from: then the worker asks the rest), gives each to the
 * least loaded worker and keeps nothing. When the process or the system runs
 * out of descriptors or memory it pauses and tries again, for it must never
 * end. */
#pragma once

#include "net/loop.h"
#include "server/listeners.h"

#include <pthread.h>

struct acceptor;
struct census;
struct worker;

struct acceptor {
	/* const after start */
	struct census *census;
	struct worker *workers;
	unsigned workers_n;
	pthread_t thread;

	/* owner: its thread; acceptor_change() */
	struct listeners listeners;
	unsigned clients_max;
	struct loop loop;
	struct timer pause;
	unsigned turn;
	unsigned pauses_n;		/* since something was accepted */
	struct message stop;
};

/* Its listeners are open. Keeps workers and census. At most clients_max clients
 * at a time. 0, or an error number. */
int acceptor_start(struct acceptor *, struct worker *workers,
    unsigned workers_n, struct census *census, unsigned clients_max)
    __attribute__((warn_unused_result));
/* No connection is taken in any more; the listeners stay open. */
void acceptor_stop(struct acceptor *);

/* For another configuration, on the main thread: no connection is taken in
 * until acceptor_change(), and those that were have come as far as the inbox of
 * a worker. */
void acceptor_pause(struct acceptor *);
/* Takes next in the place of its listeners, of which those that are not among
 * them are closed. */
void acceptor_change(struct acceptor *, struct listeners *next,
    unsigned clients_max);
