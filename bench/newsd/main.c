// SPDX-License-Identifier: BSD-2-Clause
#include "base/check.h"
#include "newsd/article.h"
#include "newsd/generate.h"
#include "newsd/newsd.h"
#include "newsd/options.h"
#include "newsd/server.h"
#include "newsd/spool.h"
#include "newsd/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* Does one --generate NxSIZE[:GROUP]. */
static bool
file_generated(struct newsd *nd, const char *spec)
{
	const char *group = strchr(spec, ':');
	size_t spec_n = group != NULL ? (size_t)(group - spec) : strlen(spec);
	char text[64], *by;
	uint64_t n, size;

	if (spec_n >= sizeof(text))
		return false;
	memcpy(text, spec, spec_n);
	text[spec_n] = '\0';
	by = strchr(text, 'x');
	if (by == NULL)
		return false;
	*by++ = '\0';
	if (!text_number(text, 1000000, &n) || !text_size(by, &size) ||
	    size > GEN_SIZE_MAX)
		return false;
	for (uint64_t seed = 0; seed < n; seed++) {
		struct gen_has has = nd->options->has;

		if ((has.set >> seed % has.modulus & 1) == 0)
			continue;
		if (spool_add(nd->spool, gen_make(size, seed,
		    nd->options->variant,
		    group != NULL ? group + 1 : GEN_GROUP), true) !=
		    SPOOL_ADDED)
			return false;
	}
	return true;
}

static int
fill(struct newsd *nd, char *err, size_t err_size)
{
	const struct options *o = nd->options;

	for (size_t i = 0; i < o->spools.n; i++)
		if (spool_load(nd->spool, o->spools.at[i], err, err_size) != 0)
			return -1;
	for (size_t i = 0; i < o->groups.n; i++)
		spool_add_group(nd->spool, o->groups.at[i], NULL);
	for (size_t i = 0; i < o->generate.n; i++) {
		if (!file_generated(nd, o->generate.at[i])) {
			snprintf(err, err_size, "--generate %s: not "
			    "understood, there already, or too much",
			    o->generate.at[i]);
			return -1;
		}
	}
	spool_seal(nd->spool);
	if (o->faults != NULL && !fault_set(&nd->fault, o->faults)) {
		snprintf(err, err_size, "--fault %s: not understood",
		    o->faults);
		return -1;
	}
	return 0;
}

/* Nothing to do without a path. */
static int
write_file(const char *path, const char *text, char *err, size_t err_size)
{
	if (path == NULL || stats_write(path, text) == 0)
		return 0;
	snprintf(err, err_size, "%s: %s", path, strerror(errno));
	return -1;
}

static int
announce(const struct options *o, const struct server *sv, char *err,
    size_t err_size)
{
	const char *address = server_get_address(sv);
	const char *control = server_get_control_address(sv);
	char pid[24];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (write_file(o->pidfile, pid, err, err_size) != 0 ||
	    write_file(o->port_file, strrchr(address, ':') + 1, err,
	    err_size) != 0)
		return -1;
	if (control[0] != '\0') {
		if (write_file(o->control_port_file,
		    strrchr(control, ':') + 1, err, err_size) != 0)
			return -1;
		printf("control on %s\n", control);
	}
	printf("listening on %s\n", address);
	fflush(stdout);
	return 0;
}

static int
serve(struct newsd *nd)
{
	char err[1024] = "";
	struct server *sv;
	int result;

	if (fill(nd, err, sizeof(err)) != 0 ||
	    (sv = server_new(nd, err, sizeof(err))) == NULL) {
		fprintf(stderr, "newsd: %s\n", err);
		return 1;
	}
	result = announce(nd->options, sv, err, sizeof(err));
	if (result == 0)
		server_run(sv);
	else
		fprintf(stderr, "newsd: %s\n", err);
	server_free(sv);
	if (nd->options->pidfile != NULL)
		unlink(nd->options->pidfile);
	return result == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	static struct newsd nd;
	static struct options options;
	int result = options_parse(&options, argc, argv);

	if (result == 0) {
		text_init();
		raise_limit();
		nd.options = &options;
		nd.started = time(NULL);
		if (options.sendfile)
			article_use_files();
		fault_init(&nd.fault);
		nd.spool = spool_new((uint32_t)options.first_number,
		    options.max_spool_bytes);
		if (!options.no_generate)
			nd.gen = gen_new(options.cache_bytes, options.has,
			    options.variant);
		result = serve(&nd) + 1;
		spool_free(nd.spool);
		if (nd.gen != NULL)
			gen_free(nd.gen);
		fault_fini(&nd.fault);
	}
	options_fini(&options);
	return result - 1;
}
