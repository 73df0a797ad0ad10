// SPDX-License-Identifier: BSD-2-Clause
/* acceptor - the thread that takes connections in and hands them to workers.
 *
 * It admits (max_clients; admission.h, or at a listener that requires a PROXY
 * header proxy_protocol_from: then the worker asks the rest), gives each to the
 * least loaded worker and keeps nothing. When the process or the system runs
 * out of descriptors or memory it pauses and tries again, for it must never
 * end. */
#pragma once

#include "net/addr.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct acceptor;
struct census;
struct conf;
struct conf_listen;
struct worker;

struct listener {
	struct acceptor *acceptor;
	const struct conf_listen *conf;
	struct addr bound;
	int fd;
	bool is_lent;		/* by the service manager (activation.h), whose
				 * file a unix socket is */
};

struct acceptor {
	/* const after start */
	struct census *census;
	struct worker *workers;
	unsigned workers_n;
	pthread_t thread;

	/* owner: its thread; acceptor_change() */
	const struct conf *conf;
	unsigned clients_max;
	struct listener *listeners;
	size_t listeners_n;
	struct loop loop;
	struct timer pause;
	unsigned turn;
	unsigned pauses_n;		/* since something was accepted */
	struct message stop;
};

/* Opens all listeners of conf, or takes the sockets that were handed over for
 * them. 0, or -1: what failed is logged. Main thread, before any thread
 * runs. */
int acceptor_open(struct acceptor *, const struct conf *conf)
    __attribute__((warn_unused_result));
/* The unix sockets go to the user that the process is about to become. */
void acceptor_give_sockets(const struct acceptor *);
/* Keeps workers and census. At most clients_max clients at a time. 0, or an
 * error number. */
int acceptor_start(struct acceptor *, struct worker *workers,
    unsigned workers_n, struct census *census, unsigned clients_max)
    __attribute__((warn_unused_result));
/* No connection is taken in any more. */
void acceptor_stop(struct acceptor *);
/* Closes the listeners, started or not. */
void acceptor_close(struct acceptor *);

/* For another configuration. Main thread, all of them.
 *
 * The listeners that it has, into next: those with an address that is listened
 * at already (and, where the kernel chose the port, with that name), or whose
 * sockets were handed over, are the same, others are opened. 0, or -1: what
 * failed is logged, nothing has changed. */
int acceptor_prepare(const struct acceptor *, const struct conf *conf,
    struct acceptor *next) __attribute__((warn_unused_result));
/* It is not to be. */
void acceptor_abandon(const struct acceptor *, struct acceptor *next);
/* No connection is taken in until acceptor_change(); none that was is on its
 * way to a worker when this returns, but in its inbox. */
void acceptor_pause(struct acceptor *);
/* Takes next's listeners and conf in the place of its own; those that are not
 * among them are closed. */
void acceptor_change(struct acceptor *, struct acceptor *next,
    unsigned clients_max);
