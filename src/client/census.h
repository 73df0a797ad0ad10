// SPDX-License-Identifier: BSD-2-Clause
/* census - how many clients each address has.
 *
 * An address is an IPv4 address or an IPv6 /64; clients at unix sockets are
 * not counted. A client is counted in when it is admitted (admission.h), its
 * session counts it out, once (session.c, enter()). Holds one small object per
 * address that has clients: as many as there are clients, at most.
 *
 * Owner: the server. Any thread; one mutex, held for some instructions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct addr;
struct census;

/* For at most so many clients at a time. Gives. */
struct census *census_new(size_t clients_max);
/* Takes it (NULL is fine); nobody may be left in it. */
void census_free(struct census *);

/* Counts one more client of this address, unless it has `most` already (0: no
 * limit): then false, and nothing is counted. */
bool census_enter(struct census *, const struct addr *a, unsigned most)
    __attribute__((warn_unused_result));
/* One that was counted has gone. */
void census_leave(struct census *, const struct addr *a);

/* Clients of this address. */
unsigned census_count(struct census *, const struct addr *a);

/* What it takes in bytes when it is full. */
size_t census_get_size_max(size_t clients_max);
