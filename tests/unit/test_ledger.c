// SPDX-License-Identifier: BSD-2-Clause
#include "base/ledger.h"

#include <errno.h>
#include <pthread.h>

#include "base/quota.h"
#include "conf_tools.h"

#define LedgerTest(name) \
	Test(ledger, name, .init = tool_open, .fini = tool_close)

static struct ledger *
must_open(void)
{
	char *error;
	struct ledger *l = ledger_open(tool_folder, &error);

	cr_assert_not_null(l);
	return l;
}

static char *
get_file(void)
{
	char *path = tool_path("quotas"), *text;
	size_t n;
	FILE *f = fopen(path, "r"), *out = open_memstream(&text, &n);
	int c;

	CHECK(f != NULL && out != NULL);
	while ((c = getc(f)) != EOF)
		putc(c, out);
	CHECK(fclose(out) == 0);
	fclose(f);
	free(path);
	return text;
}

LedgerTest(kept)
{
	struct ledger *l = must_open();
	char *text;

	cr_assert_eq(*ledger_get(l, "backend", "a"), 0);
	*ledger_get(l, "backend", "a") = 7;
	*ledger_get(l, "user", "a") = UINT64_MAX;
	(void)ledger_get(l, "user", "unused");
	cr_assert_eq(ledger_save(l), 0);
	ledger_close(l);
	text = get_file();
	cr_assert_str_eq(text, "nntpmux quotas 1\nbackend a 7\n"
	    "user a 18446744073709551615\nend 2\n");
	free(text);
	l = must_open();
	cr_assert_eq(*ledger_get(l, "backend", "a"), 7);
	cr_assert_eq(*ledger_get(l, "user", "a"), UINT64_MAX);
	cr_assert_eq(*ledger_get(l, "user", "unused"), 0);
	ledger_close(l);
}

/* A backend that is taken out of the file for a while. */
LedgerTest(names_that_nobody_asks_for)
{
	struct ledger *l = must_open();

	*ledger_get(l, "backend", "gone") = 7;
	cr_assert_eq(ledger_save(l), 0);
	ledger_close(l);
	l = must_open();
	*ledger_get(l, "backend", "new") = 1;
	cr_assert_eq(ledger_save(l), 0);
	ledger_close(l);
	l = must_open();
	cr_assert_eq(*ledger_get(l, "backend", "gone"), 7);
	ledger_close(l);
}

LedgerTest(not_written_when_nothing_changed)
{
	struct ledger *l = must_open();
	char *path = tool_path("quotas");

	*ledger_get(l, "backend", "a") = 7;
	cr_assert_eq(ledger_save(l), 0);
	cr_assert_eq(remove(path), 0);
	cr_assert_eq(ledger_save(l), 0);
	cr_assert_eq(access(path, F_OK), -1);
	*ledger_get(l, "backend", "a") = 8;
	cr_assert_eq(ledger_save(l), 0);
	cr_assert_eq(access(path, F_OK), 0);
	free(path);
	ledger_close(l);
}

LedgerTest(without_a_directory)
{
	char *error;
	struct ledger *l = ledger_open(NULL, &error);

	cr_assert_not_null(l);
	*ledger_get(l, "backend", "a") = 7;
	cr_assert_eq(*ledger_get(l, "backend", "a"), 7);
	cr_assert_eq(ledger_save(l), 0);
	ledger_close(l);
}

static void
expect(const char *text, const char *line)
{
	char *path = tool_write("quotas", text), *error, *again;
	struct ledger *l = ledger_open(tool_folder, &error);

	cr_assert_null(l, "%s", text);
	cr_assert_not_null(strstr(error, line), "%s: %s", text, error);
	again = get_file();
	cr_assert_str_eq(again, text);
	free(again);
	free(error);
	free(path);
}

#define HEAD "nntpmux quotas 1\n"

LedgerTest(damaged_or_foreign)
{
	expect("", "/quotas:1: ");
	expect("nntpmux quotas 2\nend 0\n", "/quotas:1: ");
	expect("[proxy]\n", "/quotas:1: ");
	expect(HEAD, "/quotas:2: ");
	expect(HEAD "backend a 7\n", "/quotas:3: ");
	expect(HEAD "backend a 7\nend 1", "/quotas:3: ");
	expect(HEAD "backend a 7\nend 2\n", "/quotas:3: ");
	expect(HEAD "backend a 7\nend 1\n\n", "/quotas:4: ");
	expect(HEAD "backend a 7\nend 1\nend 1\n", "/quotas:4: ");
	expect(HEAD "backend a\nend 1\n", "/quotas:2: ");
	expect(HEAD "backend a -7\nend 1\n", "/quotas:2: ");
	expect(HEAD "backend a 7x\nend 1\n", "/quotas:2: ");
	expect(HEAD "backend a \nend 1\n", "/quotas:2: ");
	expect(HEAD "backend  7\nend 1\n", "/quotas:2: ");
	expect(HEAD "backend a 18446744073709551616\nend 1\n", "/quotas:2: ");
	expect(HEAD "backend a 7\nbackend a 8\nend 2\n", "/quotas:3: ");
	expect(HEAD "\nend 0\n", "/quotas:2: ");
	expect(HEAD " a 7\nend 1\n", "/quotas:2: ");
}

/* What a disk may have instead of the file after a power failure. */
LedgerTest(damaged_by_nuls)
{
	static const char text[] = HEAD "\0\0\0\0\n";
	char *path = tool_write("quotas", ""), *error;
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fwrite(text, sizeof(text) - 1, 1, f) == 1 &&
	    fclose(f) == 0);
	cr_assert_null(ledger_open(tool_folder, &error));
	cr_assert_not_null(strstr(error, "/quotas:2: "), "%s", error);
	free(error);
	free(path);
}

/* It is not waited for somebody to write into it. */
LedgerTest(a_pipe)
{
	char *path = tool_path("quotas"), *error;

	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_null(ledger_open(tool_folder, &error));
	cr_assert_not_null(strstr(error, "/quotas:1: "), "%s", error);
	free(error);
	free(path);
}

LedgerTest(no_such_directory)
{
	char *path = tool_path("none"), *error;

	cr_assert_null(ledger_open(path, &error));
	cr_assert_not_null(strstr(error, "/none: No such file"));
	free(error);
	free(path);
	path = tool_write("file", "");
	cr_assert_null(ledger_open(path, &error));
	cr_assert_not_null(strstr(error, "/file: Not a directory"));
	free(error);
	free(path);
}

LedgerTest(one_process_at_a_time)
{
	struct ledger *l = must_open();
	char *error;

	cr_assert_null(ledger_open(tool_folder, &error));
	cr_assert_not_null(strstr(error, "another process"));
	free(error);
	ledger_close(l);
	ledger_close(must_open());
}

/* What was there stays there, until the new one is whole. */
LedgerTest(can_not_be_written)
{
	struct ledger *l = must_open();
	char *path = tool_path("quotas.new"), *text;

	*ledger_get(l, "backend", "a") = 7;
	cr_assert_eq(ledger_save(l), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	*ledger_get(l, "backend", "a") = 8;
	cr_assert_eq(ledger_save(l), -1);
	cr_assert_eq(errno, EISDIR);
	text = get_file();
	cr_assert_not_null(strstr(text, "backend a 7\n"));
	free(text);
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(ledger_save(l), 0);
	text = get_file();
	cr_assert_not_null(strstr(text, "backend a 8\n"));
	free(text);
	free(path);
	ledger_close(l);
}

/* --- quotas ---------------------------------------------------------------- */

Test(quota, spent)
{
	_Atomic uint64_t used = 0;
	struct quota q;

	quota_init(&q, &used, 1000);
	cr_assert_not(quota_is_spent(&q));
	quota_charge(&q, 999);
	cr_assert_not(quota_is_spent(&q));
	quota_charge(&q, 1);
	cr_assert(quota_is_spent(&q));
	quota_set(&q, 1001);
	cr_assert_not(quota_is_spent(&q));
	cr_assert_eq(quota_get_used(&q), 1000);
}

/* As the file may say. */
Test(quota, never_begins_anew)
{
	_Atomic uint64_t used = UINT64_MAX - 1;
	struct quota q;

	quota_init(&q, &used, 1000);
	quota_charge(&q, 1000);
	cr_assert(quota_is_spent(&q));
}

Test(quota, without_a_limit_nothing_is_counted)
{
	struct quota q;

	quota_init(&q, NULL, 0);
	quota_charge(&q, 1000);
	cr_assert_not(quota_is_spent(&q));
	cr_assert_eq(quota_get_used(&q), 0);
	cr_assert_eq(quota_get_mark(&q), 0);
}

Test(quota, marks)
{
	static const struct { uint64_t used; unsigned mark; } cases[] = {
		{ 0, 0 }, { 749, 0 }, { 750, 75 }, { 899, 75 }, { 900, 90 },
		{ 999, 90 }, { 1000, 100 }, { UINT64_MAX, 100 },
	};
	_Atomic uint64_t used;
	struct quota q;

	quota_init(&q, &used, 1000);
	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		atomic_store(&used, cases[i].used);
		cr_assert_eq(quota_get_mark(&q), cases[i].mark);
	}
}
