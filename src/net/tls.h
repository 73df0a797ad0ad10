// SPDX-License-Identifier: BSD-2-Clause
/* tls - what the encrypted connections of one backend, or of one listener,
 * have in common: keys, whom they trust, versions, ciphers, and the sessions
 * that a new connection may resume.
 *
 * Made on the main thread; from then on any thread may begin connections, for
 * only the sessions change, under their mutex. Counted references: every
 * connection holds one, so a configuration that is replaced lets go of its
 * own and disturbs nobody. */
#pragma once

#include <stdbool.h>

/* Must fit the words of tls_min_version in conf/settings.c. */
enum tls_version {
	TLS_VERSION_1_2,
	TLS_VERSION_1_3
};

/* Which setting something is wrong with. */
enum tls_setting {
	TLS_SETTING_CERT,
	TLS_SETTING_KEY,
	TLS_SETTING_CA,
	TLS_SETTING_CIPHERS,
	TLS_SETTING_COUNT
};

struct tls_client_settings {
	const char *name;	/* of the server: a name or an address */
	bool verifies;		/* no: anybody may be at the other end */
	const char *ca_file;	/* trusted beside the system's, or NULL */
	enum tls_version min_version;
	const char *ciphers;	/* NULL: OpenSSL's */
};

struct tls_server_settings {
	const char *cert_file;		/* with the chain, PEM */
	const char *key_file;		/* NULL: in cert_file */
	const char *client_ca_file;	/* clients need a certificate of one
					 * of these; NULL: they need none */
	enum tls_version min_version;
	const char *ciphers;	/* NULL: those with forward secrecy and
				 * authenticated encryption */
};

struct tls_context;

/* Each gives a context, with one reference; NULL: *setting_r is wrong, and
 * *why_r (given) tells why. */
struct tls_context *tls_new_client(const struct tls_client_settings *,
    enum tls_setting *setting_r, char **why_r)
    __attribute__((warn_unused_result));
struct tls_context *tls_new_server(const struct tls_server_settings *,
    enum tls_setting *setting_r, char **why_r)
    __attribute__((warn_unused_result));

/* What is wrong with the certificate that clients get to see just now; NULL:
 * nothing. */
const char *tls_get_warning(const struct tls_context *);

/* The files and directories that say whom the system trusts, whether they are
 * there or not. */
void tls_trust_each_path(void (*f)(void *arg, const char *path), void *arg);
/* The end of the program: forgets whom the system trusts. */
void tls_trust_fini(void);

struct tls_context *tls_ref(struct tls_context *);
/* NULL is fine. */
void tls_unref(struct tls_context *);
