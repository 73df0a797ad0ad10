// SPDX-License-Identifier: BSD-2-Clause
#include "net/stream_tls.h"

#include "base/check.h"
#include "net/loop.h"
#include "net/tls_priv.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record with what OpenSSL puts around it; what it has for a connection that
 * is idle, which is 15 KiB, and some more; a chain as it came and in objects;
 * the longest ClientHello that it takes, with the record it comes in. */
#define RECORD_BYTES (17 * 1024)
#define OBJECTS_BYTES (24 * 1024)
#define CERTIFICATE_BYTES (3 * TLS_CHAIN_MAX_BYTES)
#define HANDSHAKE_BYTES (160 * 1024)

struct stream_tls {
	const struct stream_ops *below;	/* of the plain stream */
	struct tls_context *context;	/* a reference */
	SSL *ssl;
	enum io_rc end;		/* of reading; IO_OK: not yet */
	int error;		/* errno of IO_FAIL */
	uint64_t written_bytes;	/* before encryption */
	char trouble[TLS_WORDS_MAX];
};

static const struct stream_ops tls_ops;

/* --- results of OpenSSL --------------------------------------------------- */

static void
set_more(struct stream *s, bool has_more)
{
	s->has_more = has_more;
	loop_set_more(loop_current(), s->fd, has_more);
}

static enum io_rc
fail(struct stream *s, int rc)
{
	struct stream_tls *t = s->tls;

	t->error = SSL_get_error(t->ssl, rc) == SSL_ERROR_SYSCALL &&
	    errno != 0 ? errno : EPROTO;
	tls_explain(t->ssl, rc, t->trouble);
	/* What goes on where TLS failed is not to be trusted. */
	if (t->error == EPROTO)
		tls_sessions_drop(&t->context->sessions);
	/* What is left in the queue would be taken for another's. */
	ERR_clear_error();
	errno = t->error;
	return IO_FAIL;
}

/* Of a call that was not successful. */
static enum io_rc
classify(struct stream *s, int rc)
{
	unsigned long error = ERR_peek_error();

	switch (SSL_get_error(s->tls->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return IO_EOF;
	case SSL_ERROR_SSL:
		if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(
		    error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
			ERR_clear_error();
			return IO_CUT;
		}
		return fail(s, rc);
	default:
		return fail(s, rc);
	}
}

/* The same for calls that read: they may have to send first. */
static enum io_rc
classify_reading(struct stream *s, int rc)
{
	enum io_rc result = classify(s, rc);

	s->is_read_blocked = result == IO_AGAIN &&
	    SSL_want_write(s->tls->ssl);
	return result;
}

/* --- reading ----------------------------------------------------------------- */

/* A record, or the rest of one. */
static enum io_rc
read_piece(struct stream *s, void *buf, size_t size, size_t *n_r)
{
	int rc;

	ERR_clear_error();
	rc = SSL_read_ex(s->tls->ssl, buf, size, n_r);
	return rc == 1 ? IO_OK : classify_reading(s, rc);
}

/* Behind a full record others come, behind a short one seldom: then the system
 * is not asked in vain. */
static bool
is_last(const struct stream_tls *t, size_t piece)
{
	return piece < SSL3_RT_MAX_PLAIN_LENGTH && !SSL_has_pending(t->ssl);
}

static enum io_rc
read_tls(struct stream *s, void *buf, size_t size, size_t *n_r)
{
	struct stream_tls *t = s->tls;
	enum io_rc rc = t->end;
	size_t n = 0, piece;

	while (rc == IO_OK && n < size) {
		rc = read_piece(s, (char *)buf + n, size - n, &piece);
		if (rc != IO_OK)
			break;
		n += piece;
		if (is_last(t, piece))
			break;
	}
	if (rc != IO_OK && rc != IO_AGAIN)
		t->end = rc;
	/* An end that was found behind bytes is told by the next call. */
	set_more(s, n > 0 && (t->end != IO_OK ||
	    (rc == IO_OK && SSL_has_pending(t->ssl))));
	if (n > 0) {
		*n_r = n;
		return IO_OK;
	}
	errno = t->error;
	return rc;
}

/* Looking makes OpenSSL take what is for itself (tickets come when they like),
 * so only bytes of the peer count. */
static bool
is_quiet_tls(struct stream *s)
{
	size_t n;
	char c;
	int rc;
	enum io_rc result;

	if (s->tls->end != IO_OK)
		return false;
	ERR_clear_error();
	rc = SSL_peek_ex(s->tls->ssl, &c, 1, &n);
	result = rc == 1 ? IO_OK : classify_reading(s, rc);
	if (result != IO_OK && result != IO_AGAIN)
		s->tls->end = result;
	set_more(s, result != IO_AGAIN);
	return result == IO_AGAIN && !s->is_read_blocked;
}

/* --- writing ----------------------------------------------------------------- */

static enum io_rc
write_piece(struct stream *s, const void *p, size_t n, size_t *n_r)
{
	int rc;

	ERR_clear_error();
	rc = SSL_write_ex(s->tls->ssl, p, n, n_r);
	return rc == 1 ? IO_OK : classify(s, rc);
}

static enum io_rc
write_tls(struct stream *s, const struct iovec *iov, int iov_n, size_t *n_r)
{
	enum io_rc rc = IO_OK;
	size_t n = 0, piece;

	for (int i = 0; i < iov_n && rc == IO_OK; i++) {
		const char *p = iov[i].iov_base;
		size_t left = iov[i].iov_len;

		while (left > 0 && (rc = write_piece(s, p, left, &piece)) ==
		    IO_OK) {
			p += piece;
			left -= piece;
			n += piece;
		}
	}
	s->tls->written_bytes += n;
	*n_r = n;
	if (n > 0)
		return IO_OK;
	return rc == IO_AGAIN ? rc : IO_FAIL;
}

static void
end_writing_tls(struct stream *s)
{
	/* Nothing is left to be said, so a close-notify finds room; if it does
	 * not, the peer misses no more than this. */
	ERR_clear_error();
	if (s->tls->end != IO_FAIL)
		(void)SSL_shutdown(s->tls->ssl);
	s->tls->below->end_writing(s);
}

/* What the system holds is encrypted: as much of what was written as that is
 * of all that was sent. */
static size_t
get_untaken_tls(struct stream *s)
{
	uint64_t sent = BIO_number_written(SSL_get_wbio(s->tls->ssl));
	uint64_t untaken = s->tls->below->get_untaken(s);

	if (sent == 0)
		return 0;
	if (untaken > sent)
		untaken = sent;	/* of the time before TLS */
	return (size_t)((double)s->tls->written_bytes * (double)untaken /
	    (double)sent);
}

static void
acknowledge_tls(struct stream *s)
{
	s->tls->below->acknowledge(s);
}

/* --- life -------------------------------------------------------------------- */

static void
fini_tls(struct stream *s)
{
	struct stream_tls *t = s->tls;

	SSL_free(t->ssl);
	tls_unref(t->context);
	free(t);
	s->tls = NULL;
}

static const struct stream_ops tls_ops = {
	.read = read_tls,
	.write = write_tls,
	.is_quiet = is_quiet_tls,
	.end_writing = end_writing_tls,
	.get_untaken = get_untaken_tls,
	.acknowledge = acknowledge_tls,
	.fini = fini_tls,
};

bool
stream_start_tls(struct stream *s, struct tls_context *context)
{
	struct stream_tls *t;
	SSL *ssl;

	CHECK(s->tls == NULL);
	ERR_clear_error();
	ssl = tls_begin(context, s->fd);
	if (ssl == NULL)
		return false;
	t = xcalloc(1, sizeof(*t));
	t->below = s->ops;
	t->context = tls_ref(context);
	t->ssl = ssl;
	s->tls = t;
	s->ops = &tls_ops;
	return true;
}

bool
stream_is_tls(const struct stream *s)
{
	return s->tls != NULL;
}

enum io_rc
stream_handshake(struct stream *s)
{
	struct stream_tls *t = s->tls;
	enum io_rc result;
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(t->ssl);
	if (rc == 1) {
		set_more(s, SSL_has_pending(t->ssl));
		return IO_OK;
	}
	result = classify_reading(s, rc);
	if (result == IO_AGAIN)
		return result;
	if (result != IO_FAIL) {
		t->end = IO_FAIL;
		t->error = ECONNRESET;
		snprintf(t->trouble, sizeof(t->trouble),
		    "it closed the connection inside the handshake");
	}
	return IO_FAIL;
}

const char *
stream_get_trouble(const struct stream *s)
{
	if (s->tls == NULL || s->tls->trouble[0] == '\0')
		return strerror(errno);
	return s->tls->trouble;
}

size_t
stream_get_tls_max(bool is_server, bool has_certificate)
{
	return OBJECTS_BYTES + RECORD_BYTES + (is_server ? RECORD_BYTES :
	    TLS_CLIENT_BUFFER_BYTES) + (has_certificate ? CERTIFICATE_BYTES :
	    0);
}

size_t
stream_get_handshake_max(void)
{
	return HANDSHAKE_BYTES;
}

const char *
stream_format_tls(const struct stream *s, char buf[STREAM_TLS_TEXT_MAX])
{
	SSL *ssl = s->tls->ssl;

	snprintf(buf, STREAM_TLS_TEXT_MAX, "%s %s%s", SSL_get_version(ssl),
	    SSL_get_cipher_name(ssl),
	    SSL_session_reused(ssl) ? ", resumed" : "");
	return buf;
}
