// SPDX-License-Identifier: BSD-2-Clause
#include "conf/include.h"

#include <glob.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/sandbox.h"
#include "conf/file.h"
#include "conf/ini.h"
#include "conf/report.h"
#include "conf/section.h"

#define FILE_MAX (1024 * 1024)
#define DEPTH_MAX 8
#define FILES_MAX 256

struct visit {
	dev_t dev;
	ino_t ino;
};

struct walk {
	struct conf *conf;
	struct conf_report *report;
	struct visit visits[FILES_MAX];
	size_t visits_n;
};

static int read_file(struct walk *w, const char *path, const char *where,
    unsigned depth);

/* false, and an error, for a file that was read before. */
static bool
is_first_visit(struct walk *w, const struct stat *st, const char *path,
    const char *where)
{
	for (size_t i = 0; i < w->visits_n; i++) {
		if (S_ISREG(st->st_mode) && w->visits[i].dev == st->st_dev &&
		    w->visits[i].ino == st->st_ino) {
			report_add(w->report, SEVERITY_ERROR, where,
			    "include %s: this file was read before", path);
			return false;
		}
	}
	if (w->visits_n == FILES_MAX) {
		report_add(w->report, SEVERITY_ERROR, where,
		    "include %s: more than %d files", path, FILES_MAX);
		return false;
	}
	w->visits[w->visits_n].dev = st->st_dev;
	w->visits[w->visits_n++].ino = st->st_ino;
	return true;
}

/* The pattern relative to the directory of the file that has it. What is
 * special to glob(3) in the name of the directory is escaped. */
static char *
make_pattern(const char *pattern, const char *path)
{
	char *copy, *dir, *full, *out;

	if (*pattern == '/')
		return xstrdup(pattern);
	copy = xstrdup(path);
	dir = dirname(copy);
	full = out = xmalloc(2 * strlen(dir) + strlen(pattern) + 2);
	for (const char *in = dir; *in != '\0'; in++) {
		if (strchr("*?[\\", *in) != NULL)
			*out++ = '\\';
		*out++ = *in;
	}
	*out++ = '/';
	strcpy(out, pattern);
	free(copy);
	return full;
}

/* No file matched: right for an empty directory, wrong for a plain name or
 * where there is no such directory. */
static void
judge_no_match(struct walk *w, const char *pattern, const char *where)
{
	char *copy = xstrdup(pattern);
	glob_t found;

	if (strpbrk(strrchr(pattern, '/') + 1, "*?[") == NULL ||
	    glob(dirname(copy), 0, NULL, &found) != 0)
		report_add(w->report, SEVERITY_ERROR, where,
		    "include %s: no such file", pattern);
	else
		globfree(&found);
	free(copy);
}

static void
follow(struct walk *w, const struct ini_result *result, const char *path,
    unsigned depth)
{
	const char *where = result->include_where;
	char *pattern;
	glob_t found;

	if (result->include == NULL)
		return;
	if (depth == DEPTH_MAX) {
		report_add(w->report, SEVERITY_ERROR, where,
		    "include: deeper than %d files", DEPTH_MAX);
		return;
	}
	pattern = make_pattern(result->include, path);
	conf_add_file(w->conf, pattern);
	switch (glob(pattern, GLOB_ERR, NULL, &found)) {
	case 0:
		for (size_t i = 0; i < found.gl_pathc; i++)
			(void)read_file(w, found.gl_pathv[i], where, depth + 1);
		globfree(&found);
		break;
	case GLOB_NOMATCH:
		judge_no_match(w, pattern, where);
		break;
	default:
		report_add(w->report, SEVERITY_ERROR, where,
		    "include %s: %s", pattern,
		    sandbox_covers(pattern, SANDBOX_READ) ? "can't be read" :
		    "outside of the sandbox; restart to use it");
	}
	free(pattern);
}

/* where = NULL: the file that the user named. */
static int
read_file(struct walk *w, const char *path, const char *where, unsigned depth)
{
	char *self = xasprintf("%s:0", path), *why;
	struct ini_result result;
	struct file f;

	if (file_read(&f, path, FILE_MAX, &why) == -1) {
		report_add(w->report, SEVERITY_ERROR,
		    where != NULL ? where : self, "%s%s%s%s",
		    where != NULL ? "include " : "",
		    where != NULL ? path : "", where != NULL ? ": " : "",
		    why);
		free(why);
		free(self);
		return -1;
	}
	if (is_first_visit(w, &f.st, path, where != NULL ? where : self)) {
		conf_add_file(w->conf, path);
		ini_read(w->conf, path, f.text, f.n, &result, w->report);
		if (result.secret_where != NULL && S_ISREG(f.st.st_mode) &&
		    (f.st.st_mode & S_IROTH) != 0)
			report_add(w->report, SEVERITY_WARNING,
			    result.secret_where,
			    "a secret in a file that everybody may read");
		follow(w, &result, path, depth);
		ini_result_fini(&result);
	}
	file_fini(&f);
	free(self);
	return 0;
}

int
include_read(struct conf *c, const char *path, struct conf_report *report)
{
	struct walk w = { .conf = c, .report = report };

	return read_file(&w, path, NULL, 0);
}
