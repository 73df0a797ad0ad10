// SPDX-License-Identifier: BSD-2-Clause
#include "server/server.h"

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
#include "conf/conf.h"
#include "conf/options.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "route/router.h"
#include "route/selector.h"
#include "server/acceptor.h"
#include "server/bookkeeper.h"
#include "server/housekeeper.h"
#include "server/process.h"
#include "server/worker.h"

#include <errno.h>
#include <signal.h>
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

struct server {
	const struct conf *conf;
	struct acceptor acceptor;
	struct ledger *ledger;
	struct bookkeeper bookkeeper;
	struct resolver *resolver;
	struct passwords *passwords;
	struct accounts *accounts;
	struct census *census;
	struct failures *failures;
	struct backend *backends[CONF_BACKENDS_MAX];
	struct router router;
	struct worker *workers;
	unsigned workers_n, started_n;
	unsigned clients_max;
	uint64_t until_ms;		/* shutdown_timeout; 0: end at once */
	struct housekeeper housekeeper;
};

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
	unsigned n = SPARE_DESCRIPTORS + 2 * threads_n +
	    (unsigned)conf->listens_n;

	for (size_t i = 0; i < conf->backends_n; i++)
		n += conf->backends[i].max_connections;
	return n;
}

static void
mark_groups(struct server *s)
{
	for (size_t i = 0; i < s->conf->backends_n; i++)
		for (size_t k = 0; k < s->conf->backends_n; k++) {
			const char *a = s->conf->backends[i].group;
			const char *b = s->conf->backends[k].group;

			if (a != NULL && b != NULL && strcmp(a, b) == 0)
				s->backends[i]->group_mask |=
				    UINT64_C(1) << k;
		}
}

/* Bits of the backends of each tier, lowest tier first. */
static void
make_tiers(struct router *r, const struct conf *conf)
{
	uint64_t rest = r->all;

	while (rest != 0) {
		unsigned lowest = UINT32_MAX;
		uint64_t bits = 0;

		for (size_t i = 0; i < conf->backends_n; i++) {
			unsigned tier = conf->backends[i].tier;

			if ((rest >> i & 1) == 0 || tier > lowest)
				continue;
			bits = tier == lowest ? bits : 0;
			bits |= UINT64_C(1) << i;
			lowest = tier;
		}
		r->tiers[r->tiers_n++] = bits;
		rest &= ~bits;
	}
}

static enum selector_strategy
get_strategy(const struct conf *conf)
{
	switch (conf->routing.strategy) {
	case STRATEGY_ROUND_ROBIN:
		return SELECT_ROUND_ROBIN;
	case STRATEGY_WEIGHTED_ROUND_ROBIN:
		return SELECT_WEIGHTED_ROUND_ROBIN;
	default:
		return SELECT_LEAST_LOADED;
	}
}

static void
add_backend(struct server *s, size_t i, unsigned reserve)
{
	const struct conf_backend *conf = &s->conf->backends[i];
	struct router *r = &s->router;
	uint64_t bit = UINT64_C(1) << i;

	s->backends[i] = backend_new(conf, &s->conf->health, (unsigned)i,
	    s->workers_n + 1, s->resolver);
	quota_init(&s->backends[i]->quota, ledger_get(s->ledger, "backend",
	    conf->s.name), conf->quota_bytes);
	CHECK(selector_add_backend(r->selector, s->backends[i]) == 0);
	r->all |= bit;
	if (conf->max_connections <= reserve)
		return;
	r->keepable |= bit;
	if (conf->posting)
		r->posting |= bit;
}

static void
make_router(struct server *s)
{
	const struct conf *conf = s->conf;
	struct router *r = &s->router;
	/* In stateful mode there are no others whom connections must be left
	 * for. */
	unsigned reserve = conf->proxy.mode == MODE_STATEFUL ? 0 :
	    conf->routing.stateful_reserve;

	r->selector = selector_new(get_strategy(conf), reserve);
	r->mode = conf->proxy.mode;
	r->affinity = conf->routing.group_affinity;
	r->resume = conf->routing.resume;
	r->spills_when_down = conf->routing.tier_down == TIER_DOWN_SPILL;
	r->spills_when_full = conf->routing.tier_full == TIER_FULL_SPILL;
	for (size_t i = 0; i < conf->backends_n; i++)
		add_backend(s, i, reserve);
	selector_seal(r->selector);
	mark_groups(s);
	make_tiers(r, conf);
	r->relay.selector = r->selector;
	r->relay.drain_limit_bytes = conf->proxy.drain_limit_bytes;
	r->wait_timeout_ms = conf->proxy.wait_timeout_ms;
	r->command_timeout_ms = conf->proxy.command_timeout_ms;
}

static int
start_threads(struct server *s)
{
	struct client_context shared = { .conf = s->conf };
	int error;

	s->resolver = resolver_new();
	s->passwords = passwords_start(s->conf);
	if (s->passwords == NULL)
		return errno;
	s->accounts = accounts_new(s->ledger);
	accounts_set(s->accounts, s->conf);
	s->census = census_new(s->clients_max);
	s->failures = failures_new();
	make_router(s);
	shared.router = &s->router;
	shared.passwords = s->passwords;
	shared.accounts = s->accounts;
	shared.census = s->census;
	shared.failures = s->failures;
	error = s->conf->proxy.state_dir != NULL ?
	    bookkeeper_start(&s->bookkeeper, s->ledger) : 0;
	if (error == 0)
		error = housekeeper_start(&s->housekeeper, s->workers_n,
		    s->conf, s->backends);
	s->workers = xcalloc(s->workers_n, sizeof(s->workers[0]));
	while (error == 0 && s->started_n < s->workers_n) {
		error = worker_start(&s->workers[s->started_n], s->started_n,
		    &shared, s->backends);
		s->started_n += error == 0;
	}
	if (error == 0)
		error = acceptor_start(&s->acceptor, s->workers,
		    s->workers_n, s->census, s->clients_max);
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

	for (size_t i = 0; i < s->conf->backends_n; i++) {
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
	for (size_t i = 0; i < s->conf->backends_n; i++)
		pool_close(s->backends[i]->pool);
	for (unsigned i = 0; i < s->started_n; i++)
		worker_stop(&s->workers[i]);
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
		conn_end_all(s->backends, s->conf->backends_n,
		    &s->workers[i].loop);
	for (size_t i = 0; i < s->conf->backends_n; i++) {
		struct pool_item *item;

		while ((item = pool_reap(s->backends[i]->pool, l,
		    l->now_ms)) != NULL)
			conn_retire(item, l);
	}
	conn_end_all(s->backends, s->conf->backends_n, l);
}

static void
free_all(struct server *s)
{
	bool is_free = resolver_free(s->resolver, get_rest_ms(s));

	end_rest(s);
	if (s->conf->proxy.state_dir != NULL)
		bookkeeper_stop(&s->bookkeeper);
	for (size_t i = 0; i < s->conf->backends_n; i++)
		backend_log_status(s->backends[i]);
	if (!is_free) {
		log_warn("a look-up of a name still hangs");
		return;	/* it holds on to the loops; the process ends */
	}
	for (size_t i = 0; i < s->conf->backends_n; i++)
		backend_free(s->backends[i]);
	selector_free(s->router.selector);
	accounts_free(s->accounts);
	ledger_close(s->ledger);
	census_free(s->census);
	failures_free(s->failures);
	for (unsigned i = 0; i < s->started_n; i++)
		worker_fini(&s->workers[i]);
	housekeeper_fini(&s->housekeeper);
	free(s->workers);
}

/* --- signals ------------------------------------------------------------------------ */

static void
serve_signals(void)
{
	for (;;) {
		switch (process_wait_signal(-1)) {
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
			log_warn("SIGHUP ignored: restart to change the "
			    "configuration");
			break;
		default:
			break;
		}
	}
}

static int
set_up(struct server *s, bool is_daemon)
{
	const struct conf_proxy *proxy = &s->conf->proxy;
	unsigned own, limit;
	char *error;

	s->ledger = ledger_open(proxy->state_dir, &error);
	if (s->ledger == NULL) {
		log_error("state_dir: %s", error);
		free(error);
		return -1;
	}
	s->workers_n = server_count_threads(s->conf);
	own = server_count_descriptors(s->conf, s->workers_n);
	limit = process_raise_descriptor_limit((uint64_t)own +
	    proxy->max_clients);
	loop_table_init(limit);
	/* Clients must not take the descriptors of backends. */
	s->clients_max = limit > own ? limit - own : 1;
	if (s->clients_max < proxy->max_clients)
		log_warn("max_clients is %u for want of descriptors",
		    s->clients_max);
	if (acceptor_open(&s->acceptor, s->conf) < 0)
		return -1;
	if (is_daemon && process_detach() < 0) {
		log_error("can't detach: %s", strerror(errno));
		return -1;
	}
	if (process_write_pidfile(proxy->pidfile) < 0) {
		log_error("can't write %s: %s", proxy->pidfile,
		    strerror(errno));
		return -1;
	}
	return 0;
}

int
server_run(const struct conf *conf, bool is_daemon)
{
	/* Not on the heap: a look-up that hangs may outlive this function. */
	static struct server server;
	struct server *s = &server;
	int error;

	*s = (struct server){ .conf = conf };
	if (log_open(conf->log.target, conf->log.level, conf->log.format) <
	    0) {
		log_error("can't open the log %s: %s", conf->log.target,
		    strerror(errno));
		return EXIT_RUNTIME;
	}
	if (set_up(s, is_daemon) < 0) {
		ledger_close(s->ledger);
		acceptor_close(&s->acceptor);
		return EXIT_RUNTIME;
	}
	process_block_signals();
	error = start_threads(s);
	if (error != 0) {
		log_error("can't start: %s", strerror(error));
		process_remove_pidfile(conf->proxy.pidfile);
		exit(EXIT_RUNTIME);
	}
	process_report_ready();
	serve_signals();
	acceptor_stop(&s->acceptor);
	acceptor_close(&s->acceptor);
	drain(s);
	stop_threads(s);
	free_all(s);
	process_remove_pidfile(conf->proxy.pidfile);
	log_info("stopped");
	log_close();
	return EXIT_FINE;
}
