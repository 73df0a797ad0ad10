// SPDX-License-Identifier: BSD-2-Clause
/* server_priv - what server.c (start, signals, stop) and reload.c (another
 * configuration) share; nobody else includes it.
 *
 * Main thread. */
#pragma once

#include "conf/conf.h"
#include "server/acceptor.h"
#include "server/bookkeeper.h"
#include "server/housekeeper.h"
#include "server/watchdog.h"
#include "server/worker.h"

#include <stdint.h>

struct accounts;
struct backend;
struct census;
struct failures;
struct ledger;
struct options;
struct passwords;
struct resolver;
struct router;

struct server {
	const struct options *options;
	const struct conf *conf;	/* a reference */
	struct acceptor acceptor;
	struct ledger *ledger;
	struct bookkeeper bookkeeper;	/* with a state_dir */
	struct resolver *resolver;
	struct passwords *passwords;
	struct accounts *accounts;
	struct census *census;
	struct failures *failures;
	struct backend *backends[CONF_BACKENDS_MAX];	/* as in conf; when it
							 * ends: all */
	size_t backends_n;
	struct router *router;
	struct worker *workers;
	unsigned workers_n, started_n;
	unsigned descriptors_n;		/* the limit; never falls */
	uint64_t until_ms;		/* shutdown_timeout; 0: end at once */
	struct housekeeper housekeeper;
	struct watchdog watchdog;
};

/* --- server.c --- */
/* Raises the limit to what this configuration needs, if it can be. */
void server_provide_descriptors(struct server *, const struct conf *);
/* The clients that there are descriptors for, max_clients at most; a lack is
 * logged. */
unsigned server_get_clients_max(const struct server *, const struct conf *);

/* The backend's quota is that of the name it has now. */
void server_set_quota(struct server *, struct backend *);

/* The service manager hears that it serves. */
void server_tell_ready(const struct server *);

/* --- reload.c --- */
/* Reads the configuration again. All of it is taken over, or nothing, and the
 * log says why. */
void server_reload(struct server *);
