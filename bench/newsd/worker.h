// SPDX-License-Identifier: BSD-2-Clause
/* worker - one event loop, the connections that belong to it, their timers.
 *
 * Each of its timer queues has one fixed delay, so a queue is in the order of
 * due times by itself. Owner: struct server. Thread: its own; worker_add() and
 * worker_stop() may be called from any. */
#pragma once

#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct conn;
struct newsd;
struct worker;

/* What an epoll event is about. A connection's watch has no callback. */
struct watch {
	void (*on_event)(struct watch *watch);
	int fd;
	void *arg;
};

enum worker_queue { QUEUE_IDLE, QUEUE_LATENCY, QUEUE_DRIBBLE, QUEUES_N };

typedef void worker_close_f(void *arg, struct conn *c);

struct worker {
	/* const after worker_init() */
	struct newsd *nd;
	worker_close_f *on_close; /* takes the connection */
	void *arg;
	int epoll_fd;
	int64_t delays_ms[QUEUES_N]; /* 0: never */
	struct watch wake;
	pthread_t thread; /* by who starts one */
	/* any thread */
	atomic_bool is_stopping;
	/* the worker's thread */
	struct list queues[QUEUES_N];
	int64_t now_ms;
};

/* 0, or -1 with errno. */
int worker_init(struct worker *w, struct newsd *nd, worker_close_f *on_close,
    void *arg);
void worker_fini(struct worker *w);

/* Takes c; it may be gone when this returns. */
void worker_add(struct worker *w, struct conn *c);

/* Level-triggered reading; keeps watch. */
void worker_watch(struct worker *w, struct watch *watch);
void worker_unwatch(struct worker *w, struct watch *watch);

/* Returns after worker_stop(). */
void worker_run(struct worker *w);
void worker_stop(struct worker *w);
