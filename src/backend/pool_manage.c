// SPDX-License-Identifier: BSD-2-Clause
#include "backend/pool_priv.h"

#include "net/loop.h"

/* --- housekeeping --------------------------------------------------------- */

void
pool_heed_breaker(struct pool *p, uint64_t now_ms)
{
	struct grants grants;

	grants_init(&grants);
	lock(p);
	if (is_broken(p))
		pool_expel_waiters_locked(p, &grants);
	else
		pool_serve_waiters_locked(p, now_ms, &grants);
	unlock(p);
	grants_post(&grants);
	if (p->alarm != NULL)
		p->alarm(p->alarm_arg);
}

void
pool_end_back_off(struct pool *p)
{
	lock(p);
	cooldown_end_back_off(&p->sh.cooldown);
	unlock(p);
}

uint64_t
pool_tick(struct pool *p, uint64_t now_ms)
{
	struct grants grants;
	uint64_t next;

	grants_init(&grants);
	lock(p);
	ceiling_rise(&p->sh.ceiling, now_ms);
	pool_serve_waiters_locked(p, now_ms, &grants);
	next = cooldown_next(&p->sh.cooldown, now_ms);
	if (p->sh.ceiling.next_ms < next)
		next = p->sh.ceiling.next_ms;
	unlock(p);
	grants_post(&grants);
	return next;
}

/* Takes the first idle item that wanted() chooses. */
static struct pool_item *
take_if_locked(struct pool *p, struct loop *l,
    bool (*wanted)(const struct pool_item *item, void *arg), void *arg)
{
	for (unsigned i = 0; i < p->loops_n; i++)
		LIST_EACH(link, &p->sh.idle[i]) {
			struct pool_item *item =
			    LIST_ENTRY(link, struct pool_item, link);

			if (wanted(item, arg)) {
				pool_lend_locked(item);
				atomic_store(&item->lessee, l);
				return item;
			}
		}
	return NULL;
}

static bool
is_reapable(const struct pool_item *item, void *arg)
{
	uint64_t now_ms = *(uint64_t *)arg;
	struct pool *p = item->pool;

	return p->sh.is_closed || is_broken(p) || is_too_old(item, now_ms) ||
	    is_one_too_many_locked(p) ||
	    (p->sh.settings.idle_timeout_ms > 0 && now_ms >=
	    item->idle_since_ms + p->sh.settings.idle_timeout_ms);
}

struct pool_item *
pool_reap(struct pool *p, struct loop *l, uint64_t now_ms)
{
	struct pool_item *item;

	lock(p);
	item = take_if_locked(p, l, is_reapable, &now_ms);
	unlock(p);
	return item;
}

struct pool_item *
pool_prewarm(struct pool *p, struct loop *l, uint64_t now_ms)
{
	struct pool_item *item = NULL;

	lock(p);
	cooldown_expire(&p->sh.cooldown, now_ms);
	if (p->sh.places_n[PLACE_IDLE] + p->sh.places_n[PLACE_CONNECTING] <
	    p->sh.settings.min_idle && list_is_empty(&p->sh.waiters) &&
	    can_create_locked(p, now_ms)) {
		item = pool_create_locked(p);
		atomic_store(&item->lessee, l);
	}
	unlock(p);
	return item;
}

struct pool_item *
pool_find_leased(struct pool *p, const struct loop *l)
{
	struct pool_item *found = NULL;

	lock(p);
	LIST_EACH(link, &p->sh.all) {
		struct pool_item *item =
		    LIST_ENTRY(link, struct pool_item, all_link);

		if (atomic_load(&item->lessee) == l)
			found = item;
	}
	unlock(p);
	return found;
}

bool
pool_has_others(const struct pool_item *item)
{
	struct pool *p = item->pool;
	bool has;

	lock(p);
	has = get_running_locked(p) > 1;
	unlock(p);
	return has;
}

bool
pool_has_waiters(struct pool *p)
{
	return atomic_load_explicit(&p->waiting_n, memory_order_relaxed) > 0;
}

struct pool_status
pool_get_status(struct pool *p)
{
	struct pool_status s;

	lock(p);
	s = (struct pool_status){
		.max_size = p->sh.settings.max_size,
		.limit = p->sh.ceiling.now,
		.size = get_live_locked(p),
		.available = p->sh.places_n[PLACE_IDLE],
		.waiting = atomic_load(&p->waiting_n),
		.lent = p->sh.places_n[PLACE_LENT],
		.connecting = p->sh.places_n[PLACE_CONNECTING],
		.closing = p->sh.places_n[PLACE_CLOSING],
		.cooling = p->sh.cooldown.n,
	};
	unlock(p);
	return s;
}

/* --- deadpool's management ------------------------------------------------ */

static void
resize_locked(struct pool *p, size_t max_size)
{
	cooldown_reserve(&p->sh.cooldown, max_size);
	p->sh.settings.max_size = max_size;
	/* What the server has told goes on to hold where nothing changes. */
	if (max_size != p->sh.ceiling.most)
		ceiling_set(&p->sh.ceiling, max_size);
}

void
pool_resize(struct pool *p, size_t max_size, uint64_t now_ms)
{
	struct grants grants;

	grants_init(&grants);
	lock(p);
	resize_locked(p, max_size);
	pool_serve_waiters_locked(p, now_ms, &grants);
	unlock(p);
	grants_post(&grants);
}

void
pool_configure(struct pool *p, const struct pool_settings *settings,
    uint64_t now_ms)
{
	lock(p);
	p->sh.settings = *settings;
	p->sh.ceiling.rise_ms = settings->rise_ms;
	unlock(p);
	pool_resize(p, settings->max_size, now_ms);
}

struct keeper {
	bool (*keep)(const struct pool_item *item, void *arg);
	void *arg;
};

static bool
is_unwanted(const struct pool_item *item, void *arg)
{
	struct keeper *k = arg;

	return !k->keep(item, k->arg);
}

struct pool_item *
pool_retain(struct pool *p, struct loop *l,
    bool (*keep)(const struct pool_item *item, void *arg), void *arg)
{
	struct keeper k = { .keep = keep, .arg = arg };
	struct pool_item *item;

	lock(p);
	item = take_if_locked(p, l, is_unwanted, &k);
	unlock(p);
	return item;
}

void
pool_close(struct pool *p)
{
	struct grants grants;

	grants_init(&grants);
	lock(p);
	p->sh.is_closed = true;
	pool_expel_waiters_locked(p, &grants);
	unlock(p);
	grants_post(&grants);
}

void
pool_reopen(struct pool *p)
{
	lock(p);
	p->sh.is_closed = false;
	unlock(p);
}

bool
pool_is_at_rest(struct pool *p)
{
	bool is_at_rest;

	lock(p);
	is_at_rest = get_live_locked(p) == 0 &&
	    list_is_empty(&p->sh.waiters);
	unlock(p);
	return is_at_rest;
}
