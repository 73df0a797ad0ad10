// SPDX-License-Identifier: BSD-2-Clause
/* memory - the most that the program takes with a configuration, whatever its
 * peers send, and fail to read.
 *
 * Made from the limits of all buffers, for as many clients and connections as
 * the configuration allows, all of them at their worst at the same time. Not in
 * it: the kernel's socket buffers, and what crypt(3) takes for a moment, which
 * is in the hash. Pure; any thread. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct conf;

struct memory {
	uint64_t client_bytes;		/* each */
	uint64_t connection_bytes;	/* each, those with the most */
	uint64_t connections_n;		/* to all backends */
	uint64_t rest_bytes;
	uint64_t all_bytes;
};

void memory_get_bound(const struct conf *, struct memory *m_r);
/* As comment lines of an INI file. */
void memory_print_bound(const struct conf *, FILE *);
