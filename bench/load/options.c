// SPDX-License-Identifier: BSD-2-Clause
#include "load/options.h"

#include "base/check.h"
#include "load/load.h"
#include "newsd/text.h"

#include <getopt.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct row {
	const char *name, *arg, *help;
	/* NULL: a number up to max at offset, or a flag if arg is NULL. */
	bool (*take)(struct options *o, const char *value);
	size_t offset;
	uint64_t max;
};

#define ROW_BASE 256 /* beyond any character that getopt gives */
#define NUMBER(field, max) NULL, offsetof(struct options, field), max
#define FLAG(field) NULL, offsetof(struct options, field), 0
#define TAKE(function) function, 0, 0
#define DAY_MS UINT64_C(86400000)
#define CLIENTS_MAX 1000000
#define PID_MOST 4194304 /* of any Linux */

static bool take_address(struct options *o, const char *value);
static bool take_commands(struct options *o, const char *value);
static bool take_sizes(struct options *o, const char *value);
static bool take_slow_read(struct options *o, const char *value);
static bool take_watch(struct options *o, const char *value);

static const struct row rows[] = {
	{ "connect", "HOST:PORT", "numeric address of the server (needed)",
	    TAKE(take_address) },
	{ "connections", "N", "clients (default 1)",
	    NUMBER(connections, CLIENTS_MAX) },
	{ "commands", "VERB[=N],...",
	    "ARTICLE, BODY, HEAD, STAT by weight (default BODY)",
	    TAKE(take_commands) },
	{ "sizes", "BYTES,...", "of the articles (default 716800)",
	    TAKE(take_sizes) },
	{ "articles", "N", "different ones of each size (default 16)",
	    NUMBER(mix.articles_n, 1000000) },
	{ "depth", "N", "commands in flight of one client (default 1)",
	    NUMBER(depth, OPTIONS_DEPTH_MAX) },
	{ "think", "US", "a client waits so long before it asks again",
	    NUMBER(think_us, DAY_MS) },
	{ "idle", NULL, "clients connect and ask nothing", FLAG(is_idle) },
	{ "idle-beside", "N",
	    "N more that ask nothing, must stay, and are in no count",
	    NUMBER(idle_beside, CLIENTS_MAX) },
	{ "slow-beside", "N",
	    "N more, 16 in flight, that read slowly and are counted apart",
	    NUMBER(slow_beside, CLIENTS_MAX) },
	{ "slow-read", "BYTES",
	    "that each of them reads every 10 ms (default 64K)",
	    TAKE(take_slow_read) },
	{ "time", "MS",
	    "measure so long, and an answer per client (default 2000)",
	    NUMBER(measure_ms, DAY_MS) },
	{ "warm-up", "MS", "after so long (default 300)",
	    NUMBER(warm_up_ms, DAY_MS) },
	{ "count", "N", "instead: N commands, all of them measured",
	    NUMBER(count, UINT64_MAX) },
	{ "seed", "N", "what is drawn (default 1)",
	    NUMBER(seed, UINT32_MAX) },
	{ "verify", NULL, "check every byte of every block",
	    FLAG(is_verifying) },
	{ "watch", "PID", "measure its processor time as well (repeatable)",
	    TAKE(take_watch) },
	{ "help", NULL, "this text", FLAG(is_idle) },
};

static bool
take_address(struct options *o, const char *value)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *info = NULL;
	const char *colon = strrchr(value, ':');
	char host[64];
	size_t n = colon != NULL ? (size_t)(colon - value) : sizeof(host);

	if (n >= 2 && value[0] == '[' && value[n - 1] == ']') {
		value++;
		n -= 2;
	}
	if (n >= sizeof(host))
		return false;
	memcpy(host, value, n);
	host[n] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &info) != 0)
		return false;
	memcpy(&o->address, info->ai_addr, info->ai_addrlen);
	o->address_n = info->ai_addrlen;
	freeaddrinfo(info);
	return true;
}

static bool
take_commands(struct options *o, const char *value)
{
	return mix_parse_commands(&o->mix, value);
}

static bool
take_sizes(struct options *o, const char *value)
{
	return mix_parse_sizes(&o->mix, value);
}

static bool
take_slow_read(struct options *o, const char *value)
{
	return text_size(value, &o->slow_bytes) && o->slow_bytes > 0 &&
	    o->slow_bytes <= LOAD_BUFFER_N;
}

static bool
take_watch(struct options *o, const char *value)
{
	uint64_t pid;

	if (o->watch_n == OPTIONS_WATCH_MAX ||
	    !text_number(value, PID_MOST, &pid) || pid == 0)
		return false;
	o->watch[o->watch_n++] = (pid_t)pid;
	return true;
}

static void
print_help(void)
{
	puts("load - clients that ask a news server for what newsd makes up\n"
	     "\n"
	     "usage: load --connect HOST:PORT [options]\n");
	for (size_t i = 0; i < ARRAY_N(rows); i++) {
		char name[48];

		snprintf(name, sizeof(name), "--%s%s%s", rows[i].name,
		    rows[i].arg != NULL ? " " : "",
		    rows[i].arg != NULL ? rows[i].arg : "");
		printf("  %-24s %s\n", name, rows[i].help);
	}
	puts("\n"
	     "Prints \"ready\" when all clients are greeted, and results as "
	     "one line of JSON\n"
	     "at the end. An answer that is not right ends it with exit code "
	     "1.");
}

static int
take(struct options *o, const struct row *row, const char *value)
{
	char *field = (char *)o + row->offset;
	bool good = true;

	if (strcmp(row->name, "help") == 0) {
		print_help();
		return 1;
	}
	if (row->take != NULL)
		good = row->take(o, value);
	else if (row->arg != NULL)
		good = text_number(value, row->max,
		    (uint64_t *)(void *)field);
	else
		*(bool *)(void *)field = true;
	if (good)
		return 0;
	fprintf(stderr, "load: --%s %s: not understood\n", row->name, value);
	return 3;
}

static bool
check(const struct options *o)
{
	return o->address_n > 0 && o->connections > 0 && o->depth > 0 &&
	    o->mix.articles_n > 0 && !(o->is_idle && o->count > 0);
}

int
options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[ARRAY_N(rows) + 1] = { 0 };
	int i, result;

	*o = (struct options){ .connections = 1, .depth = 1,
		.measure_ms = 2000, .warm_up_ms = 300, .seed = 1,
		.slow_bytes = 64u << 10,
		.mix = { .weights[VERB_BODY] = 1, .sizes = { 716800 },
		    .sizes_n = 1, .articles_n = 16 } };
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
		fputs("load: an argument too many, --connect missing, or a "
		      "value out of range\n", stderr);
		return 3;
	}
	return 0;
}

uint64_t
options_count_clients(const struct options *o)
{
	return o->connections + o->idle_beside + o->slow_beside;
}
