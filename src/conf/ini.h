// SPDX-License-Identifier: BSD-2-Clause
/* ini - one INI text into a configuration.
 *
 * The packaged inih takes lines apart; a reader of ours gives them to it one
 * at a time, so that every mistake has its line and none of the library's
 * limits cuts anything silently. Opens no file. Main thread. */
#pragma once

#include <stddef.h>

/* The longest line: where the library can't be told, it takes 200 octets with
 * CR, LF and NUL. */
#if HAVE_DECL_INI_MAX_LINE
#define INI_LINE_MAX 4096
#else
#define INI_LINE_MAX 197
#endif

struct conf;
struct conf_report;

/* What the caller has to see to; all NULL when there is nothing. */
struct ini_result {
	char *include;		/* value of the key */
	char *include_where;	/* its "file:line" */
	char *secret_where;	/* of the first secret */
};

/* Reads a text that messages call path. Mistakes go to the report as
 * "path:line"; reading goes on behind them. ini_result_fini() afterwards. */
void ini_read(struct conf *c, const char *path, const char *text, size_t n,
    struct ini_result *result_r, struct conf_report *report);
void ini_result_fini(struct ini_result *result);
