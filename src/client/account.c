// SPDX-License-Identifier: BSD-2-Clause
#include "client/account.h"

#include "base/bucket.h"
#include "base/check.h"
#include "base/inbox.h"
#include "base/ledger.h"
#include "base/list.h"
#include "base/quota.h"
#include "conf/conf.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct account {
	/* const after init */
	struct list link;		/* in its table */
	char *name;

	/* owner: main */
	uint64_t set_n;			/* the last accounts_set() with it */

	struct bucket bucket;
	struct quota quota;

	struct {
		pthread_mutex_t mutex;
		bool is_user;		/* in the configuration */
		unsigned seats_max;	/* 0: no limit */
		unsigned taken_n;	/* granted ones, too */
		struct list waiting;	/* first come first */
	} sh; /* guarded by sh.mutex */
};

struct accounts {
	struct ledger *ledger;		/* const */
	uint64_t set_n;			/* owner: main. Of accounts_set() */

	struct {
		pthread_mutex_t mutex;
		struct list all;	/* only ever longer */
	} sh; /* guarded by sh.mutex */
};

enum seat_state {
	SEAT_WAITING,		/* in the queue */
	SEAT_GRANTED,		/* counted; its message is under way */
	SEAT_TAKEN,		/* counted */
};

struct seat {
	struct message message;
	struct account *account;
	struct loop *loop;
	seat_granted_f *granted;
	void *user;		/* NULL: it has left; of its loop */
	struct list link;	/* under the account's mutex */
	enum seat_state state;	/* under the account's mutex */
};

/* --- seats ----------------------------------------------------------------- */

static bool
has_room_locked(const struct account *a)
{
	return a->sh.is_user &&
	    (a->sh.seats_max == 0 || a->sh.taken_n < a->sh.seats_max);
}

/* The next who gets a seat that is free, or NULL. */
static struct seat *
grant(struct account *a)
{
	struct list *link = NULL;
	struct seat *seat = NULL;

	SYS_OK(pthread_mutex_lock(&a->sh.mutex));
	if (has_room_locked(a))
		link = list_pop_front(&a->sh.waiting);
	if (link != NULL) {
		seat = LIST_ENTRY(link, struct seat, link);
		seat->state = SEAT_GRANTED;
		a->sh.taken_n++;
	}
	SYS_OK(pthread_mutex_unlock(&a->sh.mutex));
	return seat;
}

static void
serve(struct account *a)
{
	struct seat *seat;

	while ((seat = grant(a)) != NULL)
		loop_post(seat->loop, &seat->message);
}

static void
on_granted(struct message *m)
{
	struct seat *seat = LIST_ENTRY(m, struct seat, message);
	struct account *a = seat->account;

	SYS_OK(pthread_mutex_lock(&a->sh.mutex));
	seat->state = SEAT_TAKEN;
	SYS_OK(pthread_mutex_unlock(&a->sh.mutex));
	if (seat->user != NULL)
		seat->granted(seat->user);
	else
		seat_leave(seat);
}

static enum seat_rc
take_locked(struct seat *seat, bool may_wait)
{
	struct account *a = seat->account;

	if (has_room_locked(a) && list_is_empty(&a->sh.waiting)) {
		seat->state = SEAT_TAKEN;
		a->sh.taken_n++;
		return SEAT_IS_TAKEN;
	}
	if (!may_wait || !a->sh.is_user)
		return SEAT_IS_REFUSED;
	list_push_back(&a->sh.waiting, &seat->link);
	return SEAT_IS_AWAITED;
}

enum seat_rc
seat_take(struct account *a, struct loop *l, bool may_wait,
    seat_granted_f *granted, void *user, struct seat **seat_r)
{
	struct seat *seat = xcalloc(1, sizeof(*seat));
	enum seat_rc rc;

	seat->message.deliver = on_granted;
	seat->account = a;
	seat->loop = l;
	seat->granted = granted;
	seat->user = user;
	seat->state = SEAT_WAITING;
	list_init(&seat->link);
	SYS_OK(pthread_mutex_lock(&a->sh.mutex));
	rc = take_locked(seat, may_wait);
	SYS_OK(pthread_mutex_unlock(&a->sh.mutex));
	*seat_r = seat;
	if (rc == SEAT_IS_REFUSED) {
		free(seat);
		*seat_r = NULL;
	}
	return rc;
}

void
seat_leave(struct seat *seat)
{
	struct account *a = seat->account;
	enum seat_state state;

	seat->user = NULL;
	SYS_OK(pthread_mutex_lock(&a->sh.mutex));
	state = seat->state;
	list_remove(&seat->link);
	if (state == SEAT_TAKEN)
		a->sh.taken_n--;
	SYS_OK(pthread_mutex_unlock(&a->sh.mutex));
	if (state == SEAT_GRANTED)
		return;		/* its message frees it */
	free(seat);
	if (state == SEAT_TAKEN)
		serve(a);
}

size_t
seat_get_size(void)
{
	return sizeof(struct seat);
}

/* --- the table ------------------------------------------------------------- */

struct accounts *
accounts_new(struct ledger *ledger)
{
	struct accounts *all = xcalloc(1, sizeof(*all));

	all->ledger = ledger;
	SYS_OK(pthread_mutex_init(&all->sh.mutex, NULL));
	list_init(&all->sh.all);
	return all;
}

static void
free_account(struct account *a)
{
	CHECK(a->sh.taken_n == 0 && list_is_empty(&a->sh.waiting));
	SYS_OK(pthread_mutex_destroy(&a->sh.mutex));
	free(a->name);
	free(a);
}

void
accounts_free(struct accounts *all)
{
	LIST_EACH(link, &all->sh.all)
		free_account(LIST_ENTRY(link, struct account, link));
	SYS_OK(pthread_mutex_destroy(&all->sh.mutex));
	free(all);
}

static struct account *
find_locked(struct accounts *all, const char *name)
{
	LIST_EACH(link, &all->sh.all) {
		struct account *a = LIST_ENTRY(link, struct account, link);

		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

struct account *
accounts_find(struct accounts *all, const char *name)
{
	struct account *a;

	SYS_OK(pthread_mutex_lock(&all->sh.mutex));
	a = find_locked(all, name);
	SYS_OK(pthread_mutex_unlock(&all->sh.mutex));
	return a;
}

struct bucket *
account_get_bucket(struct account *a)
{
	return &a->bucket;
}

struct quota *
account_get_quota(struct account *a)
{
	return &a->quota;
}

static struct account *
add(struct accounts *all, const char *name)
{
	struct account *a = xcalloc(1, sizeof(*a));

	a->name = xstrdup(name);
	bucket_init(&a->bucket, 0);
	quota_init(&a->quota, ledger_get(all->ledger, "user", name), 0);
	SYS_OK(pthread_mutex_init(&a->sh.mutex, NULL));
	list_init(&a->sh.waiting);
	SYS_OK(pthread_mutex_lock(&all->sh.mutex));
	list_push_back(&all->sh.all, &a->link);
	SYS_OK(pthread_mutex_unlock(&all->sh.mutex));
	return a;
}

/* Those that accounts_set() has not come by. */
static void
close_others(struct accounts *all)
{
	/* Only this thread makes it longer. */
	LIST_EACH(link, &all->sh.all) {
		struct account *a = LIST_ENTRY(link, struct account, link);

		SYS_OK(pthread_mutex_lock(&a->sh.mutex));
		a->sh.is_user = a->set_n == all->set_n;
		SYS_OK(pthread_mutex_unlock(&a->sh.mutex));
	}
}

void
accounts_set(struct accounts *all, const struct conf *conf)
{
	all->set_n++;
	for (size_t i = 0; i < conf->users_n; i++) {
		const struct conf_user *u = &conf->users[i];
		struct account *a = accounts_find(all, u->s.name);

		if (a == NULL)
			a = add(all, u->s.name);
		bucket_set_rate(&a->bucket, u->rate);
		quota_set(&a->quota, u->quota_bytes);
		SYS_OK(pthread_mutex_lock(&a->sh.mutex));
		a->set_n = all->set_n;
		a->sh.is_user = true;
		a->sh.seats_max = u->max_connections;
		SYS_OK(pthread_mutex_unlock(&a->sh.mutex));
		serve(a);
	}
	close_others(all);
}
