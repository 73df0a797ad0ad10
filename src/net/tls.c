// SPDX-License-Identifier: BSD-2-Clause
#include "net/tls_priv.h"

#include "base/check.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* What a listener offers of TLS 1.2; of 1.3 all is good. */
static const char server_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char server_groups[] = "X25519:P-256:X448:P-384:P-521";

/* --- life ----------------------------------------------------------------- */

struct tls_context *
tls_ref(struct tls_context *t)
{
	atomic_fetch_add(&t->references_n, 1);
	return t;
}

void
tls_unref(struct tls_context *t)
{
	if (t == NULL || atomic_fetch_sub(&t->references_n, 1) > 1)
		return;
	tls_sessions_fini(&t->sessions);
	SSL_CTX_free(t->ctx);
	free(t->server_name);
	free(t);
}

/* --- what both sides have ------------------------------------------------ */

/* An encrypted key would have a prompt at the terminal. */
static int
on_passphrase(char *buf, int size, int is_writing, void *arg)
{
	(void)buf, (void)size, (void)is_writing, (void)arg;
	return -1;
}

static struct tls_context *
new_context(const SSL_METHOD *method, enum tls_version min_version)
{
	struct tls_context *t = xcalloc(1, sizeof(*t));

	t->ctx = SSL_CTX_new(method);
	CHECK(t->ctx != NULL);	/* out of memory */
	atomic_init(&t->references_n, 1);
	tls_sessions_init(&t->sessions);
	SSL_CTX_set_app_data(t->ctx, t);
	SSL_CTX_set_default_passwd_cb(t->ctx, on_passphrase);
	CHECK(SSL_CTX_set_min_proto_version(t->ctx, min_version ==
	    TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION);
	/* Early data could be replayed: it is never sent nor taken. */
	SSL_CTX_set_max_early_data(t->ctx, 0);
	SSL_CTX_set_read_ahead(t->ctx, 1);
	SSL_CTX_set_max_cert_list(t->ctx, TLS_CHAIN_MAX_BYTES);
	return t;
}

/* Always NULL. */
static struct tls_context *
fail(struct tls_context *t, enum tls_setting setting,
    enum tls_setting *setting_r, char **why_r)
{
	char words[TLS_WORDS_MAX];

	tls_explain_error(words);
	*setting_r = setting;
	*why_r = xstrdup(words);
	tls_unref(t);
	return NULL;
}

/* Colon-separated; the names of TLS 1.3, which begin with TLS_, go into a list
 * of their own. Without any of one kind that one stays as it was set before. */
static bool
set_ciphers(struct tls_context *t, const char *ciphers)
{
	char *suites = xstrdup(""), *list = xstrdup("");
	char *copy = xstrdup(ciphers), *rest = NULL;
	bool is_fine;

	for (char *name = strtok_r(copy, ":,", &rest); name != NULL;
	    name = strtok_r(NULL, ":,", &rest)) {
		bool is_suite = strncmp(name, "TLS_", 4) == 0;
		char **to = is_suite ? &suites : &list;
		char *longer = xasprintf("%s%s%s", *to,
		    **to != '\0' ? ":" : "", name);

		free(*to);
		*to = longer;
	}
	is_fine = (*suites == '\0' ||
	    SSL_CTX_set_ciphersuites(t->ctx, suites) == 1) &&
	    (*list == '\0' || SSL_CTX_set_cipher_list(t->ctx, list) == 1);
	free(copy);
	free(list);
	free(suites);
	return is_fine;
}

SSL *
tls_begin(struct tls_context *t, int fd)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		goto failed;
	if (t->is_server) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	if (t->server_name != NULL &&
	    SSL_set_tlsext_host_name(ssl, t->server_name) != 1)
		goto failed;
	SSL_set_connect_state(ssl);
	tls_sessions_use(&t->sessions, ssl);
	return ssl;
failed:
	SSL_free(ssl);
	return NULL;
}

/* --- to a server ------------------------------------------------------------- */

/* A copy is kept, for OpenSSL spoils the session of a connection whose end is
 * not as it should be, and backends end theirs as they like. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_context *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	SSL_SESSION *copy = SSL_SESSION_dup(session);

	if (copy != NULL)
		tls_sessions_put(&t->sessions, copy);
	return 0;	/* the session itself is not taken */
}

/* SNI has names only (RFC 6066, 3), without a last dot. */
static void
set_name(struct tls_context *t, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(t->ctx);
	size_t n = strlen(name);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return;
	if (n > 0 && name[n - 1] == '.')
		n--;
	t->server_name = xstrndup(name, n);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	CHECK(X509_VERIFY_PARAM_set1_host(param, t->server_name, 0) == 1);
}

struct tls_context *
tls_new_client(const struct tls_client_settings *s,
    enum tls_setting *setting_r, char **why_r)
{
	struct tls_context *t = new_context(TLS_client_method(),
	    s->min_version);

	set_name(t, s->name);
	ERR_clear_error();
	SSL_CTX_set_default_read_buffer_len(t->ctx, TLS_CLIENT_BUFFER_BYTES);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(t->ctx, on_session);
	SSL_CTX_set_verify(t->ctx, s->verifies ? SSL_VERIFY_PEER :
	    SSL_VERIFY_NONE, NULL);
	/* A server's own certificate may be trusted, whoever signed it. */
	CHECK(X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(t->ctx),
	    X509_V_FLAG_PARTIAL_CHAIN) == 1);
	if ((s->verifies || s->ca_file != NULL) &&
	    !tls_trust_system(t->ctx, s->ca_file))
		return fail(t, TLS_SETTING_CA, setting_r, why_r);
	if (s->ciphers != NULL && !set_ciphers(t, s->ciphers))
		return fail(t, TLS_SETTING_CIPHERS, setting_r, why_r);
	return t;
}

/* --- to clients -------------------------------------------------------------- */

static bool
set_client_ca(struct tls_context *t, const char *file)
{
	STACK_OF(X509_NAME) *names;

	if (SSL_CTX_load_verify_file(t->ctx, file) != 1)
		return false;
	names = SSL_load_client_CA_file(file);
	if (names == NULL)
		return false;
	SSL_CTX_set_client_CA_list(t->ctx, names);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return true;
}

const char *
tls_get_warning(const struct tls_context *t)
{
	X509 *cert = SSL_CTX_get0_certificate(t->ctx);

	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		return "the certificate has expired";
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		return "the certificate is not yet valid";
	return NULL;
}

struct tls_context *
tls_new_server(const struct tls_server_settings *s,
    enum tls_setting *setting_r, char **why_r)
{
	static const unsigned char id[] = "nntpmux";
	struct tls_context *t = new_context(TLS_server_method(),
	    s->min_version);
	const char *key_file = s->key_file != NULL ? s->key_file :
	    s->cert_file;

	ERR_clear_error();
	t->is_server = true;
	SSL_CTX_set_options(t->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE |
	    SSL_OP_PRIORITIZE_CHACHA);
	/* Sessions are in tickets, so they take no memory here. */
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	CHECK(SSL_CTX_set_session_id_context(t->ctx, id, sizeof(id)) == 1);
	CHECK(SSL_CTX_set1_groups_list(t->ctx, server_groups) == 1);
	if (SSL_CTX_use_certificate_chain_file(t->ctx, s->cert_file) != 1)
		return fail(t, TLS_SETTING_CERT, setting_r, why_r);
	if (SSL_CTX_use_PrivateKey_file(t->ctx, key_file,
	    SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(t->ctx) != 1)
		return fail(t, TLS_SETTING_KEY, setting_r, why_r);
	if (s->client_ca_file != NULL && !set_client_ca(t, s->client_ca_file))
		return fail(t, TLS_SETTING_CA, setting_r, why_r);
	/* First: who names only those of TLS 1.3 has not asked for weaker ones
	 * of 1.2. */
	CHECK(set_ciphers(t, server_ciphers));
	if (s->ciphers != NULL && !set_ciphers(t, s->ciphers))
		return fail(t, TLS_SETTING_CIPHERS, setting_r, why_r);
	return t;
}
