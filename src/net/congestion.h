// SPDX-License-Identifier: BSD-2-Clause
/* congestion - which algorithm of congestion control a TCP socket has.
 *
 * A connection has that of the listening socket that it was accepted from.
 * The kernel is asked by doing it: the files that list what it knows may be
 * out of reach in the sandbox. Any thread. */
#pragma once

/* 0, or an errno: ENOENT, it knows none of this name; EPERM, it is not for
 * everybody (tcp_allowed_congestion_control), and this process may not. */
int congestion_try(const char *name) __attribute__((warn_unused_result));
/* The same for this socket, for good. NULL: the system's own. */
int congestion_set(int fd, const char *name)
    __attribute__((warn_unused_result));
/* What errno means here. */
const char *congestion_explain(int error);
