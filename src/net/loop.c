// SPDX-License-Identifier: BSD-2-Clause
#include "net/loop.h"

#include "base/check.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* A machine that stood still finds timers that are due since long, along with all
 * that came meanwhile. From LATE_MS on the others get time too, as long as it was
 * late but PATIENCE_MS at most: they stood still as well. */
#define LATE_MS 100
#define PATIENCE_MS 500

/* One per descriptor number. Written by the thread that owns the descriptor;
 * a loop with an event in hand may read it at any time. */
struct watch {
	_Atomic uint32_t generation;
	_Atomic uint32_t events;
	_Atomic(loop_cb_f *) cb;
	_Atomic(void *) arg;
	_Atomic bool has_more, is_listed;	/* listed in loop->more */
};

struct loop_more {
	int fd;
	uint32_t generation;
};

static struct {
	struct watch *watches;
	unsigned n;
} table;

static _Thread_local struct loop *current;

size_t
loop_table_get_size(unsigned n)
{
	return n * sizeof(struct watch);
}

void
loop_table_init(unsigned n)
{
	void *p = mmap(NULL, (size_t)n * sizeof(struct watch),
	    PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	table.watches = p;
	table.n = n;
}

static uint64_t
get_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
loop_clock_ms(void)
{
	return get_clock_us() / 1000;
}

struct loop *
loop_current(void)
{
	return current;
}

struct spares *
loop_spares(void)
{
	return current != NULL ? &current->spares : NULL;
}

static void
on_inbox(struct loop *l, void *arg, uint32_t events)
{
	(void)arg, (void)events;
	inbox_acknowledge(&l->inbox);	/* the turn drains it */
}

int
loop_init(struct loop *l, unsigned index)
{
	*l = (struct loop){ .index = index, .now_ms = loop_clock_ms() };
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -1;
	if (inbox_init(&l->inbox) < 0) {
		close(l->epoll_fd);
		return -1;
	}
	l->buffer = xmalloc(LOOP_BUFFER_SIZE);
	spares_init(&l->spares);
	timers_init(&l->timers);
	timers_init(&l->paces);
	list_init(&l->tasks);
	loop_watch(l, l->inbox.event_fd, EPOLLIN, on_inbox, NULL);
	return 0;
}

void
loop_fini(struct loop *l)
{
	loop_unwatch(l, l->inbox.event_fd);
	inbox_fini(&l->inbox);
	timers_fini(&l->timers);
	timers_fini(&l->paces);
	close(l->epoll_fd);
	pipes_fini(&l->pipes);
	free(l->more);
	free(l->buffer);
	spares_fini(&l->spares);
	if (current == l)
		current = NULL;
}

static struct watch *
get_watch(int fd)
{
	CHECK(fd >= 0 && (unsigned)fd < table.n);
	return &table.watches[fd];
}

static void
control(int epoll_fd, int op, int fd, struct watch *w)
{
	struct epoll_event ev = {
		.events = atomic_load(&w->events),
		.data.u64 = (uint64_t)atomic_load(&w->generation) << 32 |
		    (uint32_t)fd,
	};

	SYS_OK(epoll_ctl(epoll_fd, op, fd, &ev));
}

void
loop_watch(struct loop *l, int fd, uint32_t events, loop_cb_f *cb, void *arg)
{
	struct watch *w = get_watch(fd);

	/* The generation goes first, so that whoever reads a new cb or arg
	 * also sees that his event is of an older watch. */
	atomic_fetch_add(&w->generation, 1);
	atomic_store(&w->cb, cb);
	atomic_store(&w->arg, arg);
	atomic_store(&w->events, events);
	atomic_store(&w->has_more, false);
	atomic_store(&w->is_listed, false);
	control(l->epoll_fd, EPOLL_CTL_ADD, fd, w);
}

/* At most one entry of each watch is in the list. */
static void
list_more(struct loop *l, int fd, struct watch *w)
{
	if (!atomic_load(&w->has_more) || atomic_load(&w->is_listed) ||
	    (atomic_load(&w->events) & EPOLLIN) == 0)
		return;
	atomic_store(&w->is_listed, true);
	if (l->more_n == l->more_size) {
		l->more_size = 2 * l->more_size + 16;
		l->more = xrealloc(l->more,
		    l->more_size * sizeof(l->more[0]));
	}
	l->more[l->more_n++] = (struct loop_more){
		.fd = fd,
		.generation = atomic_load(&w->generation),
	};
}

void
loop_set_more(struct loop *l, int fd, bool has_more)
{
	struct watch *w = get_watch(fd);

	atomic_store(&w->has_more, has_more);
	list_more(l, fd, w);
}

void
loop_mask(struct loop *l, int fd, uint32_t events)
{
	struct watch *w = get_watch(fd);

	if (atomic_load(&w->events) == events)
		return;
	atomic_store(&w->events, events);
	control(l->epoll_fd, EPOLL_CTL_MOD, fd, w);
	list_more(l, fd, w);
}

void
loop_unwatch(struct loop *l, int fd)
{
	struct watch *w = get_watch(fd);

	atomic_fetch_add(&w->generation, 1);
	control(l->epoll_fd, EPOLL_CTL_DEL, fd, w);
}

void
loop_close(int fd)
{
	atomic_fetch_add(&get_watch(fd)->generation, 1);
	close(fd);
}

static void
dispatch(struct loop *l, const struct epoll_event *ev)
{
	int fd = (int)(uint32_t)ev->data.u64;
	uint32_t generation = (uint32_t)(ev->data.u64 >> 32);
	struct watch *w = get_watch(fd);
	loop_cb_f *cb = atomic_load(&w->cb);
	void *arg = atomic_load(&w->arg);

	if (atomic_load(&w->generation) == generation)
		cb(l, arg, ev->events);
}

static void
tell_of_more(struct loop *l, const struct loop_more *more)
{
	struct watch *w = get_watch(more->fd);
	struct epoll_event ev = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)more->generation << 32 |
		    (uint32_t)more->fd,
	};

	if (atomic_load(&w->generation) != more->generation)
		return;
	atomic_store(&w->is_listed, false);
	if (!atomic_load(&w->has_more) ||
	    (atomic_load(&w->events) & EPOLLIN) == 0)
		return;
	dispatch(l, &ev);
	if (atomic_load(&w->generation) == more->generation)
		list_more(l, more->fd, w);
}

/* Once for each that is listed now; those that are added wait for the next
 * turn. */
static void
run_more(struct loop *l)
{
	size_t n = l->more_n;

	for (size_t i = 0; i < n; i++) {
		struct loop_more more = l->more[i];	/* the list may move */

		tell_of_more(l, &more);
	}
	l->more_n -= n;
	if (l->more_n > 0)
		memmove(l->more, l->more + n, l->more_n * sizeof(l->more[0]));
}

void
loop_post(struct loop *l, struct message *m)
{
	if (l == current)
		inbox_push_own(&l->inbox, m);
	else
		inbox_push(&l->inbox, m);
}

void
task_init(struct task *t, task_cb_f *run)
{
	list_init(&t->link);
	t->run = run;
}

void
loop_schedule(struct loop *l, struct task *t)
{
	if (!list_is_linked(&t->link))
		list_push_back(&l->tasks, &t->link);
}

void
loop_unschedule(struct task *t)
{
	list_remove(&t->link);
}

static void
run_tasks(struct loop *l)
{
	struct list *link;

	while ((link = list_pop_front(&l->tasks)) != NULL) {
		struct task *t = LIST_ENTRY(link, struct task, link);

		t->run(t);
	}
}

/* --- time ------------------------------------------------------------------ */

/* Once for each: what was due in the turn before already has been put off, and is
 * not late anew. */
static void
note_lateness(struct loop *l, uint64_t last_ms)
{
	uint64_t due_ms = timers_next(&l->timers), late_ms;

	if (due_ms <= last_ms || due_ms > l->now_ms)
		return;
	late_ms = l->now_ms - due_ms;
	if (late_ms >= LATE_MS)
		l->patient_ms = l->now_ms +
		    (late_ms < PATIENCE_MS ? late_ms : PATIENCE_MS);
}

/* Whether nothing is known that could still forestall a timer, or it was waited
 * for long enough. */
static bool
is_up_to_date(struct loop *l)
{
	if (l->told_n == l->turn_n && inbox_is_empty(&l->inbox))
		return true;
	if (l->behind_ms == 0)
		l->behind_ms = l->now_ms;
	return l->now_ms - l->behind_ms >= PATIENCE_MS;
}

/* A timer finds all done that its turn was told of, and what the timer before it
 * has begun. */
static void
expire_timers(struct loop *l)
{
	while (timers_next(&l->timers) <= l->now_ms) {
		if (!is_up_to_date(l) || loop_is_patient(l))
			return;
		if (!timers_expire(&l->timers, l->now_ms))
			break;
		run_tasks(l);
	}
	l->behind_ms = 0;
}

/* They end nothing, so they need not wait for anything. */
static void
expire_paces(struct loop *l)
{
	while (timers_expire(&l->paces, l->now_ms))
		;
}

/* When a timer wants to be called. */
static uint64_t
get_next(const struct loop *l)
{
	uint64_t next = timers_next(&l->timers);
	uint64_t pace = timers_next(&l->paces);

	if (next < l->patient_ms)
		next = l->patient_ms;
	return pace < next ? pace : next;
}

/* --- a turn ---------------------------------------------------------------- */

/* Milliseconds to sleep: 0 when there is work, -1 for ever. */
static int
get_wait(struct loop *l, int max_wait_ms)
{
	uint64_t next = get_next(l), wait;

	if (!inbox_is_empty(&l->inbox) || !list_is_empty(&l->tasks) ||
	    l->more_n > 0)
		return 0;
	if (next == UINT64_MAX)
		return max_wait_ms;
	wait = next > l->now_ms ? next - l->now_ms : 0;
	if (wait > 60 * 1000)
		wait = 60 * 1000;
	if (max_wait_ms >= 0 && wait > (uint64_t)max_wait_ms)
		wait = (uint64_t)max_wait_ms;
	return (int)wait;
}

/* No deadline is missed by it: it is shorter than a millisecond. */
static int
look_again(struct loop *l, struct epoll_event *events)
{
	uint64_t until_us = get_clock_us() + l->spin.limit_us;
	int n;

	do
		n = epoll_wait(l->epoll_fd, events, LOOP_EVENTS_MAX, 0);
	while (n == 0 && get_clock_us() < until_us);
	spin_note(&l->spin, n != 0);
	return n;
}

static int
wait_for_events(struct loop *l, struct epoll_event *events, int wait_ms)
{
	int n = 0;

	if (wait_ms != 0 && l->was_told && spin_is_due(&l->spin))
		n = look_again(l, events);
	if (n == 0)
		n = epoll_wait(l->epoll_fd, events, LOOP_EVENTS_MAX, wait_ms);
	CHECK(n >= 0 || errno == EINTR);
	l->was_told = n > 0;
	return n;
}

void
loop_set_spin(struct loop *l, uint64_t limit_us)
{
	spin_init(&l->spin, limit_us);
}

void
loop_coalesce(struct loop *l, const void *whose, uint64_t come_bytes)
{
	if (l->spin.limit_us == 0)
		coalesce_want(&l->coalesce, whose, come_bytes);
}

/* No deadline is missed by it either. */
static void
let_gather(struct loop *l)
{
	struct timespec wait = { 0 };

	if (!l->coalesce.is_wanted)
		return;
	wait.tv_nsec = 1000 * (long)coalesce_get_wait(&l->coalesce, l->turn_us,
	    get_clock_us());
	if (wait.tv_nsec > 0)
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
}

void
loop_turn(struct loop *l, int max_wait_ms)
{
	struct epoll_event events[LOOP_EVENTS_MAX];
	uint64_t last_ms;
	int n;

	current = l;
	l->turn_n++;
	timers_new_turn(&l->timers);
	timers_new_turn(&l->paces);
	let_gather(l);
	n = wait_for_events(l, events, get_wait(l, max_wait_ms));
	l->turn_us = get_clock_us();
	last_ms = l->now_ms;
	l->now_ms = l->turn_us / 1000;
	note_lateness(l, last_ms);
	for (int i = 0; i < n; i++)
		dispatch(l, &events[i]);
	run_more(l);
	/* With a full array there may be more. */
	if (n >= 0 && n < LOOP_EVENTS_MAX)
		l->told_n = l->turn_n;
	if (!inbox_is_empty(&l->inbox))
		inbox_drain(&l->inbox);
	expire_paces(l);
	run_tasks(l);
	expire_timers(l);
}

void
loop_run(struct loop *l)
{
	l->is_stopping = false;
	l->now_ms = loop_clock_ms();
	while (!l->is_stopping)
		loop_turn(l, -1);
}

void
loop_stop(struct loop *l)
{
	l->is_stopping = true;
}
