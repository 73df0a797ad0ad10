// SPDX-License-Identifier: BSD-2-Clause
#include "conf/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/check.h"

struct unit {
	const char *name;
	uint64_t n;
};

/* Largest first: that is the order in which they are tried for printing. */
static const struct unit sizes[] = {
	{ "T", UINT64_C(1) << 40 }, { "G", UINT64_C(1) << 30 },
	{ "M", UINT64_C(1) << 20 }, { "K", UINT64_C(1) << 10 }, { "", 1 },
};

static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
	{ "ms", 1 },
};

int
value_parse_bool(bool *v_r, const char *text)
{
	static const char *const words[] = {
		"no", "yes", "off", "on", "false", "true", "0", "1",
	};

	for (size_t i = 0; i < ARRAY_N(words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*v_r = i % 2 == 1;
			return 0;
		}
	}
	return -1;
}

/* The digits at the start; *end_r is behind them. */
static int
parse_digits(uint64_t *v_r, const char *text, const char **end_r)
{
	uint64_t v = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return -1;
	*v_r = v;
	*end_r = text;
	return 0;
}

int
value_parse_uint(uint64_t *v_r, const char *text)
{
	const char *end;

	return parse_digits(v_r, text, &end) == 0 && *end == '\0' ? 0 : -1;
}

int
value_parse_size(uint64_t *bytes_r, const char *text)
{
	const char *end;
	uint64_t v;

	if (parse_digits(&v, text, &end) == -1)
		return -1;
	for (size_t i = 0; i < ARRAY_N(sizes); i++)
		if (strcasecmp(end, sizes[i].name) == 0)
			return __builtin_mul_overflow(v, sizes[i].n, bytes_r) ?
			    -1 : 0;
	return -1;
}

int
value_parse_duration(uint64_t *ms_r, const char *text)
{
	const char *end;
	uint64_t v;

	if (parse_digits(&v, text, &end) == -1)
		return -1;
	if (v == 0 && *end == '\0') {
		*ms_r = 0;
		return 0;
	}
	if (strcmp(end, "us") == 0 && v % 1000 == 0) {
		*ms_r = v / 1000;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_N(durations); i++)
		if (strcmp(end, durations[i].name) == 0)
			return __builtin_mul_overflow(v, durations[i].n,
			    ms_r) ? -1 : 0;
	return -1;
}

int
value_parse_instant(uint64_t *us_r, const char *text)
{
	const char *end;
	uint64_t v;

	if (parse_digits(&v, text, &end) == -1 ||
	    (strcmp(end, "us") != 0 && (v > 0 || *end != '\0')))
		return -1;
	*us_r = v;
	return 0;
}

int
value_parse_mode(unsigned *mode_r, const char *text)
{
	size_t n = strspn(text, "01234567");
	unsigned mode = 0;

	if (n == 0 || n > 4 || text[n] != '\0')
		return -1;
	for (; *text != '\0'; text++)
		mode = mode * 8 + (unsigned)(*text - '0');
	if (mode > 0777)
		return -1;
	*mode_r = mode;
	return 0;
}

/* Two digits, no blank or sign among them. */
static int
parse_two(int *v_r, const char **text)
{
	const char *t = *text;

	if (t[0] < '0' || t[0] > '9' || t[1] < '0' || t[1] > '9')
		return -1;
	*v_r = (t[0] - '0') * 10 + (t[1] - '0');
	*text = t + 2;
	return 0;
}

static bool
take_char(const char **text, const char *any)
{
	if (**text == '\0' || strchr(any, **text) == NULL)
		return false;
	(*text)++;
	return true;
}

static int
parse_clock(struct tm *tm, const char **text)
{
	if (parse_two(&tm->tm_hour, text) == -1 || !take_char(text, ":") ||
	    parse_two(&tm->tm_min, text) == -1)
		return -1;
	if (take_char(text, ":") && parse_two(&tm->tm_sec, text) == -1)
		return -1;
	(void)take_char(text, "Zz");
	return 0;
}

int
value_parse_time(uint64_t *time_r, const char *text)
{
	struct tm tm = { 0 }, made;
	int century;
	time_t t;

	if (parse_two(&century, &text) == -1 ||
	    parse_two(&tm.tm_year, &text) == -1 || !take_char(&text, "-") ||
	    parse_two(&tm.tm_mon, &text) == -1 || !take_char(&text, "-") ||
	    parse_two(&tm.tm_mday, &text) == -1)
		return -1;
	tm.tm_year += century * 100 - 1900;
	tm.tm_mon--;
	if (take_char(&text, "Tt ") && parse_clock(&tm, &text) == -1)
		return -1;
	made = tm;
	t = timegm(&made);
	/* A day or an hour that there is not has become another one. */
	if (*text != '\0' || t <= 0 || made.tm_mon != tm.tm_mon ||
	    made.tm_mday != tm.tm_mday || made.tm_hour != tm.tm_hour ||
	    made.tm_min != tm.tm_min || made.tm_sec != tm.tm_sec)
		return -1;
	*time_r = (uint64_t)t;
	return 0;
}

static const char *
format(uint64_t v, const struct unit *units, size_t n, char *buf)
{
	for (size_t i = 0; i < n; i++) {
		if (v > 0 && v % units[i].n == 0) {
			snprintf(buf, VALUE_TEXT_MAX, "%" PRIu64 "%s",
			    v / units[i].n, units[i].name);
			return buf;
		}
	}
	return strcpy(buf, "0");
}

const char *
value_format_size(uint64_t bytes, char buf[VALUE_TEXT_MAX])
{
	return format(bytes, sizes, ARRAY_N(sizes), buf);
}

const char *
value_format_duration(uint64_t ms, char buf[VALUE_TEXT_MAX])
{
	return format(ms, durations, ARRAY_N(durations), buf);
}

const char *
value_format_instant(uint64_t us, char buf[VALUE_TEXT_MAX])
{
	static const struct unit instants[] = { { "us", 1 } };

	return format(us, instants, ARRAY_N(instants), buf);
}

const char *
value_format_time(uint64_t time, char buf[VALUE_TEXT_MAX])
{
	time_t t = (time_t)time;
	struct tm tm;

	CHECK(gmtime_r(&t, &tm) != NULL);
	CHECK(strftime(buf, VALUE_TEXT_MAX, time % 86400 == 0 ? "%Y-%m-%d" :
	    "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
	return buf;
}

char *
value_next_word(const char **text)
{
	static const char between[] = " \t,";
	const char *start = *text + strspn(*text, between);
	size_t n = strcspn(start, between);

	*text = start + n;
	return n > 0 ? xstrndup(start, n) : NULL;
}

/* Longer names are not compared: none of ours is. */
#define DISTANCE_MAX 48

size_t
value_distance(const char *a, const char *b)
{
	size_t a_n = strlen(a), b_n = strlen(b), row[DISTANCE_MAX + 1];

	if (a_n > DISTANCE_MAX || b_n > DISTANCE_MAX)
		return a_n > b_n ? a_n : b_n;
	for (size_t j = 0; j <= b_n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_n];
}
