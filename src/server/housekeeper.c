// SPDX-License-Identifier: BSD-2-Clause
#include "server/housekeeper.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "backend/pool.h"
#include "base/check.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_MS 1000

static void
look_after(struct ward *w)
{
	struct loop *l = &w->housekeeper->loop;
	struct pool *pool = w->backend->pool;
	uint64_t next = pool_tick(pool, l->now_ms);
	struct pool_item *item;

	while ((item = pool_reap(pool, l, l->now_ms)) != NULL)
		conn_retire(item, l);
	while ((item = pool_prewarm(pool, l, l->now_ms)) != NULL)
		conn_prewarm(w->backend, l, item);
	if (next > l->now_ms + TICK_MS)
		next = l->now_ms + TICK_MS;
	timer_set(&l->timers, &w->tick, next);
}

static void
on_tick(struct timer *t)
{
	look_after(LIST_ENTRY(t, struct ward, tick));
}

static void
on_alarm_message(struct message *m)
{
	struct ward *w = LIST_ENTRY(m, struct ward, alarm);

	atomic_store(&w->is_alarmed, false);
	look_after(w);
}

/* Any thread. */
static void
on_alarm(void *arg)
{
	struct ward *w = arg;

	if (!atomic_exchange(&w->is_alarmed, true))
		loop_post(&w->housekeeper->loop, &w->alarm);
}

static void
on_stats(struct timer *t)
{
	struct housekeeper *h = LIST_ENTRY(t, struct housekeeper, stats);

	for (size_t i = 0; i < h->wards_n; i++)
		backend_log_status(h->wards[i].backend);
	timer_set(&h->loop.timers, &h->stats,
	    h->loop.now_ms + h->stats_interval_ms);
}

static void *
run(void *arg)
{
	struct housekeeper *h = arg;

	loop_run(&h->loop);
	for (size_t i = 0; i < h->wards_n; i++)
		conn_end_all(&h->wards[i].backend, 1, &h->loop);
	return NULL;
}

static void
take_ward(struct housekeeper *h, struct backend *b)
{
	struct ward *w = &h->wards[h->wards_n++];

	w->housekeeper = h;
	w->backend = b;
	w->alarm.deliver = on_alarm_message;
	timer_init(&w->tick, on_tick);
	timer_set(&h->loop.timers, &w->tick, h->loop.now_ms);
	pool_set_alarm(b->pool, on_alarm, w);
}

int
housekeeper_start(struct housekeeper *h, unsigned index,
    struct backend **backends, size_t backends_n, uint64_t stats_interval_ms)
{
	int error;

	if (loop_init(&h->loop, index) < 0)
		return errno;
	h->wards = xcalloc(backends_n, sizeof(h->wards[0]));
	h->wards_n = 0;
	for (size_t i = 0; i < backends_n; i++)
		take_ward(h, backends[i]);
	h->stats_interval_ms = stats_interval_ms;
	timer_init(&h->stats, on_stats);
	if (stats_interval_ms > 0)
		timer_set(&h->loop.timers, &h->stats,
		    h->loop.now_ms + stats_interval_ms);
	error = pthread_create(&h->thread, NULL, run, h);
	if (error != 0)
		housekeeper_fini(h);
	else
		(void)pthread_setname_np(h->thread, "housekeeper");
	return error;
}

static void
on_close(struct message *m)
{
	struct housekeeper *h = LIST_ENTRY(m, struct housekeeper, close);

	for (size_t i = 0; i < h->wards_n; i++) {
		pool_close(h->wards[i].backend->pool);
		look_after(&h->wards[i]);
	}
}

void
housekeeper_close_pools(struct housekeeper *h)
{
	h->close.deliver = on_close;
	loop_post(&h->loop, &h->close);
}

static void
on_stop(struct message *m)
{
	loop_stop(&LIST_ENTRY(m, struct housekeeper, stop)->loop);
}

void
housekeeper_stop(struct housekeeper *h)
{
	h->stop.deliver = on_stop;
	loop_post(&h->loop, &h->stop);
	SYS_OK(pthread_join(h->thread, NULL));
}

void
housekeeper_fini(struct housekeeper *h)
{
	loop_fini(&h->loop);
	free(h->wards);
}
