// SPDX-License-Identifier: BSD-2-Clause
#include "net/resolver.h"

#include "base/check.h"
#include "base/list.h"
#include "net/loop.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STOP_WAIT_S 2

struct cached {
	struct list link;
	char *host;
	uint16_t port;
	uint64_t until_ms;
	struct addr addrs[RESOLVER_ADDRS_MAX];
	size_t n;
};

struct resolver {
	struct loop loop;
	pthread_t thread;
	struct message stop;

	/* owner: the thread */
	struct list cache;
};

/* On its way to the resolver a request's message is delivered here; on its
 * way back to the asker. */
struct errand {
	struct message message;
	struct resolver *resolver;
	struct resolve *resolve;
};

static void
copy_answer(struct resolve *r, const struct addrinfo *found)
{
	r->n = 0;
	for (; found != NULL && r->n < RESOLVER_ADDRS_MAX;
	     found = found->ai_next)
		addr_set(&r->addrs[r->n++], found->ai_addr,
		    found->ai_addrlen);
}

static void
look_up(struct resolve *r)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG,
	};
	struct addrinfo *found = NULL;
	char port[8];

	snprintf(port, sizeof(port), "%u", r->port);
	r->error = getaddrinfo(r->host, port, &hints, &found);
	copy_answer(r, r->error == 0 ? found : NULL);
	if (found != NULL)
		freeaddrinfo(found);
}

static void
forget(struct cached *c)
{
	list_remove(&c->link);
	free(c->host);
	free(c);
}

static struct cached *
find_cached(struct resolver *rs, const struct resolve *r)
{
	LIST_EACH(link, &rs->cache) {
		struct cached *c = LIST_ENTRY(link, struct cached, link);

		if (c->until_ms <= loop_clock_ms())
			forget(c);
		else if (c->port == r->port && strcmp(c->host, r->host) == 0)
			return c;
	}
	return NULL;
}

static void
remember(struct resolver *rs, const struct resolve *r)
{
	struct cached *c = xcalloc(1, sizeof(*c));

	c->host = xstrdup(r->host);
	c->port = r->port;
	c->until_ms = loop_clock_ms() + RESOLVER_TTL_MS;
	memcpy(c->addrs, r->addrs, sizeof(c->addrs));
	c->n = r->n;
	list_push_front(&rs->cache, &c->link);
}

static void
on_errand(struct message *m)
{
	struct errand *e = LIST_ENTRY(m, struct errand, message);
	struct resolve *r = e->resolve;
	struct cached *c = find_cached(e->resolver, r);

	if (e->resolver->loop.is_stopping) {
		r->n = 0;
		r->error = EAI_AGAIN;
	} else if (c != NULL) {
		memcpy(r->addrs, c->addrs, sizeof(r->addrs));
		r->n = c->n;
	} else {
		look_up(r);
		if (r->n > 0)
			remember(e->resolver, r);
	}
	free(e);
	loop_post(r->loop, &r->message);
}

static void *
run(void *arg)
{
	struct resolver *rs = arg;

	loop_run(&rs->loop);
	return NULL;
}

struct resolver *
resolver_start(unsigned index)
{
	struct resolver *rs = xcalloc(1, sizeof(*rs));
	int error;

	list_init(&rs->cache);
	if (loop_init(&rs->loop, index) < 0) {
		free(rs);
		return NULL;
	}
	error = pthread_create(&rs->thread, NULL, run, rs);
	if (error != 0) {
		loop_fini(&rs->loop);
		free(rs);
		errno = error;
		return NULL;
	}
	(void)pthread_setname_np(rs->thread, "resolver");
	return rs;
}

void
resolver_ask(struct resolver *rs, struct resolve *r)
{
	struct errand *e = xcalloc(1, sizeof(*e));

	e->message.deliver = on_errand;
	e->resolver = rs;
	e->resolve = r;
	loop_post(&rs->loop, &e->message);
}

static void
on_stop(struct message *m)
{
	loop_stop(&LIST_ENTRY(m, struct resolver, stop)->loop);
}

void
resolver_stop(struct resolver *rs)
{
	struct timespec until;

	rs->stop.deliver = on_stop;
	loop_post(&rs->loop, &rs->stop);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_WAIT_S;
	if (pthread_timedjoin_np(rs->thread, NULL, &until) != 0)
		return;	/* hangs in getaddrinfo(3); the process ends soon */
	inbox_drain(&rs->loop.inbox);
	LIST_EACH(link, &rs->cache)
		forget(LIST_ENTRY(link, struct cached, link));
	loop_fini(&rs->loop);
	free(rs);
}
