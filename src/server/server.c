// SPDX-License-Identifier: BSD-2-Clause
#include "server/server_priv.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "backend/pool.h"
#include "base/check.h"
#include "base/ledger.h"
#include "base/log.h"
#include "client/account.h"
#include "client/census.h"
#include "client/failures.h"
#include "client/password.h"
#include "conf/options.h"
#include "net/loop.h"
#include "net/pipe.h"
#include "net/resolver.h"
#include "route/router.h"
#include "server/bookkeeper.h"
#include "server/confine.h"
#include "server/notify.h"
#include "server/process.h"
#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Descriptors beside those of clients and backends: epoll and event
 * descriptors, listeners, logs, what libraries open for a moment. */
#define SPARE_DESCRIPTORS 64
/* When the last client is gone: time to read answers out and for the backends
 * to close. */
#define REST_MS 4500
#define POLL_MS 10
/* The most, and the least, that a look-up of a name is waited for. */
#define LOOKUP_MAX_MS 2000
#define LOOKUP_MIN_MS 50

/* --- start ------------------------------------------------------------------------ */

unsigned
server_count_threads(const struct conf *conf)
{
	long n = conf->proxy.threads;

	if (n == 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (unsigned)n : 1;
}

unsigned
server_count_descriptors(const struct conf *conf, unsigned threads_n)
{
	unsigned n = SPARE_DESCRIPTORS + (2 + 2 * PIPES_MAX) * threads_n +
	    (unsigned)conf->listens_n;

	for (size_t i = 0; i < conf->backends_n; i++)
		n += conf->backends[i].max_connections;
	return n;
}

void
server_provide_descriptors(struct server *s, const struct conf *conf)
{
	uint64_t n = (uint64_t)server_count_descriptors(conf, s->workers_n) +
	    conf->proxy.max_clients;

	/* Those who are there already stay, however many there may be now. */
	if (n > s->descriptors_n)
		s->descriptors_n = process_raise_descriptor_limit(n);
}

unsigned
server_get_clients_max(const struct server *s, const struct conf *conf)
{
	unsigned own = server_count_descriptors(conf, s->workers_n);
	/* Clients must not take the descriptors of backends. */
	unsigned n = s->descriptors_n > own ? s->descriptors_n - own : 1;

	if (n >= conf->proxy.max_clients)
		return conf->proxy.max_clients;
	log_warn("max_clients is %u for want of descriptors", n);
	return n;
}

void
server_set_quota(struct server *s, struct backend *b)
{
	const struct conf_backend *conf = b->conf;

	quota_move(&b->quota, ledger_get(s->ledger, "backend", conf->s.name),
	    conf->quota_bytes);
}

static void
make_backends(struct server *s)
{
	const struct conf *conf = s->conf;

	for (size_t i = 0; i < conf->backends_n; i++) {
		s->backends[i] = backend_new(&conf->backends[i],
		    &conf->health, (unsigned)i, s->workers_n + 1,
		    s->resolver);
		server_set_quota(s, s->backends[i]);
	}
	s->backends_n = conf->backends_n;
	s->router = router_new(conf, s->backends);
}

static int
start_workers(struct server *s)
{
	struct client_context shared = {
		.conf = s->conf,
		.router = s->router,
		.passwords = s->passwords,
		.accounts = s->accounts,
		.census = s->census,
		.failures = s->failures,
	};
	int error = 0;

	while (error == 0 && s->started_n < s->workers_n) {
		error = worker_start(&s->workers[s->started_n], s->started_n,
		    &shared);
		s->started_n += error == 0;
	}
	return error;
}

static void
watch_loops(struct server *s)
{
	char name[24];

	watchdog_init(&s->watchdog, s->workers_n + 2);
	for (unsigned i = 0; i < s->workers_n; i++) {
		snprintf(name, sizeof(name), "worker%u", i);
		watchdog_add(&s->watchdog, &s->workers[i].loop, name);
	}
	watchdog_add(&s->watchdog, &s->housekeeper.loop, "housekeeper");
	watchdog_add(&s->watchdog, &s->acceptor.loop, "acceptor");
}

static int
start_threads(struct server *s)
{
	unsigned clients_max = server_get_clients_max(s, s->conf);
	int error;

	s->resolver = resolver_new();
	s->passwords = passwords_start(s->conf);
	if (s->passwords == NULL)
		return errno;
	s->accounts = accounts_new(s->ledger);
	accounts_set(s->accounts, s->conf);
	s->census = census_new(clients_max);
	s->failures = failures_new();
	make_backends(s);
	s->workers = xcalloc(s->workers_n, sizeof(s->workers[0]));
	error = housekeeper_init(&s->housekeeper, s->workers_n, s->workers,
	    s->workers_n);
	if (error == 0 && s->conf->proxy.state_dir != NULL)
		error = bookkeeper_start(&s->bookkeeper, s->ledger);
	if (error == 0)
		error = start_workers(s);
	/* It sends messages round them. */
	if (error == 0)
		error = housekeeper_start(&s->housekeeper, s->conf,
		    s->backends);
	if (error == 0)
		error = acceptor_start(&s->acceptor, s->workers,
		    s->workers_n, s->census, clients_max);
	if (error == 0)
		watch_loops(s);
	return error;
}

/* --- stop ------------------------------------------------------------------------- */

static size_t
count_clients(const struct server *s)
{
	size_t n = 0;

	for (unsigned i = 0; i < s->workers_n; i++)
		n += worker_get_load(&s->workers[i]);
	return n;
}

/* Those that are being made have nobody to wait for them, and nothing to be
 * said on them. */
static size_t
count_connections(const struct server *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->backends_n; i++) {
		struct pool_status status =
		    pool_get_status(s->backends[i]->pool);

		n += status.size - status.connecting;
	}
	return n;
}

/* Until count() is 0, the time is over, or somebody wants it to end at once.
 * False: at once. */
static bool
wait_for_none(const struct server *s, size_t (*count)(const struct server *),
    uint64_t until_ms)
{
	while (count(s) > 0 && loop_clock_ms() < until_ms) {
		int number = process_wait_signal(POLL_MS);

		if (number == SIGTERM || number == SIGINT)
			return false;
	}
	return true;
}

static void
drain(struct server *s)
{
	uint64_t until_ms = loop_clock_ms() +
	    s->conf->proxy.shutdown_timeout_ms;

	log_info("shutting down, %zu clients", count_clients(s));
	for (unsigned i = 0; i < s->workers_n; i++)
		worker_drain(&s->workers[i]);
	if (!wait_for_none(s, count_clients, until_ms))
		return;
	s->until_ms = until_ms;
	housekeeper_close_pools(&s->housekeeper);
	if (until_ms > loop_clock_ms() + REST_MS)
		until_ms = loop_clock_ms() + REST_MS;
	(void)wait_for_none(s, count_connections, until_ms);
}

static void
stop_threads(struct server *s)
{
	for (size_t i = 0; i < s->backends_n; i++)
		pool_close(s->backends[i]->pool);
	for (unsigned i = 0; i < s->started_n; i++)
		worker_stop(&s->workers[i], s->backends, s->backends_n);
	housekeeper_stop(&s->housekeeper);
	passwords_stop(s->passwords);
}

/* For a look-up that may not end: what is left of shutdown_timeout. */
static uint64_t
get_rest_ms(const struct server *s)
{
	uint64_t now_ms = loop_clock_ms();

	if (s->until_ms <= now_ms + LOOKUP_MIN_MS)
		return LOOKUP_MIN_MS;
	return s->until_ms - now_ms < LOOKUP_MAX_MS ? s->until_ms - now_ms :
	    LOOKUP_MAX_MS;
}

/* All threads have ended. What they sent each other on their last turns is
 * delivered, and connections that became idle meanwhile are closed. */
static void
end_rest(struct server *s)
{
	struct loop *l = &s->housekeeper.loop;

	for (unsigned i = 0; i < s->started_n; i++)
		conn_end_all(s->backends, s->backends_n,
		    &s->workers[i].loop);
	for (size_t i = 0; i < s->backends_n; i++) {
		struct pool_item *item;

		while ((item = pool_reap(s->backends[i]->pool, l,
		    l->now_ms)) != NULL)
			conn_retire(item, l);
	}
	conn_end_all(s->backends, s->backends_n, l);
}

static void
free_all(struct server *s)
{
	bool is_free = resolver_free(s->resolver, get_rest_ms(s));

	end_rest(s);
	if (s->conf->proxy.state_dir != NULL)
		bookkeeper_stop(&s->bookkeeper);
	for (size_t i = 0; i < s->backends_n; i++)
		backend_log_status(s->backends[i]);
	if (!is_free) {
		log_warn("a look-up of a name still hangs");
		return;	/* it holds on to the loops; the process ends */
	}
	router_free(s->router);
	accounts_free(s->accounts);
	census_free(s->census);
	failures_free(s->failures);
	for (unsigned i = 0; i < s->started_n; i++)
		worker_fini(&s->workers[i]);
	housekeeper_fini(&s->housekeeper);
	ledger_close(s->ledger);
	free(s->workers);
	watchdog_fini(&s->watchdog);
}

void
server_tell_ready(const struct server *s)
{
	notify_ready();
	notify_status("%u workers, %zu backends", s->workers_n,
	    s->conf->backends_n);
}

/* --- signals ------------------------------------------------------------------------ */

static void
serve_signals(struct server *s)
{
	for (;;) {
		switch (process_wait_signal(watchdog_tick(&s->watchdog,
		    loop_clock_ms()))) {
		case SIGTERM:
		case SIGINT:
			return;
		case SIGUSR1:
			if (log_reopen() < 0)
				log_error("can't reopen the log: %s",
				    strerror(errno));
			else
				log_info("log reopened");
			break;
		case SIGHUP:
			server_reload(s);
			break;
		default:
			break;
		}
	}
}

static int
open_ledger(struct server *s)
{
	char *error;

	s->ledger = ledger_open(s->conf->proxy.state_dir, &error);
	if (s->ledger != NULL)
		return 0;
	log_error("state_dir: %s", error);
	free(error);
	return -1;
}

static int
set_up(struct server *s)
{
	const struct conf_proxy *proxy = &s->conf->proxy;

	s->workers_n = server_count_threads(s->conf);
	loop_table_init(process_get_descriptor_max());
	server_provide_descriptors(s, s->conf);
	if (listeners_open(&s->acceptor.listeners, s->conf) < 0)
		return -1;
	if (s->options->is_daemon && process_detach() < 0) {
		log_error("can't detach: %s", strerror(errno));
		return -1;
	}
	/* Whoever reads the pidfile may send one. */
	process_block_signals();
	if (process_write_pidfile(proxy->pidfile) < 0) {
		log_error("can't write %s: %s", proxy->pidfile,
		    strerror(errno));
		return -1;
	}
	listeners_give(&s->acceptor.listeners);
	confine_give_log(proxy);
	/* The ledger as who it is then, where it may be written then. */
	if (confine_enter(s->conf) < 0 || open_ledger(s) < 0) {
		process_remove_pidfile(proxy->pidfile);
		return -1;
	}
	return 0;
}

static int
start(struct server *s)
{
	const struct conf *conf = s->conf;
	int error;

	if (log_open(conf->log.target, conf->log.level, conf->log.format) <
	    0) {
		log_error("can't open the log %s: %s", conf->log.target,
		    strerror(errno));
		return -1;
	}
	/* Whoever sees that it listens may send one already. */
	process_block_signals();
	if (set_up(s) < 0) {
		listeners_close(&s->acceptor.listeners, NULL);
		return -1;
	}
	error = start_threads(s);
	if (error == 0)
		return 0;
	log_error("can't start: %s", strerror(error));
	process_remove_pidfile(conf->proxy.pidfile);
	exit(EXIT_RUNTIME);
}

int
server_run(const struct conf *conf, const struct options *options)
{
	/* Not on the heap: a look-up that hangs may outlive this function. */
	static struct server server;
	struct server *s = &server;

	*s = (struct server){ .options = options, .conf = conf };
	if (start(s) < 0) {
		conf_unref(s->conf);
		return EXIT_RUNTIME;
	}
	process_report_ready();
	server_tell_ready(s);
	serve_signals(s);
	notify_stopping();
	acceptor_stop(&s->acceptor);
	listeners_close(&s->acceptor.listeners, NULL);
	s->backends_n = housekeeper_freeze(&s->housekeeper, s->backends);
	drain(s);
	stop_threads(s);
	free_all(s);
	process_remove_pidfile(s->conf->proxy.pidfile);
	conf_unref(s->conf);
	log_info("stopped");
	log_close();
	return EXIT_FINE;
}
