// SPDX-License-Identifier: BSD-2-Clause
/* How a configuration becomes a router; what it does is tested with the whole
 * program. */
#include "route/router.h"

#include "backend/backend.h"
#include "conf/conf.h"
#include "route/selector.h"

#include <string.h>

#include "test.h"

enum { BACKENDS = 4 };

static struct conf_backend confs[BACKENDS];
static struct conf conf;
static struct backend *backends[BACKENDS];
static struct router *router;

/* By their place in the file; the bits are the other way round, as they may be
 * after a reload. */
static void
set_up(void)
{
	static char name[] = "somebody";

	memset(confs, 0, sizeof(confs));
	memset(&conf, 0, sizeof(conf));
	conf.backends = confs;
	conf.backends_n = BACKENDS;
	conf.health.unhealthy_threshold = conf.health.healthy_threshold = 1;
	conf.routing.stateful_reserve = 1;
	for (unsigned i = 0; i < BACKENDS; i++) {
		confs[i].s.name = name;
		confs[i].max_connections = 2;
		backends[i] = backend_new(&confs[i], &conf.health,
		    BACKENDS - 1 - i, 1, NULL);
	}
	router = NULL;
}

static void
tear_down(void)
{
	router_free(router);
	for (unsigned i = 0; i < BACKENDS; i++)
		backend_free(backends[i]);
}

#define ROUTER_TEST(name)                                                     \
	Test(router, name, .init = set_up, .fini = tear_down)

ROUTER_TEST(order_is_the_files)
{
	router = router_new(&conf, backends);
	cr_assert_eq(router->all, 0xf);
	cr_assert_eq(router->backends_n, BACKENDS);
	for (unsigned i = 0; i < BACKENDS; i++) {
		cr_assert_eq(router->order[i], BACKENDS - 1 - i);
		cr_assert_eq(selector_backend(router->selector,
		    router->order[i]), backends[i]);
	}
}

ROUTER_TEST(tiers_lowest_first)
{
	confs[0].tier = 7;
	confs[1].tier = 2;
	confs[2].tier = 7;
	confs[3].tier = 5;
	router = router_new(&conf, backends);
	cr_assert_eq(router->tiers_n, 3);
	cr_assert_eq(router->tiers[0], 0x4);
	cr_assert_eq(router->tiers[1], 0x1);
	cr_assert_eq(router->tiers[2], 0xa);
}

ROUTER_TEST(a_group_is_by_its_name)
{
	static char a[] = "a", again[] = "a", b[] = "b";

	confs[0].group = a;
	confs[1].group = b;
	confs[3].group = again;
	router = router_new(&conf, backends);
	cr_assert_eq(router->groups[3], 0x9);
	cr_assert_eq(router->groups[2], 0x4);
	cr_assert_eq(router->groups[1], 0x2);
	cr_assert_eq(router->groups[0], 0x9);
}

ROUTER_TEST(keepable_above_the_reserve)
{
	confs[0].max_connections = 1;
	confs[0].posting = confs[1].posting = true;
	router = router_new(&conf, backends);
	cr_assert_eq(router->keepable, 0x7);
	cr_assert_eq(router->posting, 0x4);
}

ROUTER_TEST(no_reserve_in_stateful_mode)
{
	confs[0].max_connections = 1;
	confs[0].posting = true;
	conf.proxy.mode = MODE_STATEFUL;
	router = router_new(&conf, backends);
	cr_assert_eq(router->keepable, 0xf);
	cr_assert_eq(router->posting, 0x8);
}

ROUTER_TEST(a_listener_names_places_of_the_file)
{
	router = router_new(&conf, backends);
	cr_assert_eq(router_get_eligible(router, 0), 0xf);
	cr_assert_eq(router_get_eligible(router, 0x3), 0xc);
}
