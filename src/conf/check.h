// SPDX-License-Identifier: BSD-2-Clause
/* check - what must hold of a configuration as a whole.
 *
 * Runs when all sources have been read; fills the fields of struct conf that
 * are made from others (host, port, masks, log target, the password from a
 * password_file). Resolves no names. Main thread. */
#pragma once

#include <stdbool.h>

struct addr;
struct conf;
struct conf_listen;
struct conf_report;

/* Mistakes go to the report: where the value was set, or `where` for what is
 * missing altogether; NULL when the file could not be read, so that nothing
 * is known of that. */
void check_conf(struct conf *c, const char *where,
    struct conf_report *report);

/* Clients of other machines get in at a listener that is bound to `bound`, and
 * nothing is asked of them. */
bool check_is_open(const struct conf *c, const struct conf_listen *l,
    const struct addr *bound);
