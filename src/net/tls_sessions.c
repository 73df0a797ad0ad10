// SPDX-License-Identifier: BSD-2-Clause
#include "net/tls_priv.h"

#include "base/check.h"

#include <string.h>

void
tls_sessions_init(struct tls_sessions *s)
{
	s->sh.n = 0;
	SYS_OK(pthread_mutex_init(&s->sh.mutex, NULL));
}

void
tls_sessions_fini(struct tls_sessions *s)
{
	tls_sessions_drop(s);
	SYS_OK(pthread_mutex_destroy(&s->sh.mutex));
}

void
tls_sessions_put(struct tls_sessions *s, SSL_SESSION *session)
{
	SSL_SESSION *oldest = NULL;

	SYS_OK(pthread_mutex_lock(&s->sh.mutex));
	if (s->sh.n == TLS_SESSIONS_MAX) {
		oldest = s->sh.v[0];
		s->sh.n--;
		memmove(&s->sh.v[0], &s->sh.v[1],
		    s->sh.n * sizeof(s->sh.v[0]));
	}
	s->sh.v[s->sh.n++] = session;
	SYS_OK(pthread_mutex_unlock(&s->sh.mutex));
	SSL_SESSION_free(oldest);
}

/* A ticket of TLS 1.3 is for one connection only, or an onlooker could tell
 * that several belong together (RFC 8446, C.4); before, one session serves
 * many: each a copy, for a connection that fails spoils its own. */
static SSL_SESSION *
take(struct tls_sessions *s)
{
	SSL_SESSION *session = NULL;

	SYS_OK(pthread_mutex_lock(&s->sh.mutex));
	if (s->sh.n > 0) {
		session = s->sh.v[s->sh.n - 1];
		if (SSL_SESSION_get_protocol_version(session) >=
		    TLS1_3_VERSION)
			s->sh.n--;
		else
			session = SSL_SESSION_dup(session);
	}
	SYS_OK(pthread_mutex_unlock(&s->sh.mutex));
	return session;
}

void
tls_sessions_use(struct tls_sessions *s, SSL *ssl)
{
	SSL_SESSION *session = take(s);

	/* One that is too old is not taken, and a full handshake follows. */
	if (session != NULL)
		(void)SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
}

void
tls_sessions_drop(struct tls_sessions *s)
{
	SSL_SESSION *v[TLS_SESSIONS_MAX];
	size_t n;

	SYS_OK(pthread_mutex_lock(&s->sh.mutex));
	n = s->sh.n;
	memcpy(v, s->sh.v, n * sizeof(v[0]));
	s->sh.n = 0;
	SYS_OK(pthread_mutex_unlock(&s->sh.mutex));
	while (n > 0)
		SSL_SESSION_free(v[--n]);
}
