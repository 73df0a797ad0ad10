// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/options.h"

#include "base/check.h"
#include "newsd/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_LIST, KIND_FLAG, KIND_NUMBER, KIND_SIZE };

struct row {
	const char *name, *arg;
	enum kind kind;
	size_t offset; /* in struct options */
	uint64_t max;
	const char *help;
};

#define ROW_BASE 256 /* beyond any character that getopt gives */
#define FIELD(name) offsetof(struct options, name)

/* --help, getopt and the defaults below all come from these rows; --has,
 * --help are the two that are not plain fields. */
static const struct row rows[] = {
	{ "listen", "HOST:PORT", KIND_TEXT, FIELD(listen), 0,
	    "numeric address; port 0 = any (default 127.0.0.1:0)" },
	{ "port-file", "FILE", KIND_TEXT, FIELD(port_file), 0,
	    "write the port there when ready" },
	{ "max-connections", "N", KIND_NUMBER, FIELD(max_connections),
	    1000000, "more are greeted 502, closed, counted (0 = no limit)" },
	{ "user", "NAME", KIND_TEXT, FIELD(user), 0,
	    "clients must log in as NAME" },
	{ "password-file", "FILE", KIND_TEXT, FIELD(password_file), 0,
	    "... with the first line of FILE" },
	{ "user-only", NULL, KIND_FLAG, FIELD(user_only), 0,
	    "281 directly after AUTHINFO USER" },
	{ "spool", "DIR", KIND_LIST, FIELD(spools), 0,
	    "load DIR/*.art and DIR/newsgroups (repeatable)" },
	{ "group", "NAME", KIND_LIST, FIELD(groups), 0,
	    "a group, even if nothing is in it (repeatable)" },
	{ "generate", "NxSIZE[:GROUP]", KIND_LIST, FIELD(generate), 0,
	    "file <SIZE.0@gen> ... <SIZE.N-1@gen> in GROUP (repeatable)" },
	{ "no-generate", NULL, KIND_FLAG, FIELD(no_generate), 0,
	    "430 to ids <SIZE.SEED@gen> that are not in the spool" },
	{ "has", "K[,K...]/N", KIND_TEXT, 0, 0,
	    "of the generated articles only those with SEED % N in the set" },
	{ "variant", "N", KIND_NUMBER, FIELD(variant), 1000000,
	    "other data in generated articles than servers of another N" },
	{ "first-number", "N", KIND_NUMBER, FIELD(first_number), 2000000000,
	    "number of the first article of each group (default 1)" },
	{ "greeting", "TEXT", KIND_TEXT, FIELD(greeting), 0,
	    "text after 200 or 201" },
	{ "no-post", NULL, KIND_FLAG, FIELD(no_post), 0,
	    "201, and 440 to POST" },
	{ "keep-posts", NULL, KIND_FLAG, FIELD(keep_posts), 0,
	    "write posted articles into the first --spool" },
	{ "latency", "MS", KIND_NUMBER, FIELD(latency_ms), 60000,
	    "answer so much later" },
	{ "idle-timeout", "SECONDS", KIND_NUMBER, FIELD(idle_timeout_s),
	    86400, "close an idle connection (default 600, 0 = never)" },
	{ "threads", "N", KIND_NUMBER, FIELD(threads), 64,
	    "event loops (default 1)" },
	{ "cache", "BYTES", KIND_SIZE, FIELD(cache_bytes), 0,
	    "generated articles kept in memory (default 256M)" },
	{ "max-article", "BYTES", KIND_SIZE, FIELD(max_article_bytes), 0,
	    "largest article that can be posted (default 64M)" },
	{ "max-spool", "BYTES", KIND_SIZE, FIELD(max_spool_bytes), 0,
	    "all articles in the spool (default 2G)" },
	{ "sendfile", NULL, KIND_FLAG, FIELD(sendfile), 0,
	    "no copy of large articles: for clients that throw bytes away" },
	{ "fault", "NAME=P,...", KIND_TEXT, FIELD(faults), 0,
	    "per answer: close-in-block close-before silent garbage 400 slow; "
	    "seed=N" },
	{ "control", "HOST:PORT", KIND_TEXT, FIELD(control), 0,
	    "second port, uncounted, no login: XSTATS, XFAULT NAME=P,..." },
	{ "control-port-file", "FILE", KIND_TEXT, FIELD(control_port_file), 0,
	    "write its port there" },
	{ "stats-file", "FILE", KIND_TEXT, FIELD(stats_file), 0,
	    "write the counts there as JSON, on SIGUSR1 and at the end" },
	{ "pidfile", "FILE", KIND_TEXT, FIELD(pidfile), 0,
	    "write the process id there" },
	{ "help", NULL, KIND_FLAG, 0, 0, "this text" },
};

static void
print_help(void)
{
	puts("newsd - a small news server for demonstrations, tests and load\n"
	     "\n"
	     "usage: newsd [options]\n");
	for (size_t i = 0; i < ARRAY_N(rows); i++) {
		char name[48];

		snprintf(name, sizeof(name), "--%s%s%s", rows[i].name,
		    rows[i].arg != NULL ? " " : "",
		    rows[i].arg != NULL ? rows[i].arg : "");
		printf("  %-26s %s\n", name, rows[i].help);
	}
	puts("\n"
	     "Prints \"listening on HOST:PORT\" when ready, ends on TERM or "
	     "INT. Any\n"
	     "<SIZE.SEED@gen> is an article: SIZE bytes of data as yEnc, with "
	     "checksums in\n"
	     "X-Checksum (body as on the wire), X-Checksum-Plain (without "
	     "stuffed dots) and\n"
	     "the body's last line (all before it, as on the wire). XSTATS "
	     "answers 282 and the\n"
	     "counts as one line of JSON.");
}

static bool
set_row(struct options *o, const struct row *row, const char *value)
{
	char *field = (char *)o + row->offset;
	struct option_list *list;

	switch (row->kind) {
	case KIND_TEXT:
		memcpy(field, &value, sizeof(value));
		return true;
	case KIND_LIST:
		list = (struct option_list *)(void *)field;
		if (list->n >= OPTIONS_LIST_MAX)
			return false;
		list->at[list->n++] = value;
		return true;
	case KIND_FLAG:
		*(bool *)(void *)field = true;
		return true;
	case KIND_NUMBER:
		return text_number(value, row->max,
		    (uint64_t *)(void *)field);
	case KIND_SIZE:
		return text_size(value, (uint64_t *)(void *)field);
	}
	NEVER("kind of an option");
}

static int
read_password(struct options *o)
{
	char line[512];
	FILE *f;

	if ((o->user == NULL) != (o->password_file == NULL && !o->user_only)) {
		fputs("newsd: --user goes with --password-file or "
		      "--user-only\n", stderr);
		return 3;
	}
	if (o->password_file == NULL)
		return 0;
	f = fopen(o->password_file, "re");
	if (f == NULL || fgets(line, sizeof(line), f) == NULL) {
		fprintf(stderr, "newsd: %s: %s\n", o->password_file,
		    f == NULL ? strerror(errno) : "empty");
		if (f != NULL)
			fclose(f);
		return 2;
	}
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	o->password = xstrdup(line);
	return 0;
}

static void
set_defaults(struct options *o)
{
	*o = (struct options){
		.listen = "127.0.0.1:0",
		.greeting = "newsd ready",
		.has = { .modulus = 1, .set = 1 },
		.threads = 1,
		.first_number = 1,
		.idle_timeout_s = 600,
		.cache_bytes = UINT64_C(256) << 20,
		.max_article_bytes = UINT64_C(64) << 20,
		.max_spool_bytes = UINT64_C(2) << 30,
	};
}

static bool
check(const struct options *o)
{
	return o->threads > 0 && o->first_number > 0 &&
	    o->max_article_bytes <= (UINT64_C(1) << 30) &&
	    strlen(o->greeting) < 256 &&
	    strpbrk(o->greeting, "\r\n") == NULL;
}

static int
take(struct options *o, const struct row *row, const char *value)
{
	bool good;

	if (strcmp(row->name, "help") == 0) {
		print_help();
		return 1;
	}
	if (strcmp(row->name, "has") == 0)
		good = gen_has_parse(value, &o->has);
	else
		good = set_row(o, row, value);
	if (good)
		return 0;
	fprintf(stderr, "newsd: --%s %s: not understood\n", row->name,
	    value != NULL ? value : "");
	return 3;
}

int
options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[ARRAY_N(rows) + 1] = { 0 };
	int i, result;

	set_defaults(o);
	for (size_t k = 0; k < ARRAY_N(rows); k++) {
		longs[k].name = rows[k].name;
		longs[k].has_arg =
		    rows[k].arg != NULL ? required_argument : no_argument;
		longs[k].val = ROW_BASE + (int)k;
	}
	while ((i = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (i == '?')
			return 3;
		result = take(o, &rows[i - ROW_BASE], optarg);
		if (result != 0)
			return result;
	}
	if (optind < argc || !check(o)) {
		fprintf(stderr, "newsd: %s\n", optind < argc ?
		    "an argument too many" : "a value out of range");
		return 3;
	}
	return read_password(o);
}

void
options_fini(struct options *o)
{
	free(o->password);
	o->password = NULL;
}
