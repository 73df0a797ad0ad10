// SPDX-License-Identifier: BSD-2-Clause
#include "server/worker.h"

#include "backend/conn.h"
#include "base/check.h"
#include "client/arrival.h"
#include "client/session.h"
#include "conf/conf.h"
#include "net/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

struct new_client {
	struct message message;
	struct worker *worker;
	int fd;
	struct addr peer;
	const struct conf_listen *listen;
};

static void *
run(void *arg)
{
	struct worker *w = arg;
	char name[24];

	/* Each thread names itself: inside the sandbox no other can. */
	snprintf(name, sizeof(name), "worker%u", w->loop.index);
	(void)pthread_setname_np(pthread_self(), name);
	/* Else a wait of some microseconds takes 50 more: loop_coalesce(). */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	loop_run(&w->loop);
	conn_end_all(w->backends, w->backends_n, &w->loop);
	return NULL;
}

int
worker_start(struct worker *w, unsigned index,
    const struct client_context *shared)
{
	int error;

	if (loop_init(&w->loop, index) < 0)
		return errno;
	loop_set_spin(&w->loop, shared->conf->proxy.spin_us);
	w->context.conf = shared->conf;
	w->context.router = shared->router;
	w->context.passwords = shared->passwords;
	w->context.accounts = shared->accounts;
	w->context.census = shared->census;
	w->context.failures = shared->failures;
	w->context.loop = &w->loop;
	list_init(&w->context.sessions);
	list_init(&w->context.arrivals);
	list_init(&w->context.handshakes);
	list_init(&w->context.handshakes_waiting);
	error = pthread_create(&w->thread, NULL, run, w);
	if (error != 0) {
		loop_fini(&w->loop);
		return error;
	}
	return 0;
}

static void
end_sessions(struct worker *w)
{
	LIST_EACH(link, &w->context.arrivals)
		arrival_shut_down(link);
	LIST_EACH(link, &w->context.sessions)
		session_abort(session_from_link(link));
}

static void
on_new_client(struct message *m)
{
	struct new_client *n = LIST_ENTRY(m, struct new_client, message);

	arrival_start(&n->worker->context, n->fd, &n->peer, n->listen);
	if (n->worker->loop.is_stopping)
		end_sessions(n->worker);
	free(n);
}

void
worker_give_client(struct worker *w, int fd, const struct addr *peer,
    const struct conf_listen *listen)
{
	struct new_client *n = xcalloc(1, sizeof(*n));

	atomic_fetch_add(&w->context.sessions_n, 1);
	n->message.deliver = on_new_client;
	n->worker = w;
	n->fd = fd;
	n->peer = *peer;
	n->listen = listen;
	loop_post(&w->loop, &n->message);
}

unsigned
worker_get_load(struct worker *w)
{
	return atomic_load(&w->context.sessions_n);
}

struct change {
	struct worker *worker;
	const struct conf *conf;
	const struct router *router;
};

static void
change(void *arg)
{
	struct change *c = arg;
	struct client_context *context = &c->worker->context;

	loop_set_spin(context->loop, c->conf->proxy.spin_us);
	context->conf = c->conf;
	context->router = c->router;
	LIST_EACH(link, &context->sessions)
		session_change(session_from_link(link));
}

void
worker_change(struct worker *w, const struct conf *conf,
    const struct router *router)
{
	struct change c = { w, conf, router };

	loop_call(&w->loop, change, &c);
}

static void
on_drain(struct message *m)
{
	struct worker *w = LIST_ENTRY(m, struct worker, drain);

	w->context.is_draining = true;
	LIST_EACH(link, &w->context.arrivals)
		arrival_shut_down(link);
	LIST_EACH(link, &w->context.sessions)
		session_shut_down(session_from_link(link), REASON_SHUTDOWN);
}

void
worker_drain(struct worker *w)
{
	w->drain.deliver = on_drain;
	loop_post(&w->loop, &w->drain);
}

static void
on_stop(struct message *m)
{
	struct worker *w = LIST_ENTRY(m, struct worker, stop);

	end_sessions(w);
	loop_stop(&w->loop);
}

void
worker_stop(struct worker *w, struct backend **backends, size_t n)
{
	w->backends = backends;
	w->backends_n = n;
	w->stop.deliver = on_stop;
	loop_post(&w->loop, &w->stop);
	SYS_OK(pthread_join(w->thread, NULL));
}

void
worker_fini(struct worker *w)
{
	loop_fini(&w->loop);
}
