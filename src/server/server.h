// SPDX-License-Identifier: BSD-2-Clause
/* server - the running program: what is started in which order, what each
 * signal does, what is stopped in which order.
 *
 * Main thread. */
#pragma once

struct conf;
struct options;

/* Worker threads. */
unsigned server_count_threads(const struct conf *);
/* Descriptors, all but those of clients. */
unsigned server_count_descriptors(const struct conf *, unsigned threads_n);

/* Runs until a signal ends it. Takes conf; keeps options, by which the
 * configuration is read again. The program's exit code. */
int server_run(const struct conf *conf, const struct options *options);
