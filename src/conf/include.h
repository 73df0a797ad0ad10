// SPDX-License-Identifier: BSD-2-Clause
/* include - an INI file and all the files that its include names.
 *
 * Follows globs in the order of their names, sees loops, and warns of files
 * with secrets that everybody may read. Main thread. Never writes a file. */
#pragma once

struct conf;
struct conf_report;

/* Reads path and what it includes into the configuration. Mistakes go to the
 * report; those of a file as a whole as "path:0". 0, or -1 when path could not
 * be read at all. */
int include_read(struct conf *c, const char *path,
    struct conf_report *report);
