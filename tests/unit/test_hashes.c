// SPDX-License-Identifier: BSD-2-Clause
#include "client/hashes.h"

#include <stdio.h>

#include "conf/conf.h"

#include "test.h"

#define USERS_MAX 64

static char names[USERS_MAX][8], hashes[USERS_MAX][48];
static struct conf_user users[USERS_MAX];
static struct conf conf = { .users = users };

static void
start(void)
{
	conf.users_n = 0;
}

#define HashesTest(name) Test(hashes, name, .init = start)

static void
add(const char *hash)
{
	size_t i = conf.users_n++;

	snprintf(names[i], sizeof(names[i]), "u%zu", i);
	snprintf(hashes[i], sizeof(hashes[i]), "%s", hash);
	users[i].s.name = names[i];
	users[i].password = hashes[i];
}

/* The hash for who is nobody. */
static void
expect(const char *costliest)
{
	struct hashes *h = hashes_new(&conf);
	bool is_known = true;

	cr_assert_str_eq(hashes_find(h, "nobody", &is_known), costliest);
	cr_assert_not(is_known);
	hashes_free(h);
}

HashesTest(without_users)
{
	expect("$5$");
}

/* One number begins as the other does. */
HashesTest(costliest_by_rounds)
{
	add("$6$rounds=2000$salt$");
	add("$6$rounds=200000$salt$");
	add("$6$rounds=20000$salt$");
	expect("$6$rounds=200000$salt$");
}

HashesTest(costliest_by_rounds_that_are_told_or_not)
{
	add("$6$rounds=1000$salt$");
	add("$6$salt$");
	add("$6$rounds=200000$salt$");
	expect("$6$rounds=200000$salt$");
}

/* However many there are of another. */
HashesTest(costliest_is_the_last_of_many)
{
	char hash[48];

	for (unsigned i = 0; i < USERS_MAX - 1; i++) {
		snprintf(hash, sizeof(hash), "$6$salt%02u$", i);
		add(hash);
	}
	add("$6$rounds=200000$salt$");
	expect("$6$rounds=200000$salt$");
}

HashesTest(costliest_of_several_methods)
{
	add("$1$saltsalt$");
	add("$5$salt$");
	add("$2b$04$abcdefghijklmnopqrstuu");
	add("$2b$09$abcdefghijklmnopqrstuu");
	expect("$2b$09$abcdefghijklmnopqrstuu");
}
