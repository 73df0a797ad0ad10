// SPDX-License-Identifier: BSD-2-Clause
#include "conf/users_file.h"

#include "conf/dump.h"
#include "conf_tools.h"

#define FileTest(name) \
	Test(users_file, name, .init = tool_open, .fini = tool_close)

/* Of "pass word". */
#define HASH "$5$rounds=1000$saltsalt$" \
	"BwFs8EoqCrZHYXOW69nf9xHXYvWfUhtK.7e45TEkuWC"
#define BCRYPT "$2y$05$abcdefghijklmnopqrstuuIt/9/tGzLcigNq/.RWIDjeEVR30RSf."

static struct loaded
load(const char *users, const char *more)
{
	char *path = tool_write("users", users);
	char *text = xasprintf("[proxy]\nusers_file = %s\n[backend a]\n"
	    "address = news.example.com\n%s", path, more);
	struct loaded l = tool_load_text(text);

	free(text);
	free(path);
	return l;
}

FileTest(users_with_the_defaults)
{
	struct loaded l = load("# ours\nalice:" HASH "\n\n \t\r\nbob:" BCRYPT
	    "\r\nj\xc3\xb6rg@x:" HASH, "");
	const struct conf_user *u;

	cr_assert_not_null(l.conf);
	cr_assert_eq(l.report.warnings_n, 0);
	cr_assert_eq(l.conf->users_n, 3);
	u = l.conf->users;
	cr_assert_str_eq(u[0].s.name, "alice");
	cr_assert_str_eq(u[0].password, HASH);
	cr_assert_str_eq(u[1].password, BCRYPT);
	cr_assert_str_eq(u[2].s.name, "j\xc3\xb6rg@x");
	cr_assert(u[2].posting);
	cr_assert_eq(u[2].backends_mask, 1);
	cr_assert_eq(strcmp(u[2].s.where + strlen(u[2].s.where) - 8,
	    "/users:6"), 0);
	tool_drop(&l);
}

FileTest(beside_sections)
{
	struct loaded l = load("alice:" HASH "\n",
	    "[user bob]\npassword = " HASH "\n");

	cr_assert_not_null(l.conf);
	cr_assert_eq(l.conf->users_n, 2);
	tool_drop(&l);
	l = load("# nobody yet\n", "[user bob]\npassword = " HASH "\n");
	cr_assert_not_null(l.conf);
	tool_drop(&l);
}

static void
expect(const char *users, const char *more, const char *place,
    const char *text)
{
	struct loaded l = load(users, more);

	cr_assert_null(l.conf);
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, place, text), "%s",
	    text);
	cr_assert(tool_hides(&l.report, "hidden"));
	tool_drop(&l);
}

FileTest(mistakes_are_named_by_line)
{
	expect("alice:" HASH "\nhidden\n", "", "users:2", "name:hash");
	expect("alice:hidden\n", "", "users:1", "not a crypt(3) hash");
	expect("alice:" HASH ":hidden\n", "", "users:1", "crypt(3) hash");
	expect("alice:{SHA}hidden\n", "", "users:1", "not a crypt(3) hash");
	expect("alice:$apr1$hidden$hidden\n", "", "users:1",
	    "not a crypt(3) hash");
	expect("alice:\n", "", "users:1", "empty");
	expect(":" HASH "\n", "", "users:1", "a name has");
	expect("al ice:" HASH "\n", "", "users:1", "a name has");
	expect("alice:" HASH "\nbob:" HASH "\nalice:" HASH "\n", "",
	    "users:3", "alice is there already");
	expect("alice:" HASH "\n", "[user alice]\npassword = " HASH "\n",
	    "users:1", "alice is there already");
	expect("# nobody\n", "", "test.ini:2", "no users");
	expect("", "", "test.ini:2", "no users");
}

FileTest(files_that_can_not_be_read)
{
	struct loaded l = tool_load_text("[proxy]\nusers_file = /none\n"
	    "[backend a]\naddress = news.example.com\n");

	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "test.ini:2",
	    "No such file"));
	tool_drop(&l);
	l = tool_load_text("[proxy]\nusers_file = /\n"
	    "[backend a]\naddress = news.example.com\n");
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "test.ini:2",
	    "directory"));
	tool_drop(&l);
}

FileTest(a_nul)
{
	char *path = tool_write_n("users", "alice\0:" HASH, 8);
	char *text = xasprintf("[proxy]\nusers_file = %s\n[backend a]\n"
	    "address = news.example.com\n", path);
	struct loaded l = tool_load_text(text);

	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "test.ini:2", "NUL"));
	tool_drop(&l);
	free(text);
	free(path);
}

FileTest(readable_by_everybody)
{
	char *path = tool_write("open", "alice:" HASH "\n");
	char *text = xasprintf("[proxy]\nusers_file = %s\n[backend a]\n"
	    "address = news.example.com\n", path);
	struct loaded l;

	cr_assert_eq(chmod(path, 0644), 0);
	l = tool_load_text(text);
	cr_assert(tool_has(&l.report, SEVERITY_WARNING, "test.ini:2",
	    "everybody may read it"));
	tool_drop(&l);
	free(text);
	free(path);
}

/* It names the file, and its users would be there twice else. */
FileTest(dumped_as_a_file)
{
	struct loaded l = load("alice:" HASH "\n", ""), again;
	char *dump, *path;
	size_t n;
	FILE *f = open_memstream(&dump, &n);

	cr_assert_not_null(l.conf);
	conf_dump(l.conf, f);
	CHECK(fclose(f) == 0);
	cr_assert_null(strstr(dump, "[user"));
	path = tool_write("again.ini", dump);
	again = tool_load(path, NULL);
	cr_assert_not_null(again.conf);
	cr_assert_eq(again.conf->users_n, 1);
	cr_assert_str_eq(again.conf->users[0].password, HASH);
	tool_drop(&again);
	tool_drop(&l);
	free(path);
	free(dump);
}
