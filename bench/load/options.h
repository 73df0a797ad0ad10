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
	uint64_t idle_beside, slow_beside; /* more clients, in no count */
	uint64_t slow_bytes; /* that one of the slow ones reads at a time */
	uint64_t think_us;
	uint64_t measure_ms, warm_up_ms;
	uint64_t count;	/* 0: by time */
	uint64_t seed;
	bool is_idle;	/* the clients that count ask nothing, either */
	bool is_verifying;
	pid_t watch[OPTIONS_WATCH_MAX];
	size_t watch_n;
};

/* 0; or an exit code plus 1 when the program is to end now (help shown,
 * usage error reported). */
int options_parse(struct options *o, int argc, char **argv);

/* All of them, those that are in no count too. */
uint64_t options_count_clients(const struct options *o);
