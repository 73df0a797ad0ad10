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
#define SLOW_MS 10
#define SILENCE_S 30
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

struct driver {
	struct load *load;
	int epoll_fd;
	struct conn *conns;
	uint64_t opened_n, greeted_n;
	struct list thinking; /* all have the same delay: in order */
	uint64_t now_ns;
	uint64_t slow_due_ns; /* UINT64_MAX: there are no slow ones */
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
	r->slow_beside = o->slow_beside;
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
	for (uint64_t i = 0; i < d->opened_n; i++)
		conn_ask(&d->conns[i], d->load);
	if (o->slow_beside > 0)
		d->slow_due_ns = d->now_ns;
}

/* The time is over, and each client has had an answer as an average, slow ones
 * for themselves: what was spent on a few that were begun says nothing. */
static bool
is_measured(const struct driver *d)
{
	const struct options *o = d->load->options;
	const struct result *r = &d->load->result;
	uint64_t n = r->all.commands;

	if (r->slow.commands < o->slow_beside)
		return false;
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
		if (d->greeted_n == options_count_clients(o))
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

/* Those that count come first, slow ones last. */
static enum conn_role
get_role(const struct options *o, uint64_t index)
{
	if (index < o->connections && !o->is_idle)
		return CONN_ASKS;
	return index < o->connections + o->idle_beside ? CONN_IDLE : CONN_SLOW;
}

static void
open_more(struct driver *d)
{
	const struct options *o = d->load->options;

	while (d->opened_n < options_count_clients(o) &&
	    d->opened_n - d->greeted_n < CONNECTING_MAX) {
		struct conn *c = &d->conns[d->opened_n];
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		conn_open(c, d->load, d->opened_n, get_role(o, d->opened_n));
		d->opened_n++;
		SYS_OK(epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev));
	}
}

static void
on_greeted(struct driver *d, struct conn *c)
{
	if (c->role == CONN_SLOW)
		SYS_OK(epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL));
	d->greeted_n++;
	open_more(d);
}

static void
read_client(struct driver *d, struct conn *c)
{
	bool is_new = c->state == CONN_GREETING;
	unsigned answers_n = conn_read(c, d->load);

	if (answers_n == 0)
		return;
	if (is_new) {
		on_greeted(d, c);
	} else if (d->load->options->think_us == 0) {
		conn_ask(c, d->load);
	} else if (!list_is_linked(&c->think)) {
		c->due_ns = d->now_ns + d->load->options->think_us * 1000;
		list_push_back(&d->thinking, &c->think);
	}
}

static void
read_slow_ones(struct driver *d)
{
	const struct options *o = d->load->options;

	if (d->now_ns < d->slow_due_ns)
		return;
	for (uint64_t i = o->connections + o->idle_beside; i < d->opened_n; i++)
		read_client(d, &d->conns[i]);
	d->slow_due_ns = d->now_ns + SLOW_MS * NS_PER_MS;
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
	return d->load->heard_ns + SILENCE_S * NS_PER_S;
}

static struct timespec
get_wait(const struct driver *d)
{
	struct list *first = list_first(&d->thinking);
	uint64_t until = get_silence_end(d), wait;

	/* One that is over already waits for answers: is_measured(). */
	if (d->phase_end_ns > d->now_ns && d->phase_end_ns < until)
		until = d->phase_end_ns;
	if (d->slow_due_ns < until)
		until = d->slow_due_ns;
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
		read_client(d, events[i].data.ptr);
	read_slow_ones(d);
	if (d->now_ns >= get_silence_end(d))
		load_fail("nothing came for %d s", SILENCE_S);
	end_thoughts(d);
	check_phase(d);
}

void
driver_run(struct load *ld)
{
	struct driver d = { .load = ld, .phase_end_ns = UINT64_MAX,
		.slow_due_ns = UINT64_MAX };

	list_init(&d.thinking);
	d.conns = xcalloc(options_count_clients(ld->options),
	    sizeof(*d.conns));
	d.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (d.epoll_fd < 0)
		load_fail("epoll_create1: %s", strerror(errno));
	d.now_ns = ld->heard_ns = clock_now();
	open_more(&d);
	while (ld->phase != LOAD_END)
		turn(&d);
	for (uint64_t i = 0; i < d.opened_n; i++)
		conn_close(&d.conns[i]);
	free(d.conns);
	close(d.epoll_fd);
}
