// SPDX-License-Identifier: BSD-2-Clause
/* value - the simple kinds of values, from text and back.
 *
 * Knows units, not settings; pure functions, any thread. The parsers return 0,
 * or -1 when the text is no such value; ranges are the caller's business. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any number with its unit, and a NUL. */
#define VALUE_TEXT_MAX 32

/* yes no on off true false 1 0, in any case of letters. */
int value_parse_bool(bool *v_r, const char *text);
/* Decimal digits. */
int value_parse_uint(uint64_t *v_r, const char *text);
/* "1000", "64K", "16M", "10G", "1T" in powers of 1024. */
int value_parse_size(uint64_t *bytes_r, const char *text);
/* "250ms", "30s", "5m", "2h", "1d", "3000us" and "0"; a number without a unit
 * or finer than a millisecond is none. */
int value_parse_duration(uint64_t *ms_r, const char *text);
/* "50us" and "0". */
int value_parse_instant(uint64_t *us_r, const char *text);
/* Octal digits up to 0777. */
int value_parse_mode(unsigned *mode_r, const char *text);

/* A date, or a date and a time, of UTC, as seconds since 1970: "2026-12-31",
 * "2026-12-31 18:00", "2026-12-31T18:00:30Z". A date alone is its beginning. */
int value_parse_time(uint64_t *time_r, const char *text);

/* With the largest unit that fits; each returns buf. */
const char *value_format_size(uint64_t bytes, char buf[VALUE_TEXT_MAX]);
const char *value_format_duration(uint64_t ms, char buf[VALUE_TEXT_MAX]);
const char *value_format_instant(uint64_t us, char buf[VALUE_TEXT_MAX]);
/* As value_parse_time() takes it, without the time when that is 00:00:00. */
const char *value_format_time(uint64_t time, char buf[VALUE_TEXT_MAX]);

/* The next word of a list with blanks or commas between; NULL = no more.
 * Gives the word and moves *text behind it. */
char *value_next_word(const char **text);

/* How many letters have to change to make b of a; for "did you mean". */
size_t value_distance(const char *a, const char *b);
