// SPDX-License-Identifier: BSD-2-Clause
/* main - argv to running server and back. */
#include "conf/conf.h"
#include "conf/options.h"
#include "conf/start.h"
#include "net/tls.h"
#include "server/confine.h"
#include "server/memory.h"
#include "server/server.h"
#include "server/trial.h"

int
main(int argc, char **argv)
{
	struct options options;
	struct conf *conf;
	int code;

	confine_memory();
	if (conf_start(argc, argv, &options, memory_print_bound, &conf,
	    &code)) {
		if (options.action == ACTION_TEST_BACKENDS)
			code = trial_run(conf, stdout);
		else
			code = server_run(conf, &options);
	}
	options_fini(&options);
	tls_trust_fini();
	return code;
}
