// SPDX-License-Identifier: BSD-2-Clause
#include "conf/options.h"

#include <crypt.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/check.h"
#include "base/sandbox.h"
#include "base/syscalls.h"
#include "conf/doc.h"
#include "conf/section.h"
#include "conf/url.h"
#include "net/addr.h"

/* In the place of a letter, for options that have only a name. */
enum {
	ONLY_HASH_PASSWORD = 1,
	ONLY_TEST_BACKENDS,
};

struct option_row {
	char letter;
	const char *name;
	const char *arg;	/* NULL = none */
	const char *text;
};

static const struct option_row rows[] = {
	{ 'c', "config", "FILE", "the INI file; NNTPMUX_CONFIG in the"
	    " environment, then " SYSCONFDIR "/nntpmux/nntpmux.ini" },
	{ 't', "test", NULL, "check the configuration, print every error and"
	    " warning, exit" },
	{ 'T', "dump-config", NULL, "print the effective configuration with"
	    " the origin of each value, secrets masked, exit" },
	{ 'l', "listen", "ADDR", "listen here instead of the [listen NAME]"
	    " sections: host:port, [v6]:port, :port, unix:/path (repeatable)" },
	{ 'b', "backend", "URL", "add a backend: nntp:// or nntps://[user@]host[:port]"
	    "[?key=value&...] (repeatable)" },
	{ 'm', "mode", "MODE", "hybrid, per-command or stateful" },
	{ 'n', "threads", "N", "worker threads, or auto" },
	{ 's', "set", "SECTION.KEY=VALUE", "set a key: -s proxy.threads=4,"
	    " -s 'backend primary.tier=1' (repeatable)" },
	{ 'd', "daemon", NULL, "detach from the terminal" },
	{ 'f', "foreground", NULL, "stay (default)" },
	{ 'p', "pidfile", "FILE", "write the process id here" },
	{ 'u', "user", "USER", "become this user when all sockets are bound" },
	{ 'g', "group", "GROUP", "and keep only this group" },
	{ 'v', "verbose", NULL, "log more (repeatable)" },
	{ 'q', "quiet", NULL, "log less (repeatable)" },
	{ ONLY_TEST_BACKENDS, "test-backends", NULL, "connect to each backend,"
	    " print each phase with its time, greeting and capabilities,"
	    " exit" },
	{ ONLY_HASH_PASSWORD, "hash-password", NULL, "read a password from the"
	    " terminal or standard input, print a hash for [user NAME], exit" },
	{ 'V', "version", NULL, "print the versions and exit" },
	{ 'h', "help", NULL, "print this and exit" },
};

static bool
has_letter(const struct option_row *row)
{
	return row->letter > ' ';
}

static void
clear_set(struct options_set *set)
{
	free(set->section);
	free(set->key);
	free(set->value);
	free(set->where);
}

void
options_backend_fini(struct options_backend *b)
{
	for (size_t i = 0; i < b->sets_n; i++)
		clear_set(&b->sets[i]);
	free(b->sets);
	free(b->name);
	memset(b, 0, sizeof(*b));
}

void
options_fini(struct options *o)
{
	for (size_t i = 0; i < o->listens_n; i++)
		free(o->listens[i]);
	for (size_t i = 0; i < o->backends_n; i++)
		options_backend_fini(&o->backends[i]);
	for (size_t i = 0; i < o->sets_n; i++)
		clear_set(&o->sets[i]);
	free(o->listens);
	free(o->backends);
	free(o->sets);
	memset(o, 0, sizeof(*o));
}

static int
fail(char **error_r, const char *why)
{
	*error_r = xstrdup(why);
	return -1;
}

static int
add_listen(struct options *o, const char *text, char **error_r)
{
	const char *why;
	struct addr a;

	if (addr_parse_listen(&a, text, &why) == -1) {
		*error_r = xasprintf("-l: %s", why);
		return -1;
	}
	o->listens = xrealloc(o->listens,
	    (o->listens_n + 1) * sizeof(*o->listens));
	o->listens[o->listens_n++] = xstrdup(text);
	return 0;
}

static int
add_backend(struct options *o, const char *url, char **error_r)
{
	struct options_backend b;

	if (url_parse(&b, url, error_r) == -1)
		return -1;
	o->backends = xrealloc(o->backends,
	    (o->backends_n + 1) * sizeof(*o->backends));
	o->backends[o->backends_n++] = b;
	return 0;
}

/* A value for a key that is known; the option is how messages name it. */
static int
add_set(struct options *o, const char *section, const struct setting *set,
    const char *value, const char *option, char **error_r)
{
	struct options_set *new;
	char *why;

	if (section_check(set, value, &why) == -1) {
		*error_r = xasprintf("%s: %s: %s", option, set->key, why);
		free(why);
		return -1;
	}
	o->sets = xrealloc(o->sets, (o->sets_n + 1) * sizeof(*o->sets));
	new = &o->sets[o->sets_n++];
	new->section = xstrdup(section);
	new->key = xstrdup(set->key);
	new->value = xstrdup(value);
	new->where = xasprintf("command line %s", option);
	return 0;
}

/* Of what is wrong only a word of the form of a key is quoted: anything else
 * may be a secret in the wrong place. */
static int
fail_unknown_key(const char *section, const char *key, char **error_r)
{
	size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyz_");
	const char *name, *guess = NULL;
	enum section_kind kind = sections_split(section, &name);

	if (kind == KIND_N)
		return fail(error_r, "-s: unknown section; there are proxy,"
		    " listen NAME, backend NAME, routing, user NAME and log");
	if (key[n] != '\0' || n == 0)
		return fail(error_r, "-s: must be SECTION.KEY=VALUE");
	guess = settings_guess(kind, key);
	*error_r = xasprintf("-s: unknown key %s%s%s%s", key,
	    guess != NULL ? "; did you mean " : "",
	    guess != NULL ? guess : "", guess != NULL ? "?" : "");
	return -1;
}

/* In any section: the one before the dot may be mistyped. */
static bool
is_secret_key(const char *key)
{
	for (enum section_kind kind = 0; kind < KIND_N; kind++) {
		const struct setting *set = settings_find(kind, key);

		if (set != NULL && setting_is_secret(set))
			return true;
	}
	return false;
}

/* "SECTION.KEY=VALUE" with the section and the key already cut. */
static int
add_assignment(struct options *o, const char *section, const char *key,
    const char *value, char **error_r)
{
	const char *name;
	enum section_kind kind = sections_split(section, &name);
	const struct setting *set = kind == KIND_N ? NULL :
	    settings_find(kind, key);

	if (is_secret_key(key))
		return fail(error_r, "-s: a password among the arguments can"
		    " be seen by everybody; use password_file, or the"
		    " environment (NNTPMUX_SECTION_NAME__PASSWORD)");
	if (set == NULL)
		return fail_unknown_key(section, key, error_r);
	if (set->type == SETTING_PATTERN)
		return fail(error_r, "-s: include works in a file only");
	if (sections[kind].is_named != (*name != '\0'))
		return fail(error_r, sections[kind].is_named ?
		    "-s: the section needs a name, as in 'backend primary'" :
		    "-s: this section has no name");
	return add_set(o, section, set, value, "-s", error_r);
}

static int
parse_set(struct options *o, const char *text, char **error_r)
{
	const char *eq = strchr(text, '='), *dot;
	char *section, *key;
	int rc;

	dot = memrchr(text, '.', eq != NULL ? (size_t)(eq - text) :
	    strlen(text));
	if (eq == NULL || dot == NULL)
		return fail(error_r, "-s: must be SECTION.KEY=VALUE");
	section = xstrndup(text, (size_t)(dot - text));
	key = xstrndup(dot + 1, (size_t)(eq - dot - 1));
	rc = add_assignment(o, section, key, eq + 1, error_r);
	free(section);
	free(key);
	return rc;
}

static int
apply(struct options *o, int letter, char *arg, char **error_r)
{
	switch (letter) {
	case 'c':
		o->config_file = arg;
		return *arg != '\0' ? 0 : fail(error_r, "-c: no file");
	case 't':
		o->action = ACTION_TEST;
		return 0;
	case 'T':
		o->action = ACTION_DUMP;
		return 0;
	case ONLY_TEST_BACKENDS:
		o->action = ACTION_TEST_BACKENDS;
		return 0;
	case ONLY_HASH_PASSWORD:
		o->action = ACTION_HASH_PASSWORD;
		return 0;
	case 'V':
		o->action = ACTION_VERSION;
		return 0;
	case 'h':
		o->action = ACTION_HELP;
		return 0;
	case 'l':
		return add_listen(o, arg, error_r);
	case 'b':
		return add_backend(o, arg, error_r);
	case 's':
		return parse_set(o, arg, error_r);
	case 'm':
		return add_set(o, "proxy", settings_find(KIND_PROXY,
		    "mode"), arg, "-m", error_r);
	case 'n':
		return add_set(o, "proxy", settings_find(KIND_PROXY,
		    "threads"), arg, "-n", error_r);
	case 'p':
		return add_set(o, "proxy", settings_find(KIND_PROXY,
		    "pidfile"), arg, "-p", error_r);
	case 'u':
		return add_set(o, "proxy", settings_find(KIND_PROXY,
		    "user"), arg, "-u", error_r);
	case 'g':
		return add_set(o, "proxy", settings_find(KIND_PROXY,
		    "group"), arg, "-g", error_r);
	case 'd':
	case 'f':
		o->is_daemon = letter == 'd';
		return 0;
	case 'v':
		o->verbosity++;
		return 0;
	case 'q':
		o->verbosity--;
		return 0;
	}
	NEVER("an option in the table that nobody handles");
}

/* What getopt did not like, without a value that may be a secret. */
static int
fail_option(int result, const char *word, char **error_r)
{
	bool is_long = strncmp(word, "--", 2) == 0;
	int name_n = (int)strcspn(word, "=");

	if (result == ':')
		*error_r = is_long ? xasprintf("%.*s needs a value", name_n,
		    word) : xasprintf("-%c needs a value", optopt);
	else if (is_long && optopt != 0)
		*error_r = xasprintf("%.*s takes no value", name_n, word);
	else if (is_long)
		*error_r = xasprintf("unknown option %.*s", name_n, word);
	else
		*error_r = xasprintf("unknown option -%c", optopt);
	return -1;
}

int
options_parse(struct options *o, int argc, char **argv, char **error_r)
{
	struct option longs[ARRAY_N(rows) + 1] = { 0 };
	char shorts[2 * ARRAY_N(rows) + 2] = ":", *s = shorts + 1;
	int letter;

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < ARRAY_N(rows); i++) {
		longs[i].name = rows[i].name;
		longs[i].has_arg = rows[i].arg != NULL ? required_argument :
		    no_argument;
		longs[i].val = rows[i].letter;
		if (!has_letter(&rows[i]))
			continue;
		*s++ = rows[i].letter;
		if (rows[i].arg != NULL)
			*s++ = ':';
	}
	opterr = 0;
	optind = 0;	/* glibc: begin anew, whoever parsed before */
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == '?' || letter == ':')
			return fail_option(letter, argv[optind - 1], error_r);
		if (apply(o, letter, optarg, error_r) == -1)
			return -1;
	}
	if (optind < argc)
		return fail(error_r, "an argument that is no option");
	return 0;
}

void
options_print_help(FILE *f)
{
	fputs("usage: nntpmux [options]\n\n", f);
	for (size_t i = 0; i < ARRAY_N(rows); i++) {
		if (has_letter(&rows[i]))
			fprintf(f, "  -%c, ", rows[i].letter);
		else
			fputs("      ", f);
		fprintf(f, "--%s%s%s\n", rows[i].name,
		    rows[i].arg != NULL ? " " : "",
		    rows[i].arg != NULL ? rows[i].arg : "");
		doc_print_wrapped(f, "        ", rows[i].text);
	}
	fputs("\nKeys of the INI file, of -s, and of NNTPMUX_SECTION__KEY in"
	    " the environment:\n", f);
	doc_print_help(f);
}

void
options_print_version(FILE *f)
{
	unsigned xxhash = XXH_versionNumber();
	int abi = sandbox_get_abi();
	char seccomp[32];

	fprintf(f, "%s %s\ninih, libxcrypt %s, xxHash %u.%u.%u, OpenSSL %s,"
	    " libseccomp %s, glibc\n",
	    PACKAGE_NAME, PACKAGE_VERSION, XCRYPT_VERSION_STR,
	    xxhash / 10000, xxhash / 100 % 100, xxhash % 100,
	    OpenSSL_version(OPENSSL_VERSION_STRING),
	    syscalls_get_version(seccomp));
	if (abi > 0)
		fprintf(f, "sandbox: Landlock, version %d in this kernel\n",
		    abi);
	else
		fputs("sandbox: Landlock, but not in this kernel\n", f);
	fputs("seccomp: yes\n", f);
}
