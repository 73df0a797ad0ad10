// SPDX-License-Identifier: BSD-2-Clause
/* commands - the table of verbs: who runs a command, what it needs, its help.
 *
 * Arity errors, the login check, HELP and the names in the counts all come
 * from the one table. Const data, any thread. */
#pragma once

#include <stddef.h>

#define COMMAND_ARGS_MAX 8

struct session;

/* A command line in words; argv[0] is the verb. */
struct command {
	int argc; /* COMMAND_ARGS_MAX + 1: there were more */
	char *argv[COMMAND_ARGS_MAX];
	const char *rest[2]; /* the line from word 0, word 1 on, unsplit */
};

enum command_flags {
	COMMAND_LOGIN = 1,   /* 480 without a login */
	COMMAND_FAULTS = 2,  /* --fault may hit it */
	COMMAND_CONTROL = 4, /* control port only */
};

typedef void command_f(struct session *s, const struct command *c);

struct command_row {
	const char *verb;
	int args_min, args_max;
	unsigned flags;
	command_f *run;
	const char *help; /* the arguments */
};

/* The row of a verb in any case, or NULL. */
const struct command_row *commands_find(const char *verb);
size_t commands_get_index(const struct command_row *row);
/* Verb of row i, NULL after the last. */
const char *commands_get_verb(size_t i);

/* reading.c: articles and the place in a group */
command_f reading_retrieve, reading_group, reading_next, reading_last;
/* listing.c: everything with many rows */
command_f listing_list, listing_listgroup, listing_over, listing_hdr;
command_f listing_newnews, listing_newgroups;
/* posting.c */
command_f posting_post, posting_ihave;
