// SPDX-License-Identifier: BSD-2-Clause
/* stats - what this server counts, and its form in JSON.
 *
 * Atomic counters, any thread. Connections of the control port are not
 * counted, nor is what they ask. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#define STATS_VERBS_N 48
#define STATS_CODES_N 600

struct fault;

struct stats {
	atomic_ullong accepts;
	atomic_ullong over_limit; /* greeted 502 */
	atomic_ullong connections, peak;
	atomic_ullong bytes_in, bytes_out;
	atomic_ullong articles, articles_bytes; /* answers with an article */
	atomic_ullong posted;
	atomic_ullong idle_closed;
	atomic_ullong unknown;		     /* commands with no such verb */
	atomic_ullong verbs[STATS_VERBS_N];  /* by row of the command table */
	atomic_ullong codes[STATS_CODES_N];  /* answers, by status code */
};

void stats_count(atomic_ullong *counter, unsigned long long n);

/* Gives one line of JSON, without a line end (free it). verb(i) names row i
 * of the command table, NULL after the last. */
char *stats_to_json(const struct stats *st, const struct fault *f,
    const char *(*verb)(size_t i));

/* Writes text into the file and its new name at once. 0 or -1 with errno. */
int stats_write(const char *path, const char *text);
