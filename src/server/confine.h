// SPDX-License-Identifier: BSD-2-Clause
/* confine - the process gives up what it needs no more once its sockets are
 * bound: user, groups, capabilities, new privileges, files (base/sandbox.h),
 * system calls (base/syscalls.h). None of it can be taken back.
 *
 * Main thread, before any other is begun. */
#pragma once

#include <stdbool.h>

struct conf;
struct conf_proxy;

/* Before anything secret is read: neither a core nor another process of the
 * same user gets to see the memory, from now on. */
void confine_memory(void);

/* Puts the open log and the unix socket at path into the hands of who the
 * process is going to be, if that is another user. */
void confine_give_log(const struct conf_proxy *);
void confine_give_socket(const struct conf_proxy *, const char *path);

/* All of it, as configured, with a line in the log. 0, or -1: what failed is
 * logged. */
int confine_enter(const struct conf *) __attribute__((warn_unused_result));

/* Logs which files of a new configuration are outside of the sandbox that the
 * old one made. False: there are some, and only a restart helps. */
bool confine_covers(const struct conf *);
