// SPDX-License-Identifier: BSD-2-Clause
/* socket - the options that every connection of the program gets.
 *
 * Any thread. Nothing here blocks. */
#pragma once

struct addr;

/* TCP_NODELAY (a command must not wait for an acknowledgement), SO_KEEPALIVE
 * and TCP_USER_TIMEOUT (a peer that vanished without a word is noticed within
 * about two minutes). Without effect on a unix socket. */
void socket_tune(int fd);

/* A non-blocking socket on its way to addr, or -1 with errno. */
int socket_connect(const struct addr *a) __attribute__((warn_unused_result));

/* How the connection attempt of a writable socket ended: 0 or an errno. */
int socket_get_error(int fd);
