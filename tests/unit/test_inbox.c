// SPDX-License-Identifier: BSD-2-Clause
#include "base/inbox.h"

#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "threads.h"

/* Longer than any machine is busy: a wake-up that takes so long is lost. */
#define LOST_MS 20000

/* 4 million in all; under a sanitizer 1.6. */
enum { PRODUCERS = 16, RING = 256,
	PER_PRODUCER = THREADS_SCALE(1) == 1 ? 250000 : 100000 };

struct letter {
	struct message message;
	_Atomic unsigned is_sent;
	unsigned producer;
	uint64_t serial;
};

static struct inbox inbox;
static struct {
	struct letter ring[PRODUCERS][RING];
	uint64_t next_serial[PRODUCERS];
	uint64_t received, disorder;
	uint64_t per_producer;
} load;

static void
on_letter(struct message *m)
{
	struct letter *l = (struct letter *)m;

	if (l->serial != load.next_serial[l->producer])
		load.disorder++;
	load.next_serial[l->producer] = l->serial + 1;
	load.received++;
	/* From here on the producer sends it again. */
	atomic_store_explicit(&l->is_sent, 0, memory_order_release);
}

static bool
has_wake_up(int timeout_ms)
{
	struct pollfd p = { .fd = inbox.event_fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static void
produce(unsigned index)
{
	uint64_t random = index + 1;

	for (uint64_t i = 0; i < load.per_producer; i++) {
		struct letter *l = &load.ring[index][i % RING];

		while (atomic_load_explicit(&l->is_sent,
		    memory_order_acquire) != 0)
			sched_yield();
		l->message.deliver = on_letter;
		l->producer = index;
		l->serial = i;
		atomic_store_explicit(&l->is_sent, 1, memory_order_relaxed);
		inbox_push(&inbox, &l->message);
		/* So that the owner finds it empty, and sleeps, often. */
		if (random_next(&random) % 64 == 0)
			sched_yield();
	}
}

Test(inbox, sixteen_producers_keep_their_order_and_lose_no_wake_up,
	.timeout = 120)
{
	struct crew crew;
	uint64_t sleeps = 0;

	memset(&load, 0, sizeof(load));
	load.per_producer = PER_PRODUCER;
	cr_assert_eq(inbox_init(&inbox), 0);
	crew_start(&crew, PRODUCERS, produce);
	while (load.received < PRODUCERS * load.per_producer) {
		cr_assert(has_wake_up(LOST_MS), "lost after %llu",
		    (unsigned long long)load.received);
		sleeps++;
		inbox_acknowledge(&inbox);
		inbox_drain(&inbox);
	}
	crew_join(&crew);
	cr_assert_eq(load.disorder, 0);
	for (int i = 0; i < PRODUCERS; i++)
		cr_assert_eq(load.next_serial[i], load.per_producer);
	cr_assert_gt(sleeps, 10);
	cr_assert(inbox_is_empty(&inbox));
	inbox_fini(&inbox);
}

static char seen[16];
static size_t seen_n;
static struct message notes[4];

static void
on_note(struct message *m)
{
	seen[seen_n++] = (char)('a' + (m - notes));
	if (m == &notes[0])
		inbox_push_own(&inbox, &notes[3]);
}

static void
set_up(void)
{
	seen_n = 0;
	for (size_t i = 0; i < ARRAY_N(notes); i++)
		notes[i] = (struct message){ .deliver = on_note };
	cr_assert_eq(inbox_init(&inbox), 0);
}

static void
tear_down(void)
{
	inbox_fini(&inbox);
}

Test(inbox, delivers_in_the_order_of_pushes, .init = set_up, .fini = tear_down)
{
	cr_assert(inbox_is_empty(&inbox));
	inbox_push(&inbox, &notes[1]);
	inbox_push(&inbox, &notes[2]);
	inbox_push(&inbox, &notes[3]);
	cr_assert_not(inbox_is_empty(&inbox));
	inbox_drain(&inbox);
	cr_assert_eq(seen_n, 3);
	cr_assert_arr_eq(seen, "bcd", 3);
	cr_assert(inbox_is_empty(&inbox));
}

Test(inbox, what_is_pushed_in_a_drain_waits_for_the_next, .init = set_up,
	.fini = tear_down)
{
	inbox_push(&inbox, &notes[0]);
	inbox_push(&inbox, &notes[1]);
	inbox_drain(&inbox);
	cr_assert_eq(seen_n, 2);
	cr_assert_arr_eq(seen, "ab", 2);
	cr_assert_not(inbox_is_empty(&inbox));
	inbox_drain(&inbox);
	cr_assert_eq(seen_n, 3);
	cr_assert_eq(seen[2], 'd');
}

Test(inbox, only_the_first_push_wakes, .init = set_up, .fini = tear_down)
{
	cr_assert_not(has_wake_up(0));
	inbox_push(&inbox, &notes[1]);
	cr_assert(has_wake_up(0));
	inbox_acknowledge(&inbox);
	inbox_push(&inbox, &notes[2]);
	cr_assert_not(has_wake_up(0));
	inbox_drain(&inbox);
	inbox_push(&inbox, &notes[3]);
	cr_assert(has_wake_up(0));
	inbox_drain(&inbox);
	inbox_acknowledge(&inbox);
	cr_assert_not(has_wake_up(0));
}

Test(inbox, own_pushes_and_empty_drains_are_quiet, .init = set_up,
	.fini = tear_down)
{
	inbox_push_own(&inbox, &notes[1]);
	cr_assert_not(has_wake_up(0));
	cr_assert_not(inbox_is_empty(&inbox));
	inbox_acknowledge(&inbox);	/* with nothing to read: no block */
	inbox_drain(&inbox);
	inbox_drain(&inbox);
	cr_assert_eq(seen_n, 1);
}
