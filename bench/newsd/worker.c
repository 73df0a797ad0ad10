// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/worker.h"

#include "base/check.h"
#include "newsd/conn.h"
#include "newsd/newsd.h"
#include "newsd/options.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_N 64
#define DRIBBLE_MS 100

/* epoll's data is a struct watch or a struct conn; the low bit tells. */
#define IS_CONN ((uintptr_t)1)

static int64_t
get_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
on_wake(struct watch *watch)
{
	uint64_t n;

	if (read(watch->fd, &n, sizeof(n)) < 0)
		CHECK(errno == EAGAIN);
}

int
worker_init(struct worker *w, struct newsd *nd, worker_close_f *on_close,
    void *arg)
{
	*w = (struct worker){ .nd = nd, .on_close = on_close, .arg = arg };
	for (int i = 0; i < QUEUES_N; i++)
		list_init(&w->queues[i]);
	w->delays_ms[QUEUE_IDLE] = (int64_t)nd->options->idle_timeout_s * 1000;
	w->delays_ms[QUEUE_LATENCY] = (int64_t)nd->options->latency_ms;
	w->delays_ms[QUEUE_DRIBBLE] = DRIBBLE_MS;
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->wake.on_event = on_wake;
	if (w->epoll_fd < 0 || w->wake.fd < 0)
		return -1;
	worker_watch(w, &w->wake);
	return 0;
}

void
worker_fini(struct worker *w)
{
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	if (w->wake.fd >= 0)
		close(w->wake.fd);
}

void
worker_watch(struct worker *w, struct watch *watch)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = watch };

	SYS_OK(epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, watch->fd, &ev));
}

void
worker_unwatch(struct worker *w, struct watch *watch)
{
	SYS_OK(epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL));
}

static void
set_events(struct worker *w, struct conn *c, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events,
		.data.ptr = (void *)((uintptr_t)c | IS_CONN) };

	c->events = events;
	SYS_OK(epoll_ctl(w->epoll_fd, op, c->fd, &ev));
}

void
worker_add(struct worker *w, struct conn *c)
{
	/* Writable at once: the worker comes to it and sends the greeting. */
	set_events(w, c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void
set_timer(struct worker *w, struct conn *c, enum worker_queue q)
{
	list_remove(&c->timer);
	if (w->delays_ms[q] == 0)
		return;
	c->due_ms = w->now_ms + w->delays_ms[q];
	list_push_back(&w->queues[q], &c->timer);
}

static void
close_conn(struct worker *w, struct conn *c)
{
	list_remove(&c->timer);
	w->on_close(w->arg, c);
}

static void
run_conn(struct worker *w, struct conn *c)
{
	uint32_t events = 0;
	enum conn_wait wait = conn_run(c);

	switch (wait) {
	case CONN_CLOSE:
		close_conn(w, c);
		return;
	case CONN_LATENCY:
		set_timer(w, c, QUEUE_LATENCY);
		break;
	case CONN_DRIBBLE:
		set_timer(w, c, QUEUE_DRIBBLE);
		break;
	case CONN_INPUT:
	case CONN_OUTPUT:
		events = wait == CONN_INPUT ? EPOLLIN : EPOLLOUT;
		if (!c->is_idle || !list_is_linked(&c->timer))
			set_timer(w, c, QUEUE_IDLE);
		break;
	}
	if (events != c->events)
		set_events(w, c, EPOLL_CTL_MOD, events);
}

static void
on_conn_event(struct worker *w, struct conn *c, uint32_t events)
{
	/* Nothing was asked for, so this is an end or an error. */
	if (c->events == 0 && (events & (EPOLLHUP | EPOLLERR)) != 0)
		close_conn(w, c);
	else
		run_conn(w, c);
}

static void
run_timers(struct worker *w)
{
	for (int q = 0; q < QUEUES_N; q++) {
		struct list *first;

		while ((first = list_first(&w->queues[q])) != NULL) {
			struct conn *c =
			    LIST_ENTRY(first, struct conn, timer);

			if (c->due_ms > w->now_ms)
				break;
			list_remove(first);
			if (q == QUEUE_IDLE) {
				stats_count(&w->nd->stats.idle_closed, 1);
				close_conn(w, c);
			} else {
				run_conn(w, c);
			}
		}
	}
}

static int
get_wait_ms(const struct worker *w)
{
	int64_t wait = INT32_MAX;

	for (int q = 0; q < QUEUES_N; q++) {
		struct list *first = list_first(&w->queues[q]);

		if (first != NULL) {
			int64_t due =
			    LIST_ENTRY(first, struct conn, timer)->due_ms;

			wait = due - w->now_ms < wait ? due - w->now_ms : wait;
		}
	}
	if (wait == INT32_MAX)
		return -1;
	return wait > 0 ? (int)wait : 0;
}

void
worker_run(struct worker *w)
{
	struct epoll_event events[EVENTS_N];

	w->now_ms = get_now_ms();
	while (!atomic_load(&w->is_stopping)) {
		int n = epoll_wait(w->epoll_fd, events, EVENTS_N,
		    get_wait_ms(w));

		CHECK(n >= 0 || errno == EINTR);
		w->now_ms = get_now_ms();
		for (int i = 0; i < n; i++) {
			uintptr_t data = (uintptr_t)events[i].data.ptr;
			struct watch *watch = events[i].data.ptr;

			if ((data & IS_CONN) != 0)
				on_conn_event(w,
				    (struct conn *)(data & ~IS_CONN),
				    events[i].events);
			else
				watch->on_event(watch);
		}
		run_timers(w);
	}
}

void
worker_stop(struct worker *w)
{
	uint64_t one = 1;

	atomic_store(&w->is_stopping, true);
	if (write(w->wake.fd, &one, sizeof(one)) < 0)
		CHECK(errno == EAGAIN);
}
