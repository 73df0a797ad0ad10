// SPDX-License-Identifier: BSD-2-Clause
/* conf_tools - what the tests of src/conf share: files in a folder of their
 * own, one call to load a configuration, and a look into the report. */
#pragma once

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/load.h"
#include "conf/options.h"
#include "conf/report.h"
#include "test.h"

static char tool_folder[32];

/* Variables of the caller would be part of every configuration. */
__attribute__((constructor)) static void
tool_clear_environment(void)
{
	static const char prefix[] = "NNTPMUX_";

	for (char **env = environ; *env != NULL;) {
		char name[128];

		if (strncmp(*env, prefix, sizeof(prefix) - 1) != 0) {
			env++;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*env, "="),
		    *env);
		unsetenv(name);	/* moves the rest down */
	}
}

static inline int
tool_remove(const char *path, const struct stat *st, int kind,
    struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* .init and .fini of a test that writes files. */
static inline void
tool_open(void)
{
	strcpy(tool_folder, "/tmp/nntpmux-test-XXXXXX");
	CHECK(mkdtemp(tool_folder) != NULL);
}

static inline void
tool_close(void)
{
	CHECK(nftw(tool_folder, tool_remove, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* The path of a file in the folder, which need not be there. */
static inline char *
tool_path(const char *name)
{
	return xasprintf("%s/%s", tool_folder, name);
}

/* Writes n octets, readable for the owner alone. Gives the path. */
static inline char *
tool_write_n(const char *name, const char *text, size_t n)
{
	char *path = tool_path(name);
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fwrite(text, 1, n, f) == n && fclose(f) == 0);
	CHECK(chmod(path, 0600) == 0);
	return path;
}

static inline char *
tool_write(const char *name, const char *text)
{
	return tool_write_n(name, text, strlen(text));
}

struct loaded {
	struct conf *conf;		/* NULL = there were errors */
	struct conf_report report;
};

/* Loads with "-c path" (NULL = without) and more arguments, up to a NULL. */
static inline struct loaded
tool_load(const char *path, const char *const *more)
{
	struct loaded l = { 0 };
	struct options o;
	char *argv[32] = { (char *)"nntpmux" }, *error;
	int argc = 1;

	if (path != NULL) {
		argv[argc++] = (char *)"-c";
		argv[argc++] = (char *)path;
	}
	for (; more != NULL && *more != NULL; more++)
		argv[argc++] = (char *)*more;
	CHECK(options_parse(&o, argc, argv, &error) == 0);
	report_init(&l.report);
	if (conf_load(&o, &l.conf, &l.report) == 0)
		CHECK(l.conf != NULL && l.report.errors_n == 0);
	else
		CHECK(l.conf == NULL && l.report.errors_n > 0);
	options_fini(&o);
	return l;
}

static inline struct loaded
tool_load_text(const char *text)
{
	char *path = tool_write("test.ini", text);
	struct loaded l = tool_load(path, NULL);

	free(path);
	return l;
}

static inline void
tool_drop(struct loaded *l)
{
	conf_unref(l->conf);
	report_fini(&l->report);
}

/* An issue whose place ends so and whose text holds this. */
static inline bool
tool_has(const struct conf_report *r, enum conf_severity severity,
    const char *place, const char *text)
{
	for (size_t i = 0; i < r->issues_n; i++) {
		const struct conf_issue *issue = &r->issues[i];
		size_t n = strlen(issue->where), place_n = strlen(place);

		if (issue->severity == severity && n >= place_n &&
		    strcmp(issue->where + n - place_n, place) == 0 &&
		    strstr(issue->text, text) != NULL)
			return true;
	}
	return false;
}

/* Nothing in the report shows this text. */
static inline bool
tool_hides(const struct conf_report *r, const char *secret)
{
	for (size_t i = 0; i < r->issues_n; i++)
		if (strstr(r->issues[i].text, secret) != NULL ||
		    strstr(r->issues[i].where, secret) != NULL)
			return false;
	return true;
}
