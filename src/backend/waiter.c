// SPDX-License-Identifier: BSD-2-Clause
#include "backend/waiter.h"

#include "backend/pool.h"
#include "net/loop.h"

static bool
leave_waiting(struct waiter *w, enum waiter_state next)
{
	enum waiter_state expected = WAITER_WAITING;

	return atomic_compare_exchange_strong(&w->state, &expected, next);
}

/* On the waiter's loop: only now is the item its own. Until here an event that
 * this loop has in hand must find it in nobody's use. */
static void
on_grant(struct message *m)
{
	struct waiter *w = LIST_ENTRY(m, struct waiter, message);

	if (w->item != NULL)
		atomic_store(&w->item->lessee, w->loop);
	w->deliver(m);
}

void
waiter_init(struct waiter *w, struct loop *l, message_cb_f *deliver)
{
	*w = (struct waiter){ .message.deliver = on_grant,
	    .deliver = deliver, .loop = l };
	atomic_init(&w->state, WAITER_WAITING);
	atomic_init(&w->queues_n, 1);
}

bool
waiter_is_ready(struct waiter *w)
{
	return !waiter_lose_queue(w) || !waiter_cancel(w);
}

bool
waiter_cancel(struct waiter *w)
{
	return leave_waiting(w, WAITER_CANCELLED);
}

bool
waiter_is_granted(struct waiter *w)
{
	return atomic_load(&w->state) == WAITER_GRANTED;
}

bool
waiter_win(struct waiter *w)
{
	return leave_waiting(w, WAITER_GRANTED);
}

bool
waiter_lose_queue(struct waiter *w)
{
	return atomic_fetch_sub(&w->queues_n, 1) == 1;
}

void
grants_init(struct grants *g)
{
	g->first = NULL;
	g->end = &g->first;
}

void
grants_add(struct grants *g, struct waiter *w, struct pool_item *item,
    bool is_blank)
{
	w->item = item;
	w->is_blank = is_blank;
	w->message.next = NULL;
	*g->end = &w->message;
	g->end = &w->message.next;
}

void
grants_post(struct grants *g)
{
	struct message *m = g->first;

	while (m != NULL) {
		struct message *next = m->next;
		struct waiter *w = LIST_ENTRY(m, struct waiter, message);

		loop_post(w->loop, m);
		m = next;
	}
}
