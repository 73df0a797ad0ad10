// SPDX-License-Identifier: BSD-2-Clause
#include "net/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* The longest name that DNS has. */
#define HOST_MAX 253

static int
fail(const char **error_r, const char *why)
{
	*error_r = why;
	return -1;
}

/* Digits only, at most 65535. */
static int
parse_port(uint16_t *port_r, const char *text)
{
	unsigned long port = 0;

	if (*text == '\0' || strlen(text) > 5)
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		port = port * 10 + (unsigned long)(*text - '0');
	}
	if (port > UINT16_MAX)
		return -1;
	*port_r = (uint16_t)port;
	return 0;
}

int
addr_parse_numeric(struct addr *a_r, const char *host, uint16_t port)
{
	memset(a_r, 0, sizeof(*a_r));
	if (inet_pton(AF_INET, host, &a_r->in.sin_addr) == 1) {
		a_r->in.sin_family = AF_INET;
		a_r->in.sin_port = htons(port);
		a_r->len = sizeof(a_r->in);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &a_r->in6.sin6_addr) == 1) {
		a_r->in6.sin6_family = AF_INET6;
		a_r->in6.sin6_port = htons(port);
		a_r->len = sizeof(a_r->in6);
		return 0;
	}
	return -1;
}

static int
parse_unix(struct addr *a_r, const char *path, const char **error_r)
{
	if (*path != '/')
		return fail(error_r, "the path of a unix socket starts with /");
	if (strlen(path) >= sizeof(a_r->un.sun_path))
		return fail(error_r, "the path of the unix socket is too long");
	a_r->un.sun_family = AF_UNIX;
	strcpy(a_r->un.sun_path, path);
	a_r->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path) + 1);
	return 0;
}

int
addr_parse_listen(struct addr *a_r, const char *text, const char **error_r)
{
	char *host;
	uint16_t port;
	int rc;

	memset(a_r, 0, sizeof(*a_r));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(a_r, text + 5, error_r);
	if (text[0] == ':') {
		if (parse_port(&port, text + 1) == -1)
			return fail(error_r, "not a port (0 to 65535)");
		CHECK(addr_parse_numeric(a_r, "::", port) == 0);
		a_r->dual = true;
		return 0;
	}
	if (strrchr(text, ':') == NULL || text[strlen(text) - 1] == ']')
		return fail(error_r, "the port is missing");
	if (text[0] != '[' && strchr(text, ':') != strrchr(text, ':'))
		return fail(error_r,
		    "an IPv6 address is written [address]:port");
	if (addr_split(text, 0, &host, &port, error_r) == -1)
		return -1;
	rc = addr_parse_numeric(a_r, host, port);
	free(host);
	return rc == 0 ? 0 : fail(error_r,
	    "a listener needs a numeric address, not a name");
}

/* Names as DNS and /etc/hosts have them; IPv6 was seen to before. */
static bool
is_host_name(const char *host)
{
	size_t n = strspn(host, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

	return n > 0 && n <= HOST_MAX && host[n] == '\0' && host[0] != '.' &&
	    host[0] != '-';
}

bool
addr_is_host(const char *text)
{
	struct in6_addr in6;

	return is_host_name(text) || inet_pton(AF_INET6, text, &in6) == 1;
}

/* "[v6]" or "[v6]:port". */
static int
split_bracketed(const char *text, char **host_r, uint16_t *port_r,
    const char **error_r)
{
	const char *end = strchr(text, ']');
	struct in6_addr in6;

	if (end == NULL)
		return fail(error_r, "the ] is missing");
	if (end[1] != '\0' && (end[1] != ':' ||
	    parse_port(port_r, end + 2) == -1))
		return fail(error_r, "not a port (0 to 65535)");
	*host_r = xstrndup(text + 1, (size_t)(end - text - 1));
	if (inet_pton(AF_INET6, *host_r, &in6) == 1)
		return 0;
	free(*host_r);
	*host_r = NULL;
	return fail(error_r, "not an IPv6 address inside [ ]");
}

int
addr_split(const char *text, uint16_t default_port, char **host_r,
    uint16_t *port_r, const char **error_r)
{
	const char *colon = strchr(text, ':');
	struct in6_addr in6;

	*host_r = NULL;
	*port_r = default_port;
	if (text[0] == '[')
		return split_bracketed(text, host_r, port_r, error_r);
	if (inet_pton(AF_INET6, text, &in6) == 1) {
		*host_r = xstrdup(text);
		return 0;
	}
	if (colon != NULL && parse_port(port_r, colon + 1) == -1)
		return fail(error_r, "not a port (0 to 65535)");
	*host_r = colon == NULL ? xstrdup(text) :
	    xstrndup(text, (size_t)(colon - text));
	if (is_host_name(*host_r))
		return 0;
	free(*host_r);
	*host_r = NULL;
	return fail(error_r, "not a host name or address");
}

void
addr_set(struct addr *a_r, const struct sockaddr *sa, socklen_t len)
{
	CHECK(len <= sizeof(a_r->storage));
	memset(a_r, 0, sizeof(*a_r));
	memcpy(&a_r->storage, sa, len);
	a_r->len = len;
}

void
addr_undual(struct addr *a)
{
	uint16_t port = addr_get_port(a);

	CHECK(a->dual);
	CHECK(addr_parse_numeric(a, "0.0.0.0", port) == 0);
	a->dual = false;
}

/* An address as bytes, IPv4 inside IPv6 taken out. The length, 0 for unix. */
static size_t
get_bytes(const struct addr *a, const uint8_t **bytes_r)
{
	if (a->sa.sa_family == AF_INET) {
		*bytes_r = (const uint8_t *)&a->in.sin_addr;
		return 4;
	}
	*bytes_r = NULL;
	if (a->sa.sa_family != AF_INET6)
		return 0;
	*bytes_r = a->in6.sin6_addr.s6_addr;
	if (!IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return 16;
	*bytes_r += 12;
	return 4;
}

/* The path, or "" for a peer that has none. */
static const char *
get_path(const struct addr *a)
{
	if (a->len <= offsetof(struct sockaddr_un, sun_path))
		return "";
	return a->un.sun_path;
}

const char *
addr_format_host(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	const uint8_t *bytes;
	size_t n = get_bytes(a, &bytes);

	if (n == 0)
		snprintf(buf, ADDR_TEXT_MAX, "unix:%.*s",
		    (int)sizeof(a->un.sun_path), get_path(a));
	else
		CHECK(inet_ntop(n == 4 ? AF_INET : AF_INET6, bytes, buf,
		    ADDR_TEXT_MAX) != NULL);
	return buf;
}

const char *
addr_format(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];
	const uint8_t *bytes;
	size_t n = get_bytes(a, &bytes);

	if (n == 0)
		return addr_format_host(a, buf);
	if (a->dual)
		host[0] = '\0';
	else
		addr_format_host(a, host);
	snprintf(buf, ADDR_TEXT_MAX, n == 16 && !a->dual ? "[%.46s]:%u" :
	    "%.46s:%u", host, addr_get_port(a));
	return buf;
}

uint16_t
addr_get_port(const struct addr *a)
{
	switch (a->sa.sa_family) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

bool
addr_is_unix(const struct addr *a)
{
	return a->sa.sa_family == AF_UNIX;
}

bool
addr_get_site(const struct addr *a, uint64_t *site_r)
{
	/* A prefix of multicast addresses, from which nobody comes. */
	uint64_t site = UINT32_MAX;
	const uint8_t *bytes;
	size_t n = get_bytes(a, &bytes);

	if (n == 0)
		return false;
	if (n == 16)
		n = 8;
	for (size_t i = 0; i < n; i++)
		site = site << 8 | bytes[i];
	*site_r = site;
	return true;
}

bool
addr_is_loopback(const struct addr *a)
{
	const uint8_t *bytes;

	switch (get_bytes(a, &bytes)) {
	case 4:
		return bytes[0] == 127;
	case 16:
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	default:
		return true;
	}
}

bool
addr_is_wildcard(const struct addr *a)
{
	static const uint8_t zero[16];
	const uint8_t *bytes;
	size_t n = get_bytes(a, &bytes);

	return n > 0 && memcmp(bytes, zero, n) == 0;
}

bool
addr_is_equal(const struct addr *a, const struct addr *b)
{
	const uint8_t *a_bytes, *b_bytes;
	size_t n = get_bytes(a, &a_bytes);

	if (n != get_bytes(b, &b_bytes))
		return false;
	if (n == 0)
		return strcmp(get_path(a), get_path(b)) == 0;
	return memcmp(a_bytes, b_bytes, n) == 0 &&
	    addr_get_port(a) == addr_get_port(b) && a->dual == b->dual;
}

bool
addr_is_covered(const struct addr *to, const struct addr *at)
{
	const uint8_t *to_bytes, *at_bytes;
	size_t to_n = get_bytes(to, &to_bytes);
	size_t at_n = get_bytes(at, &at_bytes);

	if (to_n == 0 || at_n == 0)
		return to_n == at_n && addr_is_equal(to, at);
	if (addr_get_port(to) != addr_get_port(at))
		return false;
	if (at->dual)
		return true;
	if (to_n != at_n)
		return false;
	return addr_is_wildcard(at) || memcmp(to_bytes, at_bytes, to_n) == 0;
}

/* Bits behind the prefix are all 0. */
static bool
has_clean_tail(const uint8_t *bytes, size_t n, unsigned bits)
{
	for (unsigned i = bits; i < n * 8; i++)
		if (bytes[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

static int
parse_bits(unsigned *bits_r, const char *text)
{
	uint16_t bits;

	if (parse_port(&bits, text) == -1)
		return -1;
	*bits_r = bits;
	return 0;
}

int
network_parse(struct network *n_r, const char *text, const char **error_r)
{
	const char *slash = strchr(text, '/');
	size_t n, host_len = slash != NULL ? (size_t)(slash - text) :
	    strlen(text);
	char host[INET6_ADDRSTRLEN];
	const uint8_t *bytes;
	struct addr a;
	unsigned bits, mapped;

	memset(n_r, 0, sizeof(*n_r));
	if (host_len >= sizeof(host))
		return fail(error_r, "not an address or network");
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (addr_parse_numeric(&a, host, 0) == -1)
		return fail(error_r, "not an address or network");
	n = get_bytes(&a, &bytes);
	mapped = n == 4 && a.sa.sa_family == AF_INET6 ? 96 : 0;
	bits = (unsigned)n * 8 + mapped;
	if (slash != NULL && (parse_bits(&bits, slash + 1) == -1 ||
	    bits > n * 8 + mapped || bits < mapped))
		return fail(error_r, "not a length of a prefix behind the /");
	bits -= mapped;
	CHECK(n > 0);
	if (!has_clean_tail(bytes, n, bits))
		return fail(error_r, "bits are set behind the prefix");
	n_r->family = n == 4 ? AF_INET : AF_INET6;
	n_r->bits = bits;
	memcpy(n_r->prefix, bytes, n);
	return 0;
}

const char *
network_format(const struct network *n, char buf[ADDR_TEXT_MAX])
{
	size_t len;

	CHECK(inet_ntop(n->family, n->prefix, buf, ADDR_TEXT_MAX) != NULL);
	len = strlen(buf);
	snprintf(buf + len, ADDR_TEXT_MAX - len, "/%u", n->bits);
	return buf;
}

bool
network_has(const struct network *n, const struct addr *a)
{
	const uint8_t *bytes;
	size_t bytes_n = get_bytes(a, &bytes);
	unsigned whole = n->bits / 8, rest = n->bits % 8;

	if (bytes_n != (n->family == AF_INET ? 4 : 16))
		return false;
	if (memcmp(bytes, n->prefix, whole) != 0)
		return false;
	return rest == 0 ||
	    ((bytes[whole] ^ n->prefix[whole]) >> (8 - rest)) == 0;
}

bool
network_any_has(const struct network *n, size_t n_n, const struct addr *a)
{
	for (size_t i = 0; i < n_n; i++)
		if (network_has(&n[i], a))
			return true;
	return false;
}
