// SPDX-License-Identifier: BSD-2-Clause
#include "net/tls_priv.h"

#include "base/check.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

struct words {
	long code;
	const char *words;
};

static const char unknown_authority[] =
    "its certificate is from an unknown authority (see tls_ca_file)";
static const char no_version[] =
    "no TLS version that both sides take (see tls_min_version)";
static const char not_tls[] = "what it speaks there is not TLS";
static const char wants_certificate[] = "it wants a certificate from us";

/* Of the other side's certificate. */
static const struct words certificates[] = {
	{ X509_V_ERR_CERT_HAS_EXPIRED, "its certificate has expired" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, "its certificate is not yet valid" },
	{ X509_V_ERR_HOSTNAME_MISMATCH,
	    "its certificate is for another name (see tls_name)" },
	{ X509_V_ERR_IP_ADDRESS_MISMATCH,
	    "its certificate is not for this address (see tls_name)" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
	    "its certificate is self-signed and unknown (see tls_ca_file)" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, unknown_authority },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, unknown_authority },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, unknown_authority },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, unknown_authority },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, "the key of its certificate is weak" },
	{ X509_V_ERR_CA_MD_TOO_WEAK, "its certificate is signed weakly" },
};

/* Of the handshake. From 1000 on they are what the other side says (alerts);
 * a bare number in TLS 1.2 is "handshake failure" for nearly everything. */
static const struct words handshakes[] = {
	{ SSL_R_WRONG_VERSION_NUMBER, not_tls },
	{ SSL_R_HTTP_REQUEST, not_tls },
	{ SSL_R_HTTPS_PROXY_REQUEST, not_tls },
	{ SSL_R_PACKET_LENGTH_TOO_LONG, not_tls },
	{ SSL_R_UNSUPPORTED_PROTOCOL, no_version },
	{ SSL_R_VERSION_TOO_LOW, no_version },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, no_version },
	{ SSL_R_NO_SHARED_CIPHER,
	    "no cipher that both sides take (see tls_ciphers)" },
	{ SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
	    "it refused the handshake: perhaps no common cipher" },
	{ SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY,
	    "it refused the handshake: our ciphers are too weak for it" },
	{ SSL_R_TLSV1_UNRECOGNIZED_NAME, "it does not know this name" },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA,
	    "it does not know the authority of our certificate" },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "it refuses our certificate" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
	    "it says that our certificate has expired" },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
	    "it refuses our certificate" },
	{ SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, wants_certificate },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
	    "it has no certificate (see tls_client_ca)" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING,
	    "it refused the handshake: it closed the connection" },
};

static const char *
find(const struct words *rows, size_t n, long code)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].code == code)
			return rows[i].words;
	return NULL;
}

void
tls_explain_error(char words[TLS_WORDS_MAX])
{
	unsigned long error = ERR_peek_error();
	const char *text = ERR_SYSTEM_ERROR(error) ?
	    strerror(ERR_GET_REASON(error)) : ERR_reason_error_string(error);

	snprintf(words, TLS_WORDS_MAX, "%s", text != NULL ? text :
	    "OpenSSL does not say why");
}

static const char *
explain_certificate(SSL *ssl)
{
	long result = SSL_get_verify_result(ssl);
	const char *text;

	if (result == X509_V_OK || SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE)
		return NULL;
	text = find(certificates, ARRAY_N(certificates), result);
	return text != NULL ? text : X509_verify_cert_error_string(result);
}

void
tls_explain(SSL *ssl, int rc, char words[TLS_WORDS_MAX])
{
	unsigned long error = ERR_peek_error();
	const char *text = explain_certificate(ssl);

	if (text == NULL && error == 0)
		text = SSL_get_error(ssl, rc) == SSL_ERROR_SYSCALL &&
		    errno != 0 ? strerror(errno) : "it closed the connection";
	if (text == NULL && ERR_GET_LIB(error) == ERR_LIB_SSL)
		text = find(handshakes, ARRAY_N(handshakes),
		    ERR_GET_REASON(error));
	if (text != NULL)
		snprintf(words, TLS_WORDS_MAX, "%s", text);
	else
		tls_explain_error(words);
}
