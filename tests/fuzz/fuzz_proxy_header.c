// SPDX-License-Identifier: BSD-2-Clause
/* The start of a connection from a proxy. Fewer octets never lead to another
 * verdict than all of them; a header ends where it says, and what is behind it
 * changes nothing. */
#include <string.h>

#include "base/check.h"
#include "fuzz.h"
#include "net/proxy_header.h"

static void check_header(const struct proxy_header *h, size_t n)
{
	char text[ADDR_TEXT_MAX];

	CHECK(h->n > 0 && h->n <= n && h->n <= PROXY_HEADER_MAX);
	if (h->has_source)
		CHECK(addr_format(&h->source, text) == text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct proxy_header h, part;
	enum proxy_header_result result = proxy_header_parse(data, n, &h);

	if (result == PROXY_HEADER_OK)
		check_header(&h, n);
	if (n >= PROXY_HEADER_MAX)
		CHECK(result != PROXY_HEADER_MORE);
	for (size_t i = 0; i < n; i++) {
		enum proxy_header_result early =
		    proxy_header_parse(data, i, &part);

		if (result == PROXY_HEADER_MORE)
			CHECK(early == PROXY_HEADER_MORE);
		else if (result == PROXY_HEADER_BAD)
			CHECK(early != PROXY_HEADER_OK);
		else if (i < h.n)
			CHECK(early == PROXY_HEADER_MORE);
		else
			CHECK(early == PROXY_HEADER_OK && part.n == h.n &&
			    part.has_source == h.has_source &&
			    memcmp(&part.source, &h.source,
			    sizeof(h.source)) == 0);
	}
	return 0;
}
