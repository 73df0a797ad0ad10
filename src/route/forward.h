// SPDX-License-Identifier: BSD-2-Clause
/* forward - a backend's answer on its way into the output of the client that
 * asked: unchanged, but for article numbers that would mean nothing to it
 * (RFC 3977, 6.2.1.2 and 8.3.2).
 *
 * The loop of the exchange, whose client must be there. */
#pragma once

#include "nntp/response.h"

#include <stdbool.h>
#include <stddef.h>

struct exchange;
struct loop;

/* The answer begins: RELAYING. line is what response was read from. Of a
 * mender's answer the status line is not forwarded. */
void forward_status(struct exchange *, struct loop *, const char *line,
    const struct response *response);
/* The next n octets of the block, n > 0. */
void forward_block(struct exchange *, const char *p, size_t n);
/* The next octets of the block may go to the client unread. */
bool forward_may_pass(const struct exchange *);
/* So many have. */
void forward_pass(struct exchange *, size_t n);
/* Tells the client to send its article: POSTING. */
void forward_go_ahead(struct exchange *, struct loop *, const char *line,
    const struct response *response);
