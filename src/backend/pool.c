// SPDX-License-Identifier: BSD-2-Clause
#include "backend/pool.h"

#include "base/check.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdlib.h>

/* Back-off after items that could not be made: doubles from MIN to MAX. */
#define BACKOFF_MIN_MS 250
#define BACKOFF_MAX_MS (30 * 1000)

struct pool {
	/* const after init */
	size_t item_size;
	unsigned loops_n;
	void (*alarm)(void *arg);
	void *alarm_arg;

	/* atomic: written under the mutex, read without it as a hint */
	_Atomic size_t waiting_n;

	struct {
		pthread_mutex_t mutex;
		struct pool_settings settings;
		bool is_closed;
		size_t places_n[PLACE_COUNT];
		struct list *idle;	/* one per loop: oldest first */
		struct list all;	/* every item, in use or spare */
		struct list free;	/* spare items */
		struct list waiters;	/* tickets, in order of arrival */
		uint64_t *cooling;	/* ring: when each cooled slot is free */
		size_t cooling_start, cooling_n, cooling_size;
		uint64_t backoff_until_ms;	/* 0: none */
		unsigned failures_n;	/* in a row, to make an item */
		uint64_t random;
	} sh; /* guarded by sh.mutex */
};

/* Granted waiters, to be posted when the mutex is released. */
struct grants {
	struct message *first, **end;
};

/* --- small things, all with the mutex held ------------------------------ */

static uint64_t
get_random_locked(struct pool *p, uint64_t below)
{
	uint64_t x = p->sh.random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	p->sh.random = x;
	return below > 0 ? x % below : 0;
}

static size_t
get_live_locked(const struct pool *p)
{
	return p->sh.places_n[PLACE_IDLE] + p->sh.places_n[PLACE_LENT] +
	    p->sh.places_n[PLACE_CONNECTING] + p->sh.places_n[PLACE_CLOSING];
}

static size_t
get_used_locked(const struct pool *p)
{
	return get_live_locked(p) + p->sh.cooling_n;
}

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

static bool
can_create_locked(const struct pool *p, uint64_t now_ms)
{
	return !p->sh.is_closed && now_ms >= p->sh.backoff_until_ms &&
	    get_used_locked(p) < p->sh.settings.max_size;
}

/* Like lend_locked(): whose it is the caller says, or its arrival. */
static struct pool_item *
create_locked(struct pool *p)
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
	CHECK(get_used_locked(p) <= p->sh.settings.max_size);
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

static void
lend_locked(struct pool_item *item)
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
	lend_locked(item);
	return item;
}

static void
drop_ticket_locked(struct pool *p, struct pool_ticket *ticket)
{
	list_remove(&ticket->link);
	atomic_store(&p->waiting_n, atomic_load(&p->waiting_n) - 1);
}

static void
cool_locked(struct pool *p, uint64_t now_ms)
{
	size_t i = (p->sh.cooling_start + p->sh.cooling_n) %
	    p->sh.cooling_size;

	CHECK(p->sh.cooling_n < p->sh.cooling_size);
	p->sh.cooling[i] = now_ms + p->sh.settings.cooldown_ms;
	p->sh.cooling_n++;
}

static void
end_cooling_locked(struct pool *p, uint64_t now_ms)
{
	while (p->sh.cooling_n > 0 &&
	    p->sh.cooling[p->sh.cooling_start] <= now_ms) {
		p->sh.cooling_start = (p->sh.cooling_start + 1) %
		    p->sh.cooling_size;
		p->sh.cooling_n--;
	}
}

static void
back_off_locked(struct pool *p, uint64_t now_ms)
{
	uint64_t delay = BACKOFF_MIN_MS;

	for (unsigned i = 0; i < p->sh.failures_n; i++)
		if ((delay *= 2) >= BACKOFF_MAX_MS)
			break;
	if (delay > BACKOFF_MAX_MS)
		delay = BACKOFF_MAX_MS;
	p->sh.failures_n++;
	p->sh.backoff_until_ms = now_ms + delay / 2 +
	    get_random_locked(p, delay / 2);
}

/* --- grants -------------------------------------------------------------- */

static bool
win_waiter(struct pool_waiter *w)
{
	enum waiter_state expected = WAITER_WAITING;

	return atomic_compare_exchange_strong(&w->state, &expected,
	    WAITER_GRANTED);
}

static void
grants_init(struct grants *g)
{
	g->first = NULL;
	g->end = &g->first;
}

static void
add_grant(struct grants *g, struct pool_waiter *w, struct pool_item *item,
    bool is_blank)
{
	w->item = item;
	w->is_blank = is_blank;
	w->message.next = NULL;
	*g->end = &w->message;
	g->end = &w->message.next;
}

/* After the unlock. */
static void
post_grants(struct grants *g)
{
	struct message *m = g->first;

	while (m != NULL) {
		struct message *next = m->next;
		struct pool_waiter *w = LIST_ENTRY(m, struct pool_waiter,
		    message);

		loop_post(w->loop, m);
		m = next;
	}
}

/* Takes the first waiter that nobody else has granted, or NULL. */
static struct pool_waiter *
pop_waiter_locked(struct pool *p)
{
	struct list *link;

	while ((link = list_first(&p->sh.waiters)) != NULL) {
		struct pool_ticket *ticket =
		    LIST_ENTRY(link, struct pool_ticket, link);
		struct pool_waiter *w = ticket->waiter;

		/* The ticket goes first: once the waiter is granted, here or
		 * elsewhere, its memory may go as soon as pool_leave() has
		 * found the ticket in no queue. */
		drop_ticket_locked(p, ticket);
		if (win_waiter(w))
			return w;
	}
	return NULL;
}

static void
serve_waiters_locked(struct pool *p, uint64_t now_ms, struct grants *g)
{
	end_cooling_locked(p, now_ms);
	while (p->sh.places_n[PLACE_IDLE] > 0 || can_create_locked(p, now_ms)) {
		struct pool_waiter *w = pop_waiter_locked(p);
		struct pool_item *item;

		if (w == NULL)
			break;
		item = take_idle_locked(p, w->loop);
		if (item != NULL)
			add_grant(g, w, item, false);
		else
			add_grant(g, w, create_locked(p), true);
	}
}

/* Nothing will come here soon: who waits nowhere else is told. */
static void
expel_waiters_locked(struct pool *p, struct grants *g)
{
	struct list *link;

	while ((link = list_first(&p->sh.waiters)) != NULL) {
		struct pool_ticket *ticket =
		    LIST_ENTRY(link, struct pool_ticket, link);
		struct pool_waiter *w = ticket->waiter;

		drop_ticket_locked(p, ticket);
		if (atomic_fetch_sub(&w->queues_n, 1) == 1 && win_waiter(w))
			add_grant(g, w, NULL, false);
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
	SYS_OK(pthread_mutex_init(&p->sh.mutex, NULL));
	p->sh.settings = *settings;
	p->sh.idle = xcalloc(loops_n, sizeof(p->sh.idle[0]));
	for (unsigned i = 0; i < loops_n; i++)
		list_init(&p->sh.idle[i]);
	list_init(&p->sh.all);
	list_init(&p->sh.free);
	list_init(&p->sh.waiters);
	p->sh.cooling_size = settings->max_size > 0 ? settings->max_size : 1;
	p->sh.cooling = xcalloc(p->sh.cooling_size, sizeof(uint64_t));
	p->sh.random = loop_clock_ms() * 2654435761u ^ (uintptr_t)p;
	p->sh.random |= 1;
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
	free(p->sh.cooling);
	free(p->sh.idle);
	free(p);
}

void
pool_set_alarm(struct pool *p, void (*alarm)(void *arg), void *arg)
{
	p->alarm = alarm;
	p->alarm_arg = arg;
}

static void
lock(struct pool *p)
{
	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
}

static void
unlock(struct pool *p)
{
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
}

/* --- get and wait -------------------------------------------------------- */

static enum pool_rc
get_locked(struct pool *p, struct loop *l, uint64_t now_ms,
    struct pool_item **item_r)
{
	if (p->sh.is_closed)
		return POOL_CLOSED;
	if (!list_is_empty(&p->sh.waiters))
		return POOL_BUSY;
	*item_r = take_idle_locked(p, l);
	if (*item_r != NULL) {
		atomic_store(&(*item_r)->lessee, l);
		return POOL_ITEM;
	}
	end_cooling_locked(p, now_ms);
	if (can_create_locked(p, now_ms)) {
		*item_r = create_locked(p);
		atomic_store(&(*item_r)->lessee, l);
		return POOL_CREATE;
	}
	if (get_live_locked(p) == 0 && now_ms < p->sh.backoff_until_ms)
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

/* On the waiter's loop: only now is the item its own. Until here an event that
 * this loop has in hand must find it in nobody's use. */
static void
on_grant(struct message *m)
{
	struct pool_waiter *w = LIST_ENTRY(m, struct pool_waiter, message);

	if (w->item != NULL)
		atomic_store(&w->item->lessee, w->loop);
	w->deliver(m);
}

void
pool_waiter_init(struct pool_waiter *w, struct loop *l, message_cb_f *deliver)
{
	*w = (struct pool_waiter){ .loop = l, .message.deliver = on_grant,
	    .deliver = deliver };
	atomic_init(&w->state, WAITER_WAITING);
	atomic_init(&w->queues_n, 1);
}

enum pool_rc
pool_join(struct pool *p, struct pool_waiter *w, struct pool_ticket *ticket,
    uint64_t now_ms)
{
	enum pool_rc rc = POOL_QUEUED;
	struct grants grants;

	grants_init(&grants);
	*ticket = (struct pool_ticket){ .pool = p, .waiter = w };
	list_init(&ticket->link);
	lock(p);
	if (p->sh.is_closed) {
		rc = POOL_CLOSED;
	} else {
		atomic_fetch_add(&w->queues_n, 1);
		list_push_back(&p->sh.waiters, &ticket->link);
		atomic_store(&p->waiting_n, atomic_load(&p->waiting_n) + 1);
		serve_waiters_locked(p, now_ms, &grants);
		if (atomic_load(&w->state) == WAITER_GRANTED)
			rc = POOL_GRANTED;
	}
	unlock(p);
	post_grants(&grants);
	return rc;
}

bool
pool_waiter_ready(struct pool_waiter *w)
{
	if (atomic_fetch_sub(&w->queues_n, 1) > 1)
		return true;
	return !pool_waiter_cancel(w);
}

void
pool_leave(struct pool_ticket *ticket)
{
	struct pool *p = ticket->pool;

	lock(p);
	if (list_is_linked(&ticket->link))
		drop_ticket_locked(p, ticket);
	unlock(p);
}

bool
pool_waiter_cancel(struct pool_waiter *w)
{
	enum waiter_state expected = WAITER_WAITING;

	return atomic_compare_exchange_strong(&w->state, &expected,
	    WAITER_CANCELLED);
}

/* --- give back ------------------------------------------------------------ */

static bool
is_too_old(const struct pool_item *item, uint64_t now_ms)
{
	return item->lifetime_ms > 0 &&
	    now_ms >= item->born_ms + item->lifetime_ms;
}

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
	item->lifetime_ms = max - get_random_locked(p, max / 8);
	p->sh.failures_n = 0;
	p->sh.backoff_until_ms = 0;
	enter_locked(item, PLACE_LENT);
	serve_waiters_locked(p, now_ms, &grants);	/* no back-off any more */
	unlock(p);
	post_grants(&grants);
}

bool
pool_put(struct pool_item *item, uint64_t now_ms,
    void (*before_grant)(struct pool_item *item))
{
	struct pool *p = item->pool;
	struct loop *own = atomic_load(&item->lessee);
	struct pool_waiter *w = NULL;
	bool is_kept = true;

	lock(p);
	CHECK(item->place == PLACE_LENT);
	if (p->sh.is_closed || is_too_old(item, now_ms) ||
	    get_used_locked(p) > p->sh.settings.max_size) {
		enter_locked(item, PLACE_CLOSING);
		is_kept = false;
	} else if ((w = pop_waiter_locked(p)) != NULL) {
		atomic_store(&item->lessee, NULL);	/* see on_grant() */
	} else {
		enter_locked(item, PLACE_IDLE);
		item->idle_since_ms = now_ms;
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

static void
free_item_locked(struct pool_item *item)
{
	atomic_store(&item->lessee, NULL);
	item->home = NULL;
	enter_locked(item, PLACE_FREE);
	list_push_back(&item->pool->sh.free, &item->link);
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
	if (how != DISCARD_ORDERLY && p->sh.settings.cooldown_ms > 0)
		cool_locked(p, now_ms);
	if (how == DISCARD_UNMADE)
		back_off_locked(p, now_ms);
	serve_waiters_locked(p, now_ms, &grants);
	if (how == DISCARD_UNMADE && get_live_locked(p) == 0)
		expel_waiters_locked(p, &grants);
	unlock(p);
	post_grants(&grants);
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
	serve_waiters_locked(p, now_ms, &grants);
	unlock(p);
	post_grants(&grants);
}

bool
pool_claim(struct pool_item *item, struct loop *l)
{
	struct pool *p = item->pool;
	bool is_ours;

	lock(p);
	is_ours = item->place == PLACE_IDLE && item->home == l;
	if (is_ours) {
		lend_locked(item);
		atomic_store(&item->lessee, l);
	}
	unlock(p);
	return is_ours;
}

/* --- housekeeping --------------------------------------------------------- */

uint64_t
pool_tick(struct pool *p, uint64_t now_ms)
{
	struct grants grants;
	uint64_t next = UINT64_MAX;

	grants_init(&grants);
	lock(p);
	serve_waiters_locked(p, now_ms, &grants);
	if (p->sh.cooling_n > 0)
		next = p->sh.cooling[p->sh.cooling_start];
	if (p->sh.backoff_until_ms > now_ms && p->sh.backoff_until_ms < next)
		next = p->sh.backoff_until_ms;
	unlock(p);
	post_grants(&grants);
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
				lend_locked(item);
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

	return p->sh.is_closed || is_too_old(item, now_ms) ||
	    get_used_locked(p) > p->sh.settings.max_size ||
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
	end_cooling_locked(p, now_ms);
	if (p->sh.places_n[PLACE_IDLE] + p->sh.places_n[PLACE_CONNECTING] <
	    p->sh.settings.min_idle && list_is_empty(&p->sh.waiters) &&
	    can_create_locked(p, now_ms)) {
		item = create_locked(p);
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
		.size = get_live_locked(p),
		.available = p->sh.places_n[PLACE_IDLE],
		.waiting = atomic_load(&p->waiting_n),
		.lent = p->sh.places_n[PLACE_LENT],
		.connecting = p->sh.places_n[PLACE_CONNECTING],
		.closing = p->sh.places_n[PLACE_CLOSING],
		.cooling = p->sh.cooling_n,
	};
	unlock(p);
	return s;
}

/* --- deadpool's management ------------------------------------------------ */

static void
grow_cooling_locked(struct pool *p, size_t size)
{
	uint64_t *cooling = xcalloc(size, sizeof(cooling[0]));

	for (size_t i = 0; i < p->sh.cooling_n; i++)
		cooling[i] = p->sh.cooling[(p->sh.cooling_start + i) %
		    p->sh.cooling_size];
	free(p->sh.cooling);
	p->sh.cooling = cooling;
	p->sh.cooling_start = 0;
	p->sh.cooling_size = size;
}

void
pool_resize(struct pool *p, size_t max_size, uint64_t now_ms)
{
	struct grants grants;

	grants_init(&grants);
	lock(p);
	if (max_size > p->sh.cooling_size)
		grow_cooling_locked(p, max_size);
	p->sh.settings.max_size = max_size;
	serve_waiters_locked(p, now_ms, &grants);
	unlock(p);
	post_grants(&grants);
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
	expel_waiters_locked(p, &grants);
	unlock(p);
	post_grants(&grants);
}
