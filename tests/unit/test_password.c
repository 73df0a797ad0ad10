// SPDX-License-Identifier: BSD-2-Clause
#include "client/password.h"

#include "base/check.h"
#include "conf/conf.h"
#include "net/addr.h"
#include "net/loop.h"

#include "test.h"

#define WAIT_MS 20000

static struct loop loop;
static struct passwords *passwords;
static int answered_n;

static void
on_answer(struct message *m)
{
	(void)m;
	answered_n++;
}

static char alice[] = "alice", secret[] = "secret", other[] = "other";
static struct conf_user user;
static struct conf conf = { .users = &user };

static void
set_up(void)
{
	answered_n = 0;
	user = (struct conf_user){ .s.name = alice, .password_plain = secret };
	conf.users_n = 1;
	loop_table_init(64);
	cr_assert_eq(loop_init(&loop, 0), 0);
	passwords = passwords_start(&conf);
	cr_assert_not_null(passwords);
}

static void
tear_down(void)
{
	passwords_stop(passwords);
	loop_fini(&loop);
}

static bool
try_to_ask(struct password_check *c, const char *name, const char *password,
    unsigned host)
{
	struct addr peer = { .in.sin_family = AF_INET };

	peer.in.sin_addr.s_addr = htonl(0xc0000200 + host);
	c->message.deliver = on_answer;
	c->loop = &loop;
	return passwords_ask(passwords, c, name, password, &peer);
}

static void
ask(struct password_check *c, const char *name, const char *password)
{
	cr_assert(try_to_ask(c, name, password, 1));
}

static void
wait_for(int n)
{
	uint64_t until_ms = loop_clock_ms() + WAIT_MS;

	while (answered_n < n && loop_clock_ms() < until_ms)
		loop_turn(&loop, 100);
	cr_assert_eq(answered_n, n);
}

#define PasswordTest(name)                                                    \
	Test(password, name, .init = set_up, .fini = tear_down)

PasswordTest(right_and_wrong)
{
	struct password_check right = { .user = &right }, wrong = { .user = 0 },
	    nobody = { .user = 0 };

	ask(&right, "alice", "secret");
	ask(&wrong, "alice", "Secret");
	ask(&nobody, "bob", "secret");
	wait_for(3);
	cr_assert(right.is_right);
	cr_assert_not(wrong.is_right);
	cr_assert_not(nobody.is_right);
}

/* What nobody waits for is not computed, but comes back. */
PasswordTest(given_up)
{
	struct password_check gone = { .user = &gone },
	    stays = { .user = &stays };

	password_give_up(&gone);
	cr_assert_null(gone.user);
	ask(&gone, "alice", "secret");
	ask(&stays, "alice", "secret");
	wait_for(2);
	cr_assert_not(gone.is_right);
	cr_assert(stays.is_right);
}

#define SITES 8
#define MANY 2048

static struct password_check many[SITES][MANY];
static bool is_asked[SITES][MANY];

/* However many others want all places. */
PasswordTest(room_for_another_site)
{
	static char slow[] = "$6$rounds=500000$saltsalt$";
	struct password_check newcomer = { .user = &newcomer };
	unsigned of_site[SITES] = { 0 };
	int n = 0;

	user.password = slow;
	cr_assert_eq(passwords_set_users(passwords, &conf), 0);
	for (unsigned i = 0; i < MANY; i++)
		for (unsigned site = 0; site < SITES; site++) {
			is_asked[site][i] = try_to_ask(&many[site][i],
			    "alice", "wrong", site);
			of_site[site] += is_asked[site][i];
			n += is_asked[site][i];
		}
	cr_assert(try_to_ask(&newcomer, "alice", "wrong", 100));
	for (unsigned site = 0; site < SITES; site++)
		cr_assert_gt(of_site[site], 100);
	for (unsigned i = 0; i < MANY; i++)
		for (unsigned site = 0; site < SITES; site++)
			if (is_asked[site][i])
				password_give_up(&many[site][i]);
	wait_for(n + 1);
}

static bool
is_right(const char *word)
{
	struct password_check check = { .user = &check };
	int n = answered_n;

	ask(&check, "alice", word);
	wait_for(n + 1);
	cr_assert_null(check.password);
	cr_assert_null(check.hash);
	return check.is_right;
}

/* What is remembered is right in the same way; and of no use when the
 * configuration has changed. */
PasswordTest(users_change)
{
	cr_assert(is_right("secret"));
	cr_assert(is_right("secret"));
	user.password_plain = other;
	cr_assert_eq(passwords_set_users(passwords, &conf), 0);
	cr_assert_not(is_right("secret"));
	cr_assert(is_right("other"));
	conf.users_n = 0;
	cr_assert_eq(passwords_set_users(passwords, &conf), 0);
	cr_assert_not(is_right("other"));
	conf.users_n = 1;
	cr_assert_eq(passwords_set_users(passwords, &conf), 0);
	cr_assert(is_right("other"));
}

/* A check that waits is of the user that there was. */
PasswordTest(users_change_under_a_check)
{
	struct password_check check = { .user = &check };

	ask(&check, "alice", "secret");
	user.password_plain = other;
	cr_assert_eq(passwords_set_users(passwords, &conf), 0);
	wait_for(1);
	cr_assert(check.is_right);
}
