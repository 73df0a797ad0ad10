// SPDX-License-Identifier: BSD-2-Clause
#include "conf/options.h"

#include "conf/url.h"
#include "conf_tools.h"

/* Parses up to 8 arguments; *error is NULL when that is fine. */
static int
parse(struct options *o, char **error, const char *const *args)
{
	char *argv[10] = { (char *)"nntpmux" };
	int argc = 1;

	for (; *args != NULL; args++)
		argv[argc++] = (char *)*args;
	*error = NULL;
	return options_parse(o, argc, argv, error);
}

#define PARSE(o, error, ...)                                                  \
	parse(o, error, (const char *const []){ __VA_ARGS__, NULL })

/* A usage error that has these words and never the secret. */
static void
expect_usage(const char *const *args, const char *words)
{
	struct options o;
	char *error;

	cr_assert_eq(parse(&o, &error, args), -1, "%s %s", args[0], args[1]);
	cr_assert_not_null(error);
	cr_assert_not_null(strstr(error, words), "%s", error);
	cr_assert_null(strstr(error, "xyzzy"), "%s", error);
	free(error);
	options_fini(&o);
}

#define USAGE(words, ...)                                                     \
	expect_usage((const char *const []){ __VA_ARGS__, NULL }, words)

Test(options, each_does_its_work)
{
	struct options o;
	char *error;

	cr_assert_eq(PARSE(&o, &error, "-c", "f.ini", "-t", "-vv", "-q",
	    "-d", "--listen=:1"), 0);
	cr_assert_eq(o.action, ACTION_TEST);
	cr_assert_str_eq(o.config_file, "f.ini");
	cr_assert_eq(o.verbosity, 1);
	cr_assert(o.is_daemon);
	cr_assert_eq(o.listens_n, 1);
	options_fini(&o);
	cr_assert_eq(PARSE(&o, &error, "-T", "-d", "-f", "-n", "4", "-p",
	    "/x", "-s", "backend a.b.tier=3=x"), -1);
	free(error);
	options_fini(&o);
	cr_assert_eq(PARSE(&o, &error, "-T", "-d", "-f", "-n4", "-s",
	    "backend a.b.tier=3", "--pidfile", "/x"), 0);
	cr_assert_eq(o.action, ACTION_DUMP);
	cr_assert_not(o.is_daemon);
	cr_assert_eq(o.sets_n, 3);
	cr_assert_str_eq(o.sets[0].key, "threads");
	cr_assert_str_eq(o.sets[1].section, "backend a.b");
	cr_assert_str_eq(o.sets[1].key, "tier");
	cr_assert_str_eq(o.sets[1].value, "3");
	cr_assert_str_eq(o.sets[2].section, "proxy");
	options_fini(&o);
	cr_assert_eq(PARSE(&o, &error, "-m", "stateful", "--mode",
	    "per-command"), 0);
	cr_assert_eq(o.sets_n, 2);
	cr_assert_str_eq(o.sets[0].section, "proxy");
	cr_assert_str_eq(o.sets[0].key, "mode");
	cr_assert_str_eq(o.sets[0].value, "stateful");
	cr_assert_str_eq(o.sets[0].where, "command line -m");
	cr_assert_str_eq(o.sets[1].value, "per-command");
	options_fini(&o);
	cr_assert_eq(PARSE(&o, &error, "--version"), 0);
	cr_assert_eq(o.action, ACTION_VERSION);
	options_fini(&o);
	cr_assert_eq(PARSE(&o, &error, "--test-backends"), 0);
	cr_assert_eq(o.action, ACTION_TEST_BACKENDS);
	options_fini(&o);
	cr_assert_eq(PARSE(&o, &error, "--hash-password"), 0);
	cr_assert_eq(o.action, ACTION_HASH_PASSWORD);
	options_fini(&o);
	cr_assert_eq(PARSE(&o, &error, "-h"), 0);
	cr_assert_eq(o.action, ACTION_HELP);
	options_fini(&o);
}

Test(options, usage_errors)
{
	USAGE("unknown option --nonsense", "--nonsense");
	USAGE("unknown option --nonsense", "--nonsense=xyzzy");
	USAGE("takes no value", "--test=xyzzy");
	USAGE("unknown option -Z", "-tZ");
	USAGE("-c needs a value", "-c");
	USAGE("--config needs a value", "--config");
	USAGE("-c: no file", "-c", "");
	USAGE("no option", "xyzzy");
	USAGE("1 to 1024", "-n", "0");
	USAGE("1 to 1024", "-n", "x");
	USAGE("hybrid | per-command | stateful", "-m", "pinned");
	USAGE("hybrid | per-command | stateful", "--mode=Hybrid");
	USAGE("-m needs a value", "-m");
	USAGE("empty", "-n", "");
	USAGE("-l: ", "-l", "localhost:1");
	USAGE("-l: ", "-l", "");
	USAGE("SECTION.KEY=VALUE", "-s", "nonsense");
	USAGE("SECTION.KEY=VALUE", "-s", "proxy.threads");
	USAGE("SECTION.KEY=VALUE", "-s", "proxy=1");
	USAGE("did you mean threads?", "-s", "proxy.thread=1");
	USAGE("unknown section", "-s", "foo.threads=1");
	USAGE("1 to 1024", "-s", "proxy.threads=0");
	USAGE("needs a name", "-s", "backend.tier=1");
	USAGE("no name", "-s", "log x.level=info");
	USAGE("file only", "-s", "proxy.include=x");
	/* No letter stands for what has only a name. */
	USAGE("unknown option -", "-\001");
}

Test(options, secrets_are_refused_and_not_shown)
{
	USAGE("password_file", "-s", "backend primary.password=xyzzy");
	USAGE("password_file", "-s", "user a.password_plain=xyzzy");
	USAGE("password_file", "-s", "user a.password=xyzzy");
	USAGE("password_file", "-s", "primary.password=xyzzy");
	USAGE("password_file", "--set=backend x.password=xyzzy");
	USAGE("password_file", "-b", "nntp://u:xyzzy@h");
	USAGE("password_file", "-b", "nntps://u:xyzzy@h");
	USAGE("password_file", "-b", "u:xyzzy@h");
	USAGE("password_file", "-b", "nntp://u:xy@xyzzy@h:1/?tier=1");
	USAGE("password_file", "-b", "nntp://u:xyzzy/xyzzy@h");
	USAGE("password_file", "-b", "nntp://u@h?password=xyzzy");
	USAGE("password_file", "-b", "nntp://u@h?tier=1&p%61ssword=xyzzy");
	USAGE("password_file", "-b", "nntp://u@h?password");
	USAGE("-s", "-s", "backend x.passwort=xyzzy");
	USAGE("-s", "-s", "backend x.password xyzzy");
	USAGE("-b", "-b", "nntp://u@h?passwort=xyzzy");
	USAGE("-b", "-b", "xyzzy");
	USAGE("-b", "-b", "nntp://h/xyzzy");
	USAGE("-b", "-b", "nntp://h?xyzzy");
}

Test(url, taken_apart)
{
	static const struct {
		const char *url, *address, *name, *user;
		size_t sets_n;
	} cases[] = {
		{ "nntp://h", "h", "h", NULL, 1 },
		{ "NNTP://h:99/", "h:99", "h", NULL, 1 },
		{ "nntp://me@news.example.com", "news.example.com",
		  "news.example.com", "me", 2 },
		{ "nntp://a%40b%3a@[::1]:99/?tier=1&queue_mode=fifo",
		  "[::1]:99", "::1", "a@b:", 4 },
		{ "nntp://h?password_file=%2fx%20y&", "h", "h", NULL, 2 },
		{ "nntp://h?", "h", "h", NULL, 1 },
		{ "nntps://h:563", "h:563", "h", NULL, 2 },
		{ "NNTPS://me@h?tls_verify=no", "h", "h", "me", 4 },
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		struct options_backend b;
		char *error;

		cr_assert_eq(url_parse(&b, cases[i].url, &error), 0, "%s",
		    cases[i].url);
		cr_assert_str_eq(b.name, cases[i].name);
		cr_assert_eq(b.sets_n, cases[i].sets_n);
		cr_assert_str_eq(b.sets[0].key, "address");
		cr_assert_str_eq(b.sets[0].value, cases[i].address);
		if (cases[i].user != NULL)
			cr_assert_str_eq(b.sets[1].value, cases[i].user);
		options_backend_fini(&b);
	}
}

Test(url, refused)
{
	static const char *const urls[] = {
		"", "h", "http://h", "nntpx://h", "nntp://", "nntps://h?tls=no", "nntp://@h",
		"nntp:///", "nntp://h:x", "nntp://h:0", "nntp://h/path",
		"nntp://h#x", "nntp://h?tier=1#x", "nntp://h?tier",
		"nntp://h?tier=", "nntp://h?tier=100", "nntp://h?colour=1",
		"nntp://h?tier=1&tier=2", "nntp://h?address=x",
		"nntp://u@h?username=x", "nntp://%h", "nntp://h%0", "nntp://%",
		"nntp://h%00", "nntp://h?group=%zz", "nntp://[::1", "nntp://u@",
		"nntp://u%0d%0a@h",
	};

	for (size_t i = 0; i < ARRAY_N(urls); i++) {
		struct options_backend b;
		char *error = NULL;

		cr_assert_eq(url_parse(&b, urls[i], &error), -1, "%s",
		    urls[i]);
		cr_assert_not_null(error);
		cr_assert_eq(b.sets_n, 0);
		free(error);
	}
}
