// SPDX-License-Identifier: BSD-2-Clause
/* bookkeeper - the thread that saves what quotas have used (base/ledger.h), so
 * often that less than a second of it is lost whatever happens.
 *
 * Not a task of the housekeeper: a disk may take its time, and the housekeeper
 * must never wait. Main thread starts and stops it. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct ledger;

struct bookkeeper {
	/* const after start */
	struct ledger *ledger;
	pthread_t thread;

	struct {
		pthread_mutex_t mutex;
		pthread_cond_t ended;
		bool is_ending;
	} sh; /* guarded by sh.mutex */
};

/* Keeps ledger. 0, or an error number. */
int bookkeeper_start(struct bookkeeper *, struct ledger *ledger)
    __attribute__((warn_unused_result));
/* Saves for the last time; nothing may be charged any more. */
void bookkeeper_stop(struct bookkeeper *);
