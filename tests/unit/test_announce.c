// SPDX-License-Identifier: BSD-2-Clause
#include "client/announce.h"

#include "backend/backend.h"
#include "conf/conf.h"
#include "nntp/capabilities.h"
#include "route/router.h"
#include "route/selector.h"

#include <string.h>

#include "test.h"

/* Tier 0: backends 0 and 1; tier 1: backend 2, the only one to post at. */
enum { BACKENDS = 3, TIER_0 = 3, ALL = 7, POSTING = 2 };

#define MINIMUM_FLAGS CAPABILITY_READER
#define MINIMUM_LIST (CAPABILITY_LIST_ACTIVE | CAPABILITY_LIST_NEWSGROUPS)
#define OVER_ID (CAPABILITY_OVER | CAPABILITY_OVER_MSGID)

static struct conf_backend confs[BACKENDS];
static const struct conf_health health = {
	.unhealthy_threshold = 3, .healthy_threshold = 1,
};
static struct backend *backends[BACKENDS];
static struct router router;
static struct audience audience;

static void
set_up(void)
{
	static char name[] = "somebody";

	memset(&router, 0, sizeof(router));
	memset(confs, 0, sizeof(confs));
	router.selector = selector_new(SELECT_ROUND_ROBIN, 1);
	for (unsigned i = 0; i < BACKENDS; i++) {
		confs[i].s.name = name;
		confs[i].max_connections = 1;
		backends[i] = backend_new(&confs[i], &health, i, 1, NULL);
		cr_assert_eq(selector_add_backend(router.selector,
		    backends[i]), 0);
	}
	selector_seal(router.selector);
	router.mode = MODE_HYBRID;
	router.all = ALL;
	router.posting = 1 << POSTING;
	router.tiers[0] = TIER_0;
	router.tiers[1] = ALL & ~TIER_0;
	router.tiers_n = 2;
	audience = (struct audience){
		.eligible = ALL, .pinned_id = SELECTOR_NONE,
	};
}

static void
tear_down(void)
{
	selector_free(router.selector);
	for (unsigned i = 0; i < BACKENDS; i++)
		backend_free(backends[i]);
}

#define ANNOUNCE_TEST(name)                                                   \
	Test(announce, name, .init = set_up, .fini = tear_down)

static void
say(unsigned backend, unsigned flags, unsigned list)
{
	struct capabilities c;

	capabilities_init(&c);
	c.flags = flags;
	c.list = list;
	backend_set_capabilities(backends[backend], &c, 1);
}

static void
expect(unsigned flags, unsigned list)
{
	struct capabilities c;

	memset(&c, 'x', sizeof(c));
	announce_make(&router, &audience, &c);
	cr_assert_eq(c.flags, flags, "%x instead of %x", c.flags, flags);
	cr_assert_eq(c.list, list, "%x instead of %x", c.list, list);
	cr_assert_eq(c.sasl, audience.has_login && !audience.needs_tls ?
	    CAPABILITY_SASL_PLAIN : 0);
	cr_assert_eq(strncmp(c.implementation, "nntpmux ", 8), 0);
}

ANNOUNCE_TEST(none_known_is_the_minimum)
{
	expect(MINIMUM_FLAGS, MINIMUM_LIST);
	router.mode = MODE_STATEFUL;
	expect(MINIMUM_FLAGS, MINIMUM_LIST);
	router.mode = MODE_PER_COMMAND;
	expect(0, 0);
}

ANNOUNCE_TEST(no_backend_is_the_minimum)
{
	say(0, OVER_ID, CAPABILITY_LIST_MOTD);
	audience.eligible = 0;
	audience.may_post = true;
	expect(MINIMUM_FLAGS | CAPABILITY_POST, MINIMUM_LIST);
	cr_assert_eq(announce_get_unknown(&router, &audience), 0);
}

ANNOUNCE_TEST(what_all_of_the_lowest_tier_announce)
{
	say(0, OVER_ID | CAPABILITY_HDR | CAPABILITY_NEWNEWS,
	    CAPABILITY_LIST_OVERVIEW_FMT | CAPABILITY_LIST_MOTD);
	say(1, CAPABILITY_OVER | CAPABILITY_HDR | CAPABILITY_XPAT,
	    CAPABILITY_LIST_OVERVIEW_FMT | CAPABILITY_LIST_COUNTS);
	say(2, 0, 0);
	expect(MINIMUM_FLAGS | CAPABILITY_OVER | CAPABILITY_HDR,
	    MINIMUM_LIST | CAPABILITY_LIST_OVERVIEW_FMT);
}

ANNOUNCE_TEST(the_unknown_have_no_say)
{
	say(1, OVER_ID, CAPABILITY_LIST_COUNTS);
	expect(MINIMUM_FLAGS | OVER_ID, MINIMUM_LIST | CAPABILITY_LIST_COUNTS);
	/* To announce nothing is to say something. */
	backend_spare_capabilities(backends[0], 1);
	expect(MINIMUM_FLAGS, MINIMUM_LIST);
}

ANNOUNCE_TEST(only_the_eligible_have_a_say)
{
	say(0, OVER_ID, 0);
	say(1, CAPABILITY_HDR, 0);
	say(2, CAPABILITY_NEWNEWS, 0);
	audience.eligible = 1 << 1;
	expect(MINIMUM_FLAGS | CAPABILITY_HDR, MINIMUM_LIST);
	audience.eligible = 1 << 2;	/* its lowest tier is the second */
	expect(MINIMUM_FLAGS | CAPABILITY_NEWNEWS, MINIMUM_LIST);
}

ANNOUNCE_TEST(a_pinned_client_hears_of_its_own)
{
	say(0, OVER_ID, CAPABILITY_LIST_MOTD);
	say(1, CAPABILITY_HDR, CAPABILITY_LIST_COUNTS);
	say(2, CAPABILITY_XPAT | CAPABILITY_NEWNEWS, 0);
	audience.pinned_id = 0;
	expect(MINIMUM_FLAGS | OVER_ID, MINIMUM_LIST | CAPABILITY_LIST_MOTD);
	audience.pinned_id = 2;
	audience.may_post = true;
	expect(MINIMUM_FLAGS | CAPABILITY_XPAT | CAPABILITY_NEWNEWS |
	    CAPABILITY_POST, MINIMUM_LIST);
}

ANNOUNCE_TEST(per_command_over_needs_msgid)
{
	unsigned list = CAPABILITY_LIST_ACTIVE | CAPABILITY_LIST_OVERVIEW_FMT;
	unsigned flags = OVER_ID | CAPABILITY_HDR | CAPABILITY_NEWNEWS;

	router.mode = MODE_PER_COMMAND;
	say(0, flags | CAPABILITY_XPAT, list);
	say(1, flags | CAPABILITY_XPAT, list);
	expect(flags, list);
	say(1, (flags & ~CAPABILITY_OVER_MSGID) | CAPABILITY_XPAT, list);
	expect(CAPABILITY_HDR | CAPABILITY_NEWNEWS, list);
}

/* They are between the proxy and a backend, or what the proxy never does. */
ANNOUNCE_TEST(some_words_are_never_passed_on)
{
	unsigned list = (CAPABILITY_LIST_SUBSCRIPTIONS << 1) - 1;

	for (unsigned i = 0; i < BACKENDS; i++)
		say(i, (CAPABILITY_VERSION_2 << 1) - 1, list);
	expect(CAPABILITY_READER | OVER_ID | CAPABILITY_HDR |
	    CAPABILITY_NEWNEWS | CAPABILITY_XPAT, list);
	audience.may_post = true;
	expect(CAPABILITY_READER | OVER_ID | CAPABILITY_HDR |
	    CAPABILITY_NEWNEWS | CAPABILITY_XPAT | CAPABILITY_POST |
	    CAPABILITY_IHAVE, list);
}

ANNOUNCE_TEST(posting_follows_the_client_and_ihave_the_posting_backends)
{
	say(0, CAPABILITY_POST | CAPABILITY_IHAVE, 0);
	say(1, CAPABILITY_POST | CAPABILITY_IHAVE, 0);
	expect(MINIMUM_FLAGS, MINIMUM_LIST);
	audience.may_post = true;
	expect(MINIMUM_FLAGS | CAPABILITY_POST, MINIMUM_LIST);
	say(POSTING, CAPABILITY_IHAVE, 0);
	expect(MINIMUM_FLAGS | CAPABILITY_POST | CAPABILITY_IHAVE,
	    MINIMUM_LIST);
	router.posting |= 1 << 0;
	say(0, CAPABILITY_POST, 0);
	expect(MINIMUM_FLAGS | CAPABILITY_POST, MINIMUM_LIST);
	audience.eligible = 1 << POSTING;
	expect(MINIMUM_FLAGS | CAPABILITY_POST | CAPABILITY_IHAVE,
	    MINIMUM_LIST);
	router.mode = MODE_PER_COMMAND;
	expect(CAPABILITY_POST | CAPABILITY_IHAVE, 0);
}

ANNOUNCE_TEST(ihave_is_the_pinned_backends_in_stateful_mode)
{
	audience.may_post = true;
	audience.pinned_id = 0;
	router.posting = ALL;
	say(0, CAPABILITY_IHAVE, 0);
	say(1, 0, 0);
	expect(MINIMUM_FLAGS | CAPABILITY_POST, MINIMUM_LIST);
	cr_assert_eq(announce_get_unknown(&router, &audience), 1 << POSTING);
	router.mode = MODE_STATEFUL;
	expect(MINIMUM_FLAGS | CAPABILITY_POST | CAPABILITY_IHAVE,
	    MINIMUM_LIST);
	cr_assert_eq(announce_get_unknown(&router, &audience), 0);
	audience.pinned_id = SELECTOR_NONE;
	expect(MINIMUM_FLAGS | CAPABILITY_POST, MINIMUM_LIST);
}

ANNOUNCE_TEST(before_the_login_no_backend_has_a_say)
{
	const unsigned login = CAPABILITY_AUTHINFO_USER |
	    CAPABILITY_AUTHINFO_SASL;

	audience.has_login = audience.needs_login = true;
	audience.may_post = true;
	for (unsigned i = 0; i < BACKENDS; i++)
		say(i, OVER_ID | CAPABILITY_IHAVE, CAPABILITY_LIST_MOTD);
	expect(MINIMUM_FLAGS | login, MINIMUM_LIST);
	router.mode = MODE_PER_COMMAND;
	expect(login, 0);
}

/* SASL stays: expect() looks. */
ANNOUNCE_TEST(after_the_login)
{
	audience.has_login = true;
	expect(MINIMUM_FLAGS, MINIMUM_LIST);
}

ANNOUNCE_TEST(before_tls_no_login_is_announced)
{
	audience.may_start_tls = true;
	audience.has_login = true;
	audience.needs_tls = audience.needs_login = true;
	for (unsigned i = 0; i < BACKENDS; i++)
		say(i, OVER_ID, CAPABILITY_LIST_MOTD);
	expect(MINIMUM_FLAGS | CAPABILITY_STARTTLS, MINIMUM_LIST);
	cr_assert_eq(announce_get_unknown(&router, &audience), 0);
	audience.needs_tls = false;
	expect(MINIMUM_FLAGS | CAPABILITY_STARTTLS |
	    CAPABILITY_AUTHINFO_USER | CAPABILITY_AUTHINFO_SASL,
	    MINIMUM_LIST);
	audience.may_start_tls = false;
	expect(MINIMUM_FLAGS | CAPABILITY_AUTHINFO_USER |
	    CAPABILITY_AUTHINFO_SASL, MINIMUM_LIST);
}

ANNOUNCE_TEST(who_is_to_be_known)
{
	cr_assert_eq(announce_get_unknown(&router, &audience), TIER_0);
	audience.may_post = true;
	cr_assert_eq(announce_get_unknown(&router, &audience), ALL);
	say(0, 0, 0);
	backend_spare_capabilities(backends[POSTING], 1);
	cr_assert_eq(announce_get_unknown(&router, &audience), 1 << 1);
	audience.pinned_id = 0;
	cr_assert_eq(announce_get_unknown(&router, &audience), 0);
	audience.pinned_id = 1;
	cr_assert_eq(announce_get_unknown(&router, &audience), 1 << 1);
	audience.needs_login = true;
	cr_assert_eq(announce_get_unknown(&router, &audience), 0);
}
