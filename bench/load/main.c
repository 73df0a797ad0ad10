// SPDX-License-Identifier: BSD-2-Clause
#include "base/check.h"
#include "load/driver.h"
#include "load/load.h"
#include "load/options.h"
#include "newsd/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

void
load_fail(const char *fmt, ...)
{
	va_list ap;

	fputs("load: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* As many descriptors as the system lets this process have. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
main(int argc, char **argv)
{
	static struct options options;
	static struct load ld = { .options = &options };
	int result = options_parse(&options, argc, argv);

	if (result != 0)
		return result - 1;
	text_init();
	raise_limit();
	ld.left = options.count > 0 ? options.count : UINT64_MAX;
	ld.buffer = xmalloc(LOAD_BUFFER_N);
	driver_run(&ld);
	result_print(&ld.result, stdout);
	free(ld.buffer);
	return 0;
}
