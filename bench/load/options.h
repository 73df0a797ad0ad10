// SPDX-License-Identifier: BSD-2-Clause
/* options - the command line. Filled once by main, then const. */
#pragma once

#include "load/request.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define OPTIONS_WATCH_MAX 16
#define OPTIONS_DEPTH_MAX 256

struct options {
	struct sockaddr_storage address;
	socklen_t address_n;
	struct mix mix;
	uint64_t connections, depth;
	uint64_t think_us;
	uint64_t measure_ms, warm_up_ms;
	uint64_t count;	/* 0: by time */
	uint64_t seed;
	bool is_idle;	/* clients connect and ask nothing */
	bool is_verifying;
	pid_t watch[OPTIONS_WATCH_MAX];
	size_t watch_n;
};

/* 0; or an exit code plus 1 when the program is to end now (help shown,
 * usage error reported). */
int options_parse(struct options *o, int argc, char **argv);
