// SPDX-License-Identifier: BSD-2-Clause
#include "backend/backend.h"

#include "backend/pool.h"
#include "conf/conf.h"
#include "net/loop.h"
#include "nntp/capabilities.h"

#include <string.h>

#include "test.h"

#define HOUR_MS UINT64_C(3600000)
#define NOW_MS (5 * HOUR_MS + 7)

static const struct conf_health health = {
	.unhealthy_threshold = 3, .healthy_threshold = 1,
};
static struct backend *backend;

static void
set_up(void)
{
	static char name[] = "somebody";
	static struct conf_backend conf;

	conf.s.name = name;
	conf.max_connections = 1;
	backend = backend_new(&conf, &health, 0, 1, NULL);
}

static void
tear_down(void)
{
	backend_free(backend);
}

#define BACKEND_TEST(name)                                                    \
	Test(backend, name, .init = set_up, .fini = tear_down)

static void
announce(unsigned flags, unsigned list, uint64_t now_ms)
{
	struct capabilities c;

	capabilities_init(&c);
	c.flags = flags;
	c.list = list;
	c.sasl = CAPABILITY_SASL_PLAIN;
	backend_set_capabilities(backend, &c, now_ms);
}

static void
check_announced(unsigned flags, unsigned list)
{
	struct capabilities c;

	memset(&c, 'x', sizeof(c));
	cr_assert(backend_get_capabilities(backend, &c));
	cr_assert_eq(c.flags, flags);
	cr_assert_eq(c.list, list);
	cr_assert_eq(c.sasl, 0);
	cr_assert_null(c.implementation);
}

BACKEND_TEST(unknown_is_nothing_and_asked_by_each)
{
	struct capabilities c;

	memset(&c, 'x', sizeof(c));
	cr_assert_not(backend_get_capabilities(backend, &c));
	cr_assert_eq(c.flags, 0);
	cr_assert_eq(c.list, 0);
	cr_assert(backend_wants_capabilities(backend, NOW_MS));
	cr_assert(backend_wants_capabilities(backend, NOW_MS));
}

BACKEND_TEST(all_that_was_announced_is_kept)
{
	unsigned flags = (CAPABILITY_VERSION_2 << 1) - 1;
	unsigned list = (CAPABILITY_LIST_SUBSCRIPTIONS << 1) - 1;

	announce(flags, list, NOW_MS);
	check_announced(flags, list);
	announce(CAPABILITY_HDR, 0, NOW_MS);
	check_announced(CAPABILITY_HDR, 0);
	announce(0, CAPABILITY_LIST_MOTD, NOW_MS);
	check_announced(0, CAPABILITY_LIST_MOTD);
	announce(0, 0, NOW_MS);
	check_announced(0, 0);
	cr_assert_not(backend_wants_capabilities(backend, NOW_MS));
}

/* Also in the first second of the clock, when the packed time is 0. */
BACKEND_TEST(nothing_announced_is_known)
{
	announce(0, 0, 0);
	check_announced(0, 0);
	cr_assert_not(backend_wants_capabilities(backend, 0));
}

BACKEND_TEST(asked_again_after_an_hour_by_one)
{
	announce(CAPABILITY_HDR, CAPABILITY_LIST_MOTD, NOW_MS);
	cr_assert_not(backend_wants_capabilities(backend, NOW_MS + HOUR_MS));
	cr_assert(backend_wants_capabilities(backend,
	    NOW_MS + HOUR_MS + 1000));
	/* The others go on with what was known. */
	cr_assert_not(backend_wants_capabilities(backend,
	    NOW_MS + HOUR_MS + 1000));
	check_announced(CAPABILITY_HDR, CAPABILITY_LIST_MOTD);
	cr_assert(backend_wants_capabilities(backend,
	    NOW_MS + 2 * HOUR_MS + 3000));
}

BACKEND_TEST(a_clock_ahead_is_no_hour)
{
	announce(CAPABILITY_HDR, 0, NOW_MS + 2000);
	cr_assert_not(backend_wants_capabilities(backend, NOW_MS));
}

BACKEND_TEST(spared_it_announces_nothing)
{
	backend_spare_capabilities(backend, NOW_MS);
	check_announced(0, 0);
	cr_assert_not(backend_wants_capabilities(backend, NOW_MS));
	cr_assert(backend_wants_capabilities(backend,
	    NOW_MS + HOUR_MS + 1000));
}

BACKEND_TEST(spared_it_keeps_what_was_known)
{
	announce(CAPABILITY_HDR, CAPABILITY_LIST_MOTD, NOW_MS);
	backend_spare_capabilities(backend, NOW_MS);
	check_announced(CAPABILITY_HDR, CAPABILITY_LIST_MOTD);
}

/* --- another configuration ------------------------------------------------ */

/* Settings of an account; unused ones are NULL. */
static struct conf_backend
account(const char *host, uint16_t port, const char *user, const char *word)
{
	return (struct conf_backend){
		.s.name = (char *)(uintptr_t)"other",
		.host = (char *)(uintptr_t)host,
		.port = port,
		.username = (char *)(uintptr_t)user,
		.password = (char *)(uintptr_t)word,
		.max_connections = 3,
	};
}

static bool
is_same(struct conf_backend a, struct conf_backend b)
{
	return backend_is_same(&a, &b) && backend_is_same(&b, &a);
}

Test(backend, an_account_is_host_port_and_user)
{
	cr_assert(is_same(account("h", 119, "u", "p"),
	    account("h", 119, "u", "q")));
	cr_assert_not(is_same(account("h", 119, "u", "p"),
	    account("h", 563, "u", "p")));
	cr_assert(is_same(account("H", 119, "u", "p"),
	    account("h", 119, "u", "p")));
	cr_assert_not(is_same(account("h", 119, "u", "p"),
	    account("h", 119, "U", "p")));
	cr_assert_not(is_same(account("h", 119, "u", "p"),
	    account("h", 119, "v", "p")));
	cr_assert_not(is_same(account("h", 119, "u", "p"),
	    account("g", 119, "u", "p")));
	cr_assert(is_same(account("h", 119, NULL, NULL),
	    account("h", 119, NULL, NULL)));
	cr_assert_not(is_same(account("h", 119, NULL, NULL),
	    account("h", 119, "u", "p")));
}

BACKEND_TEST(configured_limits_hold_at_once)
{
	static struct conf_backend conf;
	unsigned before = backend->generation;

	conf = account(NULL, 0, NULL, NULL);
	cr_assert_null(backend_configure(backend, &conf, &health, NOW_MS));
	cr_assert_str_eq(backend->name, "other");
	cr_assert_eq(pool_get_status(backend->pool).max_size, 3);
	cr_assert_eq(backend->generation, before);
}

BACKEND_TEST(configured_anew_is_tried_anew)
{
	static struct conf_backend conf;
	unsigned before = backend->generation;

	for (int i = 0; i < 3; i++)
		(void)breaker_fail(&backend->breaker, NOW_MS);
	cr_assert(breaker_is_open(&backend->breaker));
	conf = account(NULL, 0, NULL, "new");
	cr_assert_null(backend_configure(backend, &conf, &health, NOW_MS));
	cr_assert_neq(backend->generation, before);
	cr_assert_not(breaker_is_open(&backend->breaker));
}

BACKEND_TEST(configured_anew_is_not_backed_off)
{
	static struct conf_backend conf, new;
	static struct loop loop;
	struct pool_item *item;

	conf = account(NULL, 0, NULL, NULL);
	cr_assert_null(backend_configure(backend, &conf, &health, NOW_MS));
	for (int i = 0; i < 8; i++) {
		cr_assert_eq(pool_get_probe(backend->pool, &loop,
		    NOW_MS + i * HOUR_MS, &item), POOL_CREATE);
		pool_discard(item, DISCARD_UNMADE, NOW_MS + i * HOUR_MS);
	}
	cr_assert_eq(pool_get(backend->pool, &loop, NOW_MS + 7 * HOUR_MS,
	    &item), POOL_DOWN);
	new = account(NULL, 0, NULL, "new");
	cr_assert_null(backend_configure(backend, &new, &health, NOW_MS));
	cr_assert_eq(pool_get(backend->pool, &loop, NOW_MS + 7 * HOUR_MS,
	    &item), POOL_CREATE);
	pool_discard(item, DISCARD_ORDERLY, NOW_MS);
}
