// SPDX-License-Identifier: BSD-2-Clause
/* The files that a configuration names, and what is done with them. */
#include "conf/paths.h"

#include "conf/file.h"
#include "conf_tools.h"

#define PathsTest(name_) \
	Test(paths, name_, .init = tool_open, .fini = tool_close)

#define BACKEND "[backend b]\naddress = h\nusername = me\n"

struct found {
	char *text;	/* "r /path\n" for each, in order */
	size_t size;
	FILE *f;
};

static void
note(void *arg, const char *path, enum sandbox_access access)
{
	static const char letters[] = {
		[SANDBOX_READ] = 'r', [SANDBOX_LOG] = 'l',
		[SANDBOX_REMOVE] = 'd', [SANDBOX_SOCKET] = 's',
		[SANDBOX_STATE] = 'w',
	};
	struct found *found = arg;

	fprintf(found->f, "%c %s\n", letters[access], path);
}

/* Gives. */
static char *
list_paths(const struct conf *c)
{
	struct found found = { .text = NULL };

	found.f = open_memstream(&found.text, &found.size);
	CHECK(found.f != NULL);
	conf_each_path(c, note, &found);
	CHECK(fclose(found.f) == 0);
	return found.text;
}

static void
expect(const char *text, const char *letter, const char *directory,
    const char *name)
{
	char *line = xasprintf("%s %s%s%s\n", letter, directory,
	    *directory != '\0' ? "/" : "", name);

	cr_assert_not_null(strstr(text, line), "no %s in:\n%s", line, text);
	free(line);
}

static void
drop(struct loaded *l)
{
	conf_unref(l->conf);
	report_fini(&l->report);
}

PathsTest(of_files_and_of_values)
{
	char *main_path = tool_write("main.ini", "[proxy]\n"
	    "pidfile = /run/x/pid\ninclude = more/*.ini\n[listen main]\n"
	    "address = unix:/run/y/sock\n[log]\ntarget = file:/var/log/z\n");
	char *folder = tool_path("more"), *secret = tool_write("secret", "x");
	char *text, *ini, *more;
	struct loaded l;

	CHECK(mkdir(folder, 0700) == 0);
	ini = xasprintf(BACKEND "password_file = %s\n", secret);
	more = tool_write("more/1.ini", ini);
	l = tool_load(main_path, NULL);
	cr_assert_not_null(l.conf);
	text = list_paths(l.conf);
	expect(text, "r", tool_folder, "main.ini");
	expect(text, "r", tool_folder, "more/*.ini");
	expect(text, "r", tool_folder, "more/1.ini");
	expect(text, "r", tool_folder, "secret");
	expect(text, "d", "", "/run/x/pid");
	expect(text, "s", "", "/run/y/sock");
	expect(text, "l", "", "/var/log/z");
	free(text);
	free(ini);
	free(more);
	free(folder);
	free(secret);
	free(main_path);
	drop(&l);
}

/* What is relative would mean something else once a daemon has left. */
PathsTest(relative_ones_are_of_where_it_was_started)
{
	char *secret = tool_write("secret", "x"), *here, *text;
	char start[4096];
	struct loaded l;

	CHECK(getcwd(start, sizeof(start)) != NULL && chdir(tool_folder) == 0);
	here = file_make_absolute(".");
	free(tool_write("main.ini", "[proxy]\npidfile = pid\n" BACKEND
	    "password_file = secret\n"));
	/* In one process with other tests the start was another. */
	if (strncmp(here, tool_folder, strlen(tool_folder)) == 0) {
		l = tool_load("main.ini", NULL);
		cr_assert_not_null(l.conf);
		CHECK(chdir("/") == 0);
		text = list_paths(l.conf);
		expect(text, "r", tool_folder, "main.ini");
		expect(text, "r", tool_folder, "secret");
		expect(text, "d", tool_folder, "pid");
		free(text);
		drop(&l);
	}
	CHECK(chdir(start) == 0);
	free(here);
	free(secret);
}

PathsTest(credentials)
{
	char *secret = tool_write("primary", "x"), *path, *text;
	struct loaded l;

	setenv("CREDENTIALS_DIRECTORY", tool_folder, 1);
	path = tool_write("main.ini", BACKEND "password_file = primary\n");
	l = tool_load(path, NULL);
	cr_assert_not_null(l.conf);
	cr_assert_str_eq(l.conf->backends[0].password, "x");
	text = list_paths(l.conf);
	expect(text, "r", tool_folder, "primary");
	unsetenv("CREDENTIALS_DIRECTORY");
	free(text);
	free(path);
	free(secret);
	drop(&l);
}
