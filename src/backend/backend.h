// SPDX-License-Identifier: BSD-2-Clause
/* backend - one news server behind the proxy: its settings, its pool, its
 * counters, and what is known of it.
 *
 * Made at start or by a reload, shared by all threads, freed when it is part of
 * no configuration any more and its pool at rest, or after the last of them has
 * ended. Its index is its id in selectors, its bit in sets of backends. */
#pragma once

#include "backend/breaker.h"
#include "base/bucket.h"
#include "base/quota.h"
#include "net/addr.h"
#include "nntp/reason.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capabilities;
struct conf;
struct conf_backend;
struct conf_health;
struct loop;
struct pool;
struct resolver;

/* What one loop has counted; only that loop writes. */
struct backend_counters {
	_Atomic uint64_t commands;	/* sent */
	_Atomic uint64_t misses;	/* article or group not there */
	_Atomic uint64_t failures;	/* connections that broke or were not
					 * made, and answers in trouble */
	_Atomic uint64_t bytes;		/* received */
	_Atomic uint64_t spliced_bytes;	/* of them, unread */
	_Atomic uint64_t mends;		/* articles of others it went on with */
} __attribute__((aligned(64)));

struct backend {
	/* const after init */
	unsigned index;
	struct pool *pool;
	struct resolver *resolver;
	struct backend_counters *counters;	/* one per loop */
	unsigned loops_n;

	/* atomic: main writes. What they point to is good to the end of the
	 * turn; who needs it longer takes a reference (conf_ref()) */
	_Atomic(const struct conf_backend *) conf;
	_Atomic(const char *) name;
	_Atomic unsigned generation;	/* of connections: those of an older
					 * one are not used again */

	/* atomic */
	struct bucket bucket;	/* its rate */
	struct quota quota;	/* set by the server */
	struct breaker breaker;
	_Atomic uint64_t good_ms;	/* when it last answered, about */
	_Atomic unsigned pending;	/* commands routed here, not complete */
	_Atomic unsigned stateful;	/* slots held by pinned sessions */
	_Atomic uint64_t unsupported;	/* bits by enum command_id */
	_Atomic uint64_t unasked_ms;	/* when it last said more than it was
					 * asked for, 0: never */
	_Atomic unsigned good_addr;	/* hash of the address that worked last,
					 * 0: none */
	_Atomic uint64_t announced;	/* packed capabilities and when they
					 * were asked for; 0: not known */
};

/* Takes a reference to conf; keeps resolver. loops_n: loops whose index may
 * appear. Gives. */
struct backend *backend_new(const struct conf_backend *conf,
    const struct conf_health *health, unsigned index, unsigned loops_n,
    struct resolver *resolver);
/* Takes other settings for the same account: limits hold at once, and where
 * what a connection is made with has changed a new generation of them begins.
 * Gives the reference to the old settings, to be let go when every loop has
 * turned. Main thread. */
const struct conf *backend_configure(struct backend *,
    const struct conf_backend *conf, const struct conf_health *health,
    uint64_t now_ms) __attribute__((warn_unused_result));
/* The same account at the same server: host, port and user name. */
bool backend_is_same(const struct conf_backend *, const struct conf_backend *);
/* Takes it; its pool must be at rest. */
void backend_free(struct backend *);

/* The counters of the given loop, for its thread. */
struct backend_counters *backend_count(struct backend *,
    const struct loop *);
/* Adds to a counter that only the calling thread writes. */
void counter_add(_Atomic uint64_t *counter, uint64_t n);

/* So many bytes were received and sent, as the socket has them. */
void backend_charge(struct backend *, const struct loop *, size_t received_n,
    size_t sent_n);

/* What the breaker is told. A change is logged, with the phase that failed and
 * the server's own words (said, masked, or NULL), and the pool hears of it. Any
 * thread.
 *
 * Its answer was as it should be, though perhaps not what a client wished. */
void backend_praise(struct backend *, uint64_t now_ms);
/* The same in two steps, for one who has a connection to give back between
 * them: true when the breaker has closed, then backend_welcome() must follow,
 * which serves those who wait. */
bool backend_note_answer(struct backend *, uint64_t now_ms)
    __attribute__((warn_unused_result));
void backend_welcome(struct backend *, uint64_t now_ms);
/* A connection failed, usable since born_ms (0: it was not made), or an answer
 * did. */
void backend_blame(struct backend *, const char *phase, enum reason,
    const char *said, uint64_t born_ms, uint64_t now_ms);

/* Its answer had more behind it than was asked for. */
void backend_note_unasked(struct backend *, uint64_t now_ms);
/* It has not, for an hour: where an answer ends need not be looked for in all of
 * it. */
bool backend_is_terse(const struct backend *, uint64_t now_ms);

/* One more command is routed here. Each is completed, and each slot released,
 * once: the counts never go below 0, one call too many is a defect and logged.
 * Any thread. */
void backend_count_command(struct backend *);
void backend_complete_command(struct backend *);
void backend_release_stateful(struct backend *);

/* This server said 500 to the verb: it is not asked again. Any thread. */
void backend_mark_unsupported(struct backend *, unsigned command_id);
bool backend_has_unsupported(struct backend *, unsigned command_id);

/* What the server announces in its answer to CAPABILITIES, which a connection
 * asks for while it is made. Any thread.
 *
 * Whether a connection that is made now is to ask: while nothing is known each
 * does, then one an hour. */
bool backend_wants_capabilities(struct backend *, uint64_t now_ms);
/* It has answered; logged if that is news. Of SASL nothing is kept. */
void backend_set_capabilities(struct backend *, const struct capabilities *c,
    uint64_t now_ms);
/* The question cost a connection: what was known stands, or it counts as
 * announcing nothing; in either case it has peace for an hour. */
void backend_spare_capabilities(struct backend *, uint64_t now_ms);
/* False: not known yet, and nothing is true in *c_r. */
bool backend_get_capabilities(const struct backend *,
    struct capabilities *c_r);

/* Moves the address that worked last, if it is among them, to the front: a
 * provider's limit may lag when addresses of one name are mixed. */
void backend_order_addrs(struct backend *, struct addr *addrs, size_t n);
void backend_remember_addr(struct backend *, const struct addr *addr);

/* What the server said (n octets), for the log: without its line end, with the
 * password of these settings masked, then cut. Returns buf. */
#define BACKEND_SAID_MAX 128
const char *backend_format_said(const struct conf_backend *, const char *said,
    size_t n, char buf[BACKEND_SAID_MAX]);

/* One line of numbers for the log: "backend=NAME idle=… …". Any thread. */
void backend_log_status(struct backend *);
