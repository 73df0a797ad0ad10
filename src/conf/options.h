// SPDX-License-Identifier: BSD-2-Clause
/* options - what the command line says.
 *
 * Made by main before anything else, from one table that also prints --help.
 * Never reads a file and never looks at the configuration: conf_load() lays
 * the values over it. A secret among the arguments is refused, and no text
 * from here ever shows it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit codes of the program. */
enum exit_code {
	EXIT_FINE = 0,
	EXIT_RUNTIME = 1,
	EXIT_USAGE = 2,
	EXIT_CONFIG = 78
};

enum options_action {
	ACTION_RUN,
	ACTION_TEST,		/* -t */
	ACTION_DUMP,		/* -T */
	ACTION_TEST_BACKENDS,	/* --test-backends */
	ACTION_HASH_PASSWORD,
	ACTION_HELP,
	ACTION_VERSION
};

/* One assignment: "-s SECTION.KEY=VALUE", or a key of a -b URL. */
struct options_set {
	char *section;		/* "proxy", "backend primary" */
	char *key;
	char *value;
	char *where;		/* for messages and -T: "command line -s" */
};

struct options_backend {
	char *name;		/* from the host; conf_load() makes it unique */
	struct options_set *sets;	/* address first; section is NULL */
	size_t sets_n;
};

struct options {
	enum options_action action;
	const char *config_file;	/* -c, or NULL; argv's memory */
	char **listens;			/* -l, checked addresses */
	size_t listens_n;
	struct options_backend *backends;	/* -b */
	size_t backends_n;
	struct options_set *sets;	/* -s, -n, -p, -u, -g in their order */
	size_t sets_n;
	bool is_daemon;			/* -d; the last of -d and -f counts */
	int verbosity;			/* steps: -v up, -q down */
};

/* Reads argv. 0, or -1 with a line for the user in *error_r (given; exit code
 * EXIT_USAGE). options_fini() in both cases. */
int options_parse(struct options *o, int argc, char **argv, char **error_r)
    __attribute__((warn_unused_result));
void options_fini(struct options *o);
void options_backend_fini(struct options_backend *b);

/* The texts of -h and -V. */
void options_print_help(FILE *f);
void options_print_version(FILE *f);
