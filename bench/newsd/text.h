// SPDX-License-Identifier: BSD-2-Clause
/* text - the small grammars of news commands: wildmats, numbers, ranges,
 * dates, checksums. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* RFC 3977 section 4: comma list of patterns with * and ?, "!" negates, the
 * last pattern that matches decides. */
bool text_wildmat(const char *wildmat, const char *s);

/* Decimal digits only, the whole string, at most max. */
bool text_number(const char *s, uint64_t max, uint64_t *value_r);

/* A size in bytes with an optional K, M or G (powers of 1024). */
bool text_size(const char *s, uint64_t *value_r);

/* "n", "n-" or "n-m"; an open end is UINT32_MAX (RFC 3977 section 8.3.1). */
bool text_range(const char *s, uint32_t *low_r, uint32_t *high_r);

/* [yy]yymmdd and hhmmss in GMT (RFC 3977 section 7.3.1). */
bool text_when(const char *date, const char *hour, time_t *when_r);

/* CRC-32 as in zlib and yEnc: start with 0, feed the result back in. */
uint32_t text_crc32(uint32_t crc, const void *p, size_t n);

/* Makes the tables of text_crc32(); once, before the first thread starts. */
void text_init(void);
