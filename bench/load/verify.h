// SPDX-License-Identifier: BSD-2-Clause
/* verify - are these bytes the whole article that was asked for? newsd's
 * articles carry their name and checksums (newsd/generate.h). Pure function,
 * any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct request;

/* The block of an answer as on the wire, with its final ".\r\n". False: a
 * byte is wrong, missing or too many, or it is another article. */
bool verify_block(const struct request *r, const char *p, size_t n);
