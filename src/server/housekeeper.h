// SPDX-License-Identifier: BSD-2-Clause
/* housekeeper - the thread that looks after the pools: cooled slots and ended
 * back-offs are granted, old connections go, min_idle is kept, backends are
 * checked (backend/health.h), and every stats_interval the numbers are
 * logged.
 *
 * A loop like the workers', so connections it makes ahead of need stay watched
 * here until a worker takes them. Never blocks. */
#pragma once

#include "backend/health.h"
#include "base/inbox.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct conf;
struct housekeeper;

/* One backend under its care. */
struct ward {
	struct housekeeper *housekeeper;
	struct backend *backend;
	struct health health;
	struct timer tick;
	size_t limit;			/* that was last logged */
	unsigned quota_mark;		/* the same */
	struct message alarm;		/* from any thread */
	_Atomic bool is_alarmed;
};

struct housekeeper {
	struct loop loop;
	pthread_t thread;
	struct ward *wards;
	size_t wards_n;
	struct timer stats;
	uint64_t stats_interval_ms;
	struct message close, stop;
};

/* Keeps conf and backends. 0, or an error number. */
int housekeeper_start(struct housekeeper *, unsigned index,
    const struct conf *conf, struct backend **backends)
    __attribute__((warn_unused_result));
/* Main thread: no connection is lent any more, idle ones are closed. */
void housekeeper_close_pools(struct housekeeper *);
void housekeeper_stop(struct housekeeper *);
void housekeeper_fini(struct housekeeper *);
