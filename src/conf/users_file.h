// SPDX-License-Identifier: BSD-2-Clause
/* users_file - users in the form of htpasswd(1): "name:hash", one a line, with
 * the defaults of [user NAME] for all else.
 *
 * Blank lines and lines that begin with # are skipped. Main thread. */
#pragma once

struct conf;
struct conf_report;

/* Adds the users of the file that proxy.users_file names, if it names one. What
 * is wrong goes to the report, with file and line, and never shows a hash. */
void users_file_read(struct conf *c, struct conf_report *report);
