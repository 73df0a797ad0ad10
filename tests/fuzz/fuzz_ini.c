// SPDX-License-Identifier: BSD-2-Clause
/* Any text through the INI reader. Every line is answered for: the reader's
 * own CHECKs compare its view of a line with what inih made of it. A text
 * without mistakes comes back as the same values when it is dumped and read
 * again. No file is opened. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/dump.h"
#include "conf/field.h"
#include "conf/ini.h"
#include "conf/report.h"
#include "conf/section.h"
#include "fuzz.h"

/* Gives the configuration; *errors_n_r counts the mistakes. */
static struct conf *
read_text(const char *text, size_t n, size_t *errors_n_r)
{
	struct conf *c = conf_new();
	struct conf_report report;
	struct ini_result result;

	report_init(&report);
	ini_read(c, "f", text, n, &result, &report);
	for (size_t i = 0; i < report.issues_n; i++)
		CHECK(strncmp(report.issues[i].where, "f:", 2) == 0);
	*errors_n_r = report.errors_n;
	ini_result_fini(&result);
	report_fini(&report);
	return c;
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
compare_sections(const struct conf_section *a, const struct conf_section *b,
    enum section_kind kind)
{
	size_t n;
	const struct setting *rows = settings_get(kind, &n);

	CHECK(strcmp(a->name, b->name) == 0);
	for (size_t i = 0; i < n; i++) {
		char *a_text, *b_text;

		if (setting_is_secret(&rows[i]) ||
		    rows[i].type == SETTING_PATTERN)
			continue;
		a_text = field_get(&rows[i], a);
		b_text = field_get(&rows[i], b);
		CHECK(is_same_text(a_text, b_text));
		free(a_text);
		free(b_text);
	}
}

static void
check_dump(struct conf *c)
{
	struct conf *again;
	size_t size, errors_n;
	char *text;
	FILE *f = open_memstream(&text, &size);

	conf_dump(c, f);
	CHECK(fclose(f) == 0);
	again = read_text(text, size, &errors_n);
	CHECK(errors_n == 0);
	for (enum section_kind kind = 0; kind < KIND_N; kind++) {
		size_t n = conf_count_sections(c, kind);

		CHECK(conf_count_sections(again, kind) == n);
		for (size_t i = 0; i < n; i++)
			compare_sections(conf_get_section(c, kind, i),
			    conf_get_section(again, kind, i), kind);
	}
	conf_unref(again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	size_t errors_n;
	struct conf *c = read_text((const char *)data, n, &errors_n);

	if (errors_n == 0)
		check_dump(c);
	conf_unref(c);
	return 0;
}
