// SPDX-License-Identifier: BSD-2-Clause
#include "server/acceptor.h"

#include "base/check.h"
#include "base/log.h"
#include "client/admission.h"
#include "conf/check.h"
#include "conf/conf.h"
#include "net/call.h"
#include "net/listener.h"
#include "nntp/reason.h"
#include "server/activation.h"
#include "server/confine.h"
#include "server/worker.h"

#include <errno.h>
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
add_listener(struct acceptor *a, const struct conf_listen *conf, int fd)
{
	struct listener *l = &a->listeners[a->listeners_n++];

	l->acceptor = a;
	l->conf = conf;
	l->fd = fd;
	return l;
}

static int
open_one(struct acceptor *a, const struct conf_listen *conf)
{
	char text[ADDR_TEXT_MAX];
	struct addr bound;
	int fd = listener_open(&conf->address, conf->unix_mode, &bound);

	if (fd < 0) {
		log_error("can't listen on %s (%s): %s",
		    addr_format(&conf->address, text), conf->s.name,
		    strerror(errno));
		return -1;
	}
	add_listener(a, conf, fd)->bound = bound;
	return 0;
}

/* Where it is bound is not for the configuration to say, so what was checked of
 * the address there is checked of this one. */
static int
lend_one(struct acceptor *a, const struct conf_listen *conf, int fd)
{
	struct listener *l = add_listener(a, conf, fd);
	char text[ADDR_TEXT_MAX];

	l->is_lent = true;
	l->bound.len = sizeof(l->bound.storage);
	SYS_OK(getsockname(fd, &l->bound.sa, &l->bound.len));
	if (!check_is_open(a->conf, conf, &l->bound))
		return 0;
	log_at(a->conf->proxy.strict ? LEVEL_ERROR : LEVEL_WARN,
	    "[listen %s] at %s can be reached from outside and has neither"
	    " users nor allow: everybody may use the backends", conf->s.name,
	    addr_format(&l->bound, text));
	return a->conf->proxy.strict ? -1 : 0;
}

/* All sockets of its name that were handed over; if there are none, its own. */
static int
open_all_of(struct acceptor *a, const struct conf_listen *conf,
    struct activation *sockets)
{
	int fd = activation_take(sockets, conf->s.name);

	if (fd < 0)
		return open_one(a, conf);
	for (; fd >= 0; fd = activation_take(sockets, conf->s.name))
		if (lend_one(a, conf, fd) < 0)
			return -1;
	return 0;
}

static int
open_all(struct acceptor *a, struct activation *sockets)
{
	const struct conf *conf = a->conf;

	if (activation_read(sockets) < 0)
		return -1;
	a->listeners = xcalloc(conf->listens_n + sockets->n,
	    sizeof(a->listeners[0]));
	for (size_t i = 0; i < conf->listens_n; i++)
		if (open_all_of(a, &conf->listens[i], sockets) < 0)
			return -1;
	return activation_check_rest(sockets);
}

int
acceptor_open(struct acceptor *a, const struct conf *conf)
{
	struct activation sockets;
	int rc;

	*a = (struct acceptor){ .conf = conf };
	rc = open_all(a, &sockets);
	activation_fini(&sockets);
	if (rc < 0)
		acceptor_close(a);
	return rc;
}

void
acceptor_give_sockets(const struct acceptor *a)
{
	for (size_t i = 0; i < a->listeners_n; i++)
		if (addr_is_unix(&a->listeners[i].bound) &&
		    !a->listeners[i].is_lent)
			confine_give_socket(&a->conf->proxy,
			    a->listeners[i].bound.un.sun_path);
}

static void
close_one(const struct listener *l)
{
	if (l->is_lent)
		close(l->fd);
	else
		listener_close(l->fd, &l->bound);
}

static bool
has_socket(const struct acceptor *a, int fd)
{
	for (size_t i = 0; i < a->listeners_n; i++)
		if (a->listeners[i].fd == fd)
			return true;
	return false;
}

/* All but those that are another's, too. */
static void
close_listeners(struct acceptor *a, const struct acceptor *other)
{
	for (size_t i = 0; i < a->listeners_n; i++)
		if (!has_socket(other, a->listeners[i].fd))
			close_one(&a->listeners[i]);
	free(a->listeners);
	a->listeners = NULL;
	a->listeners_n = 0;
}

static const struct acceptor none;

void
acceptor_close(struct acceptor *a)
{
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
	return admission_enter(a->census, a->conf, conf, peer);
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
		admission_refuse(l->conf, fd, peer, reason);
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

/* Those that another one does not have. */
static void
log_listeners(const struct acceptor *a, const struct acceptor *other)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < a->listeners_n; i++) {
		const struct listener *l = &a->listeners[i];

		if (!has_socket(other, l->fd))
			log_info("listening on %s (%s)",
			    addr_format(&l->bound, text), l->conf->s.name);
	}
}

/* --- another configuration ------------------------------------------------------- */

/* What was handed over under its name. 0: nothing; -1: it must not be used. */
static int
keep_lent(const struct acceptor *a, struct acceptor *next,
    const struct conf_listen *conf)
{
	int n = 0;

	for (size_t i = 0; i < a->listeners_n; i++) {
		const struct listener *l = &a->listeners[i];

		if (!l->is_lent || strcmp(l->conf->s.name, conf->s.name) != 0)
			continue;
		if (lend_one(next, conf, l->fd) < 0)
			return -1;
		n++;
	}
	return n;
}

/* Where the kernel chooses the port, each section has its own. */
static bool
is_same(const struct conf_listen *a, const struct conf_listen *b)
{
	bool is_chosen = !addr_is_unix(&a->address) &&
	    addr_get_port(&a->address) == 0;

	return addr_is_equal(&a->address, &b->address) &&
	    a->address.dual == b->address.dual &&
	    (!is_chosen || strcmp(a->s.name, b->s.name) == 0);
}

static const struct listener *
find_listener(const struct acceptor *a, const struct conf_listen *conf)
{
	for (size_t i = 0; i < a->listeners_n; i++)
		if (!a->listeners[i].is_lent &&
		    is_same(a->listeners[i].conf, conf))
			return &a->listeners[i];
	return NULL;
}

static int
keep_or_open(const struct acceptor *a, struct acceptor *next,
    const struct conf_listen *conf)
{
	const struct listener *l = find_listener(a, conf);
	int n = keep_lent(a, next, conf);

	if (n != 0)
		return n;
	if (l == NULL)
		return open_one(next, conf);
	add_listener(next, conf, l->fd)->bound = l->bound;
	return 0;
}

int
acceptor_prepare(const struct acceptor *a, const struct conf *conf,
    struct acceptor *next)
{
	*next = (struct acceptor){ .conf = conf };
	next->listeners = xcalloc(conf->listens_n + a->listeners_n,
	    sizeof(next->listeners[0]));
	for (size_t i = 0; i < conf->listens_n; i++)
		if (keep_or_open(a, next, &conf->listens[i]) < 0) {
			acceptor_abandon(a, next);
			return -1;
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

	if (addr_is_unix(at) && !l->is_lent && chmod(at->un.sun_path, l->conf->unix_mode) < 0)
		log_warn("%s: can't change its mode: %s", at->un.sun_path,
		    strerror(errno));
}

static void
change(void *arg)
{
	struct change *c = arg;
	struct acceptor *a = c->acceptor, *next = c->next;

	log_listeners(next, a);
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
	log_listeners(a, &none);
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
