// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "base/check.h"
#include "nntp/capabilities.h"
#include "test.h"

static void parse_block(struct capabilities *c, const char *block)
{
	capabilities_init(c);
	while (*block != '\0') {
		size_t n = strcspn(block, "\n");

		capabilities_parse(c, block, n);
		block += n + (block[n] == '\n');
	}
}

static void check_written(const struct capabilities *c, const char *expected)
{
	char buf[CAPABILITIES_MAX];
	size_t n = capabilities_write(c, buf, sizeof(buf));

	cr_assert_eq(n, strlen(expected), "%.*s", (int)n, buf);
	cr_assert_arr_eq(buf, expected, n, "%.*s", (int)n, buf);
	buf[0] = 'x';
	cr_assert_eq(capabilities_write(c, buf, n - 1), n);
	cr_assert_eq(buf[0], 'x', "written though it doesn't fit");
}

Test(capabilities, nothing_is_only_the_version)
{
	struct capabilities c;

	capabilities_init(&c);
	check_written(&c, "101 Capability list:\r\nVERSION 2\r\n.\r\n");
}

Test(capabilities, written_as_the_facts_are)
{
	struct capabilities c;

	capabilities_init(&c);
	c.flags = CAPABILITY_READER | CAPABILITY_POST |
	    CAPABILITY_OVER_MSGID | CAPABILITY_HDR |
	    CAPABILITY_AUTHINFO_USER | CAPABILITY_STARTTLS;
	c.list = CAPABILITY_LIST_ACTIVE | CAPABILITY_LIST_OVERVIEW_FMT;
	c.sasl = CAPABILITY_SASL_PLAIN;
	c.implementation = "some words";
	check_written(&c, "101 Capability list:\r\n"
	    "VERSION 2\r\n"
	    "READER\r\n"
	    "POST\r\n"
	    "OVER MSGID\r\n"
	    "HDR\r\n"
	    "LIST ACTIVE OVERVIEW.FMT\r\n"
	    "STARTTLS\r\n"
	    "AUTHINFO USER\r\n"
	    "SASL PLAIN\r\n"
	    "IMPLEMENTATION some words\r\n"
	    ".\r\n");
}

Test(capabilities, one_line_for_the_log)
{
	char buf[CAPABILITIES_MAX];
	struct capabilities c;

	capabilities_init(&c);
	c.implementation = "never in it";
	cr_assert_str_eq(capabilities_format(&c, buf), "nothing");
	c.flags = CAPABILITY_HDR;
	cr_assert_str_eq(capabilities_format(&c, buf), "HDR");
	c.flags = CAPABILITY_VERSION_2 | CAPABILITY_OVER_MSGID;
	c.list = CAPABILITY_LIST_ACTIVE | CAPABILITY_LIST_MOTD;
	cr_assert_str_eq(capabilities_format(&c, buf),
	    "VERSION 2, OVER MSGID, LIST ACTIVE MOTD");
}

Test(capabilities, everything_fits)
{
	char implementation[129], buf[CAPABILITIES_MAX];
	struct capabilities c, again;
	size_t n;

	memset(implementation, 'i', 128);
	implementation[128] = '\0';
	c.flags = (CAPABILITY_VERSION_2 << 1) - 1;
	c.list = (CAPABILITY_LIST_SUBSCRIPTIONS << 1) - 1;
	c.sasl = (CAPABILITY_SASL_SCRAM_SHA_256 << 1) - 1;
	c.implementation = implementation;
	n = capabilities_write(&c, buf, sizeof(buf));
	cr_assert_leq(n, sizeof(buf));
	cr_assert_lt(strlen(capabilities_format(&c, buf)), sizeof(buf));
	n = capabilities_write(&c, buf, sizeof(buf));
	/* And everything that is written can be read. */
	buf[n - 3] = '\0';
	parse_block(&again, buf);
	cr_assert_eq(again.flags, c.flags);
	cr_assert_eq(again.list, c.list);
	cr_assert_eq(again.sasl, c.sasl);
}

Test(capabilities, read_from_a_backend)
{
	struct capabilities c;

	parse_block(&c, "VERSION 2 3\r\n"
	    "IMPLEMENTATION INN 2.7.1 READER POST\r\n"
	    "AUTHINFO USER\r\n"
	    "COMPRESS DEFLATE\r\n"
	    "HDR\r\n"
	    "LIST ACTIVE  active.times\tCOUNTS XYZ MOTD\r\n"
	    "NEWNEWS\r\n"
	    "over msgid\r\n"
	    "XPAT\r\n"
	    "SASL DIGEST-MD5 FOO\r\n"
	    "READERS\r\n"
	    "STREAMING\r\n");
	cr_assert_eq(c.flags, CAPABILITY_VERSION_2 |
	    CAPABILITY_AUTHINFO_USER | CAPABILITY_AUTHINFO |
	    CAPABILITY_COMPRESS_DEFLATE | CAPABILITY_HDR |
	    CAPABILITY_NEWNEWS | CAPABILITY_OVER | CAPABILITY_OVER_MSGID |
	    CAPABILITY_XPAT | CAPABILITY_STREAMING);
	cr_assert_eq(c.list, CAPABILITY_LIST_ACTIVE |
	    CAPABILITY_LIST_ACTIVE_TIMES | CAPABILITY_LIST_COUNTS |
	    CAPABILITY_LIST_MOTD);
	cr_assert_eq(c.sasl, CAPABILITY_SASL_DIGEST_MD5);
	cr_assert_null(c.implementation);
}

Test(capabilities, odd_lines_do_no_harm)
{
	static const char line[] = "OVER\0MSGID", cr[] = "READER\r\r";
	struct capabilities c;

	parse_block(&c, "\r\n \r\nVERSION\r\nLIST\r\n  HDR\r\nMSGID\r\nVERSION "
	    "3\r\n\xff\xfe\r\nSASL\r\n");
	cr_assert_eq(c.flags, CAPABILITY_HDR);
	cr_assert_eq(c.list, 0);
	cr_assert_eq(c.sasl, 0);
	capabilities_parse(&c, "", 0);
	capabilities_parse(&c, "\r", 1);
	capabilities_parse(&c, line, sizeof(line) - 1);
	capabilities_parse(&c, cr, sizeof(cr) - 1);
	cr_assert_eq(c.flags, CAPABILITY_HDR);
	/* One CR is the rest of the line end. */
	capabilities_parse(&c, cr, sizeof(cr) - 2);
	cr_assert_eq(c.flags, CAPABILITY_HDR | CAPABILITY_READER);
}

Test(capabilities, what_all_can_do)
{
	struct capabilities a, b;

	parse_block(&a, "VERSION 2\nREADER\nOVER MSGID\nHDR\nLIST ACTIVE MOTD\n"
	    "SASL PLAIN\n");
	parse_block(&b, "VERSION 2\nREADER\nOVER\nLIST ACTIVE COUNTS\nPOST\n");
	a.implementation = "mine";
	capabilities_intersect(&a, &b);
	cr_assert_eq(a.flags, CAPABILITY_VERSION_2 | CAPABILITY_READER |
	    CAPABILITY_OVER);
	cr_assert_eq(a.list, CAPABILITY_LIST_ACTIVE);
	cr_assert_eq(a.sasl, 0);
	cr_assert_str_eq(a.implementation, "mine");
	/* A fact set without its label counts as both. */
	capabilities_init(&a);
	a.flags = CAPABILITY_OVER_MSGID;
	capabilities_intersect(&a, &b);
	cr_assert_eq(a.flags, CAPABILITY_OVER);
}
