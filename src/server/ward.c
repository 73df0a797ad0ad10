// SPDX-License-Identifier: BSD-2-Clause
#include "server/ward.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "backend/pool.h"
#include "base/check.h"
#include "base/log.h"
#include "conf/conf.h"
#include "server/housekeeper.h"
#include "server/worker.h"

#include <inttypes.h>
#include <stdlib.h>

#define TICK_MS 1000

/* The only writer of the state. */
static void
enter(struct ward *w, enum ward_state state)
{
	w->state = state;
	w->is_round_good = false;
}

/* --- the last of it ----------------------------------------------------------- */

static void
on_round_back(struct message *m)
{
	struct ward *w = LIST_ENTRY(m, struct ward, round);

	w->is_round_out = false;
	if (!w->is_round_good || w->housekeeper->is_frozen) {
		ward_look_after(w);
		return;
	}
	backend_log_status(w->backend);
	log_info("backend=%s is gone", w->backend->name);
	ward_free(w);
}

static void
send_round(struct ward *w)
{
	struct housekeeper *h = w->housekeeper;

	if (w->round_at < h->workers_n) {
		loop_post(&h->workers[w->round_at].loop, &w->round);
		return;
	}
	w->round.deliver = on_round_back;
	loop_post(&h->loop, &w->round);
}

/* On a worker. */
static void
on_round(struct message *m)
{
	struct ward *w = LIST_ENTRY(m, struct ward, round);

	w->round_at++;
	send_round(w);
}

static void
end(struct ward *w)
{
	if (w->is_round_out || w->housekeeper->is_frozen ||
	    !pool_is_at_rest(w->backend->pool))
		return;
	w->is_round_out = true;
	w->is_round_good = true;
	w->round_at = 0;
	w->round.deliver = on_round;
	send_round(w);
}

/* --- care ----------------------------------------------------------------------- */

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

static void
retire_all(struct ward *w)
{
	struct loop *l = &w->housekeeper->loop;
	struct pool *pool = w->backend->pool;
	struct pool_item *item;

	while ((item = pool_reap(pool, l, l->now_ms)) != NULL)
		conn_retire(item, l);
	while ((item = pool_retain(pool, l, conn_is_current, NULL)) != NULL)
		conn_retire(item, l);
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

void
ward_look_after(struct ward *w)
{
	struct loop *l = &w->housekeeper->loop;
	uint64_t next = pool_tick(w->backend->pool, l->now_ms), check;

	retire_all(w);
	check = keep_ready(w);
	note_limit(w);
	note_quota(w);
	if (next > check)
		next = check;
	if (next > l->now_ms + TICK_MS)
		next = l->now_ms + TICK_MS;
	timer_set(&l->timers, &w->tick, next);
	if (w->state == WARD_LEAVING)
		end(w);
}

static void
on_tick(struct timer *t)
{
	ward_look_after(LIST_ENTRY(t, struct ward, tick));
}

static void
on_alarm_message(struct message *m)
{
	struct ward *w = LIST_ENTRY(m, struct ward, alarm);

	atomic_store(&w->is_alarmed, false);
	ward_look_after(w);
}

/* Any thread. */
static void
on_alarm(void *arg)
{
	struct ward *w = arg;

	if (!atomic_exchange(&w->is_alarmed, true))
		loop_post(&w->housekeeper->loop, &w->alarm);
}

/* --- life ----------------------------------------------------------------------- */

struct ward *
ward_new(struct housekeeper *h, const struct conf_health *conf,
    struct backend *b)
{
	struct ward *w = xcalloc(1, sizeof(*w));

	w->housekeeper = h;
	w->backend = b;
	w->limit = pool_get_status(b->pool).limit;
	health_init(&w->health, conf, b, &h->loop, h->loop.now_ms);
	w->alarm.deliver = on_alarm_message;
	timer_init(&w->tick, on_tick);
	timer_set(&h->loop.timers, &w->tick, h->loop.now_ms);
	pool_set_alarm(b->pool, on_alarm, w);
	list_push_back(&h->wards, &w->link);
	return w;
}

void
ward_free(struct ward *w)
{
	list_remove(&w->link);
	timer_clear(&w->housekeeper->loop.timers, &w->tick);
	backend_free(w->backend);
	free(w);
}

void
ward_keep(struct ward *w, const struct conf_health *conf)
{
	if (w->state == WARD_LEAVING) {
		enter(w, WARD_KEPT);
		pool_reopen(w->backend->pool);
		health_start(&w->health);
	}
	health_configure(&w->health, conf);
	w->limit = pool_get_status(w->backend->pool).limit;
	ward_look_after(w);
}

void
ward_close(struct ward *w)
{
	pool_close(w->backend->pool);
	health_stop(&w->health);
	ward_look_after(w);
}

void
ward_leave(struct ward *w)
{
	if (w->state == WARD_LEAVING)
		return;
	log_info("backend=%s leaves: it is configured no more",
	    w->backend->name);
	enter(w, WARD_LEAVING);
	ward_close(w);
}
