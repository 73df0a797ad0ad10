// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/text.h"

#include <ctype.h>
#include <string.h>

static uint32_t crc_table[8][256];

/* One pattern of a wildmat, which ends at the given address. The loop goes
 * back to the last star only, so the work is at most length times length. */
static bool
match_one(const char *p, const char *end, const char *s)
{
	const char *star = NULL, *retry = NULL;

	while (*s != '\0') {
		if (p < end && *p == '*') {
			star = ++p;
			retry = s;
		} else if (p < end && (*p == '?' || *p == *s)) {
			p++;
			s++;
		} else if (star != NULL) {
			p = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

bool
text_wildmat(const char *wildmat, const char *s)
{
	bool matches = false;

	for (;;) {
		size_t n = strcspn(wildmat, ",");
		bool negated = *wildmat == '!';

		if (match_one(wildmat + negated, wildmat + n, s))
			matches = !negated;
		if (wildmat[n] == '\0')
			return matches;
		wildmat += n + 1;
	}
}

bool
text_number(const char *s, uint64_t max, uint64_t *value_r)
{
	uint64_t v = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		uint64_t digit = (uint64_t)(*s - '0');

		if (!isdigit((unsigned char)*s) || digit > max ||
		    v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*value_r = v;
	return true;
}

bool
text_size(const char *s, uint64_t *value_r)
{
	static const char units[] = "KMG";
	char digits[24];
	size_t n = strspn(s, "0123456789");
	unsigned shift = 0;

	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (s[n] != '\0') {
		const char *unit = strchr(units, toupper((unsigned char)s[n]));

		if (unit == NULL || s[n + 1] != '\0')
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (!text_number(digits, UINT64_MAX >> (shift + 1), value_r))
		return false;
	*value_r <<= shift;
	return true;
}

bool
text_range(const char *s, uint32_t *low_r, uint32_t *high_r)
{
	const char *dash = strchr(s, '-');
	char low[24];
	size_t n = dash != NULL ? (size_t)(dash - s) : strlen(s);
	uint64_t value;

	if (n >= sizeof(low))
		return false;
	memcpy(low, s, n);
	low[n] = '\0';
	if (!text_number(low, UINT32_MAX, &value))
		return false;
	*low_r = *high_r = (uint32_t)value;
	if (dash == NULL)
		return true;
	*high_r = UINT32_MAX;
	if (dash[1] == '\0')
		return true;
	if (!text_number(dash + 1, UINT32_MAX, &value))
		return false;
	*high_r = (uint32_t)value;
	return true;
}

/* What makes a yymmdd a yyyymmdd: the century that puts the year nearest to
 * now but not after it (RFC 3977 section 7.3.2). */
static uint64_t
full_year(unsigned yy)
{
	time_t now = time(NULL);
	struct tm tm;
	unsigned year;

	gmtime_r(&now, &tm);
	year = (unsigned)tm.tm_year + 1900;
	if (yy > year % 100)
		year -= 100;
	return (uint64_t)(year / 100) * 1000000;
}

bool
text_when(const char *date, const char *hour, time_t *when_r)
{
	struct tm tm = { 0 };
	uint64_t d, hms;
	size_t n = strlen(date);

	if ((n != 6 && n != 8) || strlen(hour) != 6 ||
	    !text_number(date, UINT32_MAX, &d) ||
	    !text_number(hour, UINT32_MAX, &hms))
		return false;
	if (n == 6)
		d += full_year((unsigned)(d / 10000));
	tm.tm_year = (int)(d / 10000) - 1900;
	tm.tm_mon = (int)(d / 100 % 100) - 1;
	tm.tm_mday = (int)(d % 100);
	tm.tm_hour = (int)(hms / 10000);
	tm.tm_min = (int)(hms / 100 % 100);
	tm.tm_sec = (int)(hms % 100);
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour > 24 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return false;
	*when_r = timegm(&tm);
	return true;
}

void
text_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ ((c & 1) != 0 ? 0xEDB88320u : 0);
		crc_table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			crc_table[k][i] = (crc_table[k - 1][i] >> 8) ^
			    crc_table[0][crc_table[k - 1][i] & 0xFF];
}

/* Eight bytes at a time by eight tables. */
uint32_t
text_crc32(uint32_t crc, const void *data, size_t n)
{
	const unsigned char *p = data;

	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 |
		    (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);

		crc = crc_table[7][low & 0xFF] ^
		    crc_table[6][low >> 8 & 0xFF] ^
		    crc_table[5][low >> 16 & 0xFF] ^ crc_table[4][low >> 24] ^
		    crc_table[3][p[4]] ^ crc_table[2][p[5]] ^
		    crc_table[1][p[6]] ^ crc_table[0][p[7]];
	}
	for (; n > 0; n--, p++)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *p) & 0xFF];
	return ~crc;
}
