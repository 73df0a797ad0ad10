// SPDX-License-Identifier: BSD-2-Clause
/* hashes - the crypt(3) hash of each user's password.
 *
 * A plain password of the configuration is hashed when this is made. For names
 * that nobody has there is a hash, too: the one that takes longest to check, so
 * that the time of a check does not tell who is there.
 *
 * Made by main, const afterwards: any thread. */
#pragma once

#include <stdbool.h>

struct conf;
struct crypt_data;
struct hashes;

/* Takes as long as one check by each method and cost that there is. Gives. */
struct hashes *hashes_new(const struct conf *conf);
/* Takes it, wiped; NULL is fine. */
void hashes_free(struct hashes *);

/* Borrowed. */
const char *hashes_find(const struct hashes *, const char *name,
    bool *is_known_r);
/* Takes up to 100 ms. */
bool hashes_match(const char *hash, const char *password,
    struct crypt_data *data);
