// SPDX-License-Identifier: BSD-2-Clause
#include "conf/renew.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/field.h"
#include "conf/report.h"
#include "conf/section.h"

static bool
is_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void
keep(struct conf_section *s, const struct conf_section *old,
    const struct setting *set, struct conf_report *report)
{
	char *new_text = field_get(set, s), *old_text = field_get(set, old);
	char *why;

	if (!is_equal(new_text, old_text)) {
		report_add(report, SEVERITY_WARNING, section_get_place(s,
		    set->kind, set->key), "%s needs a restart: it stays %s",
		    set->key, old_text != NULL ? old_text : "not set");
		CHECK(field_set(set, s, old_text != NULL ? old_text : "",
		    &why) == 0);
	}
	free(new_text);
	free(old_text);
}

void
conf_keep_fixed(struct conf *c, const struct conf *old,
    struct conf_report *report)
{
	for (enum section_kind kind = 0; kind < KIND_N; kind++) {
		size_t n;
		const struct setting *rows = settings_get(kind, &n);

		for (size_t i = 0; i < n; i++) {
			if (rows[i].change != CHANGE_RESTART)
				continue;
			CHECK(!sections[kind].is_named &&
			    !setting_is_secret(&rows[i]));
			keep(conf_get_section(c, kind, 0), conf_get_section(
			    (struct conf *)(uintptr_t)old, kind, 0), &rows[i],
			    report);
		}
	}
}
