// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/server.h"

#include "base/check.h"
#include "newsd/commands.h"
#include "newsd/conn.h"
#include "newsd/newsd.h"
#include "newsd/options.h"
#include "newsd/worker.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define WORKERS_MAX 64
#define ACCEPTS_PER_TURN 64
#define PAUSE_MS 100	/* after running out of descriptors */
#define LOOK_MAX 512	/* see count_gone_locked() */

enum { PORT_NEWS, PORT_CONTROL, PORTS_N };

struct server {
	struct newsd *nd;
	struct worker workers[WORKERS_MAX];
	size_t workers_n, next_worker;
	struct watch ports[PORTS_N]; /* fd -1: there is none */
	char addresses[PORTS_N][NI_MAXHOST + NI_MAXSERV + 8];
	struct watch signals, pause; /* pause: a timer, see on_pause() */
	struct {
		pthread_mutex_t lck;
		struct list all;
	} sh; /* guarded by sh.lck */
};

/* --- connections come and go --- */

/* How many of the connections have a peer that closed already: their FIN is
 * here, only this server has not come to it. A client that closes one
 * connection and then opens another must not seem to have had both. */
static unsigned long long
count_gone_locked(struct server *sv)
{
	unsigned long long n = 0;

	LIST_EACH(it, &sv->sh.all) {
		struct conn *c = LIST_ENTRY(it, struct conn, all);
		struct tcp_info info;
		socklen_t size = sizeof(info);

		if (!c->session.is_control &&
		    getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) ==
		    0 && info.tcpi_state != TCP_ESTABLISHED)
			n++;
	}
	return n;
}

/* Counts a new connection in, unless it is one too many. */
static bool
admit_locked(struct server *sv)
{
	struct stats *st = &sv->nd->stats;
	unsigned long long limit = sv->nd->options->max_connections;
	unsigned long long now = atomic_load(&st->connections);
	unsigned long long live = now;

	stats_count(&st->accepts, 1);
	if ((limit > 0 && now >= limit) ||
	    (now >= atomic_load(&st->peak) && now <= LOOK_MAX))
		live -= count_gone_locked(sv);
	if (live + 1 > atomic_load(&st->peak))
		atomic_store(&st->peak, live + 1);
	if (limit > 0 && live >= limit) {
		stats_count(&st->over_limit, 1);
		stats_count(&st->codes[502], 1);
		return false;
	}
	atomic_store(&st->connections, now + 1);
	return true;
}

static void
refuse(int fd)
{
	static const char text[] = "502 connection limit\r\n";

	/* To a socket this new it fits, or the client is gone. */
	if (send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(fd, SHUT_WR);
	close(fd);
}

static void
take_socket(struct server *sv, int fd, bool is_control)
{
	struct conn *c;
	int one = 1;
	bool is_admitted = true;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SYS_OK(pthread_mutex_lock(&sv->sh.lck));
	if (!is_control)
		is_admitted = admit_locked(sv);
	SYS_OK(pthread_mutex_unlock(&sv->sh.lck));
	if (!is_admitted) {
		refuse(fd);
		return;
	}
	c = conn_new(sv->nd, fd, is_control);
	SYS_OK(pthread_mutex_lock(&sv->sh.lck));
	list_push_back(&sv->sh.all, &c->all);
	SYS_OK(pthread_mutex_unlock(&sv->sh.lck));
	worker_add(&sv->workers[sv->next_worker++ % sv->workers_n], c);
}

static void
on_close(void *arg, struct conn *c)
{
	struct server *sv = arg;

	SYS_OK(pthread_mutex_lock(&sv->sh.lck));
	list_remove(&c->all);
	if (!c->session.is_control)
		atomic_fetch_sub(&sv->nd->stats.connections, 1);
	close(c->fd);
	SYS_OK(pthread_mutex_unlock(&sv->sh.lck));
	conn_free(c);
}

/* Stops accepting for a while; the queue of the port keeps who comes. */
static void
pause_accepting(struct server *sv)
{
	struct itimerspec when = { .it_value.tv_nsec = PAUSE_MS * 1000000L };

	for (int i = 0; i < PORTS_N; i++)
		if (sv->ports[i].fd >= 0)
			worker_unwatch(&sv->workers[0], &sv->ports[i]);
	SYS_OK(timerfd_settime(sv->pause.fd, 0, &when, NULL));
}

static void
on_pause(struct watch *watch)
{
	struct server *sv = watch->arg;
	uint64_t n;

	if (read(watch->fd, &n, sizeof(n)) < 0)
		return;
	for (int i = 0; i < PORTS_N; i++)
		if (sv->ports[i].fd >= 0)
			worker_watch(&sv->workers[0], &sv->ports[i]);
}

static void
on_port(struct watch *watch)
{
	struct server *sv = watch->arg;

	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(watch->fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take_socket(sv, fd,
			    watch == &sv->ports[PORT_CONTROL]);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			pause_accepting(sv);
			return;
		}
		if (errno == EAGAIN)
			return;
		/* What is left are errors of the one connection. */
	}
}

/* --- signals --- */

static void
write_stats(const struct server *sv)
{
	const char *path = sv->nd->options->stats_file;
	char *json;

	if (path == NULL)
		return;
	json = stats_to_json(&sv->nd->stats, &sv->nd->fault,
	    commands_get_verb);
	if (stats_write(path, json) != 0)
		fprintf(stderr, "newsd: %s: %s\n", path, strerror(errno));
	free(json);
}

static void
on_signal(struct watch *watch)
{
	struct server *sv = watch->arg;
	struct signalfd_siginfo info;

	while (read(watch->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			write_stats(sv);
		else
			worker_stop(&sv->workers[0]);
	}
}

/* --- start and stop --- */

/* "host:port", "[host]:port" or ":port", numeric. */
static int
open_port(const char *address, char *err, size_t err_size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *info = NULL;
	const char *colon = strrchr(address, ':');
	char host[NI_MAXHOST];
	int fd = -1, one = 1, result = EAI_NONAME;
	size_t n;

	if (colon != NULL && (n = (size_t)(colon - address)) < sizeof(host)) {
		bool is_v6 = n > 2 && address[0] == '[' && colon[-1] == ']';

		snprintf(host, sizeof(host), "%.*s", (int)(n - 2 * is_v6),
		    address + is_v6);
		result = getaddrinfo(host[0] != '\0' ? host : NULL, colon + 1,
		    &hints, &info);
	}
	if (result != 0) {
		snprintf(err, err_size, "%s: %s", address,
		    gai_strerror(result));
		return -1;
	}
	fd = socket(info->ai_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(fd, info->ai_addr, info->ai_addrlen) != 0 ||
	    listen(fd, 4096) != 0) {
		snprintf(err, err_size, "%s: %s", address, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(info);
	return fd;
}

static int
start_port(struct server *sv, int i, const char *address, char *err,
    size_t err_size)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (address == NULL)
		return 0;
	sv->ports[i].fd = open_port(address, err, err_size);
	if (sv->ports[i].fd < 0)
		return -1;
	SYS_OK(getsockname(sv->ports[i].fd, (struct sockaddr *)&sa, &size));
	SYS_OK(getnameinfo((struct sockaddr *)&sa, size, host, sizeof(host),
	    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV));
	snprintf(sv->addresses[i], sizeof(sv->addresses[i]),
	    sa.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	sv->ports[i].on_event = on_port;
	sv->ports[i].arg = sv;
	worker_watch(&sv->workers[0], &sv->ports[i]);
	return 0;
}

static int
start_signals(struct server *sv)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	SYS_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	signal(SIGPIPE, SIG_IGN); /* sendfile(2) has no flag against it */
	sv->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	sv->signals.on_event = on_signal;
	sv->signals.arg = sv;
	sv->pause.fd = timerfd_create(CLOCK_MONOTONIC,
	    TFD_NONBLOCK | TFD_CLOEXEC);
	sv->pause.on_event = on_pause;
	sv->pause.arg = sv;
	if (sv->signals.fd < 0 || sv->pause.fd < 0)
		return -1;
	worker_watch(&sv->workers[0], &sv->signals);
	worker_watch(&sv->workers[0], &sv->pause);
	return 0;
}

struct server *
server_new(struct newsd *nd, char *err, size_t err_size)
{
	struct server *sv = xcalloc(1, sizeof(*sv));
	const struct options *o = nd->options;

	sv->nd = nd;
	sv->ports[PORT_NEWS].fd = sv->ports[PORT_CONTROL].fd = -1;
	sv->signals.fd = sv->pause.fd = -1;
	list_init(&sv->sh.all);
	SYS_OK(pthread_mutex_init(&sv->sh.lck, NULL));
	for (; sv->workers_n < o->threads; sv->workers_n++)
		if (worker_init(&sv->workers[sv->workers_n], nd, on_close,
		    sv) != 0)
			goto no_descriptors;
	if (start_signals(sv) != 0)
		goto no_descriptors;
	if (start_port(sv, PORT_NEWS, o->listen, err, err_size) == 0 &&
	    start_port(sv, PORT_CONTROL, o->control, err, err_size) == 0)
		return sv;
	server_free(sv);
	return NULL;
no_descriptors:
	snprintf(err, err_size, "%s", strerror(errno));
	server_free(sv);
	return NULL;
}

const char *
server_get_address(const struct server *sv)
{
	return sv->addresses[PORT_NEWS];
}

const char *
server_get_control_address(const struct server *sv)
{
	return sv->addresses[PORT_CONTROL];
}

static void *
run_worker(void *arg)
{
	worker_run(arg);
	return NULL;
}

void
server_run(struct server *sv)
{
	for (size_t i = 1; i < sv->workers_n; i++)
		SYS_OK(pthread_create(&sv->workers[i].thread, NULL,
		    run_worker, &sv->workers[i]));
	worker_run(&sv->workers[0]);
	for (size_t i = 1; i < sv->workers_n; i++) {
		worker_stop(&sv->workers[i]);
		SYS_OK(pthread_join(sv->workers[i].thread, NULL));
	}
	/* Written while clients are still connected: the count shows them. */
	write_stats(sv);
}

void
server_free(struct server *sv)
{
	LIST_EACH(it, &sv->sh.all) {
		struct conn *c = LIST_ENTRY(it, struct conn, all);

		list_remove(&c->timer);
		on_close(sv, c);
	}
	for (int i = 0; i < PORTS_N; i++)
		if (sv->ports[i].fd >= 0)
			close(sv->ports[i].fd);
	if (sv->signals.fd >= 0)
		close(sv->signals.fd);
	if (sv->pause.fd >= 0)
		close(sv->pause.fd);
	for (size_t i = 0; i < sv->workers_n; i++)
		worker_fini(&sv->workers[i]);
	SYS_OK(pthread_mutex_destroy(&sv->sh.lck));
	free(sv);
}
