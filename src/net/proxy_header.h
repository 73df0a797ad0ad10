// SPDX-License-Identifier: BSD-2-Clause
/* proxy_header - what a proxy before us says of the connection that it passes
 * on: the header of the PROXY protocol, version 1 (text) or 2 (binary).
 *
 * Pure functions, any thread. Whether the peer may say such a thing at all is
 * for the caller to know. */
#pragma once

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>

/* The longest that is taken, in octets. One of version 1 has 107 at most; in
 * version 2 extensions that nobody reads may follow the addresses. */
#define PROXY_HEADER_MAX 4096

enum proxy_header_result {
	PROXY_HEADER_OK,
	PROXY_HEADER_MORE,	/* all of it belongs to a header, and more */
	PROXY_HEADER_BAD,	/* none, a wrong one, or one that is too long */
};

struct proxy_header {
	size_t n;		/* octets of the header */
	/* False: the proxy speaks for itself (LOCAL, as checks of its own do)
	 * or does not know; the peer of the connection is all there is. */
	bool has_source;
	struct addr source;	/* the client; unnamed if it is local there */
};

/* The header at the start of p. *h_r is set for PROXY_HEADER_OK only. */
enum proxy_header_result proxy_header_parse(const void *p, size_t n,
    struct proxy_header *h_r) __attribute__((warn_unused_result));
