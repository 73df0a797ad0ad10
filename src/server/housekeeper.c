// SPDX-License-Identifier: BSD-2-Clause
#include "server/housekeeper.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "base/check.h"
#include "conf/conf.h"
#include "net/call.h"
#include "server/ward.h"

#include <errno.h>

static struct ward *
to_ward(struct list *link)
{
	return LIST_ENTRY(link, struct ward, link);
}

static struct ward *
find_ward(struct housekeeper *h, const struct backend *b)
{
	LIST_EACH(link, &h->wards)
		if (to_ward(link)->backend == b)
			return to_ward(link);
	return NULL;
}

/* --- the numbers -------------------------------------------------------------- */

static void
set_stats_interval(struct housekeeper *h, uint64_t interval_ms)
{
	if (interval_ms == h->stats_interval_ms)
		return;
	h->stats_interval_ms = interval_ms;
	timer_set(&h->loop.timers, &h->stats, interval_ms > 0 ?
	    h->loop.now_ms + interval_ms : UINT64_MAX);
}

static void
on_stats(struct timer *t)
{
	struct housekeeper *h = LIST_ENTRY(t, struct housekeeper, stats);

	LIST_EACH(link, &h->wards)
		backend_log_status(to_ward(link)->backend);
	timer_set(&h->loop.timers, &h->stats,
	    h->loop.now_ms + h->stats_interval_ms);
}

/* --- start ----------------------------------------------------------------------- */

static void *
run(void *arg)
{
	struct housekeeper *h = arg;

	(void)pthread_setname_np(pthread_self(), "housekeeper");
	loop_run(&h->loop);
	LIST_EACH(link, &h->wards)
		health_stop(&to_ward(link)->health);
	LIST_EACH(link, &h->wards)
		conn_end_all(&to_ward(link)->backend, 1, &h->loop);
	return NULL;
}

int
housekeeper_init(struct housekeeper *h, unsigned index,
    struct worker *workers, unsigned workers_n)
{
	if (loop_init(&h->loop, index) < 0)
		return errno;
	h->workers = workers;
	h->workers_n = workers_n;
	list_init(&h->wards);
	h->is_frozen = false;
	h->stats_interval_ms = 0;
	timer_init(&h->stats, on_stats);
	return 0;
}

int
housekeeper_start(struct housekeeper *h, const struct conf *conf,
    struct backend **backends)
{
	int error;

	for (size_t i = 0; i < conf->backends_n; i++)
		(void)ward_new(h, &conf->health, backends[i]);
	set_stats_interval(h, conf->log.stats_interval_ms);
	error = pthread_create(&h->thread, NULL, run, h);
	return error;
}

/* --- another configuration --------------------------------------------------------- */

struct roster {
	struct housekeeper *housekeeper;
	const struct conf *conf;
	struct backend **backends;
	size_t n;
};

static void
freeze(void *arg)
{
	struct roster *r = arg;

	r->housekeeper->is_frozen = true;
	LIST_EACH(link, &r->housekeeper->wards) {
		CHECK(r->n < CONF_BACKENDS_MAX);
		r->backends[r->n++] = to_ward(link)->backend;
	}
}

size_t
housekeeper_freeze(struct housekeeper *h, struct backend **array)
{
	struct roster r = { .housekeeper = h, .backends = array };

	loop_call(&h->loop, freeze, &r);
	return r.n;
}

static void
admit(void *arg)
{
	struct roster *r = arg;
	struct housekeeper *h = r->housekeeper;

	set_stats_interval(h, r->conf->log.stats_interval_ms);
	for (size_t i = 0; i < r->n; i++) {
		struct ward *w = find_ward(h, r->backends[i]);

		if (w == NULL)
			(void)ward_new(h, &r->conf->health, r->backends[i]);
		else
			ward_keep(w, &r->conf->health);
	}
}

void
housekeeper_admit(struct housekeeper *h, const struct conf *conf,
    struct backend **backends)
{
	struct roster r = { h, conf, backends, conf->backends_n };

	loop_call(&h->loop, admit, &r);
}

static bool
has(const struct roster *r, const struct backend *b)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->backends[i] == b)
			return true;
	return false;
}

static void
dismiss_others(void *arg)
{
	struct roster *r = arg;

	r->housekeeper->is_frozen = false;
	LIST_EACH(link, &r->housekeeper->wards) {
		struct ward *w = to_ward(link);

		if (!has(r, w->backend))
			ward_leave(w);
	}
}

void
housekeeper_dismiss_others(struct housekeeper *h, const struct conf *conf,
    struct backend **backends)
{
	struct roster r = { h, conf, backends, conf->backends_n };

	loop_call(&h->loop, dismiss_others, &r);
}

/* --- stop ---------------------------------------------------------------------------- */

static void
on_close(struct message *m)
{
	struct housekeeper *h = LIST_ENTRY(m, struct housekeeper, close);

	LIST_EACH(link, &h->wards)
		ward_close(to_ward(link));
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
	while (!list_is_empty(&h->wards))
		ward_free(to_ward(list_first(&h->wards)));
	loop_fini(&h->loop);
}
