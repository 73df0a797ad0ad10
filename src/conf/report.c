// SPDX-License-Identifier: BSD-2-Clause
#include "conf/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* A file full of nonsense shall not make a report of any length. */
#define ISSUES_MAX 1000

void
report_init(struct conf_report *r)
{
	memset(r, 0, sizeof(*r));
}

void
report_fini(struct conf_report *r)
{
	for (size_t i = 0; i < r->issues_n; i++) {
		free(r->issues[i].where);
		free(r->issues[i].text);
	}
	free(r->issues);
	memset(r, 0, sizeof(*r));
}

static void
count(struct conf_report *r, enum conf_severity severity)
{
	if (severity == SEVERITY_ERROR)
		r->errors_n++;
	else if (severity == SEVERITY_WARNING)
		r->warnings_n++;
}

void
report_add(struct conf_report *r, enum conf_severity severity,
    const char *where, const char *fmt, ...)
{
	struct conf_issue *issue;
	va_list ap;
	int n;

	count(r, severity);
	if (r->issues_n == ISSUES_MAX)
		return;
	r->issues = xrealloc(r->issues,
	    (r->issues_n + 1) * sizeof(*r->issues));
	issue = &r->issues[r->issues_n++];
	issue->severity = severity;
	issue->where = xstrdup(where);
	va_start(ap, fmt);
	n = vasprintf(&issue->text, fmt, ap);
	va_end(ap);
	CHECK(n >= 0);
}

void
report_harden(struct conf_report *r)
{
	for (size_t i = 0; i < r->issues_n; i++)
		if (r->issues[i].severity == SEVERITY_WARNING)
			r->issues[i].severity = SEVERITY_ERROR;
	r->errors_n += r->warnings_n;
	r->warnings_n = 0;
}

/* What came from outside may hold bytes that a terminal obeys. */
static void
put_text(const char *text, FILE *f)
{
	for (; *text != '\0'; text++)
		putc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text,
		    f);
}

void
report_print(const struct conf_report *r, enum conf_severity least, FILE *f)
{
	static const char *const marks[] = {
		[SEVERITY_ERROR] = ": ", [SEVERITY_WARNING] = ": warning: ",
		[SEVERITY_NOTE] = ": note: ",
	};
	size_t all = r->errors_n + r->warnings_n;

	for (size_t i = 0; i < r->issues_n; i++) {
		const struct conf_issue *issue = &r->issues[i];

		if (issue->severity > least)
			continue;
		put_text(issue->where, f);
		fputs(marks[issue->severity], f);
		put_text(issue->text, f);
		putc('\n', f);
	}
	if (r->issues_n == ISSUES_MAX && all > ISSUES_MAX)
		fprintf(f, "only the first %d of %zu are shown\n", ISSUES_MAX,
		    all);
}
