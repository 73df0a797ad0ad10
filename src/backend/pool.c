// SPDX-License-Identifier: BSD-2-Clause
#include "backend/pool_priv.h"

#include "net/loop.h"

#include <stdlib.h>

/* --- small things, all with the mutex held ------------------------------ */

/* The only writer of item->place. */
static void
enter_locked(struct pool_item *item, enum pool_place place)
{
	struct pool *p = item->pool;

	CHECK(p->sh.places_n[item->place] > 0);
	p->sh.places_n[item->place]--;
	p->sh.places_n[place]++;
	item->place = place;
}

/* Like pool_lend_locked(): whose it is the caller says, or its arrival. */
struct pool_item *
pool_create_locked(struct pool *p)
{
	struct list *link = list_pop_front(&p->sh.free);
	struct pool_item *item;

	if (link != NULL) {
		item = LIST_ENTRY(link, struct pool_item, link);
	} else {
		item = xcalloc(1, p->item_size);
		list_init(&item->link);
		list_push_back(&p->sh.all, &item->all_link);
		item->pool = p;
		item->place = PLACE_FREE;
		p->sh.places_n[PLACE_FREE]++;
	}
	enter_locked(item, PLACE_CONNECTING);
	CHECK(get_used_locked(p) <= p->sh.ceiling.now);
	item->home = NULL;
	return item;
}

static struct pool_item *
pick_idle_locked(struct pool *p, unsigned index)
{
	struct list *list = &p->sh.idle[index];
	struct list *link = p->sh.settings.is_fifo ?
	    list_first(list) : list_last(list);

	return link != NULL ? LIST_ENTRY(link, struct pool_item, link) : NULL;
}

void
pool_lend_locked(struct pool_item *item)
{
	list_remove(&item->link);
	enter_locked(item, PLACE_LENT);
}

/* An idle item for a user on this loop: one that is watched there already, else
 * another loop's, which costs its new user two calls of epoll_ctl. */
static struct pool_item *
take_idle_locked(struct pool *p, struct loop *l)
{
	struct pool_item *item = NULL;

	if (p->sh.places_n[PLACE_IDLE] == 0)
		return NULL;
	for (unsigned i = 0; item == NULL && i < p->loops_n; i++)
		item = pick_idle_locked(p, (l->index + i) % p->loops_n);
	CHECK(item != NULL);
	pool_lend_locked(item);
	return item;
}

static void
drop_ticket_locked(struct pool *p, struct ticket *ticket)
{
	list_remove(&ticket->link);
	atomic_store(&p->waiting_n, atomic_load(&p->waiting_n) - 1);
}

/* --- grants -------------------------------------------------------------- */

/* Takes the first waiter that nobody else has granted, or NULL. */
static struct waiter *
pop_waiter_locked(struct pool *p)
{
	struct list *link;

	while ((link = list_first(&p->sh.waiters)) != NULL) {
		struct ticket *ticket =
		    LIST_ENTRY(link, struct ticket, link);
		struct waiter *w = ticket->waiter;

		/* The ticket goes first: once the waiter is granted, here or
		 * elsewhere, its memory may go as soon as pool_leave() has
		 * found the ticket in no queue. */
		drop_ticket_locked(p, ticket);
		if (waiter_win(w))
			return w;
	}
	return NULL;
}

void
pool_serve_waiters_locked(struct pool *p, uint64_t now_ms, struct grants *g)
{
	cooldown_expire(&p->sh.cooldown, now_ms);
	while (!is_broken(p) && (p->sh.places_n[PLACE_IDLE] > 0 ||
	    can_create_locked(p, now_ms))) {
		struct waiter *w = pop_waiter_locked(p);
		struct pool_item *item;

		if (w == NULL)
			break;
		item = take_idle_locked(p, w->loop);
		if (item != NULL)
			grants_add(g, w, item, false);
		else
			grants_add(g, w, pool_create_locked(p), true);
	}
}

/* Nothing will come here soon: who waits nowhere else is told. */
void
pool_expel_waiters_locked(struct pool *p, struct grants *g)
{
	struct list *link;

	while ((link = list_first(&p->sh.waiters)) != NULL) {
		struct ticket *ticket =
		    LIST_ENTRY(link, struct ticket, link);
		struct waiter *w = ticket->waiter;

		drop_ticket_locked(p, ticket);
		if (waiter_lose_queue(w) && waiter_win(w))
			grants_add(g, w, NULL, false);
	}
}

/* --- life ---------------------------------------------------------------- */

struct pool *
pool_new(const struct pool_settings *settings, size_t item_size,
    unsigned loops_n)
{
	struct pool *p = xcalloc(1, sizeof(*p));

	CHECK(item_size >= sizeof(struct pool_item) && loops_n > 0);
	p->item_size = item_size;
	p->loops_n = loops_n;
	p->breaker = settings->breaker;
	SYS_OK(pthread_mutex_init(&p->sh.mutex, NULL));
	p->sh.settings = *settings;
	p->sh.idle = xcalloc(loops_n, sizeof(p->sh.idle[0]));
	for (unsigned i = 0; i < loops_n; i++)
		list_init(&p->sh.idle[i]);
	list_init(&p->sh.all);
	list_init(&p->sh.free);
	list_init(&p->sh.waiters);
	cooldown_init(&p->sh.cooldown, settings->max_size);
	ceiling_init(&p->sh.ceiling, settings->max_size, settings->rise_ms);
	return p;
}

void
pool_free(struct pool *p)
{
	struct list *link;

	CHECK(get_live_locked(p) == 0 && list_is_empty(&p->sh.waiters));
	while ((link = list_pop_front(&p->sh.all)) != NULL)
		free(LIST_ENTRY(link, struct pool_item, all_link));
	SYS_OK(pthread_mutex_destroy(&p->sh.mutex));
	cooldown_fini(&p->sh.cooldown);
	free(p->sh.idle);
	free(p);
}

void
pool_set_alarm(struct pool *p, void (*alarm)(void *arg), void *arg)
{
	p->alarm = alarm;
	p->alarm_arg = arg;
}

/* --- get and wait -------------------------------------------------------- */

static enum pool_rc
get_locked(struct pool *p, struct loop *l, uint64_t now_ms,
    struct pool_item **item_r)
{
	if (p->sh.is_closed)
		return POOL_CLOSED;
	if (is_broken(p))
		return POOL_DOWN;
	if (!list_is_empty(&p->sh.waiters))
		return POOL_BUSY;
	*item_r = take_idle_locked(p, l);
	if (*item_r != NULL) {
		atomic_store(&(*item_r)->lessee, l);
		return POOL_ITEM;
	}
	cooldown_expire(&p->sh.cooldown, now_ms);
	if (can_create_locked(p, now_ms)) {
		*item_r = pool_create_locked(p);
		atomic_store(&(*item_r)->lessee, l);
		return POOL_CREATE;
	}
	if (get_live_locked(p) == 0 &&
	    cooldown_is_backing_off(&p->sh.cooldown, now_ms))
		return POOL_DOWN;
	return POOL_BUSY;
}

enum pool_rc
pool_get(struct pool *p, struct loop *l, uint64_t now_ms,
    struct pool_item **item_r)
{
	enum pool_rc rc;

	*item_r = NULL;
	lock(p);
	rc = get_locked(p, l, now_ms, item_r);
	unlock(p);
	return rc;
}

static enum pool_rc
get_probe_locked(struct pool *p, struct loop *l, uint64_t now_ms,
    struct pool_item **item_r)
{
	if (!is_broken(p))
		return get_locked(p, l, now_ms, item_r);
	cooldown_expire(&p->sh.cooldown, now_ms);
	if (!has_room_locked(p))
		return POOL_BUSY;
	*item_r = pool_create_locked(p);
	atomic_store(&(*item_r)->lessee, l);
	return POOL_CREATE;
}

enum pool_rc
pool_get_probe(struct pool *p, struct loop *l, uint64_t now_ms,
    struct pool_item **item_r)
{
	enum pool_rc rc;

	*item_r = NULL;
	lock(p);
	rc = get_probe_locked(p, l, now_ms, item_r);
	unlock(p);
	return rc;
}

enum pool_rc
pool_join(struct pool *p, struct waiter *w, struct ticket *ticket,
    uint64_t now_ms)
{
	enum pool_rc rc = POOL_QUEUED;
	struct grants grants;

	grants_init(&grants);
	*ticket = (struct ticket){ .pool = p, .waiter = w };
	list_init(&ticket->link);
	lock(p);
	if (p->sh.is_closed) {
		rc = POOL_CLOSED;
	} else {
		atomic_fetch_add(&w->queues_n, 1);
		list_push_back(&p->sh.waiters, &ticket->link);
		atomic_store(&p->waiting_n, atomic_load(&p->waiting_n) + 1);
		pool_serve_waiters_locked(p, now_ms, &grants);
		if (waiter_is_granted(w))
			rc = POOL_GRANTED;
	}
	unlock(p);
	grants_post(&grants);
	return rc;
}

void
pool_leave(struct ticket *ticket)
{
	struct pool *p = ticket->pool;

	lock(p);
	if (list_is_linked(&ticket->link))
		drop_ticket_locked(p, ticket);
	unlock(p);
}

/* --- give back ------------------------------------------------------------ */

void
pool_made(struct pool_item *item, uint64_t now_ms)
{
	struct pool *p = item->pool;
	struct grants grants;
	uint64_t max;

	grants_init(&grants);
	lock(p);
	max = p->sh.settings.max_lifetime_ms;
	item->born_ms = now_ms;
	item->idle_since_ms = now_ms;
	item->lifetime_ms = max - cooldown_random(&p->sh.cooldown,
	    max / 8);
	cooldown_end_back_off(&p->sh.cooldown);
	enter_locked(item, PLACE_LENT);
	pool_serve_waiters_locked(p, now_ms, &grants);	/* no back-off any more */
	unlock(p);
	grants_post(&grants);
}

static bool
put(struct pool_item *item, uint64_t now_ms, uint64_t idle_since_ms,
    void (*before_grant)(struct pool_item *item))
{
	struct pool *p = item->pool;
	struct loop *own = atomic_load(&item->lessee);
	struct waiter *w = NULL;
	bool is_kept = true;

	lock(p);
	CHECK(item->place == PLACE_LENT);
	if (p->sh.is_closed || is_broken(p) || is_too_old(item, now_ms) ||
	    is_one_too_many_locked(p)) {
		enter_locked(item, PLACE_CLOSING);
		is_kept = false;
	} else if ((w = pop_waiter_locked(p)) != NULL) {
		atomic_store(&item->lessee, NULL);	/* see on_grant() */
	} else {
		enter_locked(item, PLACE_IDLE);
		item->idle_since_ms = idle_since_ms;
		list_push_back(&p->sh.idle[item->home->index], &item->link);
		atomic_store(&item->lessee, NULL);
	}
	unlock(p);
	if (w != NULL) {
		if (w->loop != own)
			before_grant(item);
		w->item = item;
		w->is_blank = false;
		loop_post(w->loop, &w->message);
	}
	return is_kept;
}

bool
pool_put(struct pool_item *item, uint64_t now_ms,
    void (*before_grant)(struct pool_item *item))
{
	return put(item, now_ms, now_ms, before_grant);
}

bool
pool_put_unused(struct pool_item *item, uint64_t now_ms,
    void (*before_grant)(struct pool_item *item))
{
	return put(item, now_ms, item->idle_since_ms, before_grant);
}

static void
free_item_locked(struct pool_item *item)
{
	atomic_store(&item->lessee, NULL);
	item->home = NULL;
	enter_locked(item, PLACE_FREE);
	list_push_back(&item->pool->sh.free, &item->link);
}

/* How the item that the server had no room for is discarded. */
static enum pool_discard
limit_locked(struct pool *p, uint64_t now_ms)
{
	size_t running_n = get_running_locked(p);

	ceiling_fall(&p->sh.ceiling, running_n, now_ms);
	return running_n > 0 ? DISCARD_LIMITED : DISCARD_UNMADE;
}

void
pool_discard(struct pool_item *item, enum pool_discard how, uint64_t now_ms)
{
	struct pool *p = item->pool;
	struct grants grants;

	grants_init(&grants);
	lock(p);
	CHECK(item->place == PLACE_LENT || item->place == PLACE_CONNECTING);
	free_item_locked(item);
	if (how == DISCARD_LIMITED)
		how = limit_locked(p, now_ms);
	if ((how == DISCARD_FAILED || how == DISCARD_UNMADE) &&
	    p->sh.settings.cooldown_ms > 0)
		cooldown_add(&p->sh.cooldown,
		    now_ms + p->sh.settings.cooldown_ms);
	if (how == DISCARD_UNMADE)
		cooldown_back_off(&p->sh.cooldown, now_ms);
	pool_serve_waiters_locked(p, now_ms, &grants);
	if (how == DISCARD_UNMADE && get_live_locked(p) == 0)
		pool_expel_waiters_locked(p, &grants);
	unlock(p);
	grants_post(&grants);
	if (how != DISCARD_ORDERLY && p->alarm != NULL)
		p->alarm(p->alarm_arg);
}

void
pool_closing(struct pool_item *item)
{
	struct pool *p = item->pool;

	lock(p);
	CHECK(item->place == PLACE_LENT);
	enter_locked(item, PLACE_CLOSING);
	unlock(p);
}

void
pool_closed(struct pool_item *item, uint64_t now_ms)
{
	struct pool *p = item->pool;
	struct grants grants;

	grants_init(&grants);
	lock(p);
	CHECK(item->place == PLACE_CLOSING);
	free_item_locked(item);
	pool_serve_waiters_locked(p, now_ms, &grants);
	unlock(p);
	grants_post(&grants);
}

bool
pool_claim(struct pool_item *item, struct loop *l)
{
	struct pool *p = item->pool;
	bool is_ours;

	lock(p);
	is_ours = item->place == PLACE_IDLE && item->home == l;
	if (is_ours) {
		pool_lend_locked(item);
		atomic_store(&item->lessee, l);
	}
	unlock(p);
	return is_ours;
}
