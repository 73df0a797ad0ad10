// SPDX-License-Identifier: BSD-2-Clause
#include "net/addr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "test.h"

static struct addr
listen_at(const char *text)
{
	const char *error = "";
	struct addr a;

	cr_assert_eq(addr_parse_listen(&a, text, &error), 0, "%s: %s", text,
	    error);
	return a;
}

static struct addr
numeric(const char *host, uint16_t port)
{
	struct addr a;

	cr_assert_eq(addr_parse_numeric(&a, host, port), 0, "%s", host);
	return a;
}

static struct network
net(const char *text)
{
	const char *error = "";
	struct network n;

	cr_assert_eq(network_parse(&n, text, &error), 0, "%s: %s", text,
	    error);
	return n;
}

Test(addr, listen_addresses_come_back_as_text)
{
	static const char *const texts[] = {
		"127.0.0.1:119", "0.0.0.0:0", "[::1]:119", "[::]:65535",
		":119", "unix:/run/x.sock", "[2001:db8::1]:8119",
	};
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_N(texts); i++) {
		struct addr a = listen_at(texts[i]);

		cr_assert_str_eq(addr_format(&a, buf), texts[i]);
	}
}

Test(addr, listen_addresses_that_are_none)
{
	static const char *const texts[] = {
		"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
		"127.0.0.1:-1", "127.0.0.1:1x", "127.0.0.1: 1", "localhost:1",
		"::1:119", "[::1]", "[::1", "[::1]119", "[127.0.0.1]:1",
		"[]:1", "unix:", "unix:relative", "1.2.3:4", "*:119",
		":000119",
	};
	const char *error;
	struct addr a;

	for (size_t i = 0; i < ARRAY_N(texts); i++) {
		error = NULL;
		cr_assert_eq(addr_parse_listen(&a, texts[i], &error), -1,
		    "%s", texts[i]);
		cr_assert_not_null(error);
	}
}

Test(addr, unix_path_has_a_limit)
{
	char text[256] = "unix:/";
	const char *error;
	struct addr a;

	memset(text + 6, 'x', 106);
	cr_assert_eq(addr_parse_listen(&a, text, &error), 0);
	cr_assert_eq(strlen(a.un.sun_path), 107);
	text[112] = 'x';
	cr_assert_eq(addr_parse_listen(&a, text, &error), -1);
}

Test(addr, port_alone_is_both_families)
{
	struct addr a = listen_at(":119");

	cr_assert(a.dual);
	cr_assert_eq(a.sa.sa_family, AF_INET6);
	cr_assert(addr_is_wildcard(&a));
	addr_undual(&a);
	cr_assert_not(a.dual);
	cr_assert_eq(a.sa.sa_family, AF_INET);
	cr_assert_eq(addr_get_port(&a), 119);
	a = listen_at("[::]:119");
	cr_assert_not(a.dual);
}

Test(addr, split_of_host_and_port)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} cases[] = {
		{ "news.example.com", "news.example.com", 119 },
		{ "news.example.com:563", "news.example.com", 563 },
		{ "192.0.2.1", "192.0.2.1", 119 },
		{ "192.0.2.1:1", "192.0.2.1", 1 },
		{ "[2001:db8::1]", "2001:db8::1", 119 },
		{ "[2001:db8::1]:99", "2001:db8::1", 99 },
		{ "2001:db8::1", "2001:db8::1", 119 },
	};
	const char *error;
	uint16_t port;
	char *host;

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		cr_assert_eq(addr_split(cases[i].text, 119, &host, &port,
		    &error), 0, "%s", cases[i].text);
		cr_assert_str_eq(host, cases[i].host);
		cr_assert_eq(port, cases[i].port);
		free(host);
	}
}

Test(addr, split_refuses)
{
	static const char *const texts[] = {
		"", ":119", "host:", "host:x", "host:99999", "ho st", "-host",
		"host/path", "user@host", "[::1", "[host]", "a..:b", ".a",
	};
	const char *error;
	uint16_t port;
	char *host;

	for (size_t i = 0; i < ARRAY_N(texts); i++) {
		cr_assert_eq(addr_split(texts[i], 119, &host, &port, &error),
		    -1, "%s", texts[i]);
		cr_assert_null(host);
	}
}

Test(addr, loopback)
{
	struct addr a = numeric("127.9.9.9", 1);

	cr_assert(addr_is_loopback(&a));
	a = numeric("::1", 1);
	cr_assert(addr_is_loopback(&a));
	a = numeric("::ffff:127.0.0.1", 1);
	cr_assert(addr_is_loopback(&a));
	a = listen_at("unix:/x");
	cr_assert(addr_is_loopback(&a));
	a = numeric("128.0.0.1", 1);
	cr_assert_not(addr_is_loopback(&a));
	a = listen_at(":1");
	cr_assert_not(addr_is_loopback(&a));
}

Test(addr, a_peer_inside_ipv6_is_shown_as_ipv4)
{
	struct addr a = numeric("::ffff:192.0.2.7", 4000), copy;
	struct addr b = numeric("192.0.2.7", 4000);
	char buf[ADDR_TEXT_MAX];

	cr_assert_str_eq(addr_format(&a, buf), "192.0.2.7:4000");
	cr_assert_str_eq(addr_format_host(&a, buf), "192.0.2.7");
	cr_assert(addr_is_equal(&a, &b));
	addr_set(&copy, &a.sa, a.len);
	cr_assert(addr_is_equal(&copy, &a));
}

Test(addr, unix_peer_without_a_name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct addr a;
	char buf[ADDR_TEXT_MAX];

	addr_set(&a, (struct sockaddr *)&un, sizeof(un.sun_family));
	cr_assert_str_eq(addr_format(&a, buf), "unix:");
	cr_assert_eq(addr_get_port(&a), 0);
}

Test(addr, covered)
{
	static const struct {
		const char *to, *at;
		bool is_covered;
	} cases[] = {
		{ "127.0.0.1:1", "127.0.0.1:1", true },
		{ "127.0.0.1:1", "127.0.0.1:2", false },
		{ "127.0.0.1:1", "0.0.0.0:1", true },
		{ "127.0.0.1:1", "[::]:1", false },
		{ "[::1]:1", "[::]:1", true },
		{ "[::1]:1", "0.0.0.0:1", false },
		{ "[::1]:1", ":1", true },
		{ "127.0.0.1:1", ":1", true },
		{ "127.0.0.1:1", ":2", false },
		{ "0.0.0.0:1", "127.0.0.1:1", false },
		{ "unix:/a", "unix:/a", true },
		{ "unix:/a", "unix:/b", false },
		{ "unix:/a", ":1", false },
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		struct addr to = listen_at(cases[i].to);
		struct addr at = listen_at(cases[i].at);

		cr_assert_eq(addr_is_covered(&to, &at), cases[i].is_covered,
		    "%s at %s", cases[i].to, cases[i].at);
	}
}

Test(network, has)
{
	static const struct {
		const char *net, *host;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.200", true },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "0.0.0.0/0", "8.8.8.8", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "8.8.8.8", false },
		{ "::/0", "::ffff:8.8.8.8", false },
		{ "::1", "::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
		{ "::ffff:10.0.0.0/104", "11.1.2.3", false },
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		struct network n = net(cases[i].net);
		struct addr a = numeric(cases[i].host, 1);

		cr_assert_eq(network_has(&n, &a), cases[i].has, "%s has %s",
		    cases[i].net, cases[i].host);
	}
}

Test(network, never_has_unix)
{
	struct network n[] = { net("0.0.0.0/0"), net("::/0") };
	struct addr a = listen_at("unix:/x");

	cr_assert_not(network_any_has(n, 2, &a));
	a = numeric("::1", 1);
	cr_assert(network_any_has(n, 2, &a));
	cr_assert_not(network_any_has(n, 1, &a));
	cr_assert_not(network_any_has(NULL, 0, &a));
}

Test(network, refuses)
{
	static const char *const texts[] = {
		"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/8/8", "10.0.0.1/8", "::/129", "host", "10.0.0/8",
		"2001:db8::1/32", "::ffff:0.0.0.0/95", "10.0.0.0/ 8",
	};
	const char *error;
	struct network n;

	for (size_t i = 0; i < ARRAY_N(texts); i++)
		cr_assert_eq(network_parse(&n, texts[i], &error), -1, "%s",
		    texts[i]);
}

Test(network, comes_back_as_text)
{
	struct network n = net("2001:db8::/32");
	char buf[ADDR_TEXT_MAX];

	cr_assert_str_eq(network_format(&n, buf), "2001:db8::/32");
	n = net("::ffff:10.0.0.0/104");
	cr_assert_str_eq(network_format(&n, buf), "10.0.0.0/8");
	n = net("192.0.2.1");
	cr_assert_str_eq(network_format(&n, buf), "192.0.2.1/32");
}
