// SPDX-License-Identifier: BSD-2-Clause
#include "client/account.h"

#include "base/bucket.h"
#include "base/check.h"
#include "base/ledger.h"
#include "base/quota.h"
#include "conf/conf.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "test.h"

static char name[] = "alice", other[] = "bob";
static struct conf_user users[2] = { { .s.name = name }, { .s.name = other } };
static struct conf conf = { .users = users, .users_n = 2 };
static struct ledger *ledger;
static struct accounts *accounts;
static struct account *alice;
static struct loop loop;

static void
set_limit(unsigned n)
{
	users[0].max_connections = n;
	accounts_set(accounts, &conf);
}

static void
set_up(void)
{
	char *error;

	loop_table_init(64);
	cr_assert_eq(loop_init(&loop, 0), 0);
	loop_turn(&loop, 0);
	ledger = ledger_open(NULL, &error);
	cr_assert_not_null(ledger);
	accounts = accounts_new(ledger);
	set_limit(2);
	alice = accounts_find(accounts, "alice");
	cr_assert_not_null(alice);
}

static void
tear_down(void)
{
	accounts_free(accounts);
	ledger_close(ledger);
	loop_fini(&loop);
}

#define AccountTest(name_)                                                    \
	Test(account, name_, .init = set_up, .fini = tear_down)

/* One who wants a seat. */
struct client {
	struct seat *seat;
	bool is_granted;
};

static void
on_granted(void *user)
{
	struct client *c = user;

	c->is_granted = true;
}

static enum seat_rc
come(struct client *c, bool may_wait)
{
	c->is_granted = false;
	return seat_take(alice, &loop, may_wait, on_granted, c, &c->seat);
}

static void
go(struct client *c)
{
	seat_leave(c->seat);
	loop_turn(&loop, 0);
}

AccountTest(known_by_name)
{
	cr_assert_null(accounts_find(accounts, "carol"));
	cr_assert_neq(accounts_find(accounts, "bob"), alice);
	accounts_set(accounts, &conf);
	cr_assert_eq(accounts_find(accounts, "alice"), alice);
}

AccountTest(without_a_limit)
{
	struct client c[100];

	set_limit(0);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(come(&c[i], false), SEAT_IS_TAKEN);
	for (int i = 0; i < 100; i++)
		go(&c[i]);
}

AccountTest(refused_and_free_again)
{
	struct client c[3];

	cr_assert_eq(come(&c[0], false), SEAT_IS_TAKEN);
	cr_assert_eq(come(&c[1], true), SEAT_IS_TAKEN);
	cr_assert_eq(come(&c[2], false), SEAT_IS_REFUSED);
	cr_assert_null(c[2].seat);
	go(&c[0]);
	cr_assert_eq(come(&c[2], false), SEAT_IS_TAKEN);
	go(&c[1]);
	go(&c[2]);
}

AccountTest(first_come_first_served)
{
	struct client c[5];

	for (int i = 0; i < 5; i++)
		cr_assert_eq(come(&c[i], true),
		    i < 2 ? SEAT_IS_TAKEN : SEAT_IS_AWAITED);
	go(&c[1]);
	cr_assert(c[2].is_granted && !c[3].is_granted);
	seat_leave(c[3].seat);		/* gives up */
	go(&c[0]);
	cr_assert(c[4].is_granted);
	go(&c[2]);
	go(&c[4]);
}

/* Not even when a seat is free and its message still under way. */
AccountTest(nobody_overtakes)
{
	struct client c[4];

	for (int i = 0; i < 3; i++)
		(void)come(&c[i], true);
	seat_leave(c[0].seat);
	cr_assert_eq(come(&c[3], false), SEAT_IS_REFUSED);
	cr_assert_eq(come(&c[3], true), SEAT_IS_AWAITED);
	loop_turn(&loop, 0);
	cr_assert(c[2].is_granted && !c[3].is_granted);
	go(&c[1]);
	cr_assert(c[3].is_granted);
	go(&c[2]);
	go(&c[3]);
}

/* What was granted to one who has left goes to the next. */
AccountTest(gone_before_the_grant_arrives)
{
	struct client c[4];

	for (int i = 0; i < 4; i++)
		(void)come(&c[i], true);
	seat_leave(c[0].seat);
	go(&c[2]);
	loop_turn(&loop, 0);
	cr_assert(!c[2].is_granted && c[3].is_granted);
	go(&c[1]);
	go(&c[3]);
}

AccountTest(limits_change)
{
	struct client c[4];

	for (int i = 0; i < 4; i++)
		(void)come(&c[i], true);
	set_limit(3);
	loop_turn(&loop, 0);
	cr_assert(c[2].is_granted && !c[3].is_granted);
	set_limit(1);
	go(&c[0]);
	go(&c[1]);
	cr_assert_not(c[3].is_granted);
	go(&c[2]);
	cr_assert(c[3].is_granted);
	go(&c[3]);
}

/* Workers learn of it one after the other: none lets anybody in meanwhile. */
AccountTest(nobody_comes_in_who_is_no_user_any_more)
{
	struct client c[4];

	for (int i = 0; i < 3; i++)
		(void)come(&c[i], true);
	conf.users_n = 0;
	accounts_set(accounts, &conf);
	go(&c[0]);
	loop_turn(&loop, 0);
	cr_assert_not(c[2].is_granted);
	cr_assert_eq(come(&c[3], true), SEAT_IS_REFUSED);
	conf.users_n = 2;
	set_limit(2);
	loop_turn(&loop, 0);
	cr_assert(c[2].is_granted);
	go(&c[1]);
	go(&c[2]);
}

/* They are those of the name, whatever the configuration does. */
AccountTest(rate_and_quota_follow)
{
	users[0].rate = 1 << 20;
	users[0].quota_bytes = 1000;
	accounts_set(accounts, &conf);
	cr_assert_eq(bucket_get_quantum(account_get_bucket(alice)), 8192);
	quota_charge(account_get_quota(alice), 999);
	users[0].rate = 0;
	users[0].quota_bytes = 999;
	accounts_set(accounts, &conf);
	cr_assert_eq(bucket_get_quantum(account_get_bucket(alice)), SIZE_MAX);
	cr_assert(quota_is_spent(account_get_quota(alice)));
	cr_assert_eq(*ledger_get(ledger, "user", "alice"), 999);
	users[0].quota_bytes = 0;
	accounts_set(accounts, &conf);
	cr_assert_not(quota_is_spent(account_get_quota(alice)));
}

/* --- threads ----------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 2000

static _Atomic int inside, most;

struct worker {
	struct loop loop;
	pthread_t thread;
	struct client client;
};

static void
note(void)
{
	int n = atomic_fetch_add(&inside, 1) + 1, old = atomic_load(&most);

	while (n > old && !atomic_compare_exchange_weak(&most, &old, n))
		continue;
}

static void *
come_and_go(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct client *c = &w->client;
		enum seat_rc rc;

		c->is_granted = false;
		rc = seat_take(alice, &w->loop, true, on_granted, c,
		    &c->seat);
		/* One in four does not wait for what it asked for. */
		while (rc == SEAT_IS_AWAITED && !c->is_granted && i % 4 > 0)
			loop_turn(&w->loop, 1);
		if (rc == SEAT_IS_TAKEN || c->is_granted) {
			note();
			atomic_fetch_sub(&inside, 1);
		}
		seat_leave(c->seat);
		loop_turn(&w->loop, 0);
	}
	return NULL;
}

AccountTest(threads)
{
	static struct worker workers[THREADS];

	atomic_store(&inside, 0);
	atomic_store(&most, 0);
	for (unsigned i = 0; i < THREADS; i++) {
		cr_assert_eq(loop_init(&workers[i].loop, i), 0);
		cr_assert_eq(pthread_create(&workers[i].thread, NULL,
		    come_and_go, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_join(workers[i].thread, NULL), 0);
	for (unsigned i = 0; i < 2 * THREADS; i++)
		loop_turn(&workers[i % THREADS].loop, 0);
	for (unsigned i = 0; i < THREADS; i++)
		loop_fini(&workers[i].loop);
	cr_assert_leq(atomic_load(&most), 2);
}
