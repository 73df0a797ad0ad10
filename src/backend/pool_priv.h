// SPDX-License-Identifier: BSD-2-Clause
/* pool_priv - what pool.c (lending, giving back, waiting) and pool_manage.c
 * (housekeeping, limits, the end) share; nobody else includes it.
 *
 * Any thread; what ends in _locked is called with the mutex held. */
#pragma once

#include "backend/breaker.h"
#include "backend/ceiling.h"
#include "backend/cooldown.h"
#include "backend/pool.h"
#include "base/check.h"

#include <pthread.h>

struct pool {
	/* const after init */
	size_t item_size;
	unsigned loops_n;
	const struct breaker *breaker;	/* NULL: never open */
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
		struct cooldown cooldown;
		struct ceiling ceiling;
	} sh; /* guarded by sh.mutex */
};

static inline size_t
get_live_locked(const struct pool *p)
{
	return p->sh.places_n[PLACE_IDLE] + p->sh.places_n[PLACE_LENT] +
	    p->sh.places_n[PLACE_CONNECTING] + p->sh.places_n[PLACE_CLOSING];
}

static inline size_t
get_used_locked(const struct pool *p)
{
	return get_live_locked(p) + p->sh.cooldown.n;
}

/* What a server takes for connections of ours: all but those that say
 * good-bye. */
static inline size_t
get_running_locked(const struct pool *p)
{
	return p->sh.places_n[PLACE_IDLE] + p->sh.places_n[PLACE_LENT] +
	    p->sh.places_n[PLACE_CONNECTING];
}

static inline bool
is_broken(const struct pool *p)
{
	return p->breaker != NULL && breaker_is_open(p->breaker);
}

static inline bool
has_room_locked(const struct pool *p)
{
	return !p->sh.is_closed && get_used_locked(p) < p->sh.ceiling.now;
}

static inline bool
can_create_locked(const struct pool *p, uint64_t now_ms)
{
	return has_room_locked(p) && !is_broken(p) &&
	    !cooldown_is_backing_off(&p->sh.cooldown, now_ms);
}

static inline void
lock(struct pool *p)
{
	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
}

static inline void
unlock(struct pool *p)
{
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
}

static inline bool
is_too_old(const struct pool_item *item, uint64_t now_ms)
{
	return item->lifetime_ms > 0 &&
	    now_ms >= item->born_ms + item->lifetime_ms;
}

/* Those that cool, or are closing, are no reason to close one that works. */
static inline bool
is_one_too_many_locked(const struct pool *p)
{
	return get_running_locked(p) > p->sh.ceiling.now;
}

/* A blank item, connecting: there must be room. Whose it is the caller says, or
 * its arrival. */
struct pool_item *pool_create_locked(struct pool *);
/* An idle item leaves its list; the same. */
void pool_lend_locked(struct pool_item *item);
/* Grants what there is to those who wait. */
void pool_serve_waiters_locked(struct pool *, uint64_t now_ms,
    struct grants *);
/* Nothing will come here soon: who waits nowhere else is told. */
void pool_expel_waiters_locked(struct pool *, struct grants *);
