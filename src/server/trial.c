// SPDX-License-Identifier: BSD-2-Clause
#include "server/trial.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "backend/pool.h"
#include "base/check.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/options.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "server/server.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

/* What is closed at the end says QUIT, and is waited for. */
#define REST_MS 2500
#define LOOKUP_MS 100

struct trial {
	struct backend *backend;
	uint64_t started_ms, phase_ms;	/* when it, and its phase, began */
	char *text;			/* what is told of it, when it ended */
	size_t text_n;
	FILE *out;			/* to there; NULL: it has ended */
	bool is_ready;
};

static struct loop loop;

/* --- one backend ------------------------------------------------------------- */

static void
tell(struct trial *t, const char *phase, uint64_t since_ms, const char *said)
{
	fprintf(t->out, "    %-12s %6" PRIu64 " ms  %s\n", phase,
	    loop_clock_ms() - since_ms, said);
}

static void
on_noted(struct conn *c, void *user, const char *phase, const char *said)
{
	struct trial *t = user;

	(void)c;
	tell(t, phase, t->phase_ms, said);
	t->phase_ms = loop_clock_ms();
}

static void
end(struct trial *t, bool is_ready, const char *how)
{
	t->is_ready = is_ready;
	tell(t, is_ready ? "ready" : "failed", t->started_ms, how);
	CHECK(fclose(t->out) == 0);
	t->out = NULL;
}

static void
on_ready(struct conn *c, void *user)
{
	end(user, true, "in all");
	conn_put(c);
}

static void
on_unmade(void *user, enum reason reason)
{
	end(user, false, reason_words(reason));
}

static const struct conn_user conn_user = {
	.ready = on_ready,
	.unmade = on_unmade,
	.noted = on_noted,
};

static void
begin(struct trial *t, const struct conf *conf, unsigned index,
    struct resolver *resolver)
{
	const struct conf_backend *b = &conf->backends[index];
	struct conn *c;

	t->backend = backend_new(b, &conf->health, index, 1, resolver);
	t->out = open_memstream(&t->text, &t->text_n);
	CHECK(t->out != NULL);
	fprintf(t->out, "backend %s (%s)\n", b->s.name, b->address);
	t->started_ms = t->phase_ms = loop_clock_ms();
	CHECK(conn_get(t->backend, &loop, CONN_UNTOUCHED, &c) == POOL_CREATE);
	conn_set_user(c, &conn_user, t);
}

/* --- all of them --------------------------------------------------------------- */

static void
close_all(struct trial *trials, size_t n)
{
	struct backend *backends[CONF_BACKENDS_MAX];
	uint64_t until_ms = loop_clock_ms() + REST_MS;
	bool is_closing = true;

	for (size_t i = 0; i < n; i++) {
		struct pool_item *item;

		backends[i] = trials[i].backend;
		pool_close(backends[i]->pool);
		while ((item = pool_reap(backends[i]->pool, &loop,
		    loop.now_ms)) != NULL)
			conn_retire(item, &loop);
	}
	while (is_closing && loop_clock_ms() < until_ms) {
		is_closing = false;
		for (size_t i = 0; i < n; i++)
			is_closing |= pool_get_status(
			    backends[i]->pool).size > 0;
		if (is_closing)
			loop_turn(&loop, 100);
	}
	conn_end_all(backends, n, &loop);
}

/* A look-up that hangs holds on to the loop; the process ends. */
static void
free_all(struct trial *trials, size_t n, struct resolver *resolver)
{
	if (resolver_free(resolver, LOOKUP_MS)) {
		loop_turn(&loop, 0);
		for (size_t i = 0; i < n; i++)
			backend_free(trials[i].backend);
		loop_fini(&loop);
	}
	free(trials);
}

int
trial_run(const struct conf *conf, FILE *f)
{
	struct trial *trials = xcalloc(conf->backends_n, sizeof(trials[0]));
	struct resolver *resolver = resolver_new();
	bool are_all_ready = true;

	CHECK(log_open("stderr", LEVEL_ERROR, FORMAT_TEXT) == 0);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	loop_table_init(server_count_descriptors(conf, 1));
	CHECK(loop_init(&loop, 0) == 0);
	loop_turn(&loop, 0);
	for (unsigned i = 0; i < conf->backends_n; i++)
		begin(&trials[i], conf, i, resolver);
	for (size_t i = 0; i < conf->backends_n; i++) {
		while (trials[i].out != NULL)
			loop_turn(&loop, -1);
		fputs(trials[i].text, f);
		fflush(f);
		free(trials[i].text);
		are_all_ready &= trials[i].is_ready;
	}
	close_all(trials, conf->backends_n);
	free_all(trials, conf->backends_n, resolver);
	conf_unref(conf);
	return are_all_ready && !ferror(f) ? EXIT_FINE : EXIT_RUNTIME;
}
