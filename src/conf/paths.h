// SPDX-License-Identifier: BSD-2-Clause
/* paths - every file that a configuration names, and what a running program
 * does with it: from the table of settings, so that none is forgotten.
 *
 * Main thread. */
#pragma once

#include "base/sandbox.h"

struct conf;

typedef void conf_path_f(void *arg, const char *path,
    enum sandbox_access access);

/* Makes the values absolute; see file.h. */
void conf_resolve_paths(struct conf *c);

/* Calls f for each: the files that were read, and those of the values. A path
 * may come more than once. */
void conf_each_path(const struct conf *c, conf_path_f *f, void *arg);
