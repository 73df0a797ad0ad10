// SPDX-License-Identifier: BSD-2-Clause
/* generate - articles made up from their message-id, and a cache of them.
 *
 * <SIZE.SEED@gen>, for example <716800.42@gen>, is an article whose body is
 * one complete yEnc part: SIZE bytes of data that only SIZE and SEED decide,
 * in lines of 128 characters (some 3 % more on the wire), 8-bit, with lines
 * that begin with a dot. A client can check it without any file:
 *
 *   X-Checksum        CRC-32 (8 hex digits) of the body as it is on the wire:
 *                     dot-stuffed, CRLFs and all, without the final ".\r\n"
 *   X-Checksum-Plain  the same after the stuffed dots are taken away
 *   =yend ... crc32=  CRC-32 of the decoded data
 *   newsd crc32=      last line of the body: CRC-32 of all body bytes before
 *                     this line, as on the wire; enough for a BODY alone
 *
 * The name in "=ybegin ... name=gen-SIZE-SEED.bin" tells whose body it is.
 * SIZE is at most GEN_SIZE_MAX; all else with "@gen" is not here (430).
 * Owner: struct newsd. Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GEN_SIZE_MAX (64u << 20)
#define GEN_GROUP "local.gen"

struct article;
struct gen;

/* Which seeds this server holds: SEED % modulus is a bit of set. */
struct gen_has {
	unsigned modulus; /* 1..64 */
	uint64_t set;
};

/* "K/N" or "K,K,K/N". */
bool gen_has_parse(const char *s, struct gen_has *has_r);

/* cache_bytes bounds what the cache keeps (0: nothing). Another variant has
 * other data under the same ids, with checksums that fit. */
struct gen *gen_new(uint64_t cache_bytes, struct gen_has has,
    uint64_t variant);
void gen_free(struct gen *g);

/* True when the id is one of ours and this server holds it; makes nothing. */
bool gen_is_here(const struct gen *g, const char *id);

/* Gives a reference to the article of this id, or NULL: not here. */
struct article *gen_get(struct gen *g, const char *id);

/* Makes the article; group stands in its Newsgroups header. Gives it. */
struct article *gen_make(uint64_t size, uint64_t seed, uint64_t variant,
    const char *group);
