// SPDX-License-Identifier: BSD-2-Clause
/* The table must be right in itself: these tests look at every row. */
#include "conf/settings.h"

#include <stdlib.h>
#include <string.h>

#include "conf/field.h"
#include "conf/section.h"
#include "conf_tools.h"

#define EACH_ROW(kind, s, n)                                                  \
	for (enum section_kind kind = 0; kind < KIND_N; kind++)               \
		for (size_t n, i_ = 0; i_ < (settings_get(kind, &n), n);      \
		     i_++)                                                    \
			for (const struct setting *s =                        \
			     settings_get(kind, &n) + i_; s != NULL; s = NULL)

Test(settings, rows_are_found_by_key)
{
	EACH_ROW(kind, s, n) {
		cr_assert_eq(s->kind, kind);
		cr_assert_eq(settings_find(kind, s->key), s, "%s twice in"
		    " [%s]", s->key, sections[kind].word);
		cr_assert_lt(settings_index(s), n);
		cr_assert_lt(s->offset, sections[kind].size);
		cr_assert_geq(s->offset, sizeof(struct conf_section));
	}
}

Test(settings, no_two_fields_are_one)
{
	EACH_ROW(kind, s, n)
		for (size_t j = 0; j < settings_index(s); j++)
			cr_assert_neq(s->offset, settings_get(kind,
			    &n)[j].offset, "%s", s->key);
}

Test(settings, texts_are_sentences)
{
	EACH_ROW(kind, s, n) {
		size_t len = strlen(s->text);

		cr_assert_eq(s->text[len - 1], '.', "%s", s->key);
		cr_assert(s->def != NULL || s->example != NULL, "%s",
		    s->key);
		free(setting_describe(s));
	}
}

Test(settings, defaults_and_examples_are_values)
{
	EACH_ROW(kind, s, n) {
		struct conf_section *section = xcalloc(1,
		    sections[kind].size);
		char *why = NULL, *text;

		section_init(section, kind, "x", "test");
		text = field_get(s, section);
		cr_assert_eq(text != NULL, s->def != NULL, "%s", s->key);
		field_wipe(text);
		if (s->example != NULL && s->type != SETTING_HASH)
			cr_assert_eq(field_set(s, section, s->example, &why),
			    0, "%s: %s", s->key, why);
		section_fini(section, kind);
		free(section);
	}
}

Test(settings, borders_of_ranges)
{
	EACH_ROW(kind, s, n) {
		struct conf_section *section;
		char *why, *text;

		if (s->type != SETTING_INT && s->type != SETTING_SIZE)
			continue;
		section = xcalloc(1, sections[kind].size);
		section_init(section, kind, "x", "test");
		for (unsigned i = 0; i < 2; i++) {
			uint64_t border = i == 0 ? s->min : s->max;

			text = xasprintf("%ju", (uintmax_t)border);
			cr_assert_eq(field_set(s, section, text, &why), 0);
			free(text);
			if (i == 0 && border == 0)
				continue;
			text = xasprintf("%ju", (uintmax_t)(i == 0 ?
			    border - 1 : border + 1));
			cr_assert_eq(field_set(s, section, text, &why), -1,
			    "%s = %s", s->key, text);
			free(why);
			free(text);
		}
		section_fini(section, kind);
		free(section);
	}
}

Test(settings, idle_timeout_of_clients_is_3_minutes_at_least)
{
	const struct setting *s = settings_find(KIND_PROXY,
	    "client_idle_timeout");
	char *why;

	cr_assert_eq(section_check(s, "3m", &why), 0);
	cr_assert_eq(section_check(s, "179s", &why), -1);
	free(why);
}

Test(settings, guesses)
{
	cr_assert_str_eq(settings_guess(KIND_PROXY, "thread"), "threads");
	cr_assert_null(settings_guess(KIND_PROXY, "colour"));
	cr_assert_str_eq(sections_guess("backends"), "backend");
	cr_assert_eq(settings_owner("stats_interval"), KIND_LOG);
	cr_assert_eq(settings_owner("colour"), KIND_N);
}

Test(settings, titles)
{
	const char *name;

	cr_assert_eq(sections_split("proxy", &name), KIND_PROXY);
	cr_assert_str_eq(name, "");
	cr_assert_eq(sections_split("backend a.b", &name), KIND_BACKEND);
	cr_assert_str_eq(name, "a.b");
	cr_assert_eq(sections_split("", &name), KIND_N);
	cr_assert_eq(sections_split("averyveryverylongword x", &name),
	    KIND_N);
	cr_assert(sections_is_name(KIND_BACKEND, "news.example-1_x"));
	cr_assert(sections_is_name(KIND_USER, "j\xc3\xb6rg@x"));
	cr_assert_not(sections_is_name(KIND_BACKEND, "j\xc3\xb6rg"));
	cr_assert_not(sections_is_name(KIND_BACKEND, ""));
	cr_assert_not(sections_is_name(KIND_BACKEND, "a b"));
	cr_assert_not(sections_is_name(KIND_BACKEND,
	    "a2345678901234567890123456789012345678901"));
}

Test(field, hashes)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "secret", -1 }, { "se", -1 }, { "abcdefghijklm", -1 },
		{ "$6$salt$hash", -1 }, { "$6$", -1 }, { "$nonsense$x", -1 },
		{ "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aD"
		  "ehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1", 0 },
		{ "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aD"
		  "ehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO", -1 },
		{ CONF_MASK, 0 },
	};
	const struct setting *s = settings_find(KIND_USER, "password");
	char *why;

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		why = NULL;
		cr_assert_eq(section_check(s, cases[i].text, &why),
		    cases[i].rc, "%s", cases[i].text);
		if (why != NULL)
			cr_assert_null(strstr(why, cases[i].text));
		free(why);
	}
}

Test(field, nothing_that_an_ini_file_can_not_hold)
{
	const struct setting *greeting = settings_find(KIND_PROXY,
	    "greeting");
	const struct setting *password = settings_find(KIND_BACKEND,
	    "password");
	char *why;

	cr_assert_eq(section_check(greeting, "a;b", &why), 0);
	cr_assert_eq(section_check(greeting, "a ;b", &why), -1);
	free(why);
	cr_assert_eq(section_check(greeting, "a\r\nb", &why), -1);
	free(why);
	cr_assert_eq(section_check(password, "a\nQUIT", &why), -1);
	free(why);
	cr_assert_eq(section_check(password, " a ;b ", &why), 0);
	cr_assert_eq(section_check(password, "", &why), -1);
	free(why);
}
