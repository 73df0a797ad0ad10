// SPDX-License-Identifier: BSD-2-Clause
/* inbox - the lock-free multi-producer, single-consumer queue of one thread.
 *
 *     pusher                          owner
 *       m.next = head                   read(event_fd)
 *       head: CAS old -> m              list = exchange(head, NULL)
 *       old == NULL: write(event_fd)    reverse(list), deliver in push order
 *
 * A push never blocks and never fails: the link is inside the message. Only
 * the pusher that found the queue empty writes the eventfd; the owner reads
 * the eventfd *before* it takes the list, so a message is either in the list
 * that is taken or its pusher's wake-up is still to come.
 *
 * Owner: the thread that drains. Any thread may push. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

struct message;

/* Runs on the receiving thread; takes the message (it may free it or push it
 * again). */
typedef void message_cb_f(struct message *m);

struct message {
	struct message *next;
	message_cb_f *deliver;
};

struct inbox {
	_Atomic(struct message *) head;	/* newest first */
	int event_fd;			/* const after init */
};

/* 0, or -1 with errno when no eventfd can be had. */
int inbox_init(struct inbox *in) __attribute__((warn_unused_result));
void inbox_fini(struct inbox *in);

/* Any thread; takes m until it is delivered. */
void inbox_push(struct inbox *in, struct message *m);

/* Owner only: like inbox_push() without a wake-up, for an owner that looks
 * with inbox_is_empty() before it sleeps. */
void inbox_push_own(struct inbox *in, struct message *m);

/* Owner only. */
bool inbox_is_empty(struct inbox *in);

/* Owner only, when event_fd is readable and before inbox_drain(): clears the
 * wake-up. */
void inbox_acknowledge(struct inbox *in);

/* Owner only: takes all that is there and calls each message's deliver in
 * push order. A message pushed meanwhile waits for the next drain. */
void inbox_drain(struct inbox *in);
