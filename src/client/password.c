// SPDX-License-Identifier: BSD-2-Clause
#include "client/password.h"

#include "base/check.h"
#include "base/list.h"
#include "client/hashes.h"
#include "conf/conf.h"
#include "net/addr.h"
#include "net/loop.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A prefix of IPv6 that nobody comes from. */
#define SITE_UNIX UINT64_MAX

/* Checks of one site that wait, oldest first. */
struct asker {
	struct list link;
	uint64_t site;
	struct password_check *first, **end;
	size_t n;
};

struct passwords {
	/* const after start */
	struct memo *memo;

	/* owner: main */
	pthread_t threads[PASSWORD_THREADS];
	size_t threads_n;

	struct {
		pthread_mutex_t mutex;
		pthread_cond_t wanted;
		struct hashes *hashes;
		struct list askers;	/* in turn */
		size_t waiting_n;
		bool is_stopping;
	} sh; /* guarded by sh.mutex */
};

/* --- checking -------------------------------------------------------------- */

/* Whether the password is that of the hash, which may be nobody's. */
static bool
judge(const struct password_check *check, struct crypt_data *data)
{
	if (atomic_load(&check->is_given_up))
		return false;
	return hashes_match(check->hash, check->password, data);
}

static void
wipe(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void
wipe_secrets(struct password_check *check)
{
	wipe(check->password);
	wipe(check->hash);
	check->password = check->hash = NULL;
	explicit_bzero(&check->digest, sizeof(check->digest));
}

/* The next check, from the next site in turn; with the mutex held. */
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
		free(a);
	}
	return check;
}

static void
answer(struct password_check *check)
{
	wipe_secrets(check);
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
		if (check->is_right && check->has_digest)
			memo_note(p->memo, &check->digest, loop_clock_ms());
		answer(check);
		SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	}
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
	explicit_bzero(data, sizeof(*data));
	free(data);
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
	hashes_free(p->sh.hashes);
	memo_free(p->memo);
	SYS_OK(pthread_cond_destroy(&p->sh.wanted));
	SYS_OK(pthread_mutex_destroy(&p->sh.mutex));
	free(p);
}

/* None, while there are no users. 0, or -1 with errno. */
static int
start_threads(struct passwords *p, size_t users_n)
{
	while (users_n > 0 && p->threads_n < PASSWORD_THREADS) {
		int error = pthread_create(&p->threads[p->threads_n], NULL,
		    run, p);

		if (error != 0) {
			errno = error;
			return -1;
		}
		p->threads_n++;
	}
	return 0;
}

int
passwords_set_users(struct passwords *p, const struct conf *conf)
{
	struct hashes *old, *new;

	if (start_threads(p, conf->users_n) == -1)
		return -1;
	new = hashes_new(conf);	/* takes a while */
	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	old = p->sh.hashes;
	p->sh.hashes = new;
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
	hashes_free(old);
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
	p->memo = memo_new();
	if (passwords_set_users(p, conf) == 0)
		return p;
	error = errno;
	passwords_stop(p);
	errno = error;
	return NULL;
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
find_asker_locked(struct passwords *p, uint64_t site)
{
	struct asker *a;

	LIST_EACH(link, &p->sh.askers) {
		a = LIST_ENTRY(link, struct asker, link);
		if (a->site == site)
			return a;
	}
	a = xcalloc(1, sizeof(*a));
	a->site = site;
	a->end = &a->first;
	list_push_back(&p->sh.askers, &a->link);
	return a;
}

static char *
get_hash(struct passwords *p, const char *name, bool *is_known_r)
{
	char *hash;

	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	hash = xstrdup(hashes_find(p->sh.hashes, name, is_known_r));
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
	return hash;
}

static bool
has_room_locked(const struct passwords *p, const struct asker *a)
{
	return a->n < PASSWORD_PER_SITE_MAX &&
	    a->n < PASSWORD_WAITING_MAX - p->sh.waiting_n;
}

/* False: too many are waiting. */
static bool
queue(struct passwords *p, struct password_check *check, uint64_t site)
{
	struct asker *a = NULL;

	SYS_OK(pthread_mutex_lock(&p->sh.mutex));
	if (p->sh.waiting_n < PASSWORD_WAITING_MAX)
		a = find_asker_locked(p, site);
	if (a == NULL || !has_room_locked(p, a)) {
		SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
		return false;
	}
	check->next = NULL;
	*a->end = check;
	a->end = &check->next;
	a->n++;
	p->sh.waiting_n++;
	SYS_OK(pthread_cond_signal(&p->sh.wanted));
	SYS_OK(pthread_mutex_unlock(&p->sh.mutex));
	return true;
}

bool
passwords_ask(struct passwords *p, struct password_check *check,
    const char *name, const char *password, const struct addr *peer)
{
	uint64_t site;

	check->hash = get_hash(p, name, &check->is_right);
	check->password = xstrdup(password);
	check->has_digest = memo_make_digest(p->memo, name, check->hash,
	    password, &check->digest);
	if (check->is_right && check->has_digest &&
	    memo_knows(p->memo, &check->digest, loop_clock_ms())) {
		answer(check);
		return true;
	}
	if (!addr_get_site(peer, &site))
		site = SITE_UNIX;
	if (queue(p, check, site))
		return true;
	wipe_secrets(check);
	return false;
}

void
password_give_up(struct password_check *check)
{
	check->user = NULL;
	atomic_store(&check->is_given_up, true);
}
