// SPDX-License-Identifier: BSD-2-Clause
#include "load/driver.h"

#include "base/check.h"
#include "load/clock.h"
#include "load/conn.h"
#include "load/load.h"
#include "load/options.h"
#include "load/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONNECTING_MAX 128
#define EVENTS_N 64
#define SILENCE_S 30
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

struct driver {
	struct load *load;
	int epoll_fd;
	struct conn *conns;
	uint64_t opened_n, greeted_n;
	struct list thinking; /* all have the same delay: in order */
	uint64_t now_ns, heard_ns;
	uint64_t phase_end_ns; /* UINT64_MAX: not by time */
	uint64_t begun_ns, watched_ns, own_ns; /* at the start of MEASURE */
};

/* --- phases --- */

static uint64_t
read_watched(const struct options *o)
{
	uint64_t ns;

	errno = 0;
	ns = watch_read(o->watch, o->watch_n);
	if (errno != 0)
		load_fail("--watch: %s", strerror(errno));
	return ns;
}

static void
begin_measuring(struct driver *d)
{
	const struct options *o = d->load->options;

	d->load->phase = LOAD_MEASURE;
	d->watched_ns = read_watched(o);
	d->own_ns = clock_read(CLOCK_PROCESS_CPUTIME_ID);
	d->begun_ns = clock_now();
	d->phase_end_ns = o->count > 0 ? UINT64_MAX :
	    d->begun_ns + o->measure_ms * NS_PER_MS;
}

static void
end_measuring(struct driver *d)
{
	const struct options *o = d->load->options;
	struct result *r = &d->load->result;

	r->ns = clock_now() - d->begun_ns;
	r->own_ns = clock_read(CLOCK_PROCESS_CPUTIME_ID) - d->own_ns;
	r->watched_ns = read_watched(o) - d->watched_ns;
	r->connections = o->connections;
	r->share_min = UINT64_MAX;
	for (uint64_t i = 0; i < o->connections; i++) {
		uint64_t n = d->conns[i].answers_n;

		r->share_min = n < r->share_min ? n : r->share_min;
		r->share_max = n > r->share_max ? n : r->share_max;
	}
	d->load->phase = LOAD_END;
}

/* All clients are greeted: they begin to ask. */
static void
begin_asking(struct driver *d)
{
	const struct options *o = d->load->options;

	puts("ready");
	fflush(stdout);
	if (o->count > 0 || o->warm_up_ms == 0) {
		begin_measuring(d);
	} else {
		d->load->phase = LOAD_WARM_UP;
		d->phase_end_ns = d->now_ns + o->warm_up_ms * NS_PER_MS;
	}
	for (uint64_t i = 0; i < o->connections && !o->is_idle; i++)
		conn_ask(&d->conns[i], d->load);
}

/* The time is over, and each client has had an answer as an average: what was
 * spent on a few that were begun says nothing. */
static bool
is_measured(const struct driver *d)
{
	const struct options *o = d->load->options;
	uint64_t n = d->load->result.commands;

	if (o->count > 0)
		return n == o->count;
	return d->now_ns >= d->phase_end_ns &&
	    (o->is_idle || n >= o->connections);
}

static void
check_phase(struct driver *d)
{
	const struct options *o = d->load->options;

	switch (d->load->phase) {
	case LOAD_CONNECT:
		if (d->greeted_n == o->connections)
			begin_asking(d);
		return;
	case LOAD_WARM_UP:
		if (d->now_ns >= d->phase_end_ns)
			begin_measuring(d);
		return;
	case LOAD_MEASURE:
		if (is_measured(d))
			end_measuring(d);
		return;
	case LOAD_END:
		return;
	}
	NEVER("phase of a run");
}

/* --- clients --- */

static void
open_more(struct driver *d)
{
	while (d->opened_n < d->load->options->connections &&
	    d->opened_n - d->greeted_n < CONNECTING_MAX) {
		struct conn *c = &d->conns[d->opened_n];
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		conn_open(c, d->load, d->opened_n++);
		SYS_OK(epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev));
	}
}

static void
on_event(struct driver *d, struct conn *c)
{
	bool is_new = c->state == CONN_GREETING;
	unsigned answers_n = conn_read(c, d->load);

	if (answers_n == 0)
		return;
	if (is_new) {
		d->greeted_n++;
		open_more(d);
	} else if (d->load->options->think_us == 0) {
		conn_ask(c, d->load);
	} else if (!list_is_linked(&c->think)) {
		c->due_ns = d->now_ns + d->load->options->think_us * 1000;
		list_push_back(&d->thinking, &c->think);
	}
}

static void
end_thoughts(struct driver *d)
{
	struct list *first;

	while ((first = list_first(&d->thinking)) != NULL) {
		struct conn *c = LIST_ENTRY(first, struct conn, think);

		if (c->due_ns > d->now_ns)
			return;
		list_remove(first);
		conn_ask(c, d->load);
	}
}

/* --- the loop --- */

static uint64_t
get_silence_end(const struct driver *d)
{
	if (d->load->options->is_idle && d->load->phase != LOAD_CONNECT)
		return UINT64_MAX;
	return d->heard_ns + SILENCE_S * NS_PER_S;
}

static struct timespec
get_wait(const struct driver *d)
{
	struct list *first = list_first(&d->thinking);
	uint64_t until = get_silence_end(d), wait;

	/* One that is over already waits for answers: is_measured(). */
	if (d->phase_end_ns > d->now_ns && d->phase_end_ns < until)
		until = d->phase_end_ns;
	if (first != NULL) {
		uint64_t due = LIST_ENTRY(first, struct conn, think)->due_ns;

		until = due < until ? due : until;
	}
	wait = until > d->now_ns ? until - d->now_ns : 0;
	return (struct timespec){ .tv_sec = (time_t)(wait / NS_PER_S),
		.tv_nsec = (long)(wait % NS_PER_S) };
}

static void
turn(struct driver *d)
{
	struct epoll_event events[EVENTS_N];
	struct timespec wait = get_wait(d);
	int n = epoll_pwait2(d->epoll_fd, events, EVENTS_N, &wait, NULL);

	if (n < 0 && errno != EINTR)
		load_fail("epoll_pwait2: %s", strerror(errno));
	d->now_ns = clock_now();
	for (int i = 0; i < n; i++)
		on_event(d, events[i].data.ptr);
	if (n > 0)
		d->heard_ns = d->now_ns;
	else if (d->now_ns >= get_silence_end(d))
		load_fail("nothing came for %d s", SILENCE_S);
	end_thoughts(d);
	check_phase(d);
}

void
driver_run(struct load *ld)
{
	struct driver d = { .load = ld, .phase_end_ns = UINT64_MAX };

	list_init(&d.thinking);
	d.conns = xcalloc(ld->options->connections, sizeof(*d.conns));
	d.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (d.epoll_fd < 0)
		load_fail("epoll_create1: %s", strerror(errno));
	d.now_ns = d.heard_ns = clock_now();
	open_more(&d);
	while (ld->phase != LOAD_END)
		turn(&d);
	for (uint64_t i = 0; i < d.opened_n; i++)
		conn_close(&d.conns[i]);
	free(d.conns);
	close(d.epoll_fd);
}
