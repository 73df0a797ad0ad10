// SPDX-License-Identifier: BSD-2-Clause
/* options - the command line. Filled once by main, then const. */
#pragma once

#include "newsd/generate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_LIST_MAX 64

/* An option that may be given several times. */
struct option_list {
	const char *at[OPTIONS_LIST_MAX];
	size_t n;
};

struct options {
	const char *listen, *port_file;
	const char *control, *control_port_file;
	const char *user, *password_file, *greeting, *pidfile, *stats_file;
	const char *faults;
	struct option_list spools, groups, generate;
	struct gen_has has;
	char *password; /* first line of password_file; NULL without one */
	uint64_t max_connections; /* 0: as many as descriptors allow */
	uint64_t threads, latency_ms, idle_timeout_s, first_number;
	uint64_t cache_bytes, max_article_bytes, max_spool_bytes, variant;
	bool no_post, no_generate, user_only, keep_posts, sendfile;
};

/* 0; or an exit code plus 1 when the program is to end now (help shown,
 * usage error reported). The strings of argv are kept. */
int options_parse(struct options *o, int argc, char **argv);
void options_fini(struct options *o);
