// SPDX-License-Identifier: BSD-2-Clause
#include "base/inbox.h"

#include "base/check.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
inbox_init(struct inbox *in)
{
	atomic_init(&in->head, NULL);
	in->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return in->event_fd >= 0 ? 0 : -1;
}

void
inbox_fini(struct inbox *in)
{
	close(in->event_fd);
	in->event_fd = -1;
}

/* True when the queue was empty before. */
static bool
link_message(struct inbox *in, struct message *m)
{
	struct message *old =
	    atomic_load_explicit(&in->head, memory_order_relaxed);

	do {
		m->next = old;
	} while (!atomic_compare_exchange_weak_explicit(&in->head, &old, m,
	    memory_order_release, memory_order_relaxed));
	return old == NULL;
}

void
inbox_push(struct inbox *in, struct message *m)
{
	const uint64_t one = 1;

	if (!link_message(in, m))
		return;
	/* EAGAIN would mean 2^64-1 wake-ups unread: one is there anyway. */
	if (write(in->event_fd, &one, sizeof(one)) < 0)
		CHECK(errno == EAGAIN);
}

void
inbox_push_own(struct inbox *in, struct message *m)
{
	link_message(in, m);
}

bool
inbox_is_empty(struct inbox *in)
{
	return atomic_load_explicit(&in->head, memory_order_relaxed) == NULL;
}

static struct message *
reverse(struct message *newest)
{
	struct message *oldest = NULL;

	while (newest != NULL) {
		struct message *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

void
inbox_acknowledge(struct inbox *in)
{
	uint64_t ticks;

	if (read(in->event_fd, &ticks, sizeof(ticks)) < 0)
		CHECK(errno == EAGAIN);
}

void
inbox_drain(struct inbox *in)
{
	struct message *m;

	m = reverse(atomic_exchange_explicit(&in->head, NULL,
	    memory_order_acquire));
	while (m != NULL) {
		struct message *next = m->next;

		m->deliver(m);
		m = next;
	}
}
