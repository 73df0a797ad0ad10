// SPDX-License-Identifier: BSD-2-Clause
/* syscalls - the system calls that the process may still make: seccomp.
 *
 * For good, in all threads. Any other call fails with EPERM (ENOSYS where the
 * C library then takes an older one), so one that was forgotten is an error
 * message and not the end of the program. Main thread, before others. */
#pragma once

/* 0, or -1 with errno. Needs no_new_privs. */
int syscalls_limit(void) __attribute__((warn_unused_result));

/* "2.5.4": the version of the library. Returns buf. */
const char *syscalls_get_version(char buf[32]);
