// SPDX-License-Identifier: BSD-2-Clause
#include "net/proxy_header.h"

#include <stdint.h>
#include <string.h>

/* --- version 1: "PROXY TCP4 192.0.2.1 192.0.2.9 40000 119" CR LF ---------- */

#define V1_MAX 107
#define V1_START "PROXY "

/* Cuts the word up to the blank, or to the end, off *p. NULL: there is none. */
static char *
cut_word(char **p)
{
	char *word = *p, *blank;

	if (word == NULL || *word == '\0' || *word == ' ')
		return NULL;
	blank = strchr(word, ' ');
	*p = blank != NULL ? blank + 1 : NULL;
	if (blank != NULL)
		*blank = '\0';
	return word;
}

static bool
parse_port(const char *text, uint16_t *port_r)
{
	unsigned long port = 0;
	size_t n = text != NULL ? strlen(text) : 0;

	if (n == 0 || n > 5 || (text[0] == '0' && n > 1) ||
	    strspn(text, "0123456789") != n)
		return false;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (unsigned long)(text[i] - '0');
	*port_r = (uint16_t)port;
	return port <= UINT16_MAX;
}

/* What stands behind the family: both addresses, both ports, no more. */
static bool
parse_v1_addresses(char *rest, int family, struct addr *source_r)
{
	const char *host = cut_word(&rest), *to_host = cut_word(&rest);
	const char *port_text = cut_word(&rest), *to_text = cut_word(&rest);
	uint16_t port, to_port;
	struct addr to;

	return rest == NULL && parse_port(port_text, &port) &&
	    parse_port(to_text, &to_port) &&
	    addr_parse_numeric(source_r, host, port) == 0 &&
	    addr_parse_numeric(&to, to_host, to_port) == 0 &&
	    source_r->sa.sa_family == family && to.sa.sa_family == family;
}

/* line is without V1_START and CR LF. */
static bool
parse_v1_line(char *line, struct proxy_header *h_r)
{
	const char *family = cut_word(&line);

	if (family == NULL)
		return false;
	/* Whatever follows then says nothing. */
	if (strcmp(family, "UNKNOWN") == 0)
		return true;
	h_r->has_source = true;
	if (strcmp(family, "TCP4") == 0)
		return parse_v1_addresses(line, AF_INET, &h_r->source);
	return strcmp(family, "TCP6") == 0 &&
	    parse_v1_addresses(line, AF_INET6, &h_r->source);
}

static enum proxy_header_result
parse_v1(const char *p, size_t n, struct proxy_header *h_r)
{
	size_t start_n = strlen(V1_START), line_n;
	size_t most = n < V1_MAX ? n : V1_MAX;
	const char *lf = memchr(p, '\n', most);
	char line[V1_MAX];

	if (lf == NULL)
		return n < V1_MAX ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
	h_r->n = (size_t)(lf - p) + 1;
	if (h_r->n < start_n + 2 || lf[-1] != '\r' ||
	    memchr(p, '\0', h_r->n) != NULL)
		return PROXY_HEADER_BAD;
	line_n = h_r->n - start_n - 2;
	memcpy(line, p + start_n, line_n);
	line[line_n] = '\0';
	return parse_v1_line(line, h_r) ? PROXY_HEADER_OK : PROXY_HEADER_BAD;
}

/* --- version 2: binary ---------------------------------------------------- */

static const uint8_t v2_start[] = {
	'\r', '\n', '\r', '\n', '\0', '\r', '\n', 'Q', 'U', 'I', 'T', '\n'
};

/* Behind v2_start: version and command, family and transport, and how many
 * octets follow (two octets, the high one first). */
#define V2_FIXED_N (sizeof(v2_start) + 4)
#define V2_LOCAL 0x20
#define V2_PROXY 0x21

enum v2_family {
	V2_UNSPEC = 0x00,
	V2_TCP4 = 0x11,
	V2_TCP6 = 0x21,
	V2_UNIX = 0x31
};

/* Octets of the addresses and ports, of which the source is the first. */
#define V2_TCP4_N 12
#define V2_TCP6_N 36
#define V2_UNIX_N 216

static void
set_v4(struct addr *a, const uint8_t *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	memcpy(&in.sin_addr, p, 4);
	memcpy(&in.sin_port, p + 8, 2);
	addr_set(a, (const struct sockaddr *)&in, sizeof(in));
}

static void
set_v6(struct addr *a, const uint8_t *p)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memcpy(&in6.sin6_addr, p, 16);
	memcpy(&in6.sin6_port, p + 32, 2);
	addr_set(a, (const struct sockaddr *)&in6, sizeof(in6));
}

/* A path on the proxy's machine would mean nothing on ours. */
static void
set_unix(struct addr *a)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };

	addr_set(a, &sa, sizeof(sa.sa_family));
}

static bool
parse_v2_source(uint8_t family, const uint8_t *p, size_t n,
    struct proxy_header *h_r)
{
	h_r->has_source = family != V2_UNSPEC;
	switch (family) {
	case V2_UNSPEC:
		return true;
	case V2_TCP4:
		if (n < V2_TCP4_N)
			return false;
		set_v4(&h_r->source, p);
		return true;
	case V2_TCP6:
		if (n < V2_TCP6_N)
			return false;
		set_v6(&h_r->source, p);
		return true;
	case V2_UNIX:
		set_unix(&h_r->source);
		return n >= V2_UNIX_N;
	}
	return false;	/* datagrams, and what is not defined */
}

static enum proxy_header_result
parse_v2(const uint8_t *p, size_t n, struct proxy_header *h_r)
{
	const uint8_t *fixed = p + sizeof(v2_start);
	size_t rest_n;

	if (n < V2_FIXED_N)
		return PROXY_HEADER_MORE;
	rest_n = (size_t)fixed[2] << 8 | fixed[3];
	h_r->n = V2_FIXED_N + rest_n;
	if (h_r->n > PROXY_HEADER_MAX ||
	    (fixed[0] != V2_LOCAL && fixed[0] != V2_PROXY))
		return PROXY_HEADER_BAD;
	if (n < h_r->n)
		return PROXY_HEADER_MORE;
	if (fixed[0] == V2_LOCAL)
		return PROXY_HEADER_OK;
	return parse_v2_source(fixed[1], p + V2_FIXED_N, rest_n, h_r) ?
	    PROXY_HEADER_OK : PROXY_HEADER_BAD;
}

/* --- either -------------------------------------------------------------- */

/* As far as there is anything, it is this. */
static bool
begins(const void *p, size_t n, const void *start, size_t start_n)
{
	return memcmp(p, start, n < start_n ? n : start_n) == 0;
}

enum proxy_header_result
proxy_header_parse(const void *p, size_t n, struct proxy_header *h_r)
{
	*h_r = (struct proxy_header){ .n = 0 };
	if (n == 0)
		return PROXY_HEADER_MORE;
	if (begins(p, n, v2_start, sizeof(v2_start)))
		return parse_v2(p, n, h_r);
	if (begins(p, n, V1_START, strlen(V1_START)))
		return parse_v1(p, n, h_r);
	return PROXY_HEADER_BAD;
}
