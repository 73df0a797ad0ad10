// SPDX-License-Identifier: BSD-2-Clause
/* watchdog - the service manager wants to hear now and then that the program is
 * alive ($WATCHDOG_USEC), and ends one that it does not hear of. It is told so
 * only if every loop has turned since it was told last: a message is posted to
 * each, and all must have been delivered.
 *
 * Owner: the server, main thread. The memory must outlive the loops, for a
 * message may still be on its way when they end. */
#pragma once

#include "base/inbox.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct pulse {
	struct message message;
	struct loop *loop;
	char name[24];		/* of its thread */
	bool is_late;		/* said so already */
	_Atomic bool is_back;	/* set by the loop */
};

struct watchdog {
	uint64_t interval_ms;	/* 0: nobody wants to hear anything */
	uint64_t next_ms;
	struct pulse *pulses;
	size_t n;
};

/* From the environment; for at most loops_max loops. */
void watchdog_init(struct watchdog *, size_t loops_max);
void watchdog_fini(struct watchdog *);
/* Keeps l, which runs or is about to; name is copied. */
void watchdog_add(struct watchdog *, struct loop *l, const char *name);
/* Does what is due at now_ms. How long it may sleep until the next call, in
 * milliseconds; -1: for ever. */
int watchdog_tick(struct watchdog *, uint64_t now_ms);
