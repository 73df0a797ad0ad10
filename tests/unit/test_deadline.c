// SPDX-License-Identifier: BSD-2-Clause
#include "client/deadline.h"

#include "client/session_priv.h"
#include "conf/conf.h"
#include "route/exchange.h"

#include <string.h>

#include "test.h"

/* A session at a time that the test chooses; nothing waits. */
#define IDLE_MS 600000
#define STALL_MS 60000
#define LOGIN_MS 50000

static struct conf conf;
static struct loop loop;
static struct client_context context;
static struct session session, *s = &session;
static size_t untaken_n;

static size_t
get_untaken(struct stream *stream)
{
	(void)stream;
	return untaken_n;
}

static const struct stream_ops ops = { .get_untaken = get_untaken };
static const struct pipeline_user pipeline_user = { .kick = NULL };
static const struct router router;

static void
set_up(void)
{
	memset(&session, 0, sizeof(session));
	memset(&conf, 0, sizeof(conf));
	conf.proxy.client_idle_timeout_ms = IDLE_MS;
	conf.proxy.client_stall_timeout_ms = STALL_MS;
	conf.proxy.login_timeout_ms = LOGIN_MS;
	conf.proxy.pipeline_depth = 4;
	context = (struct client_context){ .conf = &conf, .loop = &loop };
	untaken_n = 0;
	loop.now_ms = 1000;
	s->context = &context;
	s->state = SESS_OPEN;
	s->stream.ops = &ops;
	timers_init(&loop.timers);
	timers_init(&loop.paces);
	timer_init(&s->pace_timer, NULL);
	output_init(&s->output, &s->stream);
	pipeline_init(&s->pipeline, &pipeline_user, &router, 1, &loop,
	    &s->output);
	line_init(&s->line, 0);
	s->started_ms = s->active_ms = 1000;
}

static void
tear_down(void)
{
	struct exchange *x;

	while ((x = pipeline_first(&s->pipeline)) != NULL) {
		list_remove(&x->link);
		exchange_free(x);
	}
	output_fini(&s->output);
	timers_fini(&loop.timers);
	timers_fini(&loop.paces);
}

#define DeadlineTest(name)                                                    \
	Test(deadline, name, .init = set_up, .fini = tear_down)

/* The end of a turn in which so many bytes came that are no whole line. */
static void
receive(uint64_t now_ms, size_t unread_n)
{
	loop.now_ms = now_ms;
	s->unread_n = unread_n;
	deadline_note_received(s);
	deadline_update(s);
}

static void
send_out(uint64_t now_ms, size_t n)
{
	loop.now_ms = now_ms;
	s->output.sent_bytes += n;
	deadline_update(s);
}

/* A command is under way. */
static void
ask(const char *line)
{
	struct command c;

	cr_assert_eq(command_parse(line, strlen(line), &c), COMMAND_OK);
	pipeline_add(&s->pipeline, exchange_new(&s->pipeline.client, &c, line,
	    strlen(line)));
}

static enum reason
expire_at(uint64_t now_ms)
{
	cr_assert_eq(deadline_get(s), now_ms);
	loop.now_ms = now_ms;
	return deadline_expire(s);
}

DeadlineTest(idle_after_the_last_byte_from_it)
{
	receive(5000, 0);
	cr_assert_eq(expire_at(5000 + IDLE_MS), REASON_CLIENT_IDLE);
}

DeadlineTest(idle_after_the_last_byte_to_it)
{
	receive(5000, 0);
	send_out(700000, 1);
	deadline_update(s);
	cr_assert_eq(expire_at(700000 + IDLE_MS), REASON_CLIENT_IDLE);
}

DeadlineTest(not_idle_while_it_waits_for_us)
{
	ask("DATE");
	receive(5000, 0);
	cr_assert_eq(expire_at(5000 + IDLE_MS), REASON_NONE);
	cr_assert_eq(expire_at(5000 + 2 * IDLE_MS), REASON_NONE);
}

DeadlineTest(a_line_has_an_end)
{
	receive(5000, 3);
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_LINE_UNFINISHED);
}

DeadlineTest(a_line_is_not_put_off_by_more_of_it)
{
	receive(5000, 3);
	receive(5000 + STALL_MS - 1, 4);
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_LINE_UNFINISHED);
}

DeadlineTest(a_line_that_is_too_long_has_an_end)
{
	s->line.state = LINE_SKIP;
	receive(5000, 0);
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_LINE_UNFINISHED);
}

DeadlineTest(each_line_has_its_own_time)
{
	receive(5000, 3);
	s->line_ms = 0;		/* input.c has taken it whole */
	receive(6000, 3);
	cr_assert_eq(deadline_get(s), 6000 + STALL_MS);
	s->line_ms = 0;
	receive(7000, 0);
	cr_assert_eq(expire_at(7000 + IDLE_MS), REASON_CLIENT_IDLE);
}

DeadlineTest(a_line_behind_a_command_under_way)
{
	ask("DATE");
	receive(5000, 3);
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_NONE);
	cr_assert_eq(deadline_get(s), 5000 + 2 * STALL_MS);
	/* The answer is out: from now on it is late. */
	tear_down();
	send_out(5000 + STALL_MS + 7, 100);
	cr_assert_eq(expire_at(5000 + 2 * STALL_MS + 7),
	    REASON_LINE_UNFINISHED);
}

DeadlineTest(a_line_that_we_do_not_read_is_not_late)
{
	for (int i = 0; i < 4; i++)
		ask("DATE");
	receive(5000, 3);
	cr_assert_eq(expire_at(5000 + IDLE_MS), REASON_NONE);
}

DeadlineTest(answers_not_taken)
{
	output_append(&s->output, "x", 1);
	s->output.sent_bytes = 5000;
	untaken_n = 5000;
	receive(5000, 3);
	/* What it sends does not count. */
	receive(6000, 4);
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_CLIENT_STALL);
}

DeadlineTest(answers_taken_slowly)
{
	output_append(&s->output, "x", 1);
	s->output.sent_bytes = 5000;
	untaken_n = 5000;
	receive(5000, 0);
	untaken_n -= 1024;
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_NONE);
	untaken_n -= 1023;
	cr_assert_eq(expire_at(5000 + 2 * STALL_MS), REASON_CLIENT_STALL);
}

/* Nobody is late who may not. */
DeadlineTest(answers_held_by_the_rate)
{
	struct bucket bucket;

	bucket_init(&bucket, 1);
	s->pace.bucket = &bucket;
	s->pace.not_before_ms = 5000 + STALL_MS + 1;
	output_append(&s->output, "x", 1);
	receive(5000, 0);
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_NONE);
	/* Now it may, and does not. */
	receive(5000 + STALL_MS + 1, 0);
	cr_assert_eq(expire_at(5000 + 2 * STALL_MS), REASON_CLIENT_STALL);
}

DeadlineTest(an_article_held_by_the_rate)
{
	struct bucket bucket;

	bucket_init(&bucket, 1);
	s->pace.bucket = &bucket;
	s->pace.not_before_ms = 5000 + STALL_MS + 1;
	s->input = INPUT_ARTICLE;
	receive(5000, 0);
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_NONE);
	cr_assert_eq(expire_at(5000 + 2 * STALL_MS), REASON_CLIENT_STALL);
}

/* Its time to go on is over as well, but it has not been read since. */
DeadlineTest(an_article_held_until_this_turn)
{
	struct bucket bucket;

	bucket_init(&bucket, 1);
	s->pace.bucket = &bucket;
	s->pace.not_before_ms = 5000 + STALL_MS - 1;
	timer_set(&loop.paces, &s->pace_timer, s->pace.not_before_ms);
	s->input = INPUT_ARTICLE;
	receive(5000, 0);
	cr_assert_eq(expire_at(5000 + STALL_MS), REASON_NONE);
	timer_clear(&loop.paces, &s->pace_timer);
	cr_assert_eq(expire_at(5000 + 2 * STALL_MS), REASON_CLIENT_STALL);
}

DeadlineTest(an_article_that_stops)
{
	s->input = INPUT_ARTICLE;
	receive(5000, 0);
	receive(6000, 0);
	cr_assert_eq(expire_at(6000 + STALL_MS), REASON_CLIENT_STALL);
}

/* It was not read meanwhile. */
DeadlineTest(an_article_held_by_a_slow_backend)
{
	receive(5000, 0);
	s->input = INPUT_ARTICLE;
	loop.now_ms = 5000 + 2 * STALL_MS;
	deadline_update(s);
	cr_assert_eq(deadline_get(s), 5000 + 3 * STALL_MS);
	receive(5000 + 2 * STALL_MS + 1, 0);
	cr_assert_eq(deadline_get(s), 5000 + 3 * STALL_MS + 1);
	cr_assert_eq(expire_at(5000 + 3 * STALL_MS + 1), REASON_CLIENT_STALL);
}

DeadlineTest(a_login_is_not_put_off)
{
	static struct conf_user user;

	conf.users = &user;
	conf.users_n = 1;
	deadline_update(s);
	receive(5000, 3);
	send_out(6000, 10);
	cr_assert_eq(expire_at(1000 + LOGIN_MS), REASON_LOGIN_TIMEOUT);
	s->user = &user;
	cr_assert_eq(deadline_get(s), 6000 + STALL_MS);
}

DeadlineTest(a_login_that_was_not_needed_before)
{
	static struct conf_user user;

	receive(5000, 0);
	conf.users = &user;
	conf.users_n = 1;
	cr_assert_eq(deadline_get(s), 5000 + IDLE_MS);
	loop.now_ms = 5000 + LOGIN_MS;
	deadline_update(s);
	cr_assert_eq(expire_at(5000 + 2 * LOGIN_MS), REASON_LOGIN_TIMEOUT);
	conf.users_n = 0;
	deadline_update(s);
	cr_assert_eq(deadline_get(s), 5000 + IDLE_MS);
	conf.users_n = 1;
	deadline_update(s);
	cr_assert_eq(deadline_get(s), 5000 + 3 * LOGIN_MS);
}

DeadlineTest(a_handshake_has_less_time)
{
	s->handshake_ms = 2000;
	for (unsigned i = 0; i < 2; i++) {
		s->state = i == 0 ? SESS_TLS : SESS_LATE_TLS;
		conf.proxy.login_timeout_ms = LOGIN_MS;
		cr_assert_eq(expire_at(2000 + (LOGIN_MS < 10000 ? LOGIN_MS :
		    10000)), REASON_TLS_TIMEOUT);
		conf.proxy.login_timeout_ms = 500;
		cr_assert_eq(expire_at(2500), REASON_TLS_TIMEOUT);
	}
}

DeadlineTest(told_the_end)
{
	s->state = SESS_LINGERING;
	s->end = REASON_QUIT;
	s->linger_ms = 5000;
	cr_assert_eq(expire_at(7000), REASON_QUIT);
}
