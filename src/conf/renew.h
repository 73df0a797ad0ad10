// SPDX-License-Identifier: BSD-2-Clause
/* renew - what of another configuration a running program can't take over.
 *
 * Main thread. */
#pragma once

struct conf;
struct conf_report;

/* Every key that needs a restart keeps the value it has in old; where it was to
 * change, a warning says so. c has no other user yet. */
void conf_keep_fixed(struct conf *c, const struct conf *old,
    struct conf_report *report);
