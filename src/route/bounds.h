// SPDX-License-Identifier: BSD-2-Clause
/* bounds - the most memory that what is under way can take.
 *
 * From the limits of the buffers, without what the allocator adds. Pure; any
 * thread. */
#pragma once

#include <stddef.h>

/* One command, its line, and the proxy's own answer to it. */
size_t bounds_get_exchange(void);
/* What continues an answer that was cut, and what is remembered for it. */
size_t bounds_get_mend(void);
/* The output of a client with so many commands in flight. */
size_t bounds_get_output(size_t pipeline_depth);
/* A relay with so many, its connection's output, and what of the backend's
 * bytes can't be used yet; an article comes in pieces of at most so many
 * octets. */
size_t bounds_get_relay(size_t pipeline_depth, size_t piece_bytes);
