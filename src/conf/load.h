// SPDX-License-Identifier: BSD-2-Clause
/* load - from all sources to one checked struct conf.
 *
 * default < INI file < environment < command line, then the checks that need
 * all of it. Reads files, opens no sockets, resolves no names; never prints
 * and never logs. Main thread. */
#pragma once

struct conf;
struct conf_report;
struct options;

/* Gives *conf_r and returns 0; or -1 with *conf_r NULL and every error in the
 * report. Warnings and notes are in the report in both cases. */
int conf_load(const struct options *o, struct conf **conf_r,
    struct conf_report *report) __attribute__((warn_unused_result));
