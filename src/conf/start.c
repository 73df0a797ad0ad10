// SPDX-License-Identifier: BSD-2-Clause
#include "conf/start.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/dump.h"
#include "conf/hash_password.h"
#include "conf/load.h"
#include "conf/options.h"
#include "conf/report.h"

/* What was printed must have arrived: "-T > /dev/full" has failed. */
static bool
end(int code, int *exit_r)
{
	if (fflush(stdout) != 0 && code == EXIT_FINE)
		code = EXIT_RUNTIME;
	*exit_r = code;
	return false;
}

static bool
load(const struct options *o, start_note_f *note, struct conf **conf_r,
    int *exit_r)
{
	struct conf_report report;
	int rc;

	report_init(&report);
	rc = conf_load(o, conf_r, &report);
	report_print(&report, rc == 0 && (*conf_r)->log.level >= LEVEL_DEBUG ?
	    SEVERITY_NOTE : SEVERITY_WARNING, stderr);
	report_fini(&report);
	if (rc == -1)
		return end(EXIT_CONFIG, exit_r);
	if (o->action == ACTION_RUN || o->action == ACTION_TEST_BACKENDS)
		return true;
	if (o->action == ACTION_DUMP) {
		conf_dump(*conf_r, stdout);
		putchar('\n');
		note(*conf_r, stdout);
	}
	conf_unref(*conf_r);
	*conf_r = NULL;
	return end(EXIT_FINE, exit_r);
}

bool
conf_start(int argc, char **argv, struct options *o, start_note_f *note,
    struct conf **conf_r, int *exit_r)
{
	char *error;

	*conf_r = NULL;
	if (options_parse(o, argc, argv, &error) == -1) {
		fprintf(stderr, "nntpmux: %s\nTry nntpmux --help.\n", error);
		free(error);
		return end(EXIT_USAGE, exit_r);
	}
	switch (o->action) {
	case ACTION_HASH_PASSWORD:
		return end(hash_password(), exit_r);
	case ACTION_HELP:
		options_print_help(stdout);
		return end(EXIT_FINE, exit_r);
	case ACTION_VERSION:
		options_print_version(stdout);
		return end(EXIT_FINE, exit_r);
	default:
		return load(o, note, conf_r, exit_r);
	}
}
