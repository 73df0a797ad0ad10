// SPDX-License-Identifier: BSD-2-Clause
#include "net/output.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/loop.h"
#include "test.h"
#include "threads.h"

/* A stream that takes as much as it is told to, and remembers it. */
static struct sink {
	struct stream stream;
	size_t room;		/* octets until IO_AGAIN */
	size_t at_most;		/* of one call */
	bool is_broken;
	unsigned calls_n;
	int last_pieces_n;
	size_t last_offered;
	size_t n;
	char taken[1 << 20];
} sink;

static struct output output;

static enum io_rc
write_sink(struct stream *s, const struct iovec *iov, int iov_n, size_t *n_r)
{
	size_t room = sink.room < sink.at_most ? sink.room : sink.at_most;

	CHECK(s == &sink.stream && iov_n > 0);
	sink.calls_n++;
	sink.last_pieces_n = iov_n;
	sink.last_offered = 0;
	for (int i = 0; i < iov_n; i++)
		sink.last_offered += iov[i].iov_len;
	if (sink.is_broken) {
		errno = EPIPE;
		return IO_FAIL;
	}
	if (room == 0)
		return IO_AGAIN;
	*n_r = 0;
	for (int i = 0; i < iov_n; i++) {
		size_t n = iov[i].iov_len < room ? iov[i].iov_len : room;

		CHECK(iov[i].iov_len > 0);
		memcpy(sink.taken + sink.n, iov[i].iov_base, n);
		sink.n += n;
		sink.room -= n;
		room -= n;
		*n_r += n;
	}
	return IO_OK;
}

static const struct stream_ops sink_ops = { .write = write_sink };

static void
set_up(void)
{
	memset(&sink, 0, sizeof(sink));
	sink.stream.ops = &sink_ops;
	sink.room = sink.at_most = SIZE_MAX;
	output_init(&output, &sink.stream);
}

static void
tear_down(void)
{
	output_fini(&output);
}

static void
expect_taken(const char *text)
{
	cr_assert_eq(sink.n, strlen(text), "%.*s", (int)sink.n, sink.taken);
	cr_assert_arr_eq(sink.taken, text, sink.n);
}

#define OUTPUT_TEST(name)                                                     \
	Test(output, name, .init = set_up, .fini = tear_down)

OUTPUT_TEST(small_pieces_leave_together)
{
	output_append(&output, "one ", 4);
	output_append(&output, "", 0);
	output_append(&output, "two ", 4);
	cr_assert_eq(sink.calls_n, 0);
	cr_assert_eq(output_pending(&output), 8);
	cr_assert_eq(output_flush(&output), IO_OK);
	cr_assert_eq(sink.calls_n, 1);
	cr_assert_eq(output_pending(&output), 0);
	cr_assert_eq(output.sent_bytes, 8);
	expect_taken("one two ");
}

OUTPUT_TEST(a_write_goes_out_behind_what_is_pending)
{
	output_append(&output, "status ", 7);
	cr_assert_eq(output_write(&output, "block", 5), IO_OK);
	cr_assert_eq(sink.calls_n, 1);
	cr_assert_eq(sink.last_pieces_n, 2);
	expect_taken("status block");
}

OUTPUT_TEST(nothing_to_send_is_fine)
{
	cr_assert_eq(output_flush(&output), IO_OK);
	cr_assert_eq(output_write(&output, "", 0), IO_OK);
	cr_assert_eq(sink.calls_n, 0);
	cr_assert_null(output.buf);
}

OUTPUT_TEST(what_is_not_taken_waits_in_order)
{
	sink.room = 3;
	output_append(&output, "abcde", 5);
	cr_assert_eq(output_write(&output, "fgh", 3), IO_AGAIN);
	expect_taken("abc");
	cr_assert_eq(output_pending(&output), 5);
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	sink.room = 4;
	cr_assert_eq(output_write(&output, "ij", 2), IO_AGAIN);
	expect_taken("abcdefg");
	cr_assert_eq(output_pending(&output), 3);
	sink.room = SIZE_MAX;
	cr_assert_eq(output_flush(&output), IO_OK);
	expect_taken("abcdefghij");
	cr_assert_eq(output.sent_bytes, 10);
}

OUTPUT_TEST(one_octet_at_a_time)
{
	sink.at_most = 1;
	output_append(&output, "abc", 3);
	cr_assert_eq(output_write(&output, "defg", 4), IO_OK);
	expect_taken("abcdefg");
	cr_assert_eq(sink.calls_n, 7);
}

OUTPUT_TEST(memory_goes_when_all_is_out)
{
	sink.room = 0;
	output_append(&output, "abc", 3);
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	cr_assert_not_null(output.buf);
	sink.room = SIZE_MAX;
	cr_assert_eq(output_flush(&output), IO_OK);
	cr_assert_null(output.buf);
	cr_assert_eq(output.size, 0);
}

OUTPUT_TEST(a_broken_stream_takes_nothing_more)
{
	output_append(&output, "abc", 3);
	sink.is_broken = true;
	cr_assert_eq(output_write(&output, "def", 3), IO_FAIL);
	cr_assert(output.is_broken);
	cr_assert_eq(output_pending(&output), 0);
	cr_assert_null(output.buf);
	sink.is_broken = false;
	output_append(&output, "ghi", 3);
	cr_assert_eq(output_pending(&output), 0);
	cr_assert_eq(output_write(&output, "jkl", 3), IO_FAIL);
	cr_assert_eq(output_flush(&output), IO_FAIL);
	expect_taken("");
}

OUTPUT_TEST(any_mix_keeps_every_octet)
{
	uint64_t random = 9;
	size_t said = 0;
	char piece[3000];

	sink.room = 0;
	while (said + sizeof(piece) < sizeof(sink.taken)) {
		size_t n = random_next(&random) % sizeof(piece);

		for (size_t i = 0; i < n; i++)
			piece[i] = (char)((said + i) * 31 >> 3);
		sink.room = random_next(&random) % 4000;
		sink.at_most = 1 + random_next(&random) % 2000;
		if (random_next(&random) % 2 == 0)
			output_append(&output, piece, n);
		else
			cr_assert_neq(output_write(&output, piece, n), IO_FAIL);
		said += n;
		cr_assert_eq(output.sent_bytes, sink.n);
		cr_assert_eq(sink.n + output_pending(&output), said);
	}
	sink.room = SIZE_MAX;
	cr_assert_eq(output_flush(&output), IO_OK);
	cr_assert_eq(sink.n, said);
	for (size_t i = 0; i < said; i++)
		cr_assert_eq(sink.taken[i], (char)(i * 31 >> 3), "%zu", i);
}

/* --- with a pace ----------------------------------------------------------- */

static struct bucket bucket;
static struct pace pace;
static struct loop loop;

static void
set_rate(uint64_t rate)
{
	bucket_set_rate(&bucket, rate);
	/* As long ago as nothing: no time to be made up for. */
	atomic_store(&bucket.paid_ns, loop.now_ms * 1000000);
}

/* 512 octets at a time, one of them for each ms. */
static void
set_up_pace(void)
{
	set_up();
	loop_table_init(64);
	CHECK(loop_init(&loop, 0) == 0);
	loop_turn(&loop, 0);
	bucket_init(&bucket, 0);
	set_rate(1000);
	pace = (struct pace){ .bucket = &bucket };
	output.pace = &pace;
}

static void
tear_down_pace(void)
{
	tear_down();
	loop_fini(&loop);
}

Test(output, keeps_pace, .init = set_up_pace, .fini = tear_down_pace)
{
	static char text[1500];
	uint64_t start_ms = loop.now_ms;

	memset(text, 'x', sizeof(text));
	output_append(&output, text, 700);
	cr_assert_eq(output_write(&output, text, 800), IO_AGAIN);
	cr_assert_eq(sink.n, 512);
	cr_assert_eq(output_pending(&output), 988);
	cr_assert_eq(pace.not_before_ms, start_ms + 512);
	loop.now_ms += 511;
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	cr_assert_eq(sink.n, 512);
	loop.now_ms++;
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	cr_assert_eq(sink.n, 1024);
	loop.now_ms += 512;
	cr_assert_eq(output_flush(&output), IO_OK);
	cr_assert_eq(sink.n, 1500);
	cr_assert_eq(pace.not_before_ms, start_ms + 1500);
}

/* What the stream did not take is not paid for. */
Test(output, pays_what_is_taken, .init = set_up_pace, .fini = tear_down_pace)
{
	static char text[600];
	uint64_t start_ms = loop.now_ms;

	sink.room = 100;
	cr_assert_eq(output_write(&output, text, 600), IO_AGAIN);
	cr_assert_eq(pace.not_before_ms, start_ms + 100);
	sink.room = 0;
	loop.now_ms += 100;
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	cr_assert_eq(pace.not_before_ms, start_ms + 100);
}

/* TLS has made a record of it, and takes that or nothing. */
Test(output, offers_as_much_again, .init = set_up_pace, .fini = tear_down_pace)
{
	static char text[30000];

	set_rate(2 * 1024 * 1024);
	sink.room = 100;
	cr_assert_eq(output_write(&output, text, sizeof(text)), IO_AGAIN);
	cr_assert_eq(sink.last_offered, 16 * 1024);
	bucket_set_rate(&bucket, 1000);
	loop.now_ms += 1000;
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	cr_assert_eq(sink.last_offered, 16 * 1024 - 100);
	loop.now_ms += 1000;
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	cr_assert_eq(sink.last_offered, 16 * 1024 - 100);
	sink.room = SIZE_MAX;
	loop.now_ms += 100 * 1000;
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	cr_assert_eq(sink.n, 16 * 1024);
	loop.now_ms += 100 * 1000;
	cr_assert_eq(output_flush(&output), IO_AGAIN);
	cr_assert_eq(sink.last_offered, 512);
}

/* --- unread --------------------------------------------------------------------- */

/* source[0] is written to, source[1] spliced from; what comes out at target[1]
 * was sent to target[0]. */
static int source[2], target[2];
static struct stream from;

static void
set_up_splice(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    source), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    target), 0);
	stream_init_plain(&from, source[1]);
	stream_init_plain(&sink.stream, target[0]);
	loop_table_init(1024);
	cr_assert_eq(loop_init(&loop, 0), 0);
	loop_turn(&loop, 0);	/* it is the current one */
	output_init(&output, &sink.stream);
}

static void
tear_down_splice(void)
{
	output_fini(&output);
	loop_fini(&loop);
	for (size_t i = 0; i < 2; i++) {
		close(source[i]);
		close(target[i]);
	}
}

#define SPLICE_TEST(name)                                                     \
	Test(output, name, .init = set_up_splice, .fini = tear_down_splice)

/* All that comes out, checked against what went in. */
static void
expect_out(const char *text, size_t n)
{
	static char got[1 << 20];
	ssize_t rc = recv(target[1], got, sizeof(got), 0);

	cr_assert_eq(rc, (ssize_t)n);
	cr_assert_arr_eq(got, text, n);
}

SPLICE_TEST(spliced_and_written_in_order)
{
	size_t n;

	cr_assert_eq(send(source[0], "abcdefgh", 8, 0), 8);
	cr_assert(output_may_splice(&output));
	cr_assert_eq(stream_get_unread(&from), 8);
	cr_assert_eq(output_splice(&output, &from, 5, &n), IO_OK);
	cr_assert_eq(n, 5);
	cr_assert_eq(output_write(&output, "xyz", 3), IO_OK);
	expect_out("abcdexyz", 8);
	cr_assert_eq(output.sent_bytes, 8);
	cr_assert_eq(loop.pipes.idle_n, 1);
	cr_assert_eq(stream_get_unread(&from), 3);
}

SPLICE_TEST(nothing_to_be_spliced)
{
	size_t n = 1;

	cr_assert_eq(output_splice(&output, &from, 5, &n), IO_OK);
	cr_assert_eq(n, 0);
	cr_assert_eq(output_pending(&output), 0);
	cr_assert_eq(loop.pipes.idle_n, 1);
	output_append(&output, "x", 1);
	cr_assert_not(output_may_splice(&output), "something is pending");
}

/* Until the target takes no more. */
static size_t
fill_target(void)
{
	static char text[4096];
	size_t n = 0;
	ssize_t rc;

	while ((rc = send(target[0], text, sizeof(text), 0)) > 0)
		n += (size_t)rc;
	return n;
}

static void
empty_target(size_t n)
{
	static char text[4096];

	while (n > 0) {
		ssize_t rc = recv(target[1], text,
		    n < sizeof(text) ? n : sizeof(text), 0);

		cr_assert_gt(rc, 0);
		n -= (size_t)rc;
	}
}

static void
splice_to_full_target(struct pipes *pipes)
{
	size_t full_n = fill_target(), n;

	cr_assert_eq(send(source[0], "abcdefgh", 8, 0), 8);
	cr_assert_eq(output_splice(&output, &from, 8, &n), IO_AGAIN);
	cr_assert_eq(n, 8);
	output_append(&output, "ij", 2);
	cr_assert_eq(output_write(&output, "kl", 2), IO_AGAIN);
	cr_assert_eq(output_pending(&output), 12);
	cr_assert_eq(output.sent_bytes, 0);
	cr_assert_eq(pipes->idle_n, 0);
	empty_target(full_n);
	cr_assert_eq(output_flush(&output), IO_OK);
	expect_out("abcdefghijkl", 12);
	cr_assert_eq(output.sent_bytes, 12);
}

SPLICE_TEST(what_was_spliced_waits_in_its_pipe)
{
	splice_to_full_target(&loop.pipes);
	cr_assert_eq(loop.pipes.idle_n, 1);
	cr_assert_eq(loop.pipes.all_n, 1);
}

SPLICE_TEST(the_last_pipe_is_given_up)
{
	struct pipe *others[PIPES_MAX - 1];
	size_t full_n = fill_target(), n;

	for (size_t i = 0; i < PIPES_MAX - 1; i++) {
		others[i] = pipe_get(&loop.pipes, 0);
		cr_assert_not_null(others[i]);
	}
	cr_assert_eq(send(source[0], "abcdefgh", 8, 0), 8);
	cr_assert_eq(output_splice(&output, &from, 8, &n), IO_AGAIN);
	cr_assert_eq(loop.pipes.idle_n, 1);
	output_append(&output, "ij", 2);
	cr_assert_eq(output_pending(&output), 10);
	empty_target(full_n);
	cr_assert_eq(output_flush(&output), IO_OK);
	expect_out("abcdefghij", 10);
	for (size_t i = 0; i < PIPES_MAX - 1; i++)
		pipe_put(&loop.pipes, others[i]);
	cr_assert_eq(loop.pipes.idle_n, PIPES_MAX);
}

SPLICE_TEST(without_a_pipe_nothing_is_spliced)
{
	size_t n = 1;

	loop.pipes.all_n = PIPES_MAX;
	cr_assert_eq(send(source[0], "abcdefgh", 8, 0), 8);
	cr_assert_eq(output_splice(&output, &from, 8, &n), IO_OK);
	cr_assert_eq(n, 0);
	cr_assert_eq(stream_get_unread(&from), 8);
}

/* What is in it goes with it. */
SPLICE_TEST(a_pipe_that_is_not_empty_is_closed)
{
	size_t n;

	(void)fill_target();
	cr_assert_eq(send(source[0], "abcdefgh", 8, 0), 8);
	cr_assert_eq(output_splice(&output, &from, 8, &n), IO_AGAIN);
	output_fini(&output);
	output_init(&output, &sink.stream);
	cr_assert_eq(loop.pipes.idle_n, 0);
	cr_assert_eq(loop.pipes.all_n, 0);
}

SPLICE_TEST(a_target_that_is_gone_breaks_it)
{
	size_t n;

	signal(SIGPIPE, SIG_IGN);
	close(target[1]);
	target[1] = dup(target[0]);
	cr_assert_eq(send(source[0], "abcdefgh", 8, 0), 8);
	cr_assert_eq(output_splice(&output, &from, 8, &n), IO_FAIL);
	cr_assert(output.is_broken);
	cr_assert_eq(output_pending(&output), 0);
	cr_assert_not(output_may_splice(&output));
}
