// SPDX-License-Identifier: BSD-2-Clause
/* tls_tools - a certificate for "localhost", and two ends that speak TLS. */
#pragma once

#include "base/check.h"
#include "net/loop.h"
#include "net/stream_tls.h"
#include "net/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Key and self-signed certificate in one file, whose name is made from
 * path. */
static inline void
tls_make_cert(char path[static 1])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL,
	    NID_subject_alt_name, "DNS:localhost");
	FILE *f = fdopen(mkstemp(path), "w");

	CHECK(f != NULL);
	CHECK(X509_set_version(cert, X509_VERSION_3) == 1);
	CHECK(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
	CHECK(X509_gmtime_adj(X509_getm_notBefore(cert), -60) != NULL);
	CHECK(X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL);
	CHECK(X509_add_ext(cert, name, -1) == 1);
	CHECK(X509_set_pubkey(cert, key) == 1);
	CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
	CHECK(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	CHECK(PEM_write_X509(f, cert) == 1);
	CHECK(fclose(f) == 0);
	X509_EXTENSION_free(name);
	X509_free(cert);
	EVP_PKEY_free(key);
}

struct tls_end {
	struct stream stream;
	unsigned events_n;	/* with EPOLLIN */
};

static inline void
tls_on_event(struct loop *l, void *arg, uint32_t events)
{
	struct tls_end *e = arg;

	(void)l;
	e->events_n += (events & EPOLLIN) != 0;
}

/* Two ends of a connection, watched by the loop. */
static inline void
tls_connect(struct loop *l, struct tls_end *a, struct tls_end *b)
{
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	*a = *b = (struct tls_end){ .events_n = 0 };
	stream_init_plain(&a->stream, fds[0]);
	stream_init_plain(&b->stream, fds[1]);
	loop_watch(l, fds[0], EPOLLIN, tls_on_event, a);
	loop_watch(l, fds[1], EPOLLIN, tls_on_event, b);
}
