// SPDX-License-Identifier: BSD-2-Clause
/* memo - which passwords were right a short while ago: a download tool opens
 * fifty connections, and a check takes up to 100 ms.
 *
 * Remembers digests only (HMAC-SHA256), under a random key of this process, of
 * name, hash and password: so what is remembered of a user is forgotten when
 * the hash changes, and can be used nowhere else. A table of fixed size, a
 * newer digest takes the place of an older one.
 *
 * Owner: passwords. Any thread; one mutex, held for some instructions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMO_MS (5 * 60 * 1000)

struct memo;

struct memo_digest {
	unsigned char octets[32];
};

/* Gives. */
struct memo *memo_new(void);
/* Takes it; what it holds is wiped. */
void memo_free(struct memo *);

/* False: it can't be made, and *d_r is not to be used. */
bool memo_make_digest(const struct memo *, const char *name, const char *hash,
    const char *password, struct memo_digest *d_r)
    __attribute__((warn_unused_result));
/* It was noted less than MEMO_MS ago. */
bool memo_knows(struct memo *, const struct memo_digest *d, uint64_t now_ms);
/* The password was right. */
void memo_note(struct memo *, const struct memo_digest *d, uint64_t now_ms);

/* What it takes, in bytes. */
size_t memo_get_size(void);
