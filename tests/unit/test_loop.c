// SPDX-License-Identifier: BSD-2-Clause
#include "net/loop.h"

#include "net/call.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "test.h"
#include "threads.h"

static struct loop loop, other;

static void
set_up(void)
{
	loop_table_init(1024);
	cr_assert_eq(loop_init(&loop, 0), 0);
	cr_assert_eq(loop_init(&other, 1), 0);
}

static void
tear_down(void)
{
	loop_fini(&loop);
	loop_fini(&other);
}

#define LOOP_TEST(name, ...)                                                  \
	Test(loop, name, .init = set_up, .fini = tear_down, ##__VA_ARGS__)

/* --- descriptors ------------------------------------------------------------ */

struct seen {
	unsigned n;
	uint32_t events;
	struct loop *loop;
	void (*then)(void);
};

static struct seen seen[4];

static void
on_seen(struct loop *l, void *arg, uint32_t events)
{
	struct seen *s = arg;

	s->n++;
	s->events = events;
	s->loop = l;
	if (s->then != NULL)
		s->then();
}

static int ends[2][2];

/* Two pairs; what is written to [i][1] shows at [i][0]. */
static void
open_pairs(void)
{
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < 2; i++)
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK,
		    0, ends[i]), 0);
}

static void
poke(int fd)
{
	CHECK(write(fd, "x", 1) == 1);
}

LOOP_TEST(tells_what_happens_to_a_descriptor)
{
	open_pairs();
	loop_watch(&loop, ends[0][0], EPOLLIN, on_seen, &seen[0]);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, 0);
	poke(ends[0][1]);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, 1);
	cr_assert_eq(seen[0].events, EPOLLIN);
	cr_assert_eq(seen[0].loop, &loop);
	loop_turn(&loop, 0);	/* level-triggered */
	cr_assert_eq(seen[0].n, 2);
	loop_mask(&loop, ends[0][0], EPOLLOUT);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].events, EPOLLOUT);
	loop_mask(&loop, ends[0][0], 0);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, 3);
	loop_unwatch(&loop, ends[0][0]);
	close(ends[0][1]);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, 3);
	close(ends[0][0]);
	close(ends[1][0]);
	close(ends[1][1]);
}

LOOP_TEST(what_is_more_is_told_of_each_turn)
{
	open_pairs();
	loop_watch(&loop, ends[0][0], EPOLLIN, on_seen, &seen[0]);
	loop_set_more(&loop, ends[0][0], true);
	loop_set_more(&loop, ends[0][0], true);
	for (unsigned n = 1; n < 4; n++) {
		loop_turn(&loop, 60 * 1000);	/* does not sleep */
		cr_assert_eq(seen[0].n, n);
		cr_assert_eq(seen[0].events, EPOLLIN);
	}
	loop_mask(&loop, ends[0][0], 0);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, 3);
	cr_assert_eq(loop.more_n, 0, "a masked one keeps nobody awake");
	loop_mask(&loop, ends[0][0], EPOLLIN);
	loop_turn(&loop, 60 * 1000);
	cr_assert_eq(seen[0].n, 4);
	loop_set_more(&loop, ends[0][0], false);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, 4);
	cr_assert_eq(loop.more_n, 0);
	loop_set_more(&loop, ends[0][0], true);
	loop_set_more(&loop, ends[0][0], false);
	loop_set_more(&loop, ends[0][0], true);
	loop_turn(&loop, 60 * 1000);
	cr_assert_eq(seen[0].n, 5, "once a turn");
	cr_assert_eq(loop.more_n, 1);
	loop_unwatch(&loop, ends[0][0]);
	loop_watch(&loop, ends[0][0], EPOLLIN, on_seen, &seen[0]);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, 5, "of the watch before");
	loop_close(ends[0][0]);
	close(ends[0][1]);
	close(ends[1][0]);
	close(ends[1][1]);
}

static void
close_both(void)
{
	loop_close(ends[0][0]);
	loop_close(ends[1][0]);
}

LOOP_TEST(an_event_of_a_closed_descriptor_is_dropped)
{
	open_pairs();
	for (int i = 0; i < 2; i++) {
		seen[i].then = close_both;
		loop_watch(&loop, ends[i][0], EPOLLIN, on_seen, &seen[i]);
		poke(ends[i][1]);
	}
	/* Both events are fetched in one turn; the first ends the second. */
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n + seen[1].n, 1);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n + seen[1].n, 1);
	close(ends[0][1]);
	close(ends[1][1]);
}

static int reused[2];

/* Closes both and watches the same numbers again, for something else. */
static void
reuse_both(void)
{
	for (int i = 0; i < 2; i++) {
		int fd = ends[i][0];

		loop_close(fd);
		reused[i] = fcntl(loop.inbox.event_fd, F_DUPFD, fd);
		CHECK(reused[i] == fd);
		loop_watch(&loop, fd, EPOLLIN, on_seen, &seen[2 + i]);
	}
}

LOOP_TEST(an_event_of_the_former_user_of_a_number_is_dropped)
{
	open_pairs();
	for (int i = 0; i < 2; i++) {
		seen[i].then = reuse_both;
		loop_watch(&loop, ends[i][0], EPOLLIN, on_seen, &seen[i]);
		poke(ends[i][1]);
	}
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n + seen[1].n, 1);
	cr_assert_eq(seen[2].n, 0);
	cr_assert_eq(seen[3].n, 0);
	for (int i = 0; i < 2; i++) {
		loop_close(reused[i]);
		close(ends[i][1]);
	}
}

static void
hand_over(void)
{
	for (int i = 0; i < 2; i++) {
		loop_unwatch(&loop, ends[i][0]);
		loop_watch(&other, ends[i][0], EPOLLIN, on_seen, &seen[2 + i]);
	}
}

LOOP_TEST(a_watch_is_handed_to_another_loop)
{
	open_pairs();
	for (int i = 0; i < 2; i++) {
		seen[i].then = hand_over;
		loop_watch(&loop, ends[i][0], EPOLLIN, on_seen, &seen[i]);
		poke(ends[i][1]);
	}
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n + seen[1].n, 1);
	cr_assert_eq(seen[2].n + seen[3].n, 0);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n + seen[1].n, 1);
	loop_turn(&other, 0);
	cr_assert_eq(seen[2].n, 1);
	cr_assert_eq(seen[3].n, 1);
	cr_assert_eq(seen[2].loop, &other);
	for (int i = 0; i < 2; i++) {
		loop_close(ends[i][0]);
		close(ends[i][1]);
	}
}

/* --- what is known to be silent -------------------------------------------------- */

static uint64_t watched_turn_n;
static bool was_known;

/* In the middle of a turn: of what may be in the kernel, or in the array and
 * not told of yet, nothing is known. */
static void
note_turn(void)
{
	watched_turn_n = loop.turn_n;
	was_known = loop_has_looked_since(&loop, watched_turn_n - 1);
}

LOOP_TEST(what_is_silent_is_known_after_the_next_turn)
{
	open_pairs();
	cr_assert(!loop_has_looked_since(&loop, loop.turn_n));
	seen[0].then = note_turn;
	loop_watch(&loop, ends[0][0], EPOLLIN, on_seen, &seen[0]);
	poke(ends[0][1]);
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, 1);
	cr_assert(!was_known, "other events may be in hand");
	cr_assert(!loop_has_looked_since(&loop, watched_turn_n),
	    "of something that became idle in this turn");
	cr_assert(loop_has_looked_since(&loop, watched_turn_n - 1));
	seen[0].then = NULL;
	loop_turn(&loop, 0);
	cr_assert(loop_has_looked_since(&loop, watched_turn_n));
	loop_close(ends[0][0]);
	close(ends[0][1]);
	close(ends[1][0]);
	close(ends[1][1]);
}

LOOP_TEST(with_too_many_events_nothing_is_known)
{
	static int fds[LOOP_EVENTS_MAX];
	uint64_t turn_n = loop.turn_n;

	open_pairs();
	poke(ends[0][1]);
	for (int i = 0; i < LOOP_EVENTS_MAX; i++) {
		fds[i] = dup(ends[0][0]);
		cr_assert(fds[i] >= 0);
		loop_watch(&loop, fds[i], EPOLLIN, on_seen, &seen[0]);
	}
	loop_turn(&loop, 0);
	cr_assert_eq(seen[0].n, LOOP_EVENTS_MAX);
	cr_assert(!loop_has_looked_since(&loop, turn_n));
	loop_unwatch(&loop, fds[0]);
	loop_turn(&loop, 0);
	cr_assert(loop_has_looked_since(&loop, turn_n));
	for (int i = 1; i < LOOP_EVENTS_MAX; i++)
		loop_unwatch(&loop, fds[i]);
	for (int i = 0; i < LOOP_EVENTS_MAX; i++)
		close(fds[i]);
	close(ends[0][0]);
	close(ends[0][1]);
	close(ends[1][0]);
	close(ends[1][1]);
}

/* --- looking again before it sleeps --------------------------------------------- */

LOOP_TEST(who_was_told_of_something_looks_again)
{
	open_pairs();
	loop_set_spin(&loop, 100);
	loop_watch(&loop, ends[0][0], EPOLLIN, on_seen, &seen[0]);
	loop_turn(&loop, 1);
	cr_assert_eq(loop.spin.vain_n, 0, "it has been told of nothing");
	poke(ends[0][1]);
	loop_turn(&loop, 1);
	cr_assert_eq(loop.spin.vain_n, 0, "there was something at once");
	loop_mask(&loop, ends[0][0], 0);
	loop_turn(&loop, 1);
	cr_assert_eq(loop.spin.vain_n, 1);
	loop_turn(&loop, 1);
	cr_assert_eq(loop.spin.vain_n, 1, "once, then it sleeps");
	loop_mask(&loop, ends[0][0], EPOLLIN);
	loop_turn(&loop, 1);
	cr_assert_eq(seen[0].n, 2);
	loop_turn(&loop, 60 * 1000);
	cr_assert_eq(seen[0].n, 3, "what is there is told of once");
	cr_assert_eq(loop.spin.vain_n, 0, "found by looking");
	loop_close(ends[0][0]);
	close(ends[0][1]);
	close(ends[1][0]);
	close(ends[1][1]);
}

LOOP_TEST(who_looks_again_does_not_let_events_gather)
{
	loop_coalesce(&loop, &seen[0], COALESCE_MIN_BYTES);
	cr_assert(loop.coalesce.is_wanted);
	loop_turn(&loop, 0);
	cr_assert_not(loop.coalesce.is_wanted);
	loop_set_spin(&loop, 100);
	loop_coalesce(&loop, &seen[0], COALESCE_MIN_BYTES);
	cr_assert_not(loop.coalesce.is_wanted);
}

/* --- messages ------------------------------------------------------------------ */

static char order[64];
static size_t order_n;

static void
note(char c)
{
	if (order_n < sizeof(order) - 1)
		order[order_n++] = c;
	order[order_n] = '\0';
}

static struct message letters[4];

static void
on_letter(struct message *m)
{
	note((char)('0' + (m - letters)));
	if (m == &letters[3])
		loop_post(&loop, &letters[0]);
}

static void
set_up_order(void)
{
	set_up();
	order_n = 0;
	order[0] = '\0';
	for (size_t i = 0; i < ARRAY_N(letters); i++)
		letters[i].deliver = on_letter;
}

#define ORDER_TEST(name)                                                      \
	Test(loop, name, .init = set_up_order, .fini = tear_down,            \
	    .timeout = 20)

static bool
has_wake_up(struct loop *l)
{
	struct pollfd p = { .fd = l->inbox.event_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

ORDER_TEST(messages_come_in_order)
{
	loop_post(&loop, &letters[1]);
	loop_post(&loop, &letters[0]);
	loop_post(&loop, &letters[2]);
	loop_turn(&loop, -1);
	cr_assert_str_eq(order, "102");
}

ORDER_TEST(a_loop_posts_to_itself_without_a_system_call)
{
	loop_turn(&loop, 0);
	cr_assert_eq(loop_current(), &loop);
	loop_post(&loop, &letters[1]);
	cr_assert_not(has_wake_up(&loop));
	loop_turn(&loop, -1);	/* doesn't sleep */
	cr_assert_str_eq(order, "1");
	loop_post(&other, &letters[2]);
	cr_assert(has_wake_up(&other));
	loop_turn(&other, -1);
	cr_assert_str_eq(order, "12");
	cr_assert_not(has_wake_up(&other));
}

ORDER_TEST(a_message_posted_by_a_message_comes_next_turn)
{
	loop_turn(&loop, 0);
	loop_post(&loop, &letters[3]);
	loop_turn(&loop, -1);
	cr_assert_str_eq(order, "3");
	loop_turn(&loop, -1);
	cr_assert_str_eq(order, "30");
}

/* --- the order of a turn ---------------------------------------------------------- */

static struct timer timer;
static struct task tasks[2];

static void
on_event_note(struct loop *l, void *arg, uint32_t events)
{
	(void)arg, (void)events;
	note('e');
	loop_schedule(l, &tasks[0]);
}

static void
on_timer_note(struct timer *t)
{
	(void)t;
	note('t');
	loop_schedule(&loop, &tasks[0]);
}

static void
on_task(struct task *t)
{
	note(t == &tasks[0] ? 'A' : 'B');
	if (t == &tasks[0])
		loop_schedule(&loop, &tasks[1]);
}

ORDER_TEST(a_turn_is_events_messages_tasks_timers)
{
	open_pairs();
	task_init(&tasks[0], on_task);
	task_init(&tasks[1], on_task);
	timer_init(&timer, on_timer_note);
	loop_turn(&loop, 0);
	loop_watch(&loop, ends[0][0], EPOLLIN, on_event_note, NULL);
	poke(ends[0][1]);
	timer_set(&loop.timers, &timer, loop.now_ms);
	loop_post(&loop, &letters[1]);
	loop_schedule(&loop, &tasks[1]);
	loop_schedule(&loop, &tasks[1]);
	loop_turn(&loop, 0);
	/* Each task once, though scheduled twice; and those of the timer. */
	cr_assert_str_eq(order, "e1BABtAB");
	loop_close(ends[0][0]);
	close(ends[0][1]);
	close(ends[1][0]);
	close(ends[1][1]);
}

ORDER_TEST(a_task_taken_back_does_not_run)
{
	task_init(&tasks[0], on_task);
	task_init(&tasks[1], on_task);
	loop_schedule(&loop, &tasks[0]);
	loop_schedule(&loop, &tasks[1]);
	loop_unschedule(&tasks[0]);
	loop_unschedule(&tasks[0]);
	loop_turn(&loop, -1);	/* a task is due: doesn't sleep */
	cr_assert_str_eq(order, "B");
}

ORDER_TEST(sleeps_until_the_deadline)
{
	uint64_t start = loop_clock_ms();

	task_init(&tasks[0], on_task);
	task_init(&tasks[1], on_task);
	timer_init(&timer, on_timer_note);
	loop_turn(&loop, 0);
	timer_set(&loop.timers, &timer, start + 30);
	while (order_n == 0)
		loop_turn(&loop, -1);
	cr_assert_geq(loop_clock_ms(), start + 30);
	cr_assert_geq(loop.now_ms, start + 30);
	cr_assert_str_eq(order, "tAB");
}

/* --- threads ------------------------------------------------------------------------ */

enum { PRODUCERS = 4 };

struct numbered {
	struct message message;
	unsigned producer, serial;
};

static struct numbered *numbered[PRODUCERS];
static unsigned next_serial[PRODUCERS], arrived_n, disorder_n, per_producer;

static void
on_numbered(struct message *m)
{
	struct numbered *n = (struct numbered *)m;

	if (n->serial != next_serial[n->producer]++)
		disorder_n++;
	if (++arrived_n == PRODUCERS * per_producer)
		loop_stop(&loop);
}

static void
produce(unsigned index)
{
	for (unsigned i = 0; i < per_producer; i++) {
		struct numbered *n = &numbered[index][i];

		n->message.deliver = on_numbered;
		n->producer = index;
		n->serial = i;
		loop_post(&loop, &n->message);
		if (i % 16 == 0)
			sched_yield();
	}
}

static void
produce_or_run(unsigned index)
{
	if (index < PRODUCERS)
		produce(index);
	else
		loop_run(&loop);
}

LOOP_TEST(a_running_loop_hears_every_post, .timeout = 60)
{
	struct crew crew;

	per_producer = THREADS_SCALE(50000);
	arrived_n = disorder_n = 0;
	for (int i = 0; i < PRODUCERS; i++) {
		next_serial[i] = 0;
		numbered[i] = xcalloc(per_producer, sizeof(struct numbered));
	}
	crew_start(&crew, PRODUCERS + 1, produce_or_run);
	crew_join(&crew);
	cr_assert_eq(arrived_n, PRODUCERS * per_producer);
	cr_assert_eq(disorder_n, 0);
	for (int i = 0; i < PRODUCERS; i++)
		free(numbered[i]);
}

/* A descriptor that two loops take from each other all the time: each hears of
 * it with its own argument only, never with the other's. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct loop *owner;	/* under the mutex */
static _Atomic unsigned heard_n, misled_n;
static _Atomic unsigned swaps_n;

static void
on_shared(struct loop *l, void *arg, uint32_t events)
{
	(void)events;
	if (arg != l)
		atomic_fetch_add(&misled_n, 1);
	atomic_fetch_add(&heard_n, 1);
}

static void
grab(struct loop *l)
{
	SYS_OK(pthread_mutex_lock(&mutex));
	if (owner != l) {
		loop_unwatch(owner, ends[0][0]);
		loop_watch(l, ends[0][0], EPOLLIN, on_shared, l);
		owner = l;
		atomic_fetch_add(&swaps_n, 1);
	}
	SYS_OK(pthread_mutex_unlock(&mutex));
}

static void
grab_often(unsigned index)
{
	struct loop *l = index == 0 ? &loop : &other;

	/* As long as it takes: a busy machine may run one after the other for
	 * a while. */
	while (atomic_load(&swaps_n) < THREADS_SCALE(2000)) {
		grab(l);
		loop_turn(l, 0);
		sched_yield();
	}
}

LOOP_TEST(two_loops_may_take_a_descriptor_from_each_other, .timeout = 60)
{
	struct crew crew;

	open_pairs();
	poke(ends[0][1]);
	swaps_n = 0;
	heard_n = misled_n = 0;
	owner = &loop;
	loop_watch(&loop, ends[0][0], EPOLLIN, on_shared, &loop);
	crew_start(&crew, 2, grab_often);
	crew_join(&crew);
	cr_assert_gt(heard_n, 10);
	cr_assert_eq(misled_n, 0);
	loop_unwatch(owner, ends[0][0]);
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++)
			close(ends[i][j]);
}

/* --- late ------------------------------------------------------------------- */

/* A machine that stood still: what it finds when it goes on. */

static struct task task_t, task_u;
static struct timer timer_1, timer_2;
static struct message message_m;

static void
on_task_t(struct task *t)
{
	(void)t;
	note('t');
}

static void
on_task_u(struct task *t)
{
	(void)t;
	note('u');
	loop_post(&loop, &message_m);
}

static void
on_timer_1(struct timer *t)
{
	(void)t;
	note('1');
	loop_schedule(&loop, &task_t);
}

static void
on_timer_2(struct timer *t)
{
	(void)t;
	note('2');
}

static void
on_message_m(struct message *m)
{
	(void)m;
	note('m');
}

static void
set_up_late(void)
{
	set_up_order();
	task_init(&task_t, on_task_t);
	task_init(&task_u, on_task_u);
	timer_init(&timer_1, on_timer_1);
	timer_init(&timer_2, on_timer_2);
	message_m.deliver = on_message_m;
	loop_turn(&loop, 0);
}

static void
tear_down_late(void)
{
	timer_clear(&loop.timers, &timer_1);
	timer_clear(&loop.timers, &timer_2);
	tear_down();
}

static void
nap(long ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

/* Due now, or in a moment, and then nobody looks for a while. */
static void
be_late(struct timer *t, long ms)
{
	timer_set(&loop.timers, t, loop_clock_ms() + (ms > 0));
	nap(ms);
}

/* Turns until so much was noted, 5 seconds at most; how long that took. */
static uint64_t
turn_until_noted(size_t n)
{
	uint64_t start_ms = loop_clock_ms(), ms;

	do {
		loop_turn(&loop, 1000);
		ms = loop_clock_ms() - start_ms;
	} while (strlen(order) < n && ms < 5000);
	cr_assert_eq(strlen(order), n);
	return ms;
}

#define LATE_TEST(name)                                                       \
	Test(loop, name, .init = set_up_late, .fini = tear_down_late)

LATE_TEST(a_timer_finds_done_what_the_timer_before_began)
{
	be_late(&timer_1, 0);
	be_late(&timer_2, 0);
	turn_until_noted(3);
	cr_assert_str_eq(order, "1t2");
}

LATE_TEST(a_timer_finds_told_what_the_timer_before_posted)
{
	task_init(&task_t, on_task_u);
	be_late(&timer_1, 0);
	be_late(&timer_2, 0);
	turn_until_noted(4);
	cr_assert_str_eq(order, "1um2");
}

LATE_TEST(a_timer_waits_for_a_message_to_its_own_loop)
{
	loop_schedule(&loop, &task_u);
	be_late(&timer_2, 0);
	turn_until_noted(3);
	cr_assert_str_eq(order, "um2");
}

static void
clear_timer_2(struct message *m)
{
	note('c');
	timer_clear(&loop.timers, &timer_2);
	m->deliver = on_message_m;
}

/* Those before it needed no time of the half second. */
LATE_TEST(a_timer_waits_for_each_message_anew)
{
	message_m.deliver = clear_timer_2;
	loop_schedule(&loop, &task_u);
	be_late(&timer_2, 0);
	turn_until_noted(2);
	loop_turn(&loop, 0);
	nap(600);
	loop_turn(&loop, 0);
	loop_schedule(&loop, &task_u);
	be_late(&timer_2, 0);
	turn_until_noted(5);
	cr_assert_str_eq(order, "ucum2");
}

static void
set_past(struct task *t)
{
	(void)t;
	note('p');
	timer_set(&loop.timers, &timer_2, 1);
	loop_mask(&loop, ends[0][0], EPOLLIN);
}

/* Who begins to wait for something is told whether it is there already. */
LATE_TEST(a_time_that_is_over_waits_for_a_look)
{
	open_pairs();
	task_init(&tasks[0], on_task);
	task_init(&tasks[1], on_task_t);
	task_init(&task_t, set_past);
	loop_watch(&loop, ends[0][0], 0, on_event_note, NULL);
	poke(ends[0][1]);
	loop_schedule(&loop, &task_t);
	loop_turn(&loop, 0);
	cr_assert_str_eq(order, "p");
	loop_turn(&loop, 0);
	cr_assert_str_eq(order, "peAt2");
	loop_close(ends[0][0]);
}

static void
post_again(struct message *m)
{
	loop_post(&loop, m);
}

LATE_TEST(a_timer_does_not_wait_for_ever_for_messages)
{
	message_m.deliver = post_again;
	loop_post(&loop, &message_m);
	be_late(&timer_2, 0);
	cr_assert_geq(turn_until_noted(1), 499);
}

LATE_TEST(who_was_late_is_patient_and_sleeps_meanwhile)
{
	uint64_t turn_n = loop.turn_n;

	be_late(&timer_2, 200);
	cr_assert_geq(turn_until_noted(1), 198);
	cr_assert_leq(loop.turn_n - turn_n, 4);
}

LATE_TEST(who_was_very_late_is_patient_for_half_a_second)
{
	be_late(&timer_2, 700);
	loop_turn(&loop, 0);
	cr_assert(loop_is_patient(&loop));
	cr_assert_eq(loop.patient_ms, loop.now_ms + 500);
}

LATE_TEST(who_was_late_in_vain_is_patient_again)
{
	for (int i = 0; i < 2; i++) {
		be_late(&timer_2, 200);
		loop_turn(&loop, 0);
		cr_assert(loop_is_patient(&loop));
		timer_clear(&loop.timers, &timer_2);
		nap(300);	/* and nothing happens */
	}
	cr_assert_str_eq(order, "");
}

LATE_TEST(who_is_a_little_late_is_not_patient)
{
	uint64_t due_ms = loop_clock_ms();

	timer_set(&loop.timers, &timer_2, due_ms);
	loop_turn(&loop, 0);
	if (loop.now_ms - due_ms < 100)		/* the machine may be busy */
		cr_assert_str_eq(order, "2");
}

LATE_TEST(what_was_due_before_it_was_wanted_is_not_late)
{
	uint64_t last_ms = loop.now_ms;

	timer_set(&loop.timers, &timer_2, last_ms - 1000);
	loop_turn(&loop, 0);
	if (loop.now_ms - last_ms < 100)
		cr_assert_str_eq(order, "2");
}

LATE_TEST(who_is_always_late_comes_to_its_timers)
{
	for (size_t i = 1; i <= 3; i++) {
		be_late(&timer_2, 110);
		for (int n = 0; n < 7 && strlen(order) < i; n++) {
			loop_turn(&loop, 0);
			nap(110);
		}
		cr_assert_eq(strlen(order), i);
	}
}

LATE_TEST(a_pace_waits_for_nobody)
{
	struct timer pace;

	timer_init(&pace, on_timer_2);
	be_late(&timer_1, 200);
	timer_set(&loop.paces, &pace, loop_clock_ms());
	loop_turn(&loop, 0);
	cr_assert_str_eq(order, "2");
	timer_set(&loop.paces, &pace, loop_clock_ms() + 20);
	loop_turn(&loop, 1000);
	loop_turn(&loop, 0);
	cr_assert_geq(strlen(order), 2);
	cr_assert_eq(order[1], '2');
}

/* --- calls ---------------------------------------------------------------- */

static struct loop *called_on;

static void
on_call(void *arg)
{
	called_on = loop_current();
	(*(int *)arg)++;
	loop_stop(called_on);
}

static void *
call_loop(void *arg)
{
	int *n = arg;

	loop_call(&loop, on_call, n);
	return *n == 1 ? arg : NULL;
}

LOOP_TEST(a_call_has_returned_when_it_returns)
{
	pthread_t thread;
	void *result;
	int n = 0;

	SYS_OK(pthread_create(&thread, NULL, call_loop, &n));
	loop_run(&loop);
	SYS_OK(pthread_join(thread, &result));
	cr_assert_eq(result, &n);
	cr_assert_eq(called_on, &loop);
}
