// SPDX-License-Identifier: BSD-2-Clause
/* What the INI reader makes of files; each trap of inih has a test. */
#include "conf_tools.h"

#define FileTest(name_) \
	Test(ini, name_, .init = tool_open, .fini = tool_close)

#define BACKEND "[backend b]\naddress = news.example.com\n"

/* One mistake in a file that is fine otherwise: it is named with its line, and
 * it is an error. */
static void
expect_error(const char *text, const char *place, const char *words)
{
	struct loaded l = tool_load_text(text);

	cr_assert_null(l.conf, "%s", text);
	if (!tool_has(&l.report, SEVERITY_ERROR, place, words)) {
		report_print(&l.report, SEVERITY_NOTE, stderr);
		cr_assert_fail("%s: no error with: %s", place, words);
	}
	tool_drop(&l);
}

FileTest(a_good_file)
{
	struct loaded l = tool_load_text(
	    "; comment\n# comment\n\n"
	    "[proxy]\nthreads = 4 ; four\nwait_timeout=5s\n"
	    "greeting = Hello; you\ndrain_limit: 64K\nstrict = on\n"
	    "[listen a]\naddress = 127.0.0.1:0\nallow = 10.0.0.0/8,\n"
	    "  ::1 ; more\n\t192.0.2.1\n; between\n\n  192.0.2.2\n"
	    "[backend one]\naddress = h1:563\ntier = 1\nmax_lifetime = 0\n"
	    "[backend two]\naddress = [::1]\nqueue_mode = fifo\n"
	    "username = me too\npassword = it is \"#1\"\n"
	    "[routing]\nstrategy = weighted-round-robin\n"
	    "[user x]\npassword_plain = 1 2 \xc3\xa4\n"
	    "[log]\ntarget = file:/var/log/x\nlevel = debug\n");
	struct conf *c = l.conf;

	cr_assert_not_null(c);
	cr_assert_eq(l.report.issues_n, 0);
	cr_assert_eq(c->proxy.threads, 4);
	cr_assert_eq(c->proxy.wait_timeout_ms, 5000);
	cr_assert_str_eq(c->proxy.greeting, "Hello; you");
	cr_assert_eq(c->proxy.drain_limit_bytes, 65536);
	cr_assert(c->proxy.strict);
	cr_assert_eq(c->listens_n, 1);
	cr_assert_str_eq(c->listens[0].s.name, "a");
	cr_assert_eq(c->listens[0].allow.n, 4);
	cr_assert_eq(c->listens[0].backends_mask, 3);
	cr_assert_eq(c->backends_n, 2);
	cr_assert_str_eq(c->backends[0].s.name, "one");
	cr_assert_str_eq(c->backends[0].host, "h1");
	cr_assert_eq(c->backends[0].port, 563);
	cr_assert_eq(c->backends[0].tier, 1);
	cr_assert_eq(c->backends[0].max_lifetime_ms, 0);
	cr_assert_null(c->backends[0].username);
	cr_assert_str_eq(c->backends[1].host, "::1");
	cr_assert_eq(c->backends[1].port, 119);
	cr_assert_eq(c->backends[1].queue_mode, QUEUE_FIFO);
	cr_assert_str_eq(c->backends[1].username, "me too");
	cr_assert_str_eq(c->backends[1].password, "it is \"#1\"");
	cr_assert_eq(c->routing.strategy, STRATEGY_WEIGHTED_ROUND_ROBIN);
	cr_assert_eq(c->users_n, 1);
	cr_assert_str_eq(c->users[0].password_plain, "1 2 \xc3\xa4");
	cr_assert_eq(c->log.target_kind, TARGET_FILE);
	cr_assert_str_eq(c->log.target_path, "/var/log/x");
	cr_assert_eq(c->log.level, LEVEL_DEBUG);
	tool_drop(&l);
}

FileTest(line_ends_and_marks_of_other_systems)
{
	struct loaded l = tool_load_text("\xef\xbb\xbf[backend b]\r\n"
	    "address = h\r\n\r\n  \r\ntier = 3");

	cr_assert_not_null(l.conf);
	cr_assert_eq(l.report.issues_n, 0);
	cr_assert_eq(l.conf->backends[0].tier, 3);
	tool_drop(&l);
}

FileTest(unknown_things)
{
	expect_error(BACKEND "\ncolour = red\n", ".ini:4", "unknown key");
	expect_error(BACKEND "max_connection = 1\n", ".ini:3",
	    "did you mean max_connections?");
	expect_error(BACKEND "strategy = lifo\n", ".ini:3",
	    "belongs into [routing]");
	expect_error("[foo]\n" BACKEND, ".ini:1", "unknown section [foo]");
	expect_error(BACKEND "[backends x]\n", ".ini:3",
	    "did you mean backend?");
	expect_error(BACKEND "mode = hybrid\n", ".ini:3", "unknown key");
}

FileTest(headers)
{
	expect_error(BACKEND "[proxy main]\n", ".ini:3", "has no name");
	expect_error(BACKEND "[proxy ]\n", ".ini:3", "has no name");
	expect_error(BACKEND "[listen]\n", ".ini:3", "needs a name");
	expect_error(BACKEND "[user ]\n", ".ini:3", "needs a name");
	expect_error(BACKEND "[user a b]\n", ".ini:3", "name");
	expect_error(BACKEND "[user  a]\n", ".ini:3", "one blank");
	expect_error(BACKEND "[proxy\nthreads = 1\n", ".ini:3", "]");
	expect_error(BACKEND "[proxy] threads = 1\n", ".ini:3", "behind");
	expect_error("threads = 1\n" BACKEND, ".ini:1", "before the first");
	expect_error("\n [proxy]\n" BACKEND, ".ini:2", "first column");
}

FileTest(long_names_are_not_cut)
{
	/* inih keeps 49 octets of a header: these two would be one. */
	expect_error("[backend abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst1"
	    "]\naddress = h\n", ".ini:1", "at most 40");
	expect_error("[backend                                             a]"
	    "\naddress = h\n", ".ini:1", "one blank");
}

FileTest(duplicates_name_both_places)
{
	struct loaded l;

	expect_error("[proxy]\nthreads = 1\nthreads = 2\n" BACKEND, ".ini:3",
	    "test.ini:2");
	expect_error("[proxy]\nthreads = 0\nthreads = 2\n" BACKEND, ".ini:3",
	    "test.ini:2");
	expect_error("[proxy]\n[log]\n[proxy]\n" BACKEND, ".ini:3",
	    "test.ini:1");
	expect_error(BACKEND BACKEND, ".ini:3", "test.ini:1");
	/* The second one is looked at, too, and changes nothing. */
	l = tool_load_text(BACKEND BACKEND "tier = many\n");
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, ".ini:5", "tier"));
	cr_assert_eq(l.report.errors_n, 2);
	tool_drop(&l);
}

FileTest(values)
{
	expect_error(BACKEND "tier = 100\n", ".ini:3", "0 to 99");
	expect_error(BACKEND "tier = -1\n", ".ini:3", "0 to 99");
	expect_error(BACKEND "tier =\n", ".ini:3", "empty");
	expect_error(BACKEND "idle_timeout = 5\n", ".ini:3", "unit");
	expect_error(BACKEND "queue_mode = filo\n", ".ini:3", "lifo | fifo");
	expect_error(BACKEND "username =\n", ".ini:3", "empty");
	expect_error(BACKEND "group = a b\n", ".ini:3", "one word");
	expect_error(BACKEND "[proxy]\nthreads = 1\x01\n", ".ini:4",
	    "control");
	expect_error(BACKEND "[log]\ntarget = file:x\n", ".ini:4", "file:/");
	expect_error(BACKEND "tier\n", ".ini:3", "neither");
	expect_error(BACKEND "= 5\n", ".ini:3", "key is missing");
	expect_error(BACKEND "tier ; = 5\n", ".ini:3", "neither");
	expect_error("[backend a]\naddress = a b\n", ".ini:2", "host");
	expect_error("[backend a]\naddress = a:0\n", ".ini:2", "port 0");
}

FileTest(indented_lines_go_on)
{
	/* inih would read 4 and 1 as values of threads. */
	expect_error("[proxy]\nthreads = 4\n  max_clients = 1\n" BACKEND,
	    ".ini:3", "first column");
	expect_error("[proxy]\nthreads = 4\n  [log]\n" BACKEND, ".ini:3",
	    "first column");
	expect_error("[listen a]\nallow = ::1\n  [log]\n" BACKEND, ".ini:2",
	    "[log]");
}

static char *
make_long(size_t n)
{
	char *value = xmalloc(n + 1), *text;

	memset(value, 'x', n);
	value[0] = '/';	/* or it would be made absolute */
	value[n] = '\0';
	text = xasprintf("[proxy]\npidfile = %s\nthreads = 3\n" BACKEND,
	    value);
	free(value);
	return text;
}

FileTest(long_lines_are_refused_whole)
{
	/* inih would cut the line and read the rest as one of its own. */
	char *text = make_long(100000), *evil = strstr(text, "\nthreads");
	struct loaded l;

	memcpy(evil - 6, "tier=9", 6);
	expect_error(text, ".ini:2", "longer than");
	l = tool_load_text(text);
	cr_assert_eq(l.report.errors_n, 1);
	tool_drop(&l);
	free(text);
	text = make_long(180);
	l = tool_load_text(text);
	cr_assert_not_null(l.conf);
	cr_assert_eq(strlen(l.conf->proxy.pidfile), 180);
	cr_assert_eq(l.conf->proxy.threads, 3);
	tool_drop(&l);
	free(text);
}

/* Every length around the limits of the library: whole or refused, never
 * cut. */
FileTest(no_length_is_cut)
{
	static const size_t from[] = { 150, 4040 };

	for (size_t i = 0; i < ARRAY_N(from); i++) {
		for (size_t n = from[i]; n < from[i] + 80; n++) {
			char *text = make_long(n);
			struct loaded l = tool_load_text(text);

			cr_assert(l.conf == NULL ?
			    tool_has(&l.report, SEVERITY_ERROR, ".ini:2",
			    "longer than") :
			    strlen(l.conf->proxy.pidfile) == n, "%zu", n);
			tool_drop(&l);
			free(text);
		}
	}
}

FileTest(nul)
{
	static const char text[] = "[proxy]\nthreads = 1\0evil\n" BACKEND;
	char *path = tool_write_n("nul.ini", text, sizeof(text) - 1);
	struct loaded l = tool_load(path, NULL);

	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "nul.ini:2", "NUL"));
	tool_drop(&l);
	free(path);
}

FileTest(semicolon_in_a_secret)
{
	static const char *const texts[] = {
		BACKEND "username = x\npassword = xyzzy;q\n",
		BACKEND "username = x\npassword = xyzzy ;q\n",
		BACKEND "username = x\npassword = xyzzy ; comment\n",
		BACKEND "username = x\npassword =; xyzzy\n",
		BACKEND "[user x]\npassword_plain = xyzzy ;\n",
	};

	for (size_t i = 0; i < ARRAY_N(texts); i++) {
		struct loaded l = tool_load_text(texts[i]);

		cr_assert(tool_has(&l.report, SEVERITY_ERROR, ".ini:4",
		    "password_file"), "%zu", i);
		cr_assert_eq(l.report.errors_n, 1);
		cr_assert(tool_hides(&l.report, "xyzzy"));
		tool_drop(&l);
	}
}

FileTest(secrets_are_never_quoted)
{
	struct loaded l = tool_load_text(BACKEND "username = a\n"
	    "password = xyzzy\x01\n[user a]\npassword = xyzzy\n"
	    "passwort = xyzzy\n  xyzzy\n[user b]\npassword_plain = 'xyzzy'\n"
	    "[backend c]\naddress = h\npassword = xyzzy\n  xyzzy\n");

	cr_assert_geq(l.report.errors_n, 4);
	cr_assert(tool_hides(&l.report, "xyzzy"));
	tool_drop(&l);
}

FileTest(quotes_are_nothing_special)
{
	struct loaded l = tool_load_text(BACKEND "group = \"a\"\n");

	cr_assert_not_null(l.conf);
	cr_assert(tool_has(&l.report, SEVERITY_WARNING, ".ini:3", "quotes"));
	cr_assert_str_eq(l.conf->backends[0].group, "\"a\"");
	tool_drop(&l);
}

FileTest(all_mistakes_in_one_run)
{
	struct loaded l = tool_load_text("[proxy]\nthread = 1\n"
	    "max_clients = 0\nstrict = maybe\n[foo]\nbar = 1\n[backend a]\n"
	    "tier = 100\naddress = x\n[backend a]\n[user u]\n");
	static const char *const places[] = {
		".ini:2", ".ini:3", ".ini:4", ".ini:5", ".ini:8", ".ini:10",
		".ini:11",
	};

	for (size_t i = 0; i < ARRAY_N(places); i++)
		cr_assert(tool_has(&l.report, SEVERITY_ERROR, places[i], ""),
		    "%s", places[i]);
	cr_assert_eq(l.report.errors_n, ARRAY_N(places));
	tool_drop(&l);
}

FileTest(files_that_can_not_be_read)
{
	char *path = tool_path("none.ini");
	struct loaded l = tool_load(path, NULL);

	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "none.ini:0",
	    "No such file"));
	cr_assert_eq(l.report.errors_n, 1);
	tool_drop(&l);
	free(path);
	path = tool_path("");
	l = tool_load(path, NULL);
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "/:0",
	    "Is a directory"));
	tool_drop(&l);
	free(path);
	l = tool_load("/dev/zero", NULL);
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "/dev/zero:0",
	    "longer than"));
	tool_drop(&l);
}

FileTest(includes_follow_in_the_order_of_names)
{
	char *dir = tool_path("conf.d");
	struct loaded l;

	CHECK(mkdir(dir, 0700) == 0);
	free(tool_write("conf.d/2.ini", "[backend two]\naddress = h\n"));
	free(tool_write("conf.d/1.ini", "[backend one]\naddress = h\n"
	    "[proxy]\nthreads = 2\ninclude = ../more\n"));
	free(tool_write("more", "[backend more]\naddress = h\n"));
	l = tool_load_text("[proxy]\ninclude = conf.d/*.ini\n" BACKEND);
	cr_assert_not_null(l.conf);
	cr_assert_eq(l.conf->backends_n, 4);
	cr_assert_str_eq(l.conf->backends[0].s.name, "b");
	cr_assert_str_eq(l.conf->backends[1].s.name, "one");
	cr_assert_str_eq(l.conf->backends[2].s.name, "more");
	cr_assert_str_eq(l.conf->backends[3].s.name, "two");
	cr_assert_eq(l.conf->proxy.threads, 2);
	tool_drop(&l);
	free(dir);
}

FileTest(includes_that_are_wrong)
{
	free(tool_write("a.inc", "[proxy]\ninclude = b.inc\n"));
	free(tool_write("b.inc", "[proxy]\ninclude = a.inc\n"));
	free(tool_write("dup.inc", "[proxy]\nthreads = 2\n" BACKEND));
	expect_error("[proxy]\ninclude = a.inc\n" BACKEND, "b.inc:2",
	    "read before");
	expect_error("[proxy]\ninclude = t*.ini\n" BACKEND, "test.ini:2",
	    "read before");
	expect_error("[proxy]\ninclude = none.inc\n" BACKEND, "test.ini:2",
	    "no such file");
	expect_error("[proxy]\ninclude = nodir/*.inc\n" BACKEND, "test.ini:2",
	    "nodir/*.inc: ");
	expect_error("[proxy]\ninclude = .\n" BACKEND, "test.ini:2",
	    "Is a directory");
	expect_error("[proxy]\ninclude = a\ninclude = b\n" BACKEND,
	    "test.ini:3", "already");
	expect_error("[proxy]\nthreads = 1\ninclude = dup.inc\n" BACKEND,
	    "dup.inc:2", "test.ini:2");
	expect_error("[proxy]\nthreads = 1\ninclude = dup.inc\n" BACKEND,
	    "dup.inc:3", "test.ini:4");
}

FileTest(an_empty_folder_of_includes_is_fine)
{
	struct loaded l = tool_load_text("[proxy]\ninclude = *.conf\n"
	    BACKEND);

	cr_assert_not_null(l.conf);
	cr_assert_eq(l.report.issues_n, 0);
	tool_drop(&l);
}

FileTest(includes_have_a_depth)
{
	for (unsigned i = 0; i < 12; i++) {
		char *name = xasprintf("%u.inc", i);
		char *text = xasprintf("[proxy]\ninclude = %u.inc\n", i + 1);

		free(tool_write(name, text));
		free(name);
		free(text);
	}
	expect_error("[proxy]\ninclude = 0.inc\n" BACKEND, "7.inc:2",
	    "deeper");
}

FileTest(a_file_with_secrets_for_everybody)
{
	char *path = tool_write("open.ini", BACKEND
	    "username = a\npassword = b\n");
	struct loaded l;

	CHECK(chmod(path, 0604) == 0);
	l = tool_load(path, NULL);
	cr_assert(tool_has(&l.report, SEVERITY_WARNING, "open.ini:4",
	    "everybody"));
	tool_drop(&l);
	free(path);
	path = tool_write("open.ini", BACKEND);
	CHECK(chmod(path, 0604) == 0);
	l = tool_load(path, NULL);
	cr_assert_eq(l.report.issues_n, 0);
	tool_drop(&l);
	free(path);
}
