// SPDX-License-Identifier: BSD-2-Clause
#include "net/stream_tls.h"

#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>

#include "net/tls_priv.h"
#include "test.h"
#include "tls_tools.h"

static struct loop loop;
static struct tls_end client, server;
static struct tls_context *client_context, *server_context;
static char cert[] = "/tmp/nntpmux-test-XXXXXX";
static char buf[1 << 20];

static struct tls_context *
new_client_context(const char *name)
{
	const struct tls_client_settings settings = {
		.name = name,
		.verifies = true,
		.ca_file = cert,
	};
	enum tls_setting wrong;
	char *why;
	struct tls_context *t = tls_new_client(&settings, &wrong, &why);

	CHECK(t != NULL);
	return t;
}

static void
set_up(void)
{
	struct tls_server_settings settings = { .cert_file = cert };
	enum tls_setting wrong;
	char *why;

	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	memcpy(cert + strlen(cert) - 6, "XXXXXX", 6);
	tls_make_cert(cert);
	client_context = new_client_context("localhost");
	server_context = tls_new_server(&settings, &wrong, &why);
	CHECK(server_context != NULL);
	loop_table_init(1024);
	CHECK(loop_init(&loop, 0) == 0);
	loop_turn(&loop, 0);
	tls_connect(&loop, &client, &server);
}

static void
tear_down(void)
{
	stream_close(&client.stream);
	stream_close(&server.stream);
	loop_fini(&loop);
	tls_unref(client_context);
	tls_unref(server_context);
	unlink(cert);
}

#define TLS_TEST(name)                                                        \
	Test(stream_tls, name, .init = set_up, .fini = tear_down)

/* Until one of them has failed, or both are done. */
static enum io_rc
try_handshake(void)
{
	enum io_rc c = IO_AGAIN, s = IO_AGAIN;

	CHECK(stream_start_tls(&client.stream, client_context));
	CHECK(stream_start_tls(&server.stream, server_context));
	for (int i = 0; i < 10 && (c != IO_OK || s != IO_OK); i++) {
		if (c == IO_AGAIN)
			c = stream_handshake(&client.stream);
		if (s == IO_AGAIN)
			s = stream_handshake(&server.stream);
		if (c == IO_FAIL || s == IO_FAIL)
			return IO_FAIL;
	}
	return c == IO_OK && s == IO_OK ? IO_OK : IO_AGAIN;
}

static void
shake_hands(void)
{
	cr_assert_eq(try_handshake(), IO_OK);
}

static enum io_rc
say(struct tls_end *e, const char *text)
{
	struct iovec iov = {
		.iov_base = (char *)(uintptr_t)text,
		.iov_len = strlen(text),
	};
	size_t n;
	enum io_rc rc = stream_write(&e->stream, &iov, 1, &n);

	CHECK(rc != IO_OK || n == iov.iov_len);
	return rc;
}

static void
expect(struct tls_end *e, const char *text)
{
	size_t n = 0;

	cr_assert_eq(stream_read(&e->stream, buf, strlen(text), &n), IO_OK);
	cr_assert_eq(n, strlen(text));
	cr_assert_arr_eq(buf, text, n);
}

static enum io_rc
read_all(struct tls_end *e)
{
	size_t n;
	enum io_rc rc;

	do
		rc = stream_read(&e->stream, buf, sizeof(buf), &n);
	while (rc == IO_OK);
	return rc;
}

TLS_TEST(bytes_go_both_ways)
{
	shake_hands();
	cr_assert_eq(read_all(&client), IO_AGAIN);
	cr_assert_eq(say(&client, "DATE\r\n"), IO_OK);
	expect(&server, "DATE\r\n");
	cr_assert_eq(say(&server, "111 20240101000000\r\n"), IO_OK);
	expect(&client, "111 20240101000000\r\n");
	cr_assert(stream_is_quiet(&client.stream));
	cr_assert(stream_is_quiet(&server.stream));
}

TLS_TEST(end_with_close_notify)
{
	shake_hands();
	stream_end_writing(&server.stream);
	cr_assert_not(stream_is_quiet(&client.stream));
	cr_assert_eq(read_all(&client), IO_EOF);
	/* The other direction goes on. */
	cr_assert_eq(say(&client, "QUIT\r\n"), IO_OK);
	expect(&server, "QUIT\r\n");
}

TLS_TEST(end_without_close_notify_is_a_cut)
{
	shake_hands();
	CHECK(shutdown(server.stream.fd, SHUT_WR) == 0);
	cr_assert_not(stream_is_quiet(&client.stream));
	cr_assert_eq(read_all(&client), IO_CUT);
	cr_assert_eq(read_all(&client), IO_CUT);
}

TLS_TEST(cut_behind_bytes_is_told_after_them)
{
	shake_hands();
	cr_assert_eq(read_all(&client), IO_AGAIN);
	cr_assert_eq(say(&server, "220 0 <a@x>\r\n"), IO_OK);
	CHECK(shutdown(server.stream.fd, SHUT_WR) == 0);
	expect(&client, "220 0 <a@x>\r\n");
	cr_assert_eq(read_all(&client), IO_CUT);
}

TLS_TEST(what_was_read_ahead_is_told_of)
{
	unsigned events_n;

	shake_hands();
	cr_assert_eq(read_all(&client), IO_AGAIN);
	cr_assert_eq(say(&server, "one\r\n"), IO_OK);
	cr_assert_eq(say(&server, "two\r\n"), IO_OK);
	expect(&client, "one\r\n");
	events_n = client.events_n;
	loop_turn(&loop, 0);
	cr_assert_gt(client.events_n, events_n);
	expect(&client, "tw");
	loop_turn(&loop, 0);
	cr_assert_gt(client.events_n, events_n + 1);
	expect(&client, "o\r\n");
	cr_assert_eq(read_all(&client), IO_AGAIN);
	events_n = client.events_n;
	loop_turn(&loop, 0);
	cr_assert_eq(client.events_n, events_n);
}

TLS_TEST(looking_takes_nothing)
{
	shake_hands();
	cr_assert_eq(read_all(&client), IO_AGAIN);
	cr_assert_eq(say(&server, "400 bye\r\n"), IO_OK);
	cr_assert_not(stream_is_quiet(&client.stream));
	loop_turn(&loop, 0);
	cr_assert_gt(client.events_n, 0);
	expect(&client, "400 bye\r\n");
}

/* The other side is bare OpenSSL, which can do more. */
static SSL *
begin_bare_server(void)
{
	SSL *ssl = SSL_new(server_context->ctx);

	CHECK(ssl != NULL && SSL_set_fd(ssl, server.stream.fd) == 1);
	SSL_set_accept_state(ssl);
	CHECK(stream_start_tls(&client.stream, client_context));
	for (int i = 0; i < 10; i++) {
		(void)!stream_handshake(&client.stream);
		if (SSL_do_handshake(ssl) == 1 && SSL_is_init_finished(ssl))
			break;
	}
	cr_assert_eq(read_all(&client), IO_AGAIN);
	return ssl;
}

TLS_TEST(late_ticket_is_not_unsolicited)
{
	SSL *ssl = begin_bare_server();
	size_t before = client_context->sessions.sh.n;

	cr_assert_eq(SSL_new_session_ticket(ssl), 1);
	cr_assert_eq(SSL_do_handshake(ssl), 1);
	cr_assert(stream_is_quiet(&client.stream));
	cr_assert_eq(client_context->sessions.sh.n, before + 1);
	cr_assert_eq(SSL_write(ssl, "x", 1), 1);
	cr_assert_not(stream_is_quiet(&client.stream));
	SSL_free(ssl);
}

TLS_TEST(who_must_send_before_it_reads_waits_for_that)
{
	SSL *ssl = begin_bare_server();
	int n = 0;

	/* The peer wants new keys from us and takes nothing of what we send;
	 * sooner or later there is no room for them. */
	while (!client.stream.is_read_blocked && n++ < 100000) {
		CHECK(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
		if (SSL_do_handshake(ssl) != 1)
			break;
		cr_assert_eq(read_all(&client), IO_AGAIN);
	}
	cr_assert(client.stream.is_read_blocked, "after %d", n);
	cr_assert_eq(stream_get_mask(&client.stream, EPOLLIN), EPOLLOUT);
	cr_assert_eq(stream_get_mask(&client.stream, 0), 0);
	cr_assert_eq(stream_translate(&client.stream, EPOLLIN), 0);
	cr_assert(client.stream.is_read_blocked);
	cr_assert_eq(stream_translate(&client.stream, EPOLLOUT),
	    EPOLLIN | EPOLLOUT);
	cr_assert_not(client.stream.is_read_blocked);
	SSL_free(ssl);
}

/* Writes all of it, in a buffer that is elsewhere each time, as the rest of an
 * output is; reads whenever there is no room. */
TLS_TEST(writing_goes_on_where_it_stopped)
{
	enum { SIZE = sizeof(buf) };
	static char data[SIZE], copies[2][SIZE];
	size_t at = 0, got = 0, n;
	int turn = 0;

	shake_hands();
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (char)(i * 7 + i / 251);
	while (at < SIZE) {
		char *copy = copies[turn++ % 2];
		struct iovec iov[2] = {
			{ .iov_base = copy, .iov_len = (SIZE - at + 1) / 2 },
			{ .iov_base = copy + (SIZE - at + 1) / 2,
			  .iov_len = (SIZE - at) / 2 },
		};
		enum io_rc rc;

		memcpy(copy, data + at, SIZE - at);
		rc = stream_write(&client.stream, iov,
		    iov[1].iov_len > 0 ? 2 : 1, &n);
		memset(copy, 'x', SIZE - at);
		cr_assert(rc == IO_OK || rc == IO_AGAIN);
		if (rc == IO_OK) {
			at += n;
			continue;
		}
		cr_assert_eq(stream_read(&server.stream, buf + got,
		    SIZE - got, &n), IO_OK);
		got += n;
	}
	while (got < SIZE && stream_read(&server.stream, buf + got,
	    SIZE - got, &n) == IO_OK)
		got += n;
	cr_assert_eq(got, SIZE);
	cr_assert_arr_eq(buf, data, SIZE);
}

TLS_TEST(name_is_verified)
{
	tls_unref(client_context);
	client_context = new_client_context("other.example");
	cr_assert_eq(try_handshake(), IO_FAIL);
	cr_assert_not_null(strstr(stream_get_trouble(&client.stream),
	    "another name"));
}

TLS_TEST(plain_text_is_told)
{
	struct iovec iov = { .iov_base = (char[]){ "200 hello\r\n" },
	    .iov_len = 11 };
	size_t n;

	CHECK(stream_write(&server.stream, &iov, 1, &n) == IO_OK);
	CHECK(stream_start_tls(&client.stream, client_context));
	cr_assert_eq(stream_handshake(&client.stream), IO_FAIL);
	cr_assert_not_null(strstr(stream_get_trouble(&client.stream),
	    "not TLS"));
}

TLS_TEST(sessions_are_resumed_and_few_are_kept)
{
	char text[STREAM_TLS_TEXT_MAX];

	for (int i = 0; i < 2 * TLS_SESSIONS_MAX; i++) {
		shake_hands();
		cr_assert_eq(read_all(&client), IO_AGAIN);
		cr_assert_eq(strstr(stream_format_tls(&client.stream, text),
		    "resumed") != NULL, i > 0);
		stream_close(&client.stream);
		stream_close(&server.stream);
		tls_connect(&loop, &client, &server);
	}
	for (int i = 0; i < 2 * TLS_SESSIONS_MAX; i++)
		tls_sessions_put(&client_context->sessions,
		    SSL_SESSION_new());
	cr_assert_eq(client_context->sessions.sh.n, TLS_SESSIONS_MAX);
}
