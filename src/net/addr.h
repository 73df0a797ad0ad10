// SPDX-License-Identifier: BSD-2-Clause
/* addr - socket addresses and networks, from text and back.
 *
 * Plain values without an owner; pure functions, any thread. Never resolves a
 * name and never opens a socket. An IPv4 address that comes inside IPv6
 * (::ffff:192.0.2.1) counts as the IPv4 address everywhere. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Room for any address as text, with its NUL. */
#define ADDR_TEXT_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) + 8)

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
	socklen_t len;		/* of the member that family selects */
	bool dual;		/* [::] that takes IPv4 as well, from ":port" */
};

struct network {
	int family;		/* AF_INET or AF_INET6 */
	unsigned bits;		/* of the prefix */
	uint8_t prefix[16];	/* the first 4 for AF_INET */
};

/* Where to listen: "192.0.2.1:119", "[2001:db8::1]:119", ":119" and
 * "unix:/path". Numeric only; port 0 leaves the choice to the kernel.
 * ":port" gives ONE address, [::] with dual set: bind it with IPV6_V6ONLY off,
 * or 0.0.0.0 where the kernel has no IPv6 (addr_undual()). "[::]:port" is IPv6
 * alone (IPV6_V6ONLY on). 0, or -1 with the reason (a constant text). */
int addr_parse_listen(struct addr *a_r, const char *text,
    const char **error_r) __attribute__((warn_unused_result));

/* A numeric IPv4 or IPv6 address (no brackets) and a port. 0, or -1 when host
 * is anything else. */
int addr_parse_numeric(struct addr *a_r, const char *host, uint16_t port)
    __attribute__((warn_unused_result));

/* A name as DNS and /etc/hosts have them, or an address without brackets. */
bool addr_is_host(const char *text);

/* Takes "host", "host:port", "[v6]", "[v6]:port" or a bare IPv6 address apart;
 * without a port the default is given. The host may be a name. Gives *host_r
 * (without brackets). 0, or -1 with the reason and *host_r NULL. */
int addr_split(const char *text, uint16_t default_port, char **host_r,
    uint16_t *port_r, const char **error_r)
    __attribute__((warn_unused_result));

/* A copy of what accept4() or getsockname() returned. */
void addr_set(struct addr *a_r, const struct sockaddr *sa, socklen_t len);

/* Turns a dual [::] into 0.0.0.0 with the same port. */
void addr_undual(struct addr *a);

/* "192.0.2.1:119", "[2001:db8::1]:119", ":119" for dual, "unix:/path"; "unix:"
 * for a peer without a name. Returns buf. */
const char *addr_format(const struct addr *a, char buf[ADDR_TEXT_MAX]);

/* The same without the port: for log lines that name a peer. */
const char *addr_format_host(const struct addr *a, char buf[ADDR_TEXT_MAX]);

/* 0 for unix. */
uint16_t addr_get_port(const struct addr *a);

bool addr_is_unix(const struct addr *a);

/* What one peer has for itself, as a number: an IPv4 address, or the /64 of an
 * IPv6 address, within which it may call itself what it likes. False for unix:
 * *site_r is not set. */
bool addr_get_site(const struct addr *a, uint64_t *site_r);
/* 127.0.0.0/8, ::1 and unix: nobody outside of this machine gets there. */
bool addr_is_loopback(const struct addr *a);
/* 0.0.0.0 or [::], dual or not. */
bool addr_is_wildcard(const struct addr *a);

/* Same family, address and port (or path). */
bool addr_is_equal(const struct addr *a, const struct addr *b);

/* A connection to `to` arrives at a socket that listens at `at`. */
bool addr_is_covered(const struct addr *to, const struct addr *at);

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1". Bits set behind the prefix are
 * an error. 0, or -1 with the reason. */
int network_parse(struct network *n_r, const char *text,
    const char **error_r) __attribute__((warn_unused_result));

/* "10.0.0.0/8"; returns buf. */
const char *network_format(const struct network *n, char buf[ADDR_TEXT_MAX]);

/* Never for unix. */
bool network_has(const struct network *n, const struct addr *a);
/* One of them has it. */
bool network_any_has(const struct network *n, size_t n_n,
    const struct addr *a);
