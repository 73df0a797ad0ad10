// SPDX-License-Identifier: BSD-2-Clause
/* newsd - a small, fast news server of our own: for the demonstration, for
 * anyone's tests, and as the load behind benchmarks.
 *
 *   main      options to a running server and back
 *   server    listeners, event loops, signals        options  command line
 *   conn      one socket: bytes in, lines, bytes out  out      what is to go
 *   session   one client's state, line to command     stats    the counts
 *   commands  the table of verbs                       fault    on purpose
 *   reading, listing, posting: the verbs               text     small grammars
 *   spool, article, generate: where articles come from
 *
 * Start one and look at it:
 *
 *   bench/newsd/newsd --spool bench/newsd/sample-a --listen 127.0.0.1:1190
 *   printf 'GROUP local.test.a\r\nARTICLE 1\r\nQUIT\r\n' | nc -N 127.0.0.1 1190
 *
 * Every id <SIZE.SEED@gen> is an article that carries its own checksums
 * (generate.h); --help has all options. It shares no protocol code with the
 * proxy, so that neither is tested against itself. It has no TLS, forgets
 * posts when it ends (but see --keep-posts), and trusts whoever starts it.
 *
 * This header: what all sessions share. Made by main, const pointers after. */
#pragma once

#include "newsd/fault.h"
#include "newsd/stats.h"

#include <time.h>

struct gen;
struct options;
struct spool;

struct newsd {
	const struct options *options;
	struct spool *spool;
	struct gen *gen; /* NULL with --no-generate */
	time_t started;
	struct stats stats;
	struct fault fault;
};
