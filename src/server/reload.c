// SPDX-License-Identifier: BSD-2-Clause
/* reload - another configuration takes the place of the one that runs.
 *
 *     read and check all ──► open listeners ──► find backends, check users
 *                                                  │
 *     make the new snapshot ──► no new clients ──► backends: other settings
 *       └─► each worker, all of its clients at once ──► other backends leave
 *             └─► new clients ──► what was before is let go
 *
 * In the first line everything can fail, and nothing has changed then. After it
 * nothing can. Each step is a call on the loop whose it is, so when a step
 * has returned, that loop knows nothing of what was before: the old snapshot
 * needs no count of its users. */
#include "server/server_priv.h"

#include "backend/backend.h"
#include "base/log.h"
#include "client/account.h"
#include "client/password.h"
#include "conf/load.h"
#include "conf/renew.h"
#include "conf/report.h"
#include "net/loop.h"
#include "route/router.h"
#include "server/confine.h"
#include "server/notify.h"

#include <errno.h>
#include <string.h>

struct reload {
	const struct conf *conf;
	struct listeners listeners;
	struct backend *backends[CONF_BACKENDS_MAX];	/* as in conf */
	const struct conf *old[CONF_BACKENDS_MAX];	/* to be let go */
	struct backend *all[CONF_BACKENDS_MAX];	/* that there are */
	size_t all_n;
	uint64_t used;			/* bits of their indexes */
};

/* --- reading ------------------------------------------------------------------- */

static void
log_report(const struct conf_report *report)
{
	static const enum log_level levels[] = {
		[SEVERITY_ERROR] = LEVEL_ERROR,
		[SEVERITY_WARNING] = LEVEL_WARN,
		[SEVERITY_NOTE] = LEVEL_DEBUG,
	};

	for (size_t i = 0; i < report->issues_n; i++)
		log_at(levels[report->issues[i].severity], "%s: %s",
		    report->issues[i].where, report->issues[i].text);
}

static const struct conf *
read_again(const struct server *s)
{
	struct conf_report report;
	struct conf *conf;

	report_init(&report);
	if (conf_load(s->options, &conf, &report) == 0)
		conf_keep_fixed(conf, s->conf, &report);
	log_report(&report);
	report_fini(&report);
	return conf;
}

/* --- which backend is which ------------------------------------------------------ */

/* Takes it out of those that there are, so each is found once; NULL: it is
 * new. */
static struct backend *
take_same(struct reload *r, const struct conf_backend *conf, bool any_name)
{
	for (size_t i = 0; i < r->all_n; i++) {
		struct backend *b = r->all[i];

		if (b != NULL && backend_is_same(b->conf, conf) &&
		    (any_name || strcmp(b->name, conf->s.name) == 0)) {
			r->all[i] = NULL;
			return b;
		}
	}
	return NULL;
}

static void
take_over(struct reload *r, bool any_name)
{
	for (size_t i = 0; i < r->conf->backends_n; i++)
		if (r->backends[i] == NULL)
			r->backends[i] = take_same(r, &r->conf->backends[i],
			    any_name);
}

/* False: those that still leave have all the places. */
static bool
has_places(const struct reload *r)
{
	size_t new_n = 0;

	for (size_t i = 0; i < r->conf->backends_n; i++)
		new_n += r->backends[i] == NULL;
	return r->all_n + new_n <= CONF_BACKENDS_MAX;
}

static void
make_new(struct reload *r, struct server *s)
{
	for (size_t i = 0; i < r->conf->backends_n; i++) {
		unsigned index = 0;

		if (r->backends[i] != NULL)
			continue;
		while ((r->used >> index & 1) != 0)
			index++;
		r->used |= UINT64_C(1) << index;
		r->backends[i] = backend_new(&r->conf->backends[i],
		    &r->conf->health, index, s->workers_n + 1, s->resolver);
		server_set_quota(s, r->backends[i]);
	}
}

static void
find_backends(struct reload *r, struct server *s)
{
	r->all_n = housekeeper_freeze(&s->housekeeper, r->all);
	for (size_t i = 0; i < r->all_n; i++)
		r->used |= UINT64_C(1) << r->all[i]->index;
	/* Of two sections with one account each keeps its own. */
	take_over(r, false);
	take_over(r, true);
}

/* --- taking over ----------------------------------------------------------------- */

static void
configure_backends(struct reload *r, struct server *s)
{
	for (size_t i = 0; i < r->conf->backends_n; i++) {
		const struct conf_backend *conf = &r->conf->backends[i];

		if (r->backends[i]->conf == conf)
			continue;
		r->old[i] = backend_configure(r->backends[i], conf,
		    &r->conf->health, loop_clock_ms());
		server_set_quota(s, r->backends[i]);
	}
}

static void
let_go(const struct reload *r, struct router *router,
    const struct conf *conf)
{
	router_free(router);
	for (size_t i = 0; i < r->conf->backends_n; i++)
		conf_unref(r->old[i]);
	conf_unref(conf);
}

static void
take_effect(struct reload *r, struct server *s)
{
	const struct conf *old = s->conf;
	struct router *old_router = s->router;

	server_provide_descriptors(s, r->conf);
	make_new(r, s);
	s->router = router_new(r->conf, r->backends);
	s->conf = r->conf;
	log_configure(r->conf->log.level, r->conf->log.format);
	acceptor_pause(&s->acceptor);
	configure_backends(r, s);
	accounts_set(s->accounts, r->conf);
	housekeeper_admit(&s->housekeeper, r->conf, r->backends);
	for (unsigned i = 0; i < s->workers_n; i++)
		worker_change(&s->workers[i], r->conf, s->router);
	housekeeper_dismiss_others(&s->housekeeper, r->conf, r->backends);
	acceptor_change(&s->acceptor, &r->listeners,
	    server_get_clients_max(s, r->conf));
	memcpy(s->backends, r->backends, sizeof(s->backends));
	s->backends_n = r->conf->backends_n;
	let_go(r, old_router, old);
}

/* Nothing of it is to be. */
static void
give_up(struct reload *r, struct server *s)
{
	housekeeper_dismiss_others(&s->housekeeper, s->conf, s->backends);
	listeners_close(&r->listeners, &s->acceptor.listeners);
}

/* False: there are no places for all, or no passwords can be checked. */
static bool
is_possible(struct reload *r, struct server *s)
{
	if (!has_places(r)) {
		log_error("backends that were removed still have connections:"
		    " with these there are more than %d", CONF_BACKENDS_MAX);
		return false;
	}
	if (passwords_set_users(s->passwords, r->conf) == 0)
		return true;
	log_error("can't check passwords: %s", strerror(errno));
	return false;
}

static bool
try(struct reload *r, struct server *s)
{
	if (listeners_renew(&s->acceptor.listeners, r->conf, &r->listeners) <
	    0)
		return false;
	find_backends(r, s);
	if (!is_possible(r, s)) {
		give_up(r, s);
		return false;
	}
	take_effect(r, s);
	return true;
}

void
server_reload(struct server *s)
{
	struct reload r = { 0 };

	notify_reloading();
	r.conf = read_again(s);
	if (r.conf != NULL && confine_covers(r.conf) && try(&r, s)) {
		log_info("the configuration was read again: it holds now");
	} else {
		log_error("the configuration stays as it was");
		conf_unref(r.conf);
	}
	server_tell_ready(s);
}
