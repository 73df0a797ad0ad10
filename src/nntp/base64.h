// SPDX-License-Identifier: BSD-2-Clause
/* base64 - decodes base64 as RFC 4643, 2.4.2 wants it: nothing but the alphabet
 * of RFC 4648, 4, whole groups of four, padding at the end only and no bits
 * left over in it. So each text of octets has one form, and no other is accepted.
 *
 * Owner: the caller. Any thread. Pure: no I/O, no memory, no logging. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Room that n octets of base64 need when they are decoded. */
#define BASE64_DECODED_MAX(n) ((n) / 4 * 3)

/* Writes *n_r octets to buf, which has room for BASE64_DECODED_MAX(n). False:
 * it is not base64; buf may hold the start of it. No octets are base64 of none. */
bool base64_decode(const char *s, size_t n, char *buf, size_t *n_r)
    __attribute__((warn_unused_result));
