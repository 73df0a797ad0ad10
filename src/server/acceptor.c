// SPDX-License-Identifier: BSD-2-Clause
#include "server/acceptor.h"

#include "base/check.h"
#include "base/log.h"
#include "client/census.h"
#include "conf/conf.h"
#include "net/call.h"
#include "net/listener.h"
#include "nntp/reason.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 64
#define PAUSE_MS 100

static void on_connection(struct loop *l, void *arg, uint32_t events);

/* --- opening ------------------------------------------------------------------- */

static struct listener *
find_listener(const struct acceptor *a, const struct addr *address)
{
	for (size_t i = 0; i < a->listeners_n; i++) {
		const struct addr *at = &a->listeners[i].conf->address;

		if (addr_is_equal(at, address) && at->dual == address->dual)
			return &a->listeners[i];
	}
	return NULL;
}

static int
open_one(struct acceptor *a, const struct conf_listen *conf)
{
	struct listener *l = &a->listeners[a->listeners_n];
	char text[ADDR_TEXT_MAX];

	l->acceptor = a;
	l->conf = conf;
	l->fd = listener_open(&conf->address, conf->unix_mode, &l->bound);
	if (l->fd < 0) {
		log_error("can't listen on %s (%s): %s",
		    addr_format(&conf->address, text), conf->s.name,
		    strerror(errno));
		return -1;
	}
	a->listeners_n++;
	return 0;
}

int
acceptor_open(struct acceptor *a, const struct conf *conf)
{
	*a = (struct acceptor){ .conf = conf };
	a->listeners = xcalloc(conf->listens_n, sizeof(a->listeners[0]));
	for (size_t i = 0; i < conf->listens_n; i++)
		if (open_one(a, &conf->listens[i]) < 0) {
			acceptor_close(a);
			return -1;
		}
	return 0;
}

/* All but those that are another's, too. */
static void
close_listeners(struct acceptor *a, const struct acceptor *other)
{
	for (size_t i = 0; i < a->listeners_n; i++) {
		struct listener *l = &a->listeners[i];

		if (find_listener(other, &l->conf->address) == NULL)
			listener_close(l->fd, &l->bound);
	}
	free(a->listeners);
	a->listeners = NULL;
	a->listeners_n = 0;
}

void
acceptor_close(struct acceptor *a)
{
	static const struct acceptor none;

	close_listeners(a, &none);
}

/* --- pausing -------------------------------------------------------------------- */

static void
watch_all(struct acceptor *a)
{
	for (size_t i = 0; i < a->listeners_n; i++)
		loop_watch(&a->loop, a->listeners[i].fd, EPOLLIN,
		    on_connection, &a->listeners[i]);
}

static void
unwatch_all(struct acceptor *a)
{
	for (size_t i = 0; i < a->listeners_n; i++)
		loop_unwatch(&a->loop, a->listeners[i].fd);
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

/* REASON_NONE: it is in, and counted. */
static enum reason
enter(struct acceptor *a, const struct conf_listen *conf,
    const struct addr *peer)
{
	if (network_any_has(conf->deny.v, conf->deny.n, peer) ||
	    (conf->allow.n > 0 &&
	    !network_any_has(conf->allow.v, conf->allow.n, peer)))
		return REASON_ADDRESS_REFUSED;
	if (count_clients(a) >= a->clients_max)
		return REASON_SERVER_FULL;
	if (!census_enter(a->census, peer,
	    a->conf->proxy.max_clients_per_address))
		return REASON_ADDRESS_FULL;
	return REASON_NONE;
}

static void
refuse(const struct conf_listen *conf, int fd, const struct addr *peer,
    enum reason reason)
{
	char line[128], text[ADDR_TEXT_MAX];
	int n = snprintf(line, sizeof(line), "%s\r\n", reason_answer(reason));

	log_info("client=%s end=%s (%s)", addr_format(peer, text),
	    reason_key(reason), reason_words(reason));
	/* A new socket takes one line; a client that is gone loses nothing, and
	 * one that waits for a handshake would not understand it. */
	if (conf->tls != TLS_IMPLICIT)
		(void)!send(fd, line, (size_t)n, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	close(fd);
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
admit(struct listener *l, int fd, const struct addr *peer)
{
	struct acceptor *a = l->acceptor;
	enum reason reason = enter(a, l->conf, peer);

	if (reason != REASON_NONE)
		refuse(l->conf, fd, peer, reason);
	else
		worker_give_client(choose_worker(a), fd, peer, l->conf);
}

static void
on_connection(struct loop *loop, void *arg, uint32_t events)
{
	struct listener *l = arg;

	(void)loop, (void)events;
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
		socklen_t len = sizeof(sa);
		struct addr peer;
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			l->acceptor->pauses_n = 0;
			addr_set(&peer, (struct sockaddr *)&sa, len);
			admit(l, fd, &peer);
		} else if (errno == EMFILE || errno == ENFILE ||
		    errno == ENOBUFS || errno == ENOMEM) {
			start_pause(l->acceptor, errno);
			return;
		} else if (errno == EAGAIN) {
			return;
		}
		/* else this one was lost on its way (accept(2)): the next */
	}
}

/* --- another configuration ------------------------------------------------------- */

int
acceptor_prepare(const struct acceptor *a, const struct conf *conf,
    struct acceptor *next)
{
	*next = (struct acceptor){ .conf = conf };
	next->listeners = xcalloc(conf->listens_n, sizeof(next->listeners[0]));
	for (size_t i = 0; i < conf->listens_n; i++) {
		const struct conf_listen *listen = &conf->listens[i];
		const struct listener *l = find_listener(a, &listen->address);

		if (l != NULL) {
			next->listeners[next->listeners_n] = *l;
			next->listeners[next->listeners_n++].conf = listen;
		} else if (open_one(next, listen) < 0) {
			acceptor_abandon(a, next);
			return -1;
		}
	}
	return 0;
}

void
acceptor_abandon(const struct acceptor *a, struct acceptor *next)
{
	close_listeners(next, a);
}

struct change {
	struct acceptor *acceptor, *next;
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

/* A socket that was there already may be for others now. */
static void
set_mode(const struct listener *l)
{
	const struct addr *at = &l->conf->address;

	if (addr_is_unix(at) && chmod(at->un.sun_path, l->conf->unix_mode) < 0)
		log_warn("%s: can't change its mode: %s", at->un.sun_path,
		    strerror(errno));
}

static void
change(void *arg)
{
	struct change *c = arg;
	struct acceptor *a = c->acceptor, *next = c->next;

	close_listeners(a, next);
	a->conf = next->conf;
	a->clients_max = c->clients_max;
	a->listeners = next->listeners;
	a->listeners_n = next->listeners_n;
	for (size_t i = 0; i < a->listeners_n; i++) {
		a->listeners[i].acceptor = a;
		set_mode(&a->listeners[i]);
	}
	watch_all(a);
}

void
acceptor_change(struct acceptor *a, struct acceptor *next,
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

	loop_run(&a->loop);
	return NULL;
}

static void
log_listeners(const struct acceptor *a)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < a->listeners_n; i++)
		log_info("listening on %s (%s)",
		    addr_format(&a->listeners[i].bound, text),
		    a->listeners[i].conf->s.name);
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
	(void)pthread_setname_np(a->thread, "acceptor");
	log_listeners(a);
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
