// SPDX-License-Identifier: BSD-2-Clause
#include "route/exchange.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "test.h"

static struct exchange_client client;
static struct backend backend;

static struct exchange *
make(const char *text)
{
	char line[256];
	size_t n = strlen(text);
	struct command command;
	struct exchange *x;

	memcpy(line, text, n);
	cr_assert_eq(command_parse(line, n, &command), COMMAND_OK);
	x = exchange_new(&client, &command, line, n);
	/* It has a copy of all that it needs. */
	memset(line, '#', sizeof(line));
	return x;
}

/* By legal steps. */
static struct exchange *
make_in(enum exchange_state state)
{
	struct exchange *x = make("BODY <a@b>");

	switch (state) {
	case EXCH_QUEUED:
		break;
	case EXCH_CUT:
	case EXCH_MENDING:
		exchange_enter(x, EXCH_CONNECTING);
		exchange_enter(x, EXCH_SENT);
		exchange_enter(x, EXCH_RELAYING);
		exchange_enter(x, EXCH_CUT);
		if (state == EXCH_MENDING)
			exchange_enter(x, EXCH_MENDING);
		break;
	case EXCH_SENT:
		exchange_enter(x, EXCH_CONNECTING);
		exchange_enter(x, EXCH_SENT);
		break;
	case EXCH_POSTING:
	case EXCH_RELAYING:
		exchange_enter(x, EXCH_CONNECTING);
		exchange_enter(x, EXCH_SENT);
		exchange_enter(x, state);
		break;
	default:
		exchange_enter(x, state);
	}
	return x;
}

static bool
may_enter(enum exchange_state from, enum exchange_state to)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct exchange *x;

		signal(SIGABRT, SIG_DFL);
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		x = make_in(from);
		exchange_enter(x, to);
		_exit(x->state == to ? 0 : 1);
	}
	cr_assert_gt(pid, 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Test(exchange, only_the_steps_of_the_picture_are_possible, .timeout = 60)
{
	/* a column each: Queued Waiting Connecting Sent Posting Relaying cUt
	 * Mending Held Answered */
	static const char *const steps[EXCH_STATE_COUNT] = {
		[EXCH_QUEUED] =     ".wc.....ha",
		[EXCH_WAITING] =    "q........a",
		[EXCH_CONNECTING] = "q..s.....a",
		[EXCH_SENT] =       "q...pr...a",
		[EXCH_POSTING] =    ".....r...a",
		[EXCH_RELAYING] =   "......u...",
		[EXCH_CUT] =        ".......m..",
		[EXCH_MENDING] =    "......u...",
		[EXCH_HELD] =       ".........a",
		[EXCH_ANSWERED] =   "..........",
	};

	for (int from = 0; from < EXCH_STATE_COUNT; from++)
		for (int to = 0; to < EXCH_STATE_COUNT; to++)
			cr_assert_eq(may_enter((enum exchange_state)from,
			    (enum exchange_state)to), steps[from][to] != '.',
			    "%d to %d", from, to);
}

Test(exchange, keeps_its_own_copy_of_the_command)
{
	struct exchange *x = make("article <part1@example.com>  ");

	cr_assert_eq(x->state, EXCH_QUEUED);
	cr_assert_eq(x->client, &client);
	cr_assert_null(x->backend);
	cr_assert_eq(x->command.row->id, CMD_ARTICLE);
	cr_assert_eq(x->command.line_n, strlen("article <part1@example.com>"));
	cr_assert_arr_eq(x->command.line, "article <part1@example.com>",
	    x->command.line_n);
	cr_assert_arr_eq(x->command.msgid, "<part1@example.com>",
	    x->command.msgid_n);
	cr_assert(x->command.msgid >= x->line &&
	    x->command.msgid < x->line + x->line_n);
	exchange_free(x);
}

Test(exchange, is_answered_by_the_proxy)
{
	struct exchange *x = make("STAT <a@b>");

	exchange_answer_line(x, "430 no such article");
	cr_assert_eq(x->state, EXCH_ANSWERED);
	cr_assert_eq(x->answer_n, strlen("430 no such article\r\n"));
	cr_assert_arr_eq(x->answer, "430 no such article\r\n", x->answer_n);
	cr_assert_eq(x->ends, REASON_NONE);
	exchange_free(x);

	x = make("HELP");
	exchange_enter(x, EXCH_HELD);
	exchange_answer(x, "100 a\r\n.\r\n", 10);
	cr_assert_arr_eq(x->answer, "100 a\r\n.\r\n", 10);
	exchange_free(x);
}

Test(exchange, ends_the_session_with_the_words_of_the_reason)
{
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		struct exchange *x = make("STAT <a@b>");
		const char *words = reason_answer((enum reason)reason);

		exchange_end(x, (enum reason)reason);
		cr_assert_eq(x->ends, (enum reason)reason);
		cr_assert_eq(x->state, EXCH_ANSWERED);
		if (words == NULL) {
			cr_assert_eq(x->answer_n, 0);
		} else {
			cr_assert_eq(x->answer_n, strlen(words) + 2);
			cr_assert_arr_eq(x->answer, words, strlen(words));
			cr_assert_arr_eq(x->answer + strlen(words), "\r\n", 2);
		}
		exchange_free(x);
	}
}

Test(exchange, leaves_a_twin_that_reads_the_answer_for_nobody)
{
	struct exchange *before = make_in(EXCH_SENT);
	struct exchange *x = make_in(EXCH_SENT);
	struct exchange *after = make_in(EXCH_SENT);
	struct exchange *twin;
	struct list relay;

	list_init(&relay);
	list_push_back(&relay, &before->relay_link);
	list_push_back(&relay, &x->relay_link);
	list_push_back(&relay, &after->relay_link);
	x->relay = (struct relay *)(void *)&client;
	x->backend = &backend;
	exchange_leave_twin(x);

	cr_assert_eq(x->state, EXCH_QUEUED);
	cr_assert_null(x->relay);
	cr_assert_null(x->backend);
	cr_assert_not(list_is_linked(&x->relay_link));
	cr_assert_eq(x->client, &client);

	twin = LIST_ENTRY(before->relay_link.next, struct exchange, relay_link);
	cr_assert_neq(twin, x);
	cr_assert_eq(twin->relay_link.next, &after->relay_link);
	cr_assert_eq(twin->state, EXCH_SENT);
	cr_assert_null(twin->client);
	cr_assert_eq(twin->backend, &backend);
	cr_assert_eq((void *)twin->relay, (void *)&client);
	/* The twin outlives it: it must point to nothing of its. */
	exchange_free(x);
	cr_assert_arr_eq(twin->command.msgid, "<a@b>", 5);

	twin->relay = NULL;
	twin->backend = NULL;
	list_remove(&twin->relay_link);
	list_remove(&before->relay_link);
	list_remove(&after->relay_link);
	exchange_free(twin);
	exchange_free(before);
	exchange_free(after);
}
