// SPDX-License-Identifier: BSD-2-Clause
/* listener - opening a socket to listen on.
 *
 * Any thread closes one. Opening sets the umask for a moment: main thread. */
#pragma once

struct addr;

/* Binds and listens, non-blocking. A unix socket gets the mode; one that is
 * left over from a process that is gone is removed first. *bound_r is where it
 * really listens (port 0 has become a port). The descriptor, or -1 with errno. */
int listener_open(const struct addr *a, unsigned unix_mode,
    struct addr *bound_r) __attribute__((warn_unused_result));
/* Closes it; removes the file of a unix socket. */
void listener_close(int fd, const struct addr *bound);
