// SPDX-License-Identifier: BSD-2-Clause
/* password - threads that compare passwords with crypt(3) hashes, for one
 * check takes up to 100 ms.
 *
 * Fair between addresses: each address that has checks waiting gets its turn.
 * Bounded: PASSWORD_WAITING_MAX in all, PASSWORD_PER_ADDRESS_MAX of one address.
 * An unknown user costs what the costliest configured hash costs. Passwords
 * are wiped as soon as they are checked. A plain password of the configuration
 * is hashed at the start, so all users are checked alike. */
#pragma once

#include "base/inbox.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_THREADS 2
#define PASSWORD_WAITING_MAX 4096
#define PASSWORD_PER_ADDRESS_MAX 512

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
	struct password_check *next;	/* of its address, while waiting */
	char *hash;			/* these two are wiped and freed by */
	char *password;			/* the check */
};

/* Those of the users in conf. Gives; NULL with errno when the threads can't be
 * started. */
struct passwords *passwords_start(const struct conf *conf);
/* Other users, for the checks to come. 0, or an error number: then those before
 * stay. Main thread. */
int passwords_change(struct passwords *, const struct conf *conf)
    __attribute__((warn_unused_result));
/* Takes it; checks still waiting are answered: not right. */
void passwords_stop(struct passwords *);

/* Any thread. Copies name, password and address (a text that is equal for
 * equal addresses); takes check until its message is delivered. False: too
 * many are waiting, check stays the caller's. */
bool passwords_ask(struct passwords *, struct password_check *check,
    const char *name, const char *password, const char *address)
    __attribute__((warn_unused_result));

/* The asker, on its loop: the answer is for nobody any more. It comes all the
 * same, not right, and costs nothing if the check has not begun. */
void password_give_up(struct password_check *check);
