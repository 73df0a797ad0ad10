// SPDX-License-Identifier: BSD-2-Clause
/* settings - the one table of everything that can be configured.
 *
 * One row per key. The parser, --help, -T, the sample INI and the key list of
 * nntpmux.ini(5) are made from it; nothing else in the program knows a key,
 * a default or a range. Constant data, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sandbox.h"

enum section_kind {
	KIND_PROXY,
	KIND_LISTEN,
	KIND_BACKEND,
	KIND_ROUTING,
	KIND_HEALTH,
	KIND_USER,
	KIND_LOG,
	KIND_N
};

enum setting_type {		/* field in the struct of the section */
	SETTING_BOOL,		/* bool */
	SETTING_INT,		/* unsigned */
	SETTING_SIZE,		/* uint64_t, bytes */
	SETTING_DURATION,	/* uint64_t, milliseconds */
	SETTING_INSTANT,	/* uint64_t, microseconds */
	SETTING_TIME,		/* uint64_t, seconds since 1970; 0 = not set */
	SETTING_ENUM,		/* an enum, value = index of the word */
	SETTING_MODE,		/* unsigned, octal */
	SETTING_STRING,		/* char * */
	SETTING_WORD,		/* char *, no blanks */
	SETTING_PATH,		/* char * */
	SETTING_PATTERN,	/* char *, a file name or glob */
	SETTING_SECRET,		/* char * */
	SETTING_HASH,		/* char *, a secret, too: a crypt(3) hash */
	SETTING_NAMES,		/* struct conf_names */
	SETTING_NETWORKS,	/* struct conf_networks */
	SETTING_ADDRESS,	/* struct addr, to listen on */
	SETTING_HOST,		/* char *, host[:port] */
	SETTING_TARGET		/* char *, stderr, syslog or file:/path */
};

enum setting_change {
	CHANGE_RELOAD,		/* taken over by a running program */
	CHANGE_RESTART
};

struct setting {
	enum section_kind kind;
	const char *key;
	size_t offset;			/* of the field */
	enum setting_type type;
	uint64_t min, max;		/* of a number, in its unit; of a
					   text the longest length */
	const char *def;		/* as text; NULL = not set */
	const char *const *words;	/* enum: NULL-terminated; int: the one
					   word that stands for 0 */
	enum setting_change change;
	bool is_needed;			/* "key =" without a value is wrong */
	const char *example;		/* where there is no default */
	const char *text;		/* one sentence for people */
	enum sandbox_access access;	/* to a SETTING_PATH, while it runs */
};

struct section {
	const char *word;		/* "[word]" or "[word NAME]" */
	bool is_named;
	size_t size;			/* of its struct */
	const char *example;		/* name in samples */
	const char *text;
};

extern const struct section sections[KIND_N];

/* The rows of one kind; *n_r counts them. */
const struct setting *settings_get(enum section_kind kind, size_t *n_r);
/* NULL = unknown key. */
const struct setting *settings_find(enum section_kind kind, const char *key);
/* The place of a row among those of its kind. */
size_t settings_index(const struct setting *s);
/* The known key that looks most like this one, or NULL. */
const char *settings_guess(enum section_kind kind, const char *key);
/* A kind that has such a key, KIND_N = none. */
enum section_kind settings_owner(const char *key);

/* KIND_N = unknown. */
enum section_kind sections_find(const char *word);
/* Takes "proxy" or "backend primary" apart; *name_r points behind the word, at
 * "" when there is no name. KIND_N = unknown kind. */
enum section_kind sections_split(const char *title, const char **name_r);
const char *sections_guess(const char *word);
/* A name that may stand in "[kind NAME]". */
bool sections_is_name(enum section_kind kind, const char *name);

/* Never printed, never quoted. */
bool setting_is_secret(const struct setting *s);
/* "duration", "yes or no", "least-loaded | …": what may stand there. Gives. */
char *setting_describe(const struct setting *s);
