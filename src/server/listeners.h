// SPDX-License-Identifier: BSD-2-Clause
/* listeners - the sockets that a configuration listens at: its own, or those
 * that the service manager has handed over (activation.h).
 *
 * The main thread makes them; the acceptor has them while it runs. */
#pragma once

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>

struct conf;
struct conf_listen;

struct listener {
	const struct conf_listen *conf;
	struct addr bound;
	int fd;
	bool is_lent;		/* by the service manager, whose file a unix
				 * socket is */
};

struct listeners {
	const struct conf *conf;
	struct listener *v;
	size_t n;
};

/* Opens all of conf, or takes the sockets that were handed over for them. Keeps
 * conf. 0, or -1: what failed is logged. Before any thread runs. */
int listeners_open(struct listeners *, const struct conf *conf)
    __attribute__((warn_unused_result));
/* The unix sockets go to the user that the process is about to become. */
void listeners_give(const struct listeners *);

/* Those of another configuration, into next: with an address that is listened
 * at already (and, where the kernel chose the port, with that name), or with
 * sockets that were handed over, they are the same; others are opened. 0, or -1:
 * what failed is logged, nothing has changed. */
int listeners_renew(const struct listeners *, const struct conf *conf,
    struct listeners *next) __attribute__((warn_unused_result));
/* They take the place of the others (NULL: there were none): logs those that
 * are new; one that is not gets its mode (unix), or its congestion control. */
void listeners_announce(const struct listeners *,
    const struct listeners *other);
/* Closes all but those that are another's, too (NULL: all). */
void listeners_close(struct listeners *, const struct listeners *other);
