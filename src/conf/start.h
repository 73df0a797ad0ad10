// SPDX-License-Identifier: BSD-2-Clause
/* start - from argv to a configuration to run with.
 *
 * What main does before the server is made: arguments, -h, -V, conf_load(),
 * the report, -t, -T. The one place of this folder that prints: to stdout what
 * was asked for, to stderr what is wrong. Main thread, once. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct conf;
struct options;

/* Prints comment lines of an INI file: what the program makes of it. */
typedef void start_note_f(const struct conf *, FILE *);

/* note is for -T. true: go on with *conf_r (given) and *o, whose action is
 * ACTION_RUN or one that connects. false: exit with
 * *exit_r (an enum exit_code), *conf_r is NULL. options_fini() in both
 * cases. */
bool conf_start(int argc, char **argv, struct options *o,
    start_note_f *note, struct conf **conf_r, int *exit_r)
    __attribute__((warn_unused_result));
