// SPDX-License-Identifier: BSD-2-Clause
/* report - every error and warning about a configuration, in one list.
 *
 * Embedded in its user, who calls init and fini; one thread. Texts never hold
 * a secret: a value is only quoted when its setting is known and is none.
 * Never prints by itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum conf_severity {
	SEVERITY_ERROR,
	SEVERITY_WARNING,
	SEVERITY_NOTE		/* for the log at debug level only */
};

struct conf_issue {
	enum conf_severity severity;
	char *where;		/* "file:line", "environment NAME", … */
	char *text;
};

struct conf_report {
	struct conf_issue *issues;
	size_t issues_n;
	size_t errors_n, warnings_n;
};

void report_init(struct conf_report *r);
void report_fini(struct conf_report *r);

/* Adds one; where and the text are copied. */
void report_add(struct conf_report *r, enum conf_severity severity,
    const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Every warning becomes an error: strict. */
void report_harden(struct conf_report *r);

/* "where: text" or "where: warning: text", one a line, up to this severity. */
void report_print(const struct conf_report *r, enum conf_severity least,
    FILE *f);
