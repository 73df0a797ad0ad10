// SPDX-License-Identifier: BSD-2-Clause
/* Another configuration beside the one that runs. */
#include "conf/renew.h"

#include "conf_tools.h"

#define RenewTest(name_) \
	Test(renew, name_, .init = tool_open, .fini = tool_close)
#define BACKEND "[backend b]\naddress = news.example.com\n"

RenewTest(keys_that_need_a_restart_stay)
{
	struct loaded old = tool_load_text("[proxy]\nthreads = 3\n" BACKEND);
	struct loaded new = tool_load_text("[proxy]\npidfile = /p\n"
	    "threads = 4\nmode = stateful\nmax_clients = 7\n[log]\n"
	    "target = file:/x\nlevel = debug\n" BACKEND);

	conf_keep_fixed(new.conf, old.conf, &new.report);
	cr_assert_eq(new.conf->proxy.threads, 3);
	cr_assert_eq(new.conf->proxy.mode, MODE_HYBRID);
	cr_assert_null(new.conf->proxy.pidfile);
	cr_assert_str_eq(new.conf->log.target, "stderr");
	cr_assert_eq(new.conf->proxy.max_clients, 7);
	cr_assert_eq(new.conf->log.level, LEVEL_DEBUG);
	cr_assert_eq(new.report.warnings_n, 4);
	cr_assert(tool_has(&new.report, SEVERITY_WARNING, "test.ini:3",
	    "threads needs a restart: it stays 3"));
	cr_assert(tool_has(&new.report, SEVERITY_WARNING, "test.ini:2",
	    "pidfile needs a restart: it stays not set"));
	tool_drop(&old);
	tool_drop(&new);
}

RenewTest(without_a_change_nothing_is_said)
{
	struct loaded old = tool_load_text("[proxy]\nthreads = 3\n" BACKEND);
	struct loaded new = tool_load_text("[proxy]\nthreads = 3\n" BACKEND);

	conf_keep_fixed(new.conf, old.conf, &new.report);
	cr_assert_eq(new.report.issues_n, 0);
	tool_drop(&old);
	tool_drop(&new);
}

RenewTest(a_reference_outlives_its_giver)
{
	struct loaded l = tool_load_text(BACKEND);
	const struct conf *c = conf_ref(l.conf);

	cr_assert_eq(c->backends[0].whole, c);
	cr_assert_eq(c->listens[0].whole, c);
	tool_drop(&l);
	cr_assert_str_eq(c->backends[0].host, "news.example.com");
	conf_unref(c);
	cr_assert_null(conf_ref(NULL));
	conf_unref(NULL);
}
