// SPDX-License-Identifier: BSD-2-Clause
/* loop - what one thread waits for: descriptors, messages, deadlines, tasks.
 *
 * One turn: epoll_wait; events; messages; tasks; expired timers, each with the
 * tasks it made due. A task is work that an event made due (a session to be
 * pumped, output to be flushed); running it behind the events batches what several
 * of them have caused and keeps call chains flat.
 *
 * A deadline ends what has not come, never what has come and was not looked at: a
 * timer expires when all is done that its loop was told of, and half a second later
 * at most if the loop, or the whole machine, stood still.
 *
 * An epoll event carries a descriptor and the generation of its watch, never
 * a pointer: the table of watches has one entry per descriptor number and is
 * never freed, so an event that was fetched before its descriptor was closed,
 * re-used or taken by another loop is recognised and dropped.
 *
 * Owner: its thread. Only loop_post() and, for a descriptor handed over under
 * a lock of its owner, loop_unwatch() may be called by other threads. */
#pragma once

#include "base/inbox.h"
#include "base/list.h"
#include "base/spares.h"
#include "net/coalesce.h"
#include "net/pipe.h"
#include "net/spin.h"
#include "net/timer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_more;

/* events: EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDHUP */
typedef void loop_cb_f(struct loop *, void *arg, uint32_t events);

struct task;
typedef void task_cb_f(struct task *);
struct task {
	struct list link;	/* in loop->tasks while due */
	task_cb_f *run;
};

/* What the cache has room for; and a multiple of what a segment holds where one is
 * largest, on loopback: a buffer that is sent on as a whole has no small one at its
 * end. */
#define LOOP_BUFFER_SIZE (4 * 65483)
/* Of one turn. More than a busy loop is told of at once: a full turn leaves open
 * what was silent (loop_has_looked_since()), and that is then asked. */
#define LOOP_EVENTS_MAX 512

struct loop {
	/* const after init */
	unsigned index;		/* 0 .. loops-1: picks this thread's list or
				 * counters in shared objects */
	int epoll_fd;
	struct inbox inbox;

	/* owner: the loop's thread */
	struct timers timers;
	struct timers paces;	/* what just goes on after a while, and ends
				 * nothing */
	struct list tasks;
	struct loop_more *more;		/* descriptors with loop_set_more() */
	size_t more_n, more_size;
	struct pipes pipes;
	uint64_t now_ms;	/* CLOCK_MONOTONIC, read once per turn */
	uint64_t turn_n;	/* turns begun */
	uint64_t told_n;	/* the last of them whose events were all that
				 * there were, and have been told of; 0: none */
	uint64_t patient_ms;	/* it was late: no timer expires before */
	uint64_t behind_ms;	/* since when more is to be told of or done than
				 * a turn takes; 0: it is not */
	bool is_stopping;
	struct spares spares;
	struct spin spin;
	struct coalesce coalesce;
	uint64_t turn_us;	/* when its events were there; as now_ms */
	bool was_told;		/* of something, in the turn before */
	char *buffer;		/* LOOP_BUFFER_SIZE bytes to read into; what
				 * must outlive the callback is copied out */
};

/* The table of watches, for descriptors 0 .. n-1. Once, before any loop. */
void loop_table_init(unsigned n);

/* What it takes in bytes, once all of them were in use. */
size_t loop_table_get_size(unsigned n);

/* 0, or -1 with errno. */
int loop_init(struct loop *, unsigned index)
    __attribute__((warn_unused_result));
void loop_fini(struct loop *);
/* How long it looks again before it sleeps, when it was just told of something;
 * 0, as after loop_init(): not at all. */
void loop_set_spin(struct loop *, uint64_t limit_us);
/* A piece of something was moved, and if it is large, by what has come so far, it
 * is no use to be told of each packet of the rest: coalesce.h. Not if it spins,
 * which is for who is in a hurry. Of whose it is only compared. */
void loop_coalesce(struct loop *, const void *whose, uint64_t come_bytes);
/* Turns until loop_stop(). */
void loop_run(struct loop *);
/* One turn that waits at most max_wait_ms (tests, and an orderly end). */
void loop_turn(struct loop *, int max_wait_ms);
/* The loop returns after this turn. On its own thread: from elsewhere post a
 * message that calls it. */
void loop_stop(struct loop *);

/* Any thread; takes m until it is delivered on the loop's thread. */
void loop_post(struct loop *, struct message *m);

/* Level-triggered. fd must be below the table's size and unwatched. Keeps arg,
 * which must stay valid until loop_unwatch() or loop_close() (for a descriptor
 * that other threads may take: for ever). */
void loop_watch(struct loop *, int fd, uint32_t events, loop_cb_f *cb,
    void *arg);
/* Changes what is waited for; no system call when nothing changes. */
void loop_mask(struct loop *, int fd, uint32_t events);
void loop_unwatch(struct loop *, int fd);
/* Whether there are bytes of a watched fd that the kernel knows nothing of any
 * more, for a layer above it has them: while there are, each turn calls the
 * watch with EPOLLIN, if that is waited for. */
void loop_set_more(struct loop *, int fd, bool has_more);
/* Whether all that had happened to watched descriptors when a turn later than
 * this (turn_n) began has been told of: then one that was watched since, without
 * loop_set_more(), and of which nothing was told, was silent until then. */
static inline bool
loop_has_looked_since(const struct loop *l, uint64_t turn_n)
{
	return l->told_n > turn_n;
}

/* It was late: nothing should end now for want of what may be about to come. */
static inline bool
loop_is_patient(const struct loop *l)
{
	return l->now_ms < l->patient_ms;
}

/* close(2), after which no event of a watch of fd is ever delivered. */
void loop_close(int fd);

void task_init(struct task *, task_cb_f *run);
/* Runs the task at the end of this turn (once, however often it is called). */
void loop_schedule(struct loop *, struct task *);
void loop_unschedule(struct task *);

/* The loop that runs on the calling thread, or NULL. */
struct loop *loop_current(void);
/* Its spares, or NULL. */
struct spares *loop_spares(void);

uint64_t loop_clock_ms(void);
