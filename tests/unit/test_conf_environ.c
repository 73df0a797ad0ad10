// SPDX-License-Identifier: BSD-2-Clause
#include "conf/environ.h"

#include "conf/section.h"
#include "conf_tools.h"

static char *const no_variables[] = { NULL };

struct env_case {
	const char *variable;
	const char *words;	/* of the error; NULL = it is taken */
};

static struct conf *
make_conf(void)
{
	struct conf *c = conf_new();

	conf_add_section(c, KIND_LISTEN, "main", "test");
	conf_add_section(c, KIND_BACKEND, "primary", "test");
	conf_add_section(c, KIND_BACKEND, "news.example-1", "test");
	conf_add_section(c, KIND_BACKEND, "a.b", "test");
	conf_add_section(c, KIND_BACKEND, "a-b", "test");
	conf_add_section(c, KIND_BACKEND, "x--y", "test");
	conf_add_section(c, KIND_USER, "j\xc3\xb6rg", "test");
	return c;
}

static void
read_one(struct conf *c, const char *variable, struct conf_report *report)
{
	char *copy = xstrdup(variable);
	char *const env[] = { copy, NULL };

	report_init(report);
	environ_read(c, env, report);
	free(copy);
}

Test(environ, names_of_variables)
{
	static const struct env_case cases[] = {
		{ "NNTPMUX_PROXY__THREADS=4", NULL },
		{ "NNTPMUX_BACKEND_PRIMARY__MAX_CONNECTIONS=3", NULL },
		{ "NNTPMUX_BACKEND_NEWS_EXAMPLE_1__TIER=3", NULL },
		{ "NNTPMUX_BACKEND_X__Y__TIER=3", NULL },
		{ "NNTPMUX_USER_J__RG__PASSWORD_PLAIN=x", NULL },
		{ "NNTPMUX_LISTEN_MAIN__ALLOW=::1, 10.0.0.0/8", NULL },
		{ "NNTPMUX_PROXY__NONSENSE=1", "fits no key" },
		{ "NNTPMUX_BACKEND_NOBODY__TIER=1", "fits no key" },
		{ "NNTPMUX_PROXY__=1", "fits no key" },
		{ "NNTPMUX___THREADS=1", "fits no key" },
		{ "NNTPMUX_PROXY__threads=1", "fits no key" },
		{ "NNTPMUX_proxy__THREADS=1", "fits no key" },
		{ "NNTPMUX_BACKEND__TIER=1", "fits no key" },
		{ "NNTPMUX_BACKEND_A_B__TIER=1", "more than one" },
		{ "NNTPMUX_PROXY__INCLUDE=/x", "file only" },
		{ "NNTPMUX_PROXY__THREADS=lots", "1 to 1024" },
		{ "NNTPMUX_PROXY__THREADS=", "empty" },
		{ "NNTPMUX_PROXY__GREETING=a\r\nb", "control" },
		{ "NNTPMUX_PROXY__GREETING=a ;b", "comment" },
	};

	for (size_t i = 0; i < ARRAY_N(cases); i++) {
		struct conf *c = make_conf();
		struct conf_report report;
		char *where = xasprintf("environment %.*s",
		    (int)strcspn(cases[i].variable, "="), cases[i].variable);

		read_one(c, cases[i].variable, &report);
		if (cases[i].words == NULL)
			cr_assert_eq(report.issues_n, 0, "%s",
			    cases[i].variable);
		else
			cr_assert(tool_has(&report, SEVERITY_ERROR, where,
			    cases[i].words), "%s", cases[i].variable);
		report_fini(&report);
		free(where);
		conf_unref(c);
	}
}

Test(environ, values_arrive)
{
	struct conf *c = make_conf();
	struct conf_report report;

	read_one(c, "NNTPMUX_BACKEND_PRIMARY__PASSWORD= a ;b ", &report);
	cr_assert_eq(report.issues_n, 0);
	cr_assert_str_eq(c->backends[0].password, " a ;b ");
	report_fini(&report);
	read_one(c, "NNTPMUX_BACKEND_X__Y__TIER=7", &report);
	cr_assert_eq(c->backends[4].tier, 7);
	report_fini(&report);
	conf_unref(c);
}

Test(environ, of_somebody_else_is_noted)
{
	struct conf *c = make_conf();
	struct conf_report report;

	read_one(c, "NNTPMUX_PORT=tcp://10.0.0.1:119", &report);
	cr_assert_eq(report.errors_n + report.warnings_n, 0);
	cr_assert(tool_has(&report, SEVERITY_NOTE,
	    "environment NNTPMUX_PORT", ""));
	report_fini(&report);
	read_one(c, "NNTPMUXX__Y=1", &report);
	cr_assert_eq(report.issues_n, 0);
	report_fini(&report);
	read_one(c, "NNTPMUX_CONFIG=/x", &report);
	cr_assert_eq(report.issues_n, 0);
	report_fini(&report);
	conf_unref(c);
}

Test(environ, config)
{
	char set[] = "NNTPMUX_CONFIG=/x", empty[] = "NNTPMUX_CONFIG=";
	char *const with[] = { set, NULL }, *const without[] = { empty, NULL };

	cr_assert_str_eq(environ_get_config(with), "/x");
	cr_assert_null(environ_get_config(without));
	cr_assert_null(environ_get_config(no_variables));
}
