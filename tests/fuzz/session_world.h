// SPDX-License-Identifier: BSD-2-Clause
/* session_world - what the whole server gets instead of a machine: one thread,
 * a clock that stands, no signals, backends on socket pairs.
 *
 * server_run() is the real one, and so is everything below it. Its seams are
 * made by the linker (--wrap, see Makefile.am): a thread that is started is
 * only noted; its loop is turned by the script, and what is left of the thread
 * runs when it is joined. So the same script always does the same. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conf;

/* Runs a server from start to end. script is called once it serves, and again
 * after each configuration that it gives, which is taken over (SIGHUP). When it
 * gives NULL, the server is told to stop (SIGTERM). clean_up, called when it has
 * ended, closes what the script has opened: then no descriptor may be left. */
void world_run(const struct conf *conf, const struct conf *(*script)(void),
    void (*clean_up)(void));

/* The loops: workers, housekeeper, acceptor, in the order they were made. */
unsigned world_count_loops(void);
void world_turn(unsigned i);
void world_turn_all(void);
void world_advance(uint64_t ms);

/* The password that was asked for first is checked; the answer is on its way
 * then. Right is "right", for a and b. */
void world_check_password(void);
void world_check_passwords(void);

/* Nothing is lent, made, waited for, pending or kept at any backend. */
bool world_is_at_rest(void);
