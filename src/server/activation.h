// SPDX-License-Identifier: BSD-2-Clause
/* activation - sockets that the service manager has bound for us and handed
 * over when it started the program ($LISTEN_PID, $LISTEN_FDS, $LISTEN_FDNAMES,
 * as sd_listen_fds(3) has it). The name of each is that of a [listen NAME].
 *
 * Main thread, before any listener is opened. */
#pragma once

#include <stddef.h>

#define ACTIVATION_MAX 64

struct activation {
	struct {
		char *name;	/* NULL: taken */
		int fd;
	} sockets[ACTIVATION_MAX];
	size_t n;
};

/* Reads the variables, and removes them. 0, or -1: what is wrong with them, or
 * with a socket, is logged; activation_fini() in both cases. */
int activation_read(struct activation *)
    __attribute__((warn_unused_result));
/* Gives the next socket of this name: non-blocking, closed on exec; or -1. */
int activation_take(struct activation *, const char *name);
/* 0, or -1: some were not taken, which is logged. */
int activation_check_rest(const struct activation *)
    __attribute__((warn_unused_result));
/* Closes what was not taken. */
void activation_fini(struct activation *);
