// SPDX-License-Identifier: BSD-2-Clause
#include "net/timer.h"

#include "base/check.h"

#include <stdlib.h>

void
timers_init(struct timers *ts)
{
	*ts = (struct timers){ .size = 64 };
	ts->heap = xcalloc(ts->size, sizeof(ts->heap[0]));
}

void
timers_fini(struct timers *ts)
{
	free(ts->heap);
	*ts = (struct timers){ 0 };
}

static void
place(struct timers *ts, size_t i, struct timer_place p)
{
	ts->heap[i] = p;
	p.timer->position = (uint32_t)i;
}

static void
sift_up(struct timers *ts, size_t i)
{
	struct timer_place p = ts->heap[i];

	for (; i > 1 && ts->heap[i / 2].queued_ms > p.queued_ms; i /= 2)
		place(ts, i, ts->heap[i / 2]);
	place(ts, i, p);
}

static void
sift_down(struct timers *ts, size_t i)
{
	struct timer_place p = ts->heap[i];

	for (;;) {
		size_t child = 2 * i;

		if (child > ts->n)
			break;
		if (child < ts->n && ts->heap[child + 1].queued_ms <
		    ts->heap[child].queued_ms)
			child++;
		if (ts->heap[child].queued_ms >= p.queued_ms)
			break;
		place(ts, i, ts->heap[child]);
		i = child;
	}
	place(ts, i, p);
}

static void
insert(struct timers *ts, struct timer *t)
{
	if (ts->n + 1 == ts->size) {
		ts->size *= 2;
		ts->heap = xrealloc(ts->heap, ts->size * sizeof(ts->heap[0]));
	}
	ts->heap[++ts->n] = (struct timer_place){
		.queued_ms = t->deadline_ms,
		.timer = t,
	};
	sift_up(ts, ts->n);
}

static void
take_out(struct timers *ts, struct timer *t)
{
	size_t i = t->position;
	struct timer_place last = ts->heap[ts->n--];

	t->position = 0;
	if (last.timer == t)
		return;
	ts->heap[i] = last;
	sift_up(ts, i);
	sift_down(ts, last.timer->position);
}

void
timer_init(struct timer *t, timer_cb_f *expired)
{
	*t = (struct timer){ .expired = expired, .deadline_ms = UINT64_MAX };
}

void
timer_set(struct timers *ts, struct timer *t, uint64_t deadline_ms)
{
	if (deadline_ms == UINT64_MAX) {
		timer_clear(ts, t);
		return;
	}
	t->deadline_ms = deadline_ms;
	t->set_turn_n = ts->turn_n;
	if (t->position == 0) {
		insert(ts, t);
	} else if (deadline_ms < ts->heap[t->position].queued_ms) {
		ts->heap[t->position].queued_ms = deadline_ms;
		sift_up(ts, t->position);
	}
}

void
timer_clear(struct timers *ts, struct timer *t)
{
	t->deadline_ms = UINT64_MAX;
	if (t->position != 0)
		take_out(ts, t);
}

bool
timer_is_set(const struct timer *t)
{
	return t->deadline_ms != UINT64_MAX;
}

uint64_t
timers_next(const struct timers *ts)
{
	return ts->n > 0 ? ts->heap[1].queued_ms : UINT64_MAX;
}

void
timers_new_turn(struct timers *ts)
{
	ts->turn_n++;
}

bool
timers_expire(struct timers *ts, uint64_t now_ms)
{
	while (timers_next(ts) <= now_ms) {
		struct timer *t = ts->heap[1].timer;

		if (t->deadline_ms > now_ms) {
			ts->heap[1].queued_ms = t->deadline_ms;
			sift_down(ts, 1);
			continue;
		}
		if (t->set_turn_n == ts->turn_n)
			return false;
		timer_clear(ts, t);
		t->expired(t);
		return true;
	}
	return false;
}
