// SPDX-License-Identifier: BSD-2-Clause
/* All sources together: precedence, the checks of the whole, -T. */
#include "conf/load.h"

#include "conf/dump.h"
#include "conf_tools.h"

#define FileTest(name_) \
	Test(load, name_, .init = tool_open, .fini = tool_close)
#define BACKEND "[backend b]\naddress = news.example.com\n"
#define ARGS(...) (const char *const []){ __VA_ARGS__, NULL }

static void
expect(enum conf_severity severity, const char *text, const char *place,
    const char *words)
{
	struct loaded l = tool_load_text(text);

	if (!tool_has(&l.report, severity, place, words)) {
		report_print(&l.report, SEVERITY_NOTE, stderr);
		cr_assert_fail("%s: not said: %s\n%s", place, words, text);
	}
	tool_drop(&l);
}

static void
expect_fine(const char *text)
{
	struct loaded l = tool_load_text(text);

	if (l.conf == NULL || l.report.issues_n > 0) {
		report_print(&l.report, SEVERITY_NOTE, stderr);
		cr_assert_fail("is fine, but:\n%s", text);
	}
	tool_drop(&l);
}

static char *
dump(const struct conf *c)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	conf_dump(c, f);
	CHECK(fclose(f) == 0);
	return text;
}

FileTest(precedence)
{
	char *path = tool_write("p.ini", "[proxy]\nthreads = 2\n"
	    "pipeline_depth = 2\nmax_clients = 2\n" BACKEND);
	struct loaded l;

	setenv("NNTPMUX_PROXY__PIPELINE_DEPTH", "3", 1);
	setenv("NNTPMUX_PROXY__MAX_CLIENTS", "3", 1);
	l = tool_load(path, ARGS("-s", "proxy.max_clients=4"));
	cr_assert_not_null(l.conf);
	cr_assert_eq(l.conf->proxy.drain_limit_bytes, 1048576);
	cr_assert_eq(l.conf->proxy.threads, 2);
	cr_assert_eq(l.conf->proxy.pipeline_depth, 3);
	cr_assert_eq(l.conf->proxy.max_clients, 4);
	tool_drop(&l);
	unsetenv("NNTPMUX_PROXY__PIPELINE_DEPTH");
	unsetenv("NNTPMUX_PROXY__MAX_CLIENTS");
	free(path);
}

FileTest(the_file_comes_from_option_or_environment)
{
	char *good = tool_write("good.ini", BACKEND);
	char *bad = tool_write("bad.ini", "[foo]\n");
	struct loaded l;

	setenv("NNTPMUX_CONFIG", bad, 1);
	l = tool_load(NULL, NULL);
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "bad.ini:1", "foo"));
	tool_drop(&l);
	l = tool_load(good, NULL);
	cr_assert_not_null(l.conf);
	tool_drop(&l);
	unsetenv("NNTPMUX_CONFIG");
	free(good);
	free(bad);
}

FileTest(the_port_of_a_backend_depends_on_its_tls)
{
	static const struct {
		const char *tls, *address;
		unsigned port;
	} cases[] = {
		{ "no", "h", 119 },
		{ "starttls", "h", 119 },
		{ "implicit", "h", 563 },
		{ "implicit", "h:119", 119 },
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		char *text = xasprintf("[backend b]\ntls = %s\naddress = %s\n",
		    cases[i].tls, cases[i].address);
		char *path = tool_write("p.ini", text);
		struct loaded l = tool_load(path, NULL);

		cr_assert_not_null(l.conf);
		cr_assert_eq(l.conf->backends[0].port, cases[i].port);
		cr_assert_eq(l.conf->backends[0].tls_context != NULL,
		    l.conf->backends[0].tls != TLS_NO);
		tool_drop(&l);
		free(path);
		free(text);
	}
}

FileTest(backends_of_the_command_line)
{
	char *path = tool_write("p.ini", "[backend h]\naddress = a\n");
	struct loaded l;

	setenv("NNTPMUX_BACKEND_H_2__PASSWORD", "x", 1);
	setenv("NNTPMUX_BACKEND_H_2__TIER", "1", 1);
	l = tool_load(path, ARGS("-b", "nntp://me@H:99?tier=2", "-b",
	    "nntp://[::1]:1", "-s", "backend h-2.weight=7"));
	cr_assert_not_null(l.conf);
	cr_assert_eq(l.conf->backends_n, 3);
	cr_assert_str_eq(l.conf->backends[1].s.name, "h-2");
	cr_assert_str_eq(l.conf->backends[1].host, "H");
	cr_assert_eq(l.conf->backends[1].port, 99);
	cr_assert_eq(l.conf->backends[1].tier, 2);
	cr_assert_eq(l.conf->backends[1].weight, 7);
	cr_assert_str_eq(l.conf->backends[1].password, "x");
	cr_assert_str_eq(l.conf->backends[2].host, "::1");
	tool_drop(&l);
	unsetenv("NNTPMUX_BACKEND_H_2__PASSWORD");
	unsetenv("NNTPMUX_BACKEND_H_2__TIER");
	free(path);
}

FileTest(listeners)
{
	char *path = tool_write("p.ini", "[listen x]\naddress = :77\n"
	    "allow = ::1\n[listen y]\naddress = unix:/y\n" BACKEND);
	struct loaded l = tool_load(path, ARGS("-l", "127.0.0.1:5", "-l",
	    "unix:/z"));

	cr_assert_eq(l.conf->listens_n, 2);
	cr_assert_str_eq(l.conf->listens[0].s.name, "main");
	cr_assert_eq(addr_get_port(&l.conf->listens[0].address), 5);
	cr_assert_str_eq(l.conf->listens[1].s.name, "main-2");
	tool_drop(&l);
	free(path);
	l = tool_load_text(BACKEND);
	cr_assert_eq(l.conf->listens_n, 1);
	cr_assert_str_eq(l.conf->listens[0].s.name, "main");
	cr_assert_eq(addr_get_port(&l.conf->listens[0].address), 8119);
	cr_assert(addr_is_loopback(&l.conf->listens[0].address));
	cr_assert_eq(l.conf->listens[0].backends_mask, 1);
	tool_drop(&l);
}

FileTest(set_of_a_section_that_is_not_there)
{
	char *path = tool_write("p.ini", BACKEND);
	struct loaded l = tool_load(path, ARGS("-s", "backend c.tier=1"));

	cr_assert(tool_has(&l.report, SEVERITY_ERROR, "command line -s",
	    "backend c"));
	tool_drop(&l);
	free(path);
}

FileTest(verbosity)
{
	char *path = tool_write("p.ini", BACKEND);
	struct loaded l = tool_load(path, ARGS("-v"));

	cr_assert_eq(l.conf->log.level, LEVEL_DEBUG);
	tool_drop(&l);
	l = tool_load(path, ARGS("-vvvvv"));
	cr_assert_eq(l.conf->log.level, LEVEL_TRACE);
	tool_drop(&l);
	l = tool_load(path, ARGS("-q", "-q", "-q"));
	cr_assert_eq(l.conf->log.level, LEVEL_ERROR);
	tool_drop(&l);
	free(path);
}

FileTest(mistakes_of_the_whole)
{
	expect(SEVERITY_ERROR, "[proxy]\nthreads = 1\n", "test.ini:0",
	    "no backend");
	expect(SEVERITY_ERROR, "[backend b]\ntier = 1\n", ".ini:1",
	    "no address");
	expect(SEVERITY_ERROR, BACKEND "username = x\n", ".ini:3",
	    "no password");
	expect(SEVERITY_ERROR, BACKEND "password = x\n", ".ini:3",
	    "no username");
	expect(SEVERITY_ERROR, BACKEND "username = x\npassword = x\n"
	    "password_file = /dev/null\n", ".ini:5", "password_file");
	expect(SEVERITY_ERROR, BACKEND "min_idle = 11\n", ".ini:3",
	    "max_connections = 10");
	expect(SEVERITY_ERROR, BACKEND "[user a]\n", ".ini:3",
	    "no password");
	expect(SEVERITY_ERROR, BACKEND "[user a]\npassword_plain = x\n"
	    "password = " CONF_MASK "\n", ".ini:3", "password_plain");
	expect(SEVERITY_ERROR, BACKEND "[listen a]\nbackends = b c\n",
	    ".ini:4", "c, which is not there");
	expect(SEVERITY_ERROR, BACKEND "[listen a]\nbackends = b b\n",
	    ".ini:4", "twice");
	expect(SEVERITY_ERROR, BACKEND "[listen a]\naddress = unix:/x\n"
	    "allow = ::1\n", ".ini:4", "unix socket");
}

FileTest(listeners_that_exclude_each_other)
{
	static const char *const pairs[][2] = {
		{ "127.0.0.1:9", "127.0.0.1:9" }, { ":9", "127.0.0.1:9" },
		{ "127.0.0.1:9", "0.0.0.0:9" }, { ":9", "[::]:9" },
		{ ":9", "0.0.0.0:9" }, { "unix:/x", "unix:/x" },
	};
	static const char *const fine[][2] = {
		{ "127.0.0.1:0", "127.0.0.1:0" },
		{ "127.0.0.1:9", "127.0.0.2:9" },
		{ "127.0.0.1:9", "[::1]:9" }, { "unix:/x", "unix:/y" },
	};

	for (size_t i = 0; i < ARRAY_N(pairs); i++) {
		char *text = xasprintf("[listen a]\naddress = %s\nallow =\n"
		    "[listen b]\naddress = %s\n" BACKEND, pairs[i][0],
		    pairs[i][1]);

		expect(SEVERITY_ERROR, text, ".ini:5", "can't both have");
		free(text);
	}
	for (size_t i = 0; i < ARRAY_N(fine); i++) {
		char *text = xasprintf("[listen a]\naddress = %s\n"
		    "[listen b]\naddress = %s\n" BACKEND, fine[i][0],
		    fine[i][1]);

		expect_fine(text);
		free(text);
	}
}

FileTest(proxy_that_points_at_itself)
{
	static const struct {
		const char *listen, *backend;
		bool is_self;
	} cases[] = {
		{ "127.0.0.1:4242", "127.0.0.1:4242", true },
		{ "127.0.0.1:4242", "localhost:4242", true },
		{ "127.0.0.1:4242", "LocalHost.localdomain:4242", true },
		{ "127.0.0.1:4242", "x.localhost:4242", true },
		{ "127.0.0.1:4242", "0.0.0.0:4242", true },
		{ "[::1]:4242", "localhost:4242", true },
		{ "[::1]:4242", "[::1]:4242", true },
		{ ":4242", "127.0.0.1:4242", true },
		{ ":4242", "[::1]:4242", true },
		{ "0.0.0.0:4242", "127.0.0.9:4242", true },
		{ "127.0.0.1:119", "localhost", true },
		{ "192.0.2.1:4242", "192.0.2.1:4242", true },
		{ "192.0.2.1:4242", "[::ffff:192.0.2.1]:4242", true },
		{ "127.0.0.1:4242", "127.0.0.1:4243", false },
		{ "127.0.0.1:4242", "192.0.2.1:4242", false },
		{ "192.0.2.1:4242", "localhost:4242", false },
		{ ":4242", "192.0.2.1:4242", false },
		{ ":4242", "news.example.com:4242", false },
		{ "unix:/x", "localhost:4242", false },
		{ "0.0.0.0:4242", "[::1]:4242", false },
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		char *text = xasprintf("[listen a]\naddress = %s\n"
		    "[backend b]\naddress = %s\n", cases[i].listen,
		    cases[i].backend);
		struct loaded l = tool_load_text(text);

		cr_assert_eq(tool_has(&l.report, SEVERITY_ERROR, ".ini:4",
		    "this proxy itself"), cases[i].is_self, "%s at %s",
		    cases[i].backend, cases[i].listen);
		tool_drop(&l);
		free(text);
	}
}

FileTest(sixty_four_backends)
{
	for (unsigned n = 64; n <= 65; n++) {
		char *text;
		size_t size;
		FILE *f = open_memstream(&text, &size);
		struct loaded l;

		for (unsigned i = 0; i < n; i++)
			fprintf(f, "[backend b%u]\naddress = h\n", i);
		CHECK(fclose(f) == 0);
		l = tool_load_text(text);
		cr_assert_eq(l.conf != NULL, n == 64);
		if (l.conf != NULL)
			cr_assert_eq(l.conf->listens[0].backends_mask,
			    UINT64_MAX);
		else
			cr_assert(tool_has(&l.report, SEVERITY_ERROR,
			    ".ini:129", "65 backends"));
		tool_drop(&l);
		free(text);
	}
}

FileTest(mask_of_a_listener)
{
	struct loaded l = tool_load_text("[backend a]\naddress = h\n"
	    "[backend b]\naddress = h\n[backend c]\naddress = h\n"
	    "[listen x]\nbackends = c, a\n");

	cr_assert_eq(l.conf->listens[0].backends_mask, 5);
	tool_drop(&l);
}

#define OPEN_DOOR "[listen a]\naddress = 0.0.0.0:8119\n"

FileTest(reachable_by_everybody)
{
	expect(SEVERITY_WARNING, OPEN_DOOR BACKEND, ".ini:2", "everybody");
	expect(SEVERITY_WARNING, "[listen a]\naddress = :8119\n" BACKEND,
	    ".ini:2", "everybody");
	expect_fine(OPEN_DOOR "allow = 10.0.0.0/8\n" BACKEND);
	expect_fine(OPEN_DOOR BACKEND "[user a]\npassword_plain = x\n");
	expect_fine("[listen a]\naddress = unix:/x\n" BACKEND);
	/* deny alone lets all others in */
	expect(SEVERITY_WARNING, OPEN_DOOR "deny = 10.0.0.0/8\n" BACKEND,
	    ".ini:2", "everybody");
}

FileTest(modes_and_posting)
{
	struct loaded l = tool_load_text(BACKEND);

	cr_assert_eq(l.conf->proxy.mode, MODE_HYBRID);
	cr_assert_eq(l.conf->routing.stateful_reserve, 1);
	cr_assert_eq(l.conf->routing.group_affinity, AFFINITY_FIRST);
	cr_assert_eq(l.conf->routing.resume, RESUME_YES);
	cr_assert_not(l.conf->backends[0].posting);
	cr_assert_eq(l.conf->backends[0].post_timeout_ms, 120000);
	cr_assert_eq(l.conf->backends[0].keepalive_ms, 60000);
	tool_drop(&l);
	l = tool_load_text("[proxy]\nmode = per-command\n" BACKEND
	    "posting = yes\npost_timeout = 5m\nkeepalive = 0\n[routing]\n"
	    "stateful_reserve = 3\ngroup_affinity = any\nresume = no\n[user a]\n"
	    "password_plain = x\n[user b]\npassword_plain = x\n"
	    "posting = no\n");
	cr_assert_not_null(l.conf);
	cr_assert_eq(l.report.issues_n, 0);
	cr_assert_eq(l.conf->proxy.mode, MODE_PER_COMMAND);
	cr_assert_eq(l.conf->routing.stateful_reserve, 3);
	cr_assert_eq(l.conf->routing.group_affinity, AFFINITY_ANY);
	cr_assert_eq(l.conf->routing.resume, RESUME_NO);
	cr_assert(l.conf->backends[0].posting);
	cr_assert_eq(l.conf->backends[0].post_timeout_ms, 300000);
	cr_assert_eq(l.conf->backends[0].keepalive_ms, 0);
	cr_assert(l.conf->users[0].posting);
	cr_assert_not(l.conf->users[1].posting);
	tool_drop(&l);
	expect(SEVERITY_ERROR, BACKEND "[proxy]\nmode = pinned\n", ".ini:4",
	    "hybrid | per-command | stateful");
	expect(SEVERITY_ERROR, BACKEND "[routing]\ngroup_affinity = last\n",
	    ".ini:4", "first | any");
	expect(SEVERITY_ERROR, BACKEND "post_timeout = 0\n", ".ini:3",
	    "post_timeout");
}

FileTest(mode_of_the_command_line)
{
	char *path = tool_write("p.ini", "[proxy]\nmode = per-command\n"
	    BACKEND), *text;
	struct loaded l = tool_load(path, ARGS("-m", "stateful"));

	cr_assert_eq(l.conf->proxy.mode, MODE_STATEFUL);
	text = dump(l.conf);
	cr_assert_not_null(strstr(text,
	    "mode = stateful ; command line -m\n"));
	free(text);
	tool_drop(&l);
	free(path);
}

#define ONE "[backend b]\naddress = h\nmax_connections = 1\n"
#define TWO "[backend c]\naddress = h\nmax_connections = 2\n"
#define RESERVE(n) "[routing]\nstateful_reserve = " n "\n"
#define MODE(m) "[proxy]\nmode = " m "\n"

FileTest(nobody_can_select_a_group)
{
	expect(SEVERITY_WARNING, ONE, ".ini:3", "[listen main]: no client"
	    " can select a group");
	expect(SEVERITY_WARNING, ONE, ".ini:3", "stateful_reserve = 1");
	expect(SEVERITY_WARNING, ONE, ".ini:3", "mode = per-command");
	expect(SEVERITY_WARNING, BACKEND RESERVE("10"), ".ini:4",
	    "stateful_reserve = 10");
	/* where one of them can be selected, it can be there */
	expect_fine(ONE TWO);
	expect(SEVERITY_WARNING, ONE TWO "[listen x]\nbackends = b\n"
	    "[listen y]\naddress = 127.0.0.1:1\n", ".ini:3", "[listen x]");
	expect_fine(ONE TWO "[listen x]\nbackends = c\n");
	/* the ways out */
	expect_fine(ONE RESERVE("0"));
	expect_fine(ONE MODE("per-command"));
	expect_fine(ONE MODE("stateful"));
	expect_fine(BACKEND RESERVE("9"));
}

FileTest(nothing_can_be_posted)
{
	expect(SEVERITY_WARNING, ONE "posting = yes\n" TWO, ".ini:4",
	    "stateful_reserve = 1");
	expect(SEVERITY_WARNING, ONE "posting = yes\n" MODE("per-command"),
	    ".ini:4", "nothing can be posted there");
	expect_fine(ONE "posting = yes\n" MODE("stateful"));
	expect_fine(ONE "posting = yes\n" RESERVE("0"));
	expect_fine(ONE TWO "posting = yes\n");
	/* who may post where nobody can */
	expect_fine(BACKEND "[user a]\npassword_plain = x\n"
	    "posting = yes\n");
}

FileTest(reserve_without_a_meaning)
{
	expect(SEVERITY_WARNING, BACKEND MODE("stateful") RESERVE("4"),
	    ".ini:6", "means nothing with mode = stateful");
	expect_fine(BACKEND MODE("stateful") RESERVE("1"));
	expect_fine(BACKEND MODE("stateful") RESERVE("0"));
}

FileTest(strict_makes_errors_of_warnings)
{
	struct loaded l = tool_load_text(OPEN_DOOR BACKEND
	    "[proxy]\nstrict = yes\n");

	cr_assert_null(l.conf);
	cr_assert_eq(l.report.warnings_n, 0);
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, ".ini:2",
	    "everybody"));
	tool_drop(&l);
}

/* Loads a backend with this password_file. */
static struct loaded
load_password(const char *content, size_t n, mode_t mode)
{
	char *file = tool_write_n("pw", content, n);
	char *text = xasprintf(BACKEND "username = me\npassword_file = %s\n",
	    file);
	struct loaded l;

	CHECK(chmod(file, mode) == 0);
	l = tool_load_text(text);
	free(text);
	free(file);
	return l;
}

FileTest(password_file)
{
	static const char content[] = " a; b \r\nxyzzy\n";
	struct loaded l = load_password(content, strlen(content), 0600);

	cr_assert_not_null(l.conf);
	cr_assert_eq(l.report.issues_n, 0);
	cr_assert_str_eq(l.conf->backends[0].password, " a; b ");
	tool_drop(&l);
	l = load_password("x", 1, 0644);
	cr_assert(tool_has(&l.report, SEVERITY_WARNING, ".ini:4",
	    "everybody"));
	tool_drop(&l);
	l = load_password("\nx", 2, 0600);
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, ".ini:4", "empty"));
	tool_drop(&l);
	l = load_password("x\0y\n", 4, 0600);
	cr_assert(tool_has(&l.report, SEVERITY_ERROR, ".ini:4", "NUL"));
	tool_drop(&l);
	expect(SEVERITY_ERROR, BACKEND "username = x\npassword_file = /\n",
	    ".ini:4", "Is a directory");
	expect(SEVERITY_ERROR, BACKEND "username = x\n"
	    "password_file = /none\n", ".ini:4", "No such file");
}

/* The text without its comments: origins differ. */
static void
strip(char *text)
{
	char *out = text;

	for (char *in = text; *in != '\0'; in++) {
		if (*in == ';')
			in += strcspn(in, "\n");
		*out++ = *in;
	}
	*out = '\0';
}

FileTest(dump_is_a_file_that_means_the_same)
{
	struct loaded l = tool_load_text("[listen a]\naddress = :99\nallow ="
	    " 10.0.0.0/8 10.1.0.0/16 10.2.0.0/16 10.3.0.0/16 10.4.0.0/16"
	    " 10.5.0.0/16 10.6.0.0/16 10.7.0.0/16 2001:db8:1:2:3:4::/96\n"
	    "[proxy]\nthreads = 3\ngreeting = a;b  c\n[log]\nlevel=trace\n"
	    BACKEND "username = me\npassword = xyzzy\nmax_lifetime = 90m\n"
	    "[user u]\npassword_plain = xyzzy\n"), again;
	char *first = dump(l.conf), *second;

	cr_assert_null(strstr(first, "xyzzy"));
	cr_assert_not_null(strstr(first, "threads = 3 ; "));
	cr_assert_not_null(strstr(first, "test.ini:5\n"));
	cr_assert_not_null(strstr(first, "wait_timeout = 30s ; default\n"));
	cr_assert_not_null(strstr(first, "\npassword = " CONF_MASK "\n"));
	again = tool_load_text(first);
	if (again.conf == NULL)
		report_print(&again.report, SEVERITY_NOTE,
		    stderr);
	cr_assert_not_null(again.conf);
	cr_assert_eq(again.report.warnings_n, 2);
	second = dump(again.conf);
	strip(first);
	strip(second);
	cr_assert_str_eq(first, second);
	free(first);
	free(second);
	tool_drop(&l);
	tool_drop(&again);
}

FileTest(dump_names_the_origin)
{
	char *path = tool_write("p.ini", BACKEND), *text;
	struct loaded l;

	setenv("NNTPMUX_PROXY__COMMAND_TIMEOUT", "9s", 1);
	l = tool_load(path, ARGS("-s", "proxy.wait_timeout=7s", "-n", "2"));
	text = dump(l.conf);
	cr_assert_not_null(strstr(text,
	    "wait_timeout = 7s ; command line -s\n"));
	cr_assert_not_null(strstr(text, "threads = 2 ; command line -n\n"));
	cr_assert_not_null(strstr(text, "command_timeout = 9s ; environment"
	    " NNTPMUX_PROXY__COMMAND_TIMEOUT\n"));
	unsetenv("NNTPMUX_PROXY__COMMAND_TIMEOUT");
	tool_drop(&l);
	free(text);
	free(path);
}

FileTest(password_of_a_file_is_not_dumped)
{
	struct loaded l = load_password("xyzzy", 5, 0600);
	char *text = dump(l.conf);

	cr_assert_null(strstr(text, "xyzzy"));
	cr_assert_null(strstr(text, "password = "));
	cr_assert_not_null(strstr(text, "password_file = "));
	tool_drop(&l);
	free(text);
}

Test(load, words)
{
	cr_assert_str_eq(conf_mode_word(MODE_HYBRID), "hybrid");
	cr_assert_str_eq(conf_mode_word(MODE_PER_COMMAND), "per-command");
	cr_assert_str_eq(conf_mode_word(MODE_STATEFUL), "stateful");
	cr_assert_str_eq(conf_strategy_word(STRATEGY_WEIGHTED_ROUND_ROBIN),
	    "weighted-round-robin");
	cr_assert_str_eq(conf_strategy_word(STRATEGY_LEAST_LOADED),
	    "least-loaded");
	cr_assert_str_eq(conf_log_level_word(LEVEL_ERROR), "error");
	cr_assert_str_eq(conf_log_level_word(LEVEL_TRACE), "trace");
}
