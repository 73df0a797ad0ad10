// SPDX-License-Identifier: BSD-2-Clause
#include "client/memo.h"

#include <string.h>

#include "base/check.h"
#include "test.h"

static struct memo *memo;

static void
set_up(void)
{
	memo = memo_new();
}

static void
tear_down(void)
{
	memo_free(memo);
}

#define MemoTest(name) Test(memo, name, .init = set_up, .fini = tear_down)

static struct memo_digest
make(const char *name, const char *hash, const char *password)
{
	struct memo_digest d;

	cr_assert(memo_make_digest(memo, name, hash, password, &d));
	return d;
}

MemoTest(known_for_a_while)
{
	struct memo_digest d = make("alice", "$6$x", "secret");

	cr_assert_not(memo_knows(memo, &d, 0));
	memo_note(memo, &d, 1000);
	cr_assert(memo_knows(memo, &d, 1000));
	cr_assert(memo_knows(memo, &d, 1000 + MEMO_MS - 1));
	cr_assert_not(memo_knows(memo, &d, 1000 + MEMO_MS));
}

MemoTest(nothing_else_is_known)
{
	static const char *const others[][3] = {
		{ "alice", "$6$x", "Secret" }, { "alice", "$6$x", "secret " },
		{ "alice", "$6$y", "secret" }, { "bob", "$6$x", "secret" },
		{ "alice$6$x", "", "secret" }, { "alice", "$6$xsecret", "" },
		{ "", "alice$6$x", "secret" },
	};
	struct memo_digest d = make("alice", "$6$x", "secret");

	memo_note(memo, &d, 1000);
	for (size_t i = 0; i < ARRAY_N(others); i++) {
		struct memo_digest other = make(others[i][0], others[i][1],
		    others[i][2]);

		cr_assert_not(memo_knows(memo, &other, 1000), "%zu", i);
	}
}

/* Of no use to anybody who has not the key. */
MemoTest(keys_differ)
{
	struct memo_digest d = make("alice", "$6$x", "secret"), again;
	struct memo *other = memo_new();

	cr_assert(memo_make_digest(other, "alice", "$6$x", "secret", &again));
	cr_assert_neq(memcmp(&d, &again, sizeof(d)), 0);
	memo_free(other);
}

MemoTest(too_long_to_be_remembered)
{
	struct memo_digest d;
	char name[3000];

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	cr_assert_not(memo_make_digest(memo, name, "$6$x", "secret", &d));
}
