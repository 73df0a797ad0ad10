// SPDX-License-Identifier: BSD-2-Clause
#include "server/acceptor.h"

#include "base/check.h"
#include "base/log.h"
#include "client/admission.h"
#include "conf/conf.h"
#include "net/call.h"
#include "nntp/reason.h"
#include "server/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64
#define PAUSE_MS 100

static void on_connection(struct loop *l, void *arg, uint32_t events);

/* --- pausing -------------------------------------------------------------------- */

static void
watch_all(struct acceptor *a)
{
	for (size_t i = 0; i < a->listeners.n; i++)
		loop_watch(&a->loop, a->listeners.v[i].fd, EPOLLIN,
		    on_connection, &a->listeners.v[i]);
}

static void
unwatch_all(struct acceptor *a)
{
	for (size_t i = 0; i < a->listeners.n; i++)
		loop_unwatch(&a->loop, a->listeners.v[i].fd);
}

static void
on_pause_end(struct timer *t)
{
	watch_all(LIST_ENTRY(t, struct acceptor, pause));
}

static void
start_pause(struct acceptor *a, int error)
{
	if (a->pauses_n++ == 0)
		log_warn("accepting pauses: %s", strerror(error));
	unwatch_all(a);
	timer_set(&a->loop.timers, &a->pause, a->loop.now_ms + PAUSE_MS);
}

/* --- admission ------------------------------------------------------------------- */

static unsigned
count_clients(struct acceptor *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->workers_n; i++)
		n += worker_get_load(&a->workers[i]);
	return n;
}

/* Of a proxy before us; it can't be refused for whom it brings yet. A unix
 * socket has its permissions. */
static enum reason
enter_proxy(const struct conf_listen *conf, const struct addr *peer)
{
	return addr_is_unix(peer) || network_any_has(
	    conf->proxy_protocol_from.v, conf->proxy_protocol_from.n, peer) ?
	    REASON_NONE : REASON_ADDRESS_REFUSED;
}

static enum reason
enter(struct acceptor *a, const struct conf_listen *conf,
    const struct addr *peer)
{
	if (count_clients(a) >= a->clients_max)
		return REASON_SERVER_FULL;
	if (conf->proxy_protocol == PROXY_PROTOCOL_REQUIRE)
		return enter_proxy(conf, peer);
	return admission_enter(a->census, a->listeners.conf, conf, peer);
}

static struct worker *
choose_worker(struct acceptor *a)
{
	unsigned first = a->turn++ % a->workers_n;
	struct worker *best = &a->workers[first];

	for (unsigned i = 1; i < a->workers_n; i++) {
		struct worker *w = &a->workers[(first + i) % a->workers_n];

		if (worker_get_load(w) < worker_get_load(best))
			best = w;
	}
	return best;
}

static void
admit(struct acceptor *a, const struct listener *l, int fd,
    const struct addr *peer)
{
	enum reason reason = enter(a, l->conf, peer);

	if (reason != REASON_NONE)
		admission_refuse(l->conf, fd, peer, reason);
	else
		worker_give_client(choose_worker(a), fd, peer, l->conf);
}

static void
on_connection(struct loop *loop, void *arg, uint32_t events)
{
	struct acceptor *a = LIST_ENTRY(loop, struct acceptor, loop);
	const struct listener *l = arg;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
		socklen_t len = sizeof(sa);
		struct addr peer;
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			a->pauses_n = 0;
			addr_set(&peer, (struct sockaddr *)&sa, len);
			admit(a, l, fd, &peer);
		} else if (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM) {
			start_pause(a, errno);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
		/* else this one was lost on its way (accept(2)): the next */
	}
}

/* --- another configuration ------------------------------------------------------- */

struct change {
	struct acceptor *acceptor;
	struct listeners *next;
	unsigned clients_max;
};

static void
pause_for_change(void *arg)
{
	struct acceptor *a = arg;

	if (timer_is_set(&a->pause))
		timer_clear(&a->loop.timers, &a->pause);
	else
		unwatch_all(a);
}

void
acceptor_pause(struct acceptor *a)
{
	loop_call(&a->loop, pause_for_change, a);
}

static void
change(void *arg)
{
	struct change *c = arg;
	struct acceptor *a = c->acceptor;

	listeners_announce(c->next, &a->listeners);
	listeners_close(&a->listeners, c->next);
	a->listeners = *c->next;
	a->clients_max = c->clients_max;
	watch_all(a);
}

void
acceptor_change(struct acceptor *a, struct listeners *next,
    unsigned clients_max)
{
	struct change c = { a, next, clients_max };

	loop_call(&a->loop, change, &c);
}

/* --- life -------------------------------------------------------------------------- */

static void *
run(void *arg)
{
	struct acceptor *a = arg;

	(void)pthread_setname_np(pthread_self(), "acceptor");
	loop_run(&a->loop);
	return NULL;
}

int
acceptor_start(struct acceptor *a, struct worker *workers, unsigned workers_n,
    struct census *census, unsigned clients_max)
{
	int error;

	a->workers = workers;
	a->workers_n = workers_n;
	a->census = census;
	a->clients_max = clients_max;
	if (loop_init(&a->loop, 0) < 0)
		return errno;
	timer_init(&a->pause, on_pause_end);
	watch_all(a);
	error = pthread_create(&a->thread, NULL, run, a);
	if (error != 0) {
		loop_fini(&a->loop);
		return error;
	}
	listeners_announce(&a->listeners, NULL);
	return 0;
}

static void
on_stop(struct message *m)
{
	struct acceptor *a = LIST_ENTRY(m, struct acceptor, stop);

	if (timer_is_set(&a->pause))
		timer_clear(&a->loop.timers, &a->pause);
	else
		unwatch_all(a);
	loop_stop(&a->loop);
}

void
acceptor_stop(struct acceptor *a)
{
	a->stop.deliver = on_stop;
	loop_post(&a->loop, &a->stop);
	SYS_OK(pthread_join(a->thread, NULL));
	loop_fini(&a->loop);
}
