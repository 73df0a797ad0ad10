// SPDX-License-Identifier: BSD-2-Clause
/* process - what the program is to the system: descriptor limit, daemon,
 * pidfile, signals.
 *
 * Main thread only; everything but process_wait_signal() and
 * process_raise_descriptor_limit() before other threads run. */
#pragma once

#include <stdint.h>

/* How far the limit of open descriptors can be raised, for loop_table_init(). */
unsigned process_get_descriptor_max(void);
/* Raises the limit of open descriptors to what is needed, if it can be; else
 * says in the log how far it goes. Result: the limit. */
unsigned process_raise_descriptor_limit(uint64_t needed_n);

/* Detaches; the caller goes on in the child. 0, or -1 with errno. The parent
 * waits until process_report_ready() and exits 0 then, 1 if the child ends
 * before. */
int process_detach(void) __attribute__((warn_unused_result));
void process_report_ready(void);

/* Writes the process id; 0, or -1 with errno. path NULL: nothing to do. */
int process_write_pidfile(const char *path)
    __attribute__((warn_unused_result));
void process_remove_pidfile(const char *path);

/* Blocks the signals the program waits for, in this and all later threads. */
void process_block_signals(void);
/* The next signal, or 0 after max_wait_ms (-1: for ever). */
int process_wait_signal(int max_wait_ms);
