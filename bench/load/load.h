// SPDX-License-Identifier: BSD-2-Clause
/* load - a load generator: many clients in one thread, asking a news server
 * for articles that newsd makes up, as fast as they are answered or slower.
 *
 *   main      options to results and back            options  command line
 *   driver    the event loop, the phases of a run    conn     one client
 *   request   what is asked, and in what mixture     answer   where one ends
 *   verify    are these the bytes of that article?   result   what was counted
 *   histogram of latencies                           watch    others' CPU time
 *
 * Try it:
 *
 *   bench/newsd/newsd --listen 127.0.0.1:1190 &
 *   bench/load/load --connect 127.0.0.1:1190 --connections 4 --verify
 *
 * Beside the clients that the results are of there can be more: idle ones, in
 * no count, and slow ones, with counts of their own (conn.h, enum conn_role).
 *
 * It prints "ready" when all clients are greeted and results as one line of
 * JSON at the end. Whatever is not the answer to what was asked ends the run
 * with exit code 1: there are no numbers about wrong bytes. One buffer takes
 * what all sockets bring, and a block is looked at where it can end only
 * (answer.h), so that the generator costs less than what it measures.
 *
 * This header: what all clients share. Owner: main. Thread: the only one. */
#pragma once

#include "load/request.h"
#include "load/result.h"

#include <stdint.h>

#define LOAD_BUFFER_N (256u << 10)

/* Forward only; driver.c enters them. */
enum load_phase {
	LOAD_CONNECT, /* until all clients are greeted */
	LOAD_WARM_UP, /* clients ask, nothing counts yet */
	LOAD_MEASURE,
	LOAD_END,
};

struct options;

struct load {
	const struct options *options;
	enum load_phase phase;
	uint64_t left; /* commands that may still be sent and count */
	uint64_t heard_ns; /* when a client last read something */
	struct result result;
	char *buffer; /* LOAD_BUFFER_N */
};

/* Says so and ends the program with exit code 1. */
void load_fail(const char *fmt, ...)
    __attribute__((noreturn, cold, format(printf, 1, 2)));
