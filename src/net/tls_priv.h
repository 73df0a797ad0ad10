// SPDX-License-Identifier: BSD-2-Clause
/* tls_priv - what tls.c (contexts), tls_sessions.c (sessions to resume),
 * tls_trust.c (authorities), tls_words.c (failures in words) and stream_tls.c (one
 * connection) share, the only files that know OpenSSL.
 *
 * OpenSSL keeps its errors in a queue per thread: who asks it for something
 * and looks at the error clears the queue before. */
#pragma once

#include "net/tls.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

/* What is read from a server at a time: several records. */
#define TLS_CLIENT_BUFFER_BYTES (64 * 1024)

/* The longest chain of certificates that a peer may send. */
#define TLS_CHAIN_MAX_BYTES (32 * 1024)

/* Enough for a client that makes several connections at a time. */
#define TLS_SESSIONS_MAX 16

/* Sessions of one server, the newest last. Any thread. */
struct tls_sessions {
	struct {
		pthread_mutex_t mutex;
		SSL_SESSION *v[TLS_SESSIONS_MAX];
		size_t n;
	} sh;	/* guarded by its mutex */
};

void tls_sessions_init(struct tls_sessions *);
void tls_sessions_fini(struct tls_sessions *);
/* Takes the session; the oldest gives way. */
void tls_sessions_put(struct tls_sessions *, SSL_SESSION *);
/* Lets the connection try the newest, if there is any. */
void tls_sessions_use(struct tls_sessions *, SSL *);
/* None of them is of use: forgets all. */
void tls_sessions_drop(struct tls_sessions *);

struct tls_context {
	/* const after init */
	SSL_CTX *ctx;
	bool is_server;
	char *server_name;	/* for SNI, or NULL */

	/* any thread */
	_Atomic unsigned references_n;
	struct tls_sessions sessions;	/* of a client */
};

/* A connection over this socket, whose handshake is next. Gives; NULL when
 * OpenSSL can't. */
SSL *tls_begin(struct tls_context *, int fd);

/* The peers of ctx are trusted that this system trusts, and those of one file
 * more, if it is not NULL. False: that can't be read. Main thread. */
bool tls_trust_system(SSL_CTX *ctx, const char *more_file);

/* Why a call that gave rc has failed: for people, at most one line. */
#define TLS_WORDS_MAX 160
void tls_explain(SSL *, int rc, char words[TLS_WORDS_MAX]);
/* The same of the first error in the queue, which caused the others. */
void tls_explain_error(char words[TLS_WORDS_MAX]);
