// SPDX-License-Identifier: BSD-2-Clause
#include "server/memory.h"

#include "backend/conn.h"
#include "base/spares.h"
#include "client/census.h"
#include "client/failures.h"
#include "client/handshake.h"
#include "client/password.h"
#include "client/session.h"
#include "conf/conf.h"
#include "net/loop.h"
#include "net/stream_tls.h"
#include "route/bounds.h"
#include "server/server.h"

#include <inttypes.h>

#define KIB 1024
#define MIB (1024 * KIB)

/* Code, libraries, the configuration, backends and their counters. */
#define PROGRAM_BYTES (16 * MIB)
/* The part of its stack that a thread ever uses. */
#define STACK_BYTES (128 * KIB)
/* Acceptor, housekeeper, bookkeeper, main; those of passwords count apart. */
#define OTHER_THREADS 4
/* A name, its password, what is kept per address; see password.c. */
#define CHECK_BYTES (sizeof(struct password_check) + 2 * KIB)
/* In small pieces: what the allocator adds, and can't give back. */
#define OVERHEAD(n) ((n) / 8)

static uint64_t
get_connection_bytes(const struct conf_backend *b)
{
	return sizeof(struct conn) +
	    bounds_get_relay(b->pipeline_depth, session_get_article_max()) +
	    (b->tls != TLS_NO ? stream_get_tls_max(false, true) : 0);
}

/* Of a client by TLS; 0: no listener speaks it. */
static uint64_t
get_client_tls_bytes(const struct conf *c)
{
	uint64_t most = 0;

	for (size_t i = 0; i < c->listens_n; i++) {
		const struct conf_listen *l = &c->listens[i];
		uint64_t n = l->tls == TLS_NO ? 0 : stream_get_tls_max(true,
		    l->tls_client_ca != NULL);

		if (n > most)
			most = n;
	}
	return most;
}

static uint64_t
get_rest(const struct conf *c, uint64_t connections_n)
{
	unsigned threads_n = server_count_threads(c);
	uint64_t n = PROGRAM_BYTES;

	n += (threads_n + OTHER_THREADS) *
	    (uint64_t)(LOOP_BUFFER_SIZE + STACK_BYTES +
	    spares_get_size_max());
	n += loop_table_get_size(server_count_descriptors(c, threads_n) +
	    c->proxy.max_clients);
	n += census_get_size_max(c->proxy.max_clients);
	n += failures_get_size();
	/* A look-up is a thread of its own, one per backend. */
	n += c->backends_n * (uint64_t)STACK_BYTES;
	n += connections_n * (uint64_t)KIB;	/* waiters and messages */
	if (get_client_tls_bytes(c) > 0)
		n += threads_n * (uint64_t)HANDSHAKES_MAX *
		    stream_get_handshake_max();
	if (c->users_n > 0)
		n += memo_get_size() +
		    PASSWORD_THREADS * (uint64_t)STACK_BYTES +
		    PASSWORD_WAITING_MAX * (uint64_t)CHECK_BYTES;
	return n;
}

void
memory_get_bound(const struct conf *c, struct memory *m_r)
{
	uint64_t connections_bytes = 0, n;

	*m_r = (struct memory){ .connections_n = 0 };
	for (size_t i = 0; i < c->backends_n; i++) {
		const struct conf_backend *b = &c->backends[i];

		n = get_connection_bytes(b);
		n += OVERHEAD(n);
		connections_bytes += b->max_connections * n;
		m_r->connections_n += b->max_connections;
		if (n > m_r->connection_bytes)
			m_r->connection_bytes = n;
	}
	n = session_get_size_max(&c->proxy) + get_client_tls_bytes(c);
	m_r->client_bytes = n + OVERHEAD(n);
	n = get_rest(c, m_r->connections_n);
	m_r->rest_bytes = n + OVERHEAD(n);
	m_r->all_bytes = m_r->rest_bytes + connections_bytes +
	    c->proxy.max_clients * m_r->client_bytes;
}

static uint64_t
round_up(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) / unit;
}

void
memory_print_bound(const struct conf *c, FILE *f)
{
	struct memory m;

	memory_get_bound(c, &m);
	fprintf(f, "; Memory: never more than %" PRIu64 "M. That is %u clients"
	    " of at most %" PRIu64 "K,\n; %" PRIu64 " connections to backends"
	    " of at most %" PRIu64 "K, and %" PRIu64 "M for all else; the\n"
	    "; kernel's buffers and crypt(3) are not in it. An idle client"
	    " takes less than 2K,\n; by TLS less than 18K.\n",
	    round_up(m.all_bytes, MIB),
	    c->proxy.max_clients, round_up(m.client_bytes, KIB),
	    m.connections_n, round_up(m.connection_bytes, KIB),
	    round_up(m.rest_bytes, MIB));
}
