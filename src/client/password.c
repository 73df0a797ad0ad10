// SPDX-License-Identifier: BSD-2-Clause
#include "client/password.h"

#include "base/check.h"
#include "base/list.h"
#include "conf/conf.h"
#include "net/loop.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* For passwords that stand in the clear in the configuration anyway: as cheap
 * as crypt(3) allows. */
#define PLAIN_METHOD "$5$"
#define PLAIN_COST 1000

struct known_user {
	char *name;
	char *hash;
};

struct known_users {
	struct known_user *v;
	size_t n;
	const char *costliest;		/* hash for unknown users; NULL: none */
};

/* Checks of one address that wait, oldest first. */
struct asker {
	struct list link;
	char *address;
	struct password_check *first, **end;
	size_t n;
};

struct passwords {
	/* owner: the main thread */
	pthread_t threads[PASSWORD_THREADS];
	size_t threads_n;

	struct {
		pthread_mutex_t mutex;
		pthread_cond_t wanted;
		struct known_users users;
		struct list askers;	/* in turn */
		size_t waiting_n;
		bool is_stopping;
	} sh; /* guarded by sh.mutex */
};

/* --- checking -------------------------------------------------------------- */

static bool
is_equal(const char *a, const char *b)
{
	unsigned char difference = 0;
	size_t n = strlen(a);

	if (strlen(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

static bool
matches(const char *hash, const char *password, struct crypt_data *data)
{
	const char *made = crypt_r(password, hash, data);

	return made != NULL && made[0] != '*' && is_equal(made, hash);
}

/* Whether the password is that of the hash, which may be nobody's. */
static bool
judge(const struct password_check *check, struct crypt_data *data)
{
	if (atomic_load(&check->is_given_up))
		return false;
	return matches(check->hash, check->password, data);
}

static void
wipe(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* The next check, from the next address in turn; with the mutex held. */
static struct password_check *
pop_locked(struct passwords *p)
{
	struct list *link = list_pop_front(&p->sh.askers);
	struct asker *a;
	struct password_check *check;

	CHECK(link != NULL);
	a = LIST_ENTRY(link, struct asker, link);
	check = a->first;
	a->first = check->next;
	a->n--;
	p->sh.waiting_n--;
	if (a->first != NULL) {
		list_push_back(&p->sh.askers, &a->link);
	} else {
		free(a->address);
		free(a);
	}
	return check;
}

static void
answer(struct password_check *check)
{
	wipe(check->hash);
	wipe(check->password);
	check->hash = check->password = NULL;
	loop_post(check->loop, &check->message);
}

static void *
run(void *arg)
{
	struct passwords *p = arg;
	struct crypt_data *data = xcalloc(1, sizeof(*data));

	(void)pthread_setname_np(pthread_self(), "password");
	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	for (;;) {
		struct password_check *check;

		while (list_is_empty(&p->sh.askers) && !p->sh.is_stopping)
			SYS_OK(pthread_cond_wait(&p->sh.wanted,
			    &p->sh.mutex));
		if (p->sh.is_stopping)
			break;
		check = pop_locked(p);
		SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
		/* Computed in any case: nobody can tell from the time. */
		check->is_right = judge(check, data) && check->is_right;
		answer(check);
		SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	}
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return NULL;
}

/* --- users ------------------------------------------------------------------ */

static char *
hash_plain(const char *password, struct crypt_data *data)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *made;

	CHECK(crypt_gensalt_rn(PLAIN_METHOD, PLAIN_COST, NULL, 0, setting,
	    sizeof(setting)) != NULL);
	made = crypt_r(password, setting, data);
	CHECK(made != NULL && made[0] != '*');
	return xstrdup(made);
}

static double
measure(const char *hash, struct crypt_data *data)
{
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	(void)matches(hash, "no password", data);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	return (double)(b.tv_sec - a.tv_sec) +
	    (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Hashes alike up to their salt cost the same: "$y$j9T$", "$6$rounds=…$". */
static bool
is_same_method(const char *a, const char *b)
{
	size_t n = strcspn(a, "$"), same = 0;

	while (a[same] != '\0' && a[same] == b[same])
		same++;
	/* up to the second or, with parameters, the third '$' */
	for (int dollars = 0; a[n] != '\0' && dollars < 2; dollars++)
		n += strcspn(a + n + 1, "$") + 1;
	return same >= n;
}

static const char *
find_costliest(const struct known_users *users, struct crypt_data *data)
{
	const char *last = NULL, *costliest = NULL;
	double most = -1;

	for (size_t i = 0; i < users->n; i++) {
		double cost;

		if (last != NULL && is_same_method(last, users->v[i].hash))
			continue;
		last = users->v[i].hash;
		cost = measure(last, data);
		if (cost > most) {
			most = cost;
			costliest = last;
		}
	}
	return costliest;
}

static void
make_users(struct known_users *users, const struct conf *conf)
{
	struct crypt_data *data = xcalloc(1, sizeof(*data));

	users->n = conf->users_n;
	users->v = xcalloc(conf->users_n, sizeof(users->v[0]));
	for (size_t i = 0; i < conf->users_n; i++) {
		const struct conf_user *u = &conf->users[i];

		users->v[i].name = xstrdup(u->s.name);
		users->v[i].hash = u->password != NULL ?
		    xstrdup(u->password) : hash_plain(u->password_plain, data);
	}
	users->costliest = find_costliest(users, data);
	explicit_bzero(data, sizeof(*data));
	free(data);
}

static void
free_users(struct known_users *users)
{
	for (size_t i = 0; i < users->n; i++) {
		free(users->v[i].name);
		wipe(users->v[i].hash);
	}
	free(users->v);
}

/* NULL: nobody's. */
static const char *
find_hash_locked(const struct passwords *p, const char *name)
{
	const struct known_users *users = &p->sh.users;

	for (size_t i = 0; i < users->n; i++)
		if (strcmp(users->v[i].name, name) == 0)
			return users->v[i].hash;
	return NULL;
}

/* --- life -------------------------------------------------------------------- */

static void
free_passwords(struct passwords *p)
{
	struct password_check *check;

	while (!list_is_empty(&p->sh.askers)) {
		check = pop_locked(p);
		check->is_right = false;
		answer(check);
	}
	free_users(&p->sh.users);
	SYS_OK(pthread_cond_destroy(&p->sh.wanted));
	SYS_OK(pthread_mutex_destroy(&p->sh.mutex));
	free(p);
}

/* None, while there are no users. 0, or an error number. */
static int
start_threads(struct passwords *p, size_t users_n)
{
	while (users_n > 0 && p->threads_n < PASSWORD_THREADS) {
		int error = pthread_create(&p->threads[p->threads_n], NULL,
		    run, p);

		if (error != 0)
			return error;
		(void)pthread_setname_np(p->threads[p->threads_n++],
		    "password");
	}
	return 0;
}

struct passwords *
passwords_start(const struct conf *conf)
{
	struct passwords *p = xcalloc(1, sizeof(*p));
	int error;

	SYS_OK(pthread_mutex_init(&p->sh.mutex, NULL));
	SYS_OK(pthread_cond_init(&p->sh.wanted, NULL));
	list_init(&p->sh.askers);
	make_users(&p->sh.users, conf);
	error = start_threads(p, conf->users_n);
	if (error != 0) {
		passwords_stop(p);
		errno = error;
		return NULL;
	}
	return p;
}

int
passwords_change(struct passwords *p, const struct conf *conf)
{
	int error = start_threads(p, conf->users_n);
	struct known_users users, old;

	if (error != 0)
		return error;
	make_users(&users, conf);	/* takes a while */
	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	old = p->sh.users;
	p->sh.users = users;
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
	free_users(&old);
	return 0;
}

void
passwords_stop(struct passwords *p)
{
	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	p->sh.is_stopping = true;
	SYS_OK(pthread_cond_broadcast(&p->sh.wanted));
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
	for (size_t i = 0; i < p->threads_n; i++)
		SYS_OK(pthread_join(p->threads[i], NULL));
	free_passwords(p);
}

/* --- asking ------------------------------------------------------------------ */

static struct asker *
find_asker_locked(struct passwords *p, const char *address)
{
	struct asker *a;

	LIST_EACH(link, &p->sh.askers) {
		a = LIST_ENTRY(link, struct asker, link);
		if (strcmp(a->address, address) == 0)
			return a;
	}
	a = xcalloc(1, sizeof(*a));
	a->address = xstrdup(address);
	a->end = &a->first;
	list_push_back(&p->sh.askers, &a->link);
	return a;
}

bool
passwords_ask(struct passwords *p, struct password_check *check,
    const char *name, const char *password, const char *address)
{
	const char *hash;
	struct asker *a = NULL;

	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	if (p->sh.users.n > 0 && p->sh.waiting_n < PASSWORD_WAITING_MAX)
		a = find_asker_locked(p, address);
	if (a == NULL || a->n >= PASSWORD_PER_ADDRESS_MAX) {
		SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
		return false;
	}
	hash = find_hash_locked(p, name);
	check->next = NULL;
	check->is_right = hash != NULL;
	check->hash = xstrdup(hash != NULL ? hash : p->sh.users.costliest);
	check->password = xstrdup(password);
	*a->end = check;
	a->end = &check->next;
	a->n++;
	p->sh.waiting_n++;
	SYS_OK(pthread_cond_signal(&p->sh.wanted));
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
	return true;
}

void
password_give_up(struct password_check *check)
{
	check->user = NULL;
	atomic_store(&check->is_given_up, true);
}
