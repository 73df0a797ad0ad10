// SPDX-License-Identifier: BSD-2-Clause
/* load - from all sources to one checked struct conf.
 *
 * default < INI file < environment < command line, then the checks that need
 * all of it. Reads files, opens no sockets, resolves no names; never prints
 * (but where a FILE is given) and never logs. Main thread. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct conf;
struct conf_report;
struct options;

/* Gives *conf_r and returns 0; or -1 with *conf_r NULL and every error in the
 * report. Warnings and notes are in the report in both cases. */
int conf_load(const struct options *o, struct conf **conf_r,
    struct conf_report *report) __attribute__((warn_unused_result));

/* -T: a complete INI file of all values with their origins as comments.
 * Secrets are commented out and masked, so that the file parses again; without
 * them it is complete only when the environment or password_file has them. */
void conf_dump(const struct conf *c, FILE *f);

/* All that main does before the server runs: arguments, -h, -V, configuration,
 * report, -t, -T. Texts go to stdout and stderr. true: run with *conf_r
 * (given) and *o; false: exit with *exit_r. options_fini() in both cases. */
bool conf_start(int argc, char **argv, struct options *o,
    struct conf **conf_r, int *exit_r) __attribute__((warn_unused_result));
