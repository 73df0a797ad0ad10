// SPDX-License-Identifier: BSD-2-Clause
/* admission - whether an address may come in at a listener: deny, allow,
 * max_clients_per_address.
 *
 * Asked once per client, with its true address: by the acceptor, or, where a
 * PROXY header tells it, by the worker (arrival.h). No state of its own; any
 * thread. */
#pragma once

#include "nntp/reason.h"

struct addr;
struct census;
struct conf;
struct conf_listen;

/* REASON_NONE: it may, and the census has counted it. */
enum reason admission_enter(struct census *, const struct conf *conf,
    const struct conf_listen *listen, const struct addr *peer)
    __attribute__((warn_unused_result));

/* Tells the peer, which came to listen, and the log why not. Takes fd. */
void admission_refuse(const struct conf_listen *listen, int fd,
    const struct addr *peer, enum reason);
