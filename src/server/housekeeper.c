// SPDX-License-Identifier: BSD-2-Clause
#include "server/housekeeper.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "backend/pool.h"
#include "base/check.h"
#include "base/log.h"
#include "conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define TICK_MS 1000

/* One line for several steps that came together. */
static void
note_limit(struct ward *w)
{
	struct pool_status s = pool_get_status(w->backend->pool);

	if (s.limit == w->limit)
		return;
	log_at(s.limit < w->limit ? LEVEL_WARN : LEVEL_INFO,
	    "backend=%s limit=%zu: %s than %zu of max_connections=%zu",
	    w->backend->name, s.limit, s.limit < w->limit ? "less" : "more",
	    w->limit, s.max_size);
	w->limit = s.limit;
}

static void
note_quota(struct ward *w)
{
	const struct quota *q = &w->backend->quota;
	unsigned mark = quota_get_mark(q);

	if (mark > w->quota_mark)
		log_warn("backend=%s quota: %u%% of %" PRIu64 " bytes are used"
		    "%s", w->backend->name, mark, quota_get_most(q),
		    mark == 100 ? ", it gets no more commands" : "");
	else if (mark < w->quota_mark)
		log_info("backend=%s quota: less than %u%% of %" PRIu64
		    " bytes are used", w->backend->name, w->quota_mark,
		    quota_get_most(q));
	w->quota_mark = mark;
}

/* Connections ahead of need and checks cost bytes: none for a backend that has
 * used up its quota. Gives when to look next. */
static uint64_t
keep_ready(struct ward *w)
{
	struct loop *l = &w->housekeeper->loop;
	struct pool_item *item;

	if (quota_is_spent(&w->backend->quota))
		return UINT64_MAX;
	while ((item = pool_prewarm(w->backend->pool, l, l->now_ms)) != NULL)
		conn_prewarm(w->backend, l, item);
	return health_tick(&w->health);
}

static void
look_after(struct ward *w)
{
	struct loop *l = &w->housekeeper->loop;
	struct pool *pool = w->backend->pool;
	uint64_t next = pool_tick(pool, l->now_ms), check;
	struct pool_item *item;

	while ((item = pool_reap(pool, l, l->now_ms)) != NULL)
		conn_retire(item, l);
	check = keep_ready(w);
	note_limit(w);
	note_quota(w);
	if (next > check)
		next = check;
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
		health_stop(&h->wards[i].health);
	for (size_t i = 0; i < h->wards_n; i++)
		conn_end_all(&h->wards[i].backend, 1, &h->loop);
	return NULL;
}

static void
take_ward(struct housekeeper *h, const struct conf *conf, struct backend *b)
{
	struct ward *w = &h->wards[h->wards_n++];

	w->housekeeper = h;
	w->backend = b;
	w->limit = pool_get_status(b->pool).limit;
	health_init(&w->health, &conf->health, b, &h->loop, h->loop.now_ms);
	w->alarm.deliver = on_alarm_message;
	timer_init(&w->tick, on_tick);
	timer_set(&h->loop.timers, &w->tick, h->loop.now_ms);
	pool_set_alarm(b->pool, on_alarm, w);
}

int
housekeeper_start(struct housekeeper *h, unsigned index,
    const struct conf *conf, struct backend **backends)
{
	int error;

	if (loop_init(&h->loop, index) < 0)
		return errno;
	h->wards = xcalloc(conf->backends_n, sizeof(h->wards[0]));
	h->wards_n = 0;
	for (size_t i = 0; i < conf->backends_n; i++)
		take_ward(h, conf, backends[i]);
	h->stats_interval_ms = conf->log.stats_interval_ms;
	timer_init(&h->stats, on_stats);
	if (h->stats_interval_ms > 0)
		timer_set(&h->loop.timers, &h->stats,
		    h->loop.now_ms + h->stats_interval_ms);
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
		health_stop(&h->wards[i].health);
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
