// SPDX-License-Identifier: BSD-2-Clause
#include "net/resolver.h"

#include "base/check.h"
#include "base/list.h"
#include "net/loop.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S (1000 * NS_PER_MS)

/* What is known of a name. One per host and port, kept for good: there are as
 * many as were ever configured. */
struct known {
	struct list link;
	struct resolver *resolver;
	char *host;
	uint16_t port;
	bool is_looking;
	uint64_t until_ms;		/* the answer is good until then */
	struct addr addrs[RESOLVER_ADDRS_MAX];
	size_t n;
	int error;
	struct resolve *waiting;	/* while it is looking */
};

struct resolver {
	struct {
		pthread_mutex_t mutex;
		pthread_cond_t done;
		struct list names;
		unsigned looking_n;
	} sh; /* guarded by sh.mutex */
};

struct resolver *
resolver_new(void)
{
	struct resolver *rs = xcalloc(1, sizeof(*rs));

	SYS_OK(pthread_mutex_init(&rs->sh.mutex, NULL));
	SYS_OK(pthread_cond_init(&rs->sh.done, NULL));
	list_init(&rs->sh.names);
	return rs;
}

static void
lock(struct resolver *rs)
{
	SYS_OK(pthread_mutex_lock(&rs->sh.mutex));
}

static void
unlock(struct resolver *rs)
{
	SYS_OK(pthread_mutex_unlock(&rs->sh.mutex));
}

static struct known *
find_locked(struct resolver *rs, const struct resolve *r)
{
	struct known *k;

	LIST_EACH(link, &rs->sh.names) {
		k = LIST_ENTRY(link, struct known, link);
		if (k->port == r->port && strcmp(k->host, r->host) == 0)
			return k;
	}
	k = xcalloc(1, sizeof(*k));
	k->resolver = rs;
	k->host = xstrdup(r->host);
	k->port = r->port;
	list_push_back(&rs->sh.names, &k->link);
	return k;
}

static void
copy_answer(struct resolve *r, const struct known *k)
{
	memcpy(r->addrs, k->addrs, sizeof(r->addrs));
	r->n = k->n;
	r->error = k->error;
}

/* The look-up has ended; gives those that waited for it. */
static struct resolve *
finish_locked(struct known *k, const struct addrinfo *found, int error)
{
	struct resolve *waiting = k->waiting;

	k->error = error;
	for (k->n = 0; found != NULL && k->n < RESOLVER_ADDRS_MAX;
	     found = found->ai_next)
		addr_set(&k->addrs[k->n++], found->ai_addr,
		    found->ai_addrlen);
	k->until_ms = loop_clock_ms() +
	    (k->n > 0 ? RESOLVER_TTL_MS : RESOLVER_FAILED_MS);
	k->is_looking = false;
	k->waiting = NULL;
	for (struct resolve *r = waiting; r != NULL; r = r->next)
		copy_answer(r, k);
	return waiting;
}

static void
post_all(struct resolve *r)
{
	while (r != NULL) {
		struct resolve *next = r->next;

		loop_post(r->loop, &r->message);
		r = next;
	}
}

static void *
look_up(void *arg)
{
	struct known *k = arg;
	struct resolver *rs = k->resolver;
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG,
	};
	struct addrinfo *found = NULL;
	struct resolve *waiting;
	char port[8];
	int error;

	(void)pthread_setname_np(pthread_self(), "resolver");
	snprintf(port, sizeof(port), "%u", k->port);
	error = getaddrinfo(k->host, port, &hints, &found);
	lock(rs);
	waiting = finish_locked(k, error == 0 ? found : NULL, error);
	unlock(rs);
	post_all(waiting);
	if (error == 0)
		freeaddrinfo(found);
	/* Last of all: from here on the resolver may be gone. */
	lock(rs);
	rs->sh.looking_n--;
	SYS_OK(pthread_cond_broadcast(&rs->sh.done));
	unlock(rs);
	return NULL;
}

static void
start_look_up(struct known *k)
{
	struct resolver *rs = k->resolver;
	struct resolve *waiting;
	pthread_t thread;

	if (pthread_create(&thread, NULL, look_up, k) == 0) {
		SYS_OK(pthread_detach(thread));
		return;
	}
	lock(rs);
	waiting = finish_locked(k, NULL, EAI_AGAIN);
	rs->sh.looking_n--;
	unlock(rs);
	post_all(waiting);
}

void
resolver_ask(struct resolver *rs, struct resolve *r)
{
	struct known *k;
	bool is_new = false;

	r->next = NULL;
	lock(rs);
	k = find_locked(rs, r);
	if (!k->is_looking && loop_clock_ms() < k->until_ms) {
		copy_answer(r, k);
		unlock(rs);
		post_all(r);
		return;
	}
	r->next = k->waiting;
	k->waiting = r;
	if (!k->is_looking) {
		k->is_looking = is_new = true;
		rs->sh.looking_n++;
	}
	unlock(rs);
	if (is_new)
		start_look_up(k);
}

bool
resolver_free(struct resolver *rs, uint64_t max_wait_ms)
{
	struct timespec until;
	uint64_t until_ns;
	struct list *link;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until_ns = (uint64_t)until.tv_nsec + max_wait_ms * NS_PER_MS;
	until.tv_sec += (time_t)(until_ns / NS_PER_S);
	until.tv_nsec = (long)(until_ns % NS_PER_S);
	lock(rs);
	while (rs->sh.looking_n > 0 && error == 0)
		error = pthread_cond_timedwait(&rs->sh.done, &rs->sh.mutex,
		    &until);
	unlock(rs);
	if (error != 0)
		return false;
	while ((link = list_pop_front(&rs->sh.names)) != NULL) {
		struct known *k = LIST_ENTRY(link, struct known, link);

		free(k->host);
		free(k);
	}
	SYS_OK(pthread_cond_destroy(&rs->sh.done));
	SYS_OK(pthread_mutex_destroy(&rs->sh.mutex));
	free(rs);
	return true;
}
