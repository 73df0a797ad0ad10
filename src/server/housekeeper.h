// SPDX-License-Identifier: BSD-2-Clause
/* housekeeper - the thread that looks after the pools: each backend is a ward
 * of it (server/ward.h), and every stats_interval the numbers are logged.
 *
 * A loop like the workers', so connections it makes ahead of need stay watched
 * here until a worker takes them. Never blocks. It owns the backends: those
 * that are configured, and those that were and still have connections. */
#pragma once

#include "base/list.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct conf;
struct worker;

struct housekeeper {
	/* const after start */
	struct worker *workers;
	unsigned workers_n;
	pthread_t thread;

	/* owner: its loop */
	struct loop loop;
	struct list wards;
	bool is_frozen;			/* no backend is freed */
	struct timer stats;
	uint64_t stats_interval_ms;
	struct message close, stop;
};

/* Main thread, all of them.
 *
 * Before the thread runs. Keeps workers, which need not run yet. 0, or an
 * error number. */
int housekeeper_init(struct housekeeper *, unsigned index,
    struct worker *workers, unsigned workers_n)
    __attribute__((warn_unused_result));
/* Those of the first configuration. Takes the backends; keeps conf. 0, or an
 * error number: then housekeeper_fini(). */
int housekeeper_start(struct housekeeper *, const struct conf *conf,
    struct backend **backends) __attribute__((warn_unused_result));

/* From now on no backend is freed. Gives how many there are, in array: at most
 * CONF_BACKENDS_MAX. */
size_t housekeeper_freeze(struct housekeeper *, struct backend **array);
/* Another configuration: those of its backends that are new, or were leaving,
 * are taken care of. Takes the new ones; keeps conf. Before any worker knows
 * them. */
void housekeeper_admit(struct housekeeper *, const struct conf *conf,
    struct backend **backends);
/* No worker knows any but these now: the others leave. Ends what
 * housekeeper_freeze() began. */
void housekeeper_dismiss_others(struct housekeeper *, const struct conf *conf,
    struct backend **backends);

/* No connection is lent any more, idle ones are closed. */
void housekeeper_close_pools(struct housekeeper *);
void housekeeper_stop(struct housekeeper *);
/* With the backends, which are at rest. */
void housekeeper_fini(struct housekeeper *);
