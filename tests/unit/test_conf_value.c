// SPDX-License-Identifier: BSD-2-Clause
#include "conf/value.h"

#include <stdlib.h>

#include "base/check.h"
#include "test.h"

Test(value, durations)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t ms;
		const char *again;
	} cases[] = {
		{ "250ms", 0, 250, "250ms" }, { "30s", 0, 30000, "30s" },
		{ "5m", 0, 300000, "5m" }, { "2h", 0, 7200000, "2h" },
		{ "1d", 0, 86400000, "1d" }, { "3000us", 0, 3, "3ms" },
		{ "0", 0, 0, "0" }, { "0s", 0, 0, "0" },
		{ "90s", 0, 90000, "90s" }, { "60s", 0, 60000, "1m" },
		{ "5", -1, 0, "" }, { "50us", -1, 0, "" },
		{ "", -1, 0, "" }, { "s", -1, 0, "" }, { "5 s", -1, 0, "" },
		{ "-5s", -1, 0, "" }, { "1.5s", -1, 0, "" },
		{ "5S", -1, 0, "" }, { "5min", -1, 0, "" },
		{ "99999999999999999999s", -1, 0, "" },
		{ "18446744073709551615d", -1, 0, "" },
	};
	char buf[VALUE_TEXT_MAX];
	uint64_t ms;

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		cr_assert_eq(value_parse_duration(&ms, cases[i].text),
		    cases[i].rc, "%s", cases[i].text);
		if (cases[i].rc == -1)
			continue;
		cr_assert_eq(ms, cases[i].ms, "%s", cases[i].text);
		cr_assert_str_eq(value_format_duration(ms, buf),
		    cases[i].again);
	}
}

Test(value, instants)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t us;
		const char *again;
	} cases[] = {
		{ "50us", 0, 50, "50us" }, { "0", 0, 0, "0" },
		{ "0us", 0, 0, "0" }, { "3000us", 0, 3000, "3000us" },
		{ "5", -1, 0, "" }, { "1ms", -1, 0, "" }, { "us", -1, 0, "" },
		{ "", -1, 0, "" }, { "0ms", -1, 0, "" }, { "5 us", -1, 0, "" },
		{ "-5us", -1, 0, "" }, { "99999999999999999999us", -1, 0, "" },
	};
	char buf[VALUE_TEXT_MAX];
	uint64_t us;

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		cr_assert_eq(value_parse_instant(&us, cases[i].text),
		    cases[i].rc, "%s", cases[i].text);
		if (cases[i].rc == -1)
			continue;
		cr_assert_eq(us, cases[i].us, "%s", cases[i].text);
		cr_assert_str_eq(value_format_instant(us, buf),
		    cases[i].again);
	}
}

Test(value, sizes)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t bytes;
		const char *again;
	} cases[] = {
		{ "0", 0, 0, "0" }, { "1000", 0, 1000, "1000" },
		{ "64K", 0, 65536, "64K" }, { "16M", 0, 16777216, "16M" },
		{ "10G", 0, UINT64_C(10737418240), "10G" },
		{ "1t", 0, UINT64_C(1) << 40, "1T" },
		{ "1024K", 0, 1048576, "1M" },
		{ "", -1, 0, "" }, { "K", -1, 0, "" }, { "1KB", -1, 0, "" },
		{ "1 K", -1, 0, "" }, { "-1", -1, 0, "" },
		{ "99999999999T", -1, 0, "" },
	};
	char buf[VALUE_TEXT_MAX];
	uint64_t bytes;

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		cr_assert_eq(value_parse_size(&bytes, cases[i].text),
		    cases[i].rc, "%s", cases[i].text);
		if (cases[i].rc == -1)
			continue;
		cr_assert_eq(bytes, cases[i].bytes, "%s", cases[i].text);
		cr_assert_str_eq(value_format_size(bytes, buf),
		    cases[i].again);
	}
}

Test(value, times)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t time;
		const char *again;
	} cases[] = {
		{ "2026-12-31", 0, 1798675200, "2026-12-31" },
		{ "2026-12-31T00:00Z", 0, 1798675200, "2026-12-31" },
		{ "2026-12-31 18:00", 0, 1798740000, "2026-12-31T18:00:00Z" },
		{ "2026-12-31t18:00:59z", 0, 1798740059,
		  "2026-12-31T18:00:59Z" },
		{ "2028-02-29", 0, 1835395200, "2028-02-29" },
		{ "2026-02-29", -1, 0, "" }, { "2026-13-01", -1, 0, "" },
		{ "2026-00-01", -1, 0, "" }, { "2026-01-00", -1, 0, "" },
		{ "2026-01-01 24:00", -1, 0, "" },
		{ "2026-01-01 10:60", -1, 0, "" },
		{ "2026-01-01 10:00:60", -1, 0, "" },
		{ "2026-01-01 10", -1, 0, "" }, { "2026-01-01 ", -1, 0, "" },
		{ "2026-1-1", -1, 0, "" }, { "26-01-01", -1, 0, "" },
		{ "2026-01-01Z", -1, 0, "" }, { "2026-01-01x", -1, 0, "" },
		{ "2026-01-01 10:00:00+1", -1, 0, "" },
		{ "1970-01-01", -1, 0, "" }, { "1969-12-31", -1, 0, "" },
		{ "", -1, 0, "" }, { "never", -1, 0, "" },
		{ "2026-01-01 +1:00", -1, 0, "" },
	};
	char buf[VALUE_TEXT_MAX];
	uint64_t time;

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		cr_assert_eq(value_parse_time(&time, cases[i].text),
		    cases[i].rc, "%s", cases[i].text);
		if (cases[i].rc == -1)
			continue;
		cr_assert_eq(time, cases[i].time, "%s", cases[i].text);
		cr_assert_str_eq(value_format_time(time, buf),
		    cases[i].again);
	}
}

Test(value, booleans)
{
	static const char *const yes[] = { "yes", "on", "true", "1", "YES" };
	static const char *const no[] = { "no", "off", "false", "0", "Off" };
	static const char *const none[] = { "", "y", "2", "yes " };
	bool v;

	for (size_t i = 0; i < ARRAY_N(yes); i++) {
		cr_assert_eq(value_parse_bool(&v, yes[i]), 0);
		cr_assert(v);
		cr_assert_eq(value_parse_bool(&v, no[i]), 0);
		cr_assert_not(v);
	}
	for (size_t i = 0; i < ARRAY_N(none); i++)
		cr_assert_eq(value_parse_bool(&v, none[i]), -1);
}

Test(value, modes)
{
	unsigned mode;

	cr_assert_eq(value_parse_mode(&mode, "0660"), 0);
	cr_assert_eq(mode, 0660);
	cr_assert_eq(value_parse_mode(&mode, "600"), 0);
	cr_assert_eq(mode, 0600);
	cr_assert_eq(value_parse_mode(&mode, "0888"), -1);
	cr_assert_eq(value_parse_mode(&mode, "1777"), -1);
	cr_assert_eq(value_parse_mode(&mode, ""), -1);
	cr_assert_eq(value_parse_mode(&mode, "00660"), -1);
}

Test(value, words_of_a_list)
{
	static const char *const words[] = { "a", "b", "cc", "d" };
	const char *text = " a, b,,cc\td ";
	char *word;

	for (size_t i = 0; i < ARRAY_N(words); i++) {
		word = value_next_word(&text);
		cr_assert_not_null(word);
		cr_assert_str_eq(word, words[i]);
		free(word);
	}
	cr_assert_null(value_next_word(&text));
	cr_assert_null(value_next_word(&text));
}

Test(value, distance)
{
	cr_assert_eq(value_distance("", ""), 0);
	cr_assert_eq(value_distance("tier", "tier"), 0);
	cr_assert_eq(value_distance("tire", "tier"), 2);
	cr_assert_eq(value_distance("thread", "threads"), 1);
	cr_assert_eq(value_distance("abc", ""), 3);
}
