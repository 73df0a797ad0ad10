// SPDX-License-Identifier: BSD-2-Clause
/* password - threads that compare passwords with crypt(3) hashes, for one
 * check takes up to 100 ms.
 *
 * Fair between sites: each that has checks waiting gets its turn. A site is an
 * IPv4 address or an IPv6 /64; all unix sockets are one. Bounded:
 * PASSWORD_WAITING_MAX in all, PASSWORD_PER_SITE_MAX of one site, and never
 * more than there is room left: so several sites together can't fill it up,
 * and who comes for the first time finds room. What was right a short while
 * ago (memo.h) is answered without a check. An unknown user costs what the
 * costliest configured hash costs. Passwords are wiped as soon as they are
 * checked. A plain password of the configuration is hashed beforehand, so all
 * users are checked alike. */
#pragma once

#include "base/inbox.h"
#include "client/memo.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_THREADS 2
#define PASSWORD_WAITING_MAX 4096
#define PASSWORD_PER_SITE_MAX 1024

struct addr;
struct conf;
struct loop;
struct passwords;

struct password_check {
	/* set by the asker */
	struct message message;	/* .deliver: runs on .loop with the answer */
	struct loop *loop;
	void *user;		/* the asker's; NULL: it has given up */

	/* the answer */
	bool is_right;

	_Atomic bool is_given_up;
	struct password_check *next;	/* of its site, while waiting */
	char *hash, *password;		/* wiped and freed by the check */
	bool has_digest;
	struct memo_digest digest;
};

/* For the users of conf. Gives; NULL with errno when the threads can't be
 * started. */
struct passwords *passwords_start(const struct conf *conf);
/* Main thread: the users from now on; checks that wait are of the old ones. 0,
 * or -1 with errno: no threads, and nothing has changed. */
int passwords_set_users(struct passwords *, const struct conf *conf)
    __attribute__((warn_unused_result));
/* Takes it; checks still waiting are answered: not right. */
void passwords_stop(struct passwords *);

/* Any thread. Copies name and password; takes check until its message is
 * delivered. False: too many are waiting, check stays the caller's. */
bool passwords_ask(struct passwords *, struct password_check *check,
    const char *name, const char *password, const struct addr *peer)
    __attribute__((warn_unused_result));

/* The asker, on its loop: the answer is for nobody any more. It comes all the
 * same, not right, and costs nothing if the check has not begun. */
void password_give_up(struct password_check *check);
