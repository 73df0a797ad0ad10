// SPDX-License-Identifier: BSD-2-Clause
/* session_reader - the clients of fuzz_session: they say what the script says,
 * and check what they read.
 *
 * Always: nothing that is for another client. As long as a client has said
 * nothing but whole commands, and no backend has lied: one answer to each
 * command, in order; articles of one piece and complete; 430 only when all
 * backends said so. Where there are users: nobody gets in with a wrong
 * password, and nothing from a backend before; b gets nothing but from the
 * first backend, and can't post. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reader_verb {
	SAY_ARTICLE, SAY_BODY, SAY_HEAD, SAY_STAT, SAY_OVER,	/* by id */
	SAY_GROUP, SAY_LISTGROUP,
	SAY_NEXT, SAY_STAT_BARE, SAY_BODY_BARE, SAY_OVER_RANGE,	/* of a group */
	SAY_LIST, SAY_DATE, SAY_HELP, SAY_CAPABILITIES, SAY_MODE_READER,
	SAY_UNKNOWN, SAY_POST, SAY_IHAVE, SAY_TAKETHIS, SAY_QUIT,
	SAY_EMPTY, SAY_LONG,
	SAY_USER, SAY_PASS, SAY_WRONG_PASS, SAY_SASL,
	SAY_SASL_ASK,			/* the response comes at once, too */
	SAY_N,
	SAY_RESPONSE = SAY_N,		/* said with SAY_SASL_ASK only */
	SAY_WORDS_N,
};

/* What the users of the configuration mean to the readers. */
struct reader_rules {
	bool needs_login;
	bool is_partial;	/* some backends may be left out: 430 */
};

/* path: the unix socket of the server; it must outlive the readers. */
void readers_begin(const char *path, bool is_stateful,
    const struct reader_rules *rules);
/* Another configuration: what held before may hold for some answers yet. */
void readers_change(const struct reader_rules *rules);
void readers_end(void);

void reader_connect(unsigned i);
/* size: class of the article that is asked for, 0 to 3; or who logs in: a, b,
 * nobody, or a; by SASL it is given up instead of the last. */
void reader_say(unsigned i, enum reader_verb verb, unsigned size);
void reader_say_raw(unsigned i, const uint8_t *p, size_t n);
/* Lines of an article, if the server waits for one. */
void reader_post(unsigned i, unsigned lines_n, bool is_end);
void reader_read(unsigned i, size_t n);
void readers_read_all(void);
void reader_half_close(unsigned i);
void reader_close(unsigned i);

/* Somebody has said a command that is not answered. */
bool readers_wait(void);
