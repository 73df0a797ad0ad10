// SPDX-License-Identifier: BSD-2-Clause
/* failures - logins that failed, by address, and how long the answers to the
 * next ones are held for it.
 *
 * An address is an IPv4 address or an IPv6 /64; clients at unix sockets are not
 * held up. Nobody is ever locked out: the delay doubles with each failure up
 * to FAILURES_DELAY_MAX_MS, right passwords wait as long as wrong ones (or one
 * could tell them apart by not waiting), and a failure is forgotten every
 * FAILURES_FORGET_MS. Right ones make nothing better, for an attacker may have
 * an account.
 *
 * The table has a fixed size. When it is full the address with the fewest
 * failures makes room.
 *
 * Owner: the server. Any thread; one mutex, held for some instructions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAILURES_DELAY_MIN_MS 5
#define FAILURES_DELAY_MAX_MS 4000
#define FAILURES_FORGET_MS 10000

struct addr;
struct failures;

/* Gives. */
struct failures *failures_new(void);
/* Takes it; NULL is fine. */
void failures_free(struct failures *);

/* A password from this address was right, or wrong. For how many milliseconds
 * to hold the answer: 0 for the first failure. */
uint64_t failures_note(struct failures *, const struct addr *a, bool is_right,
    uint64_t now_ms);

/* What it takes, in bytes. */
size_t failures_get_size(void);
