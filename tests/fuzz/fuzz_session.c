// SPDX-License-Identifier: BSD-2-Clause
/* The whole server under a script. Two octets choose the configuration and
 * how the script ends; then each step is one octet, with octets of its own
 * behind it. Clients say, read, post and leave; backends accept, answer well or
 * badly, send in pieces and leave; loops turn and time passes, in any order.
 *
 * session_world.h has what takes the place of the machine, session_news.h the
 * backends, session_reader.h the clients and what they check. FUZZ_LOG=1 in the
 * environment prints the log. session_seeds.py makes the seeds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/load.h"
#include "conf/options.h"
#include "conf/report.h"
#include "fuzz.h"
#include "session_news.h"
#include "session_reader.h"
#include "session_world.h"

/* The order is part of the seeds: new ones go to the end. */
enum step {
	STEP_TURN, STEP_TURN_ONE, STEP_TIME,
	STEP_CONNECT, STEP_SAY, STEP_RAW, STEP_READ, STEP_POST,
	STEP_HALF_CLOSE, STEP_CLOSE,
	STEP_DOOR, STEP_ACCEPT, STEP_NEWS_READ, STEP_ANSWER, STEP_SEND,
	STEP_NEWS_RAW, STEP_NEWS_CLOSE, STEP_NEWS_HALF_CLOSE,
	STEP_WORK, STEP_SETTLE,
	STEP_RELOAD,
	STEP_N,
};

/* The first octet: what a configuration is made of. */
enum {
	CONF_MODE = 0x03,		/* 3 is as 0 */
	CONF_TWO_BACKENDS = 0x04,
	CONF_TWO_CONNECTIONS = 0x08,
	CONF_DEEP = 0x10,
	CONF_TIERS = 0x20,
	CONF_WARM = 0x40,
	CONF_TWO_THREADS = 0x80,
	CONF_N = 0x100 * 8,
};

/* The second: of the script. */
enum {
	RUN_SMALL_BUFFERS = 0x01,
	RUN_HELPFUL = 0x02,
	RUN_DOOR_SILENT = 0x04,
	RUN_PATIENT_END = 0x08,		/* all is answered in the end */
	RUN_RESTLESS_END = 0x10,	/* stopped with clients there */
	RUN_CONF = 0xe0,		/* more of the configuration: */
	RUN_SPILLS = 0x20,
	RUN_PROBES = 0x40,
	RUN_NO_RESERVE = 0x80,
};

enum {
	SETTLE_ROUNDS = 4,
	END_STEP_MS = 100,
	END_STEPS_MAX = 1200,
	STEPS_MAX = 2000,
};

static struct {
	const uint8_t *p;
	size_t n;
	unsigned bits, run;
	unsigned steps_n;
	const struct conf *next;	/* to be taken over now, or NULL */
	char path[64];		/* of the unix socket */
} script;

/* --- configuration ------------------------------------------------------ */

static char *
make_ini(unsigned bits, unsigned run)
{
	static const char *const modes[] = {
		"hybrid", "per-command", "stateful", "hybrid"
	};
	unsigned connections = (bits & CONF_TWO_CONNECTIONS) != 0 ? 2 : 1;
	char *ini = xasprintf("[proxy]\nmode = %s\nthreads = %d\n"
	    "client_stall_timeout = 2s\nwait_timeout = 2s\n"
	    "command_timeout = 3s\ndrain_limit = 4K\nshutdown_timeout = 3s\n"
	    "pipeline_depth = %d\n[listen main]\naddress = unix:%s\n"
	    "[log]\nlevel = %s\nstats_interval = 0\n"
	    "[routing]\ntier_down = %s\ntier_full = %s\n"
	    "stateful_reserve = %d\n[health]\ninterval = %s\n"
	    "timeout = 1s\nunhealthy_threshold = 2\n", modes[bits & CONF_MODE],
	    (bits & CONF_TWO_THREADS) != 0 ? 2 : 1,
	    (bits & CONF_DEEP) != 0 ? 8 : 2, script.path,
	    getenv("FUZZ_LOG") != NULL ? "trace" : "error",
	    (run & RUN_SPILLS) != 0 ? "spill" : "fail",
	    (run & RUN_SPILLS) != 0 ? "spill" : "wait",
	    (run & RUN_NO_RESERVE) == 0,
	    (run & RUN_PROBES) != 0 ? "3s" : "0");

	for (int i = 0; i < 1 + ((bits & CONF_TWO_BACKENDS) != 0); i++) {
		char *whole = xasprintf("%s[backend %c]\n"
		    "address = 127.0.0.1:%d\nmax_connections = %u\n"
		    "posting = %s\ntier = %d\nmin_idle = %d\n"
		    "connect_timeout = 1s\nresponse_timeout = 1500ms\n"
		    "stall_timeout = 1s\npost_timeout = 2s\n"
		    "idle_timeout = 5s\nkeepalive = 2s\n"
		    "pipeline_depth = %d\nreplacement_cooldown = 500ms\n",
		    ini, 'a' + i, NEWS_PORT + i, connections,
		    i == 0 ? "yes" : "no",
		    (bits & CONF_TIERS) != 0 ? i : 0,
		    (bits & CONF_WARM) != 0, (bits & CONF_DEEP) != 0 ? 4 : 1);

		free(ini);
		ini = whole;
	}
	return ini;
}

static struct conf *
load_text(const char *text)
{
	char path[32], program[] = "nntpmux", option[] = "-c";
	char *argv[] = { program, option, path, NULL }, *error;
	struct conf_report report;
	struct options options;
	struct conf *conf;
	int fd = memfd_create("ini", MFD_CLOEXEC);

	CHECK(fd >= 0 &&
	    write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	CHECK(options_parse(&options, 3, argv, &error) == 0);
	report_init(&report);
	if (conf_load(&options, &conf, &report) < 0) {
		for (size_t i = 0; i < report.issues_n; i++)
			fprintf(stderr, "%s: %s\n", report.issues[i].where,
			    report.issues[i].text);
		abort();
	}
	report_fini(&report);
	options_fini(&options);
	close(fd);
	return conf;
}

static void
remove_folder(void)
{
	*strrchr(script.path, '/') = '\0';
	(void)rmdir(script.path);
}

static const struct conf *
get_conf(unsigned bits, unsigned run)
{
	static struct conf *confs[CONF_N];
	unsigned i = bits | (run & RUN_CONF) / RUN_SPILLS * 0x100;
	char *ini;

	if (script.path[0] == '\0') {
		strcpy(script.path, "/tmp/nntpmux-fuzz-XXXXXX");
		CHECK(mkdtemp(script.path) != NULL);
		strcat(script.path, "/s");
		CHECK(atexit(remove_folder) == 0);
	}
	if (confs[i] == NULL) {
		ini = make_ini(bits, run);
		confs[i] = load_text(ini);
		free(ini);
	}
	return confs[i];
}

/* --- the script --------------------------------------------------------- */

static unsigned
take(void)
{
	if (script.n == 0)
		return 0;
	script.n--;
	return *script.p++;
}

/* The next octets, as they are: but never what an answer is known by. */
static size_t
take_raw(uint8_t buf[256])
{
	size_t n = take();

	if (n > script.n)
		n = script.n;
	for (size_t i = 0; i < n; i++)
		buf[i] = script.p[i] == '@' ? '_' : script.p[i];
	script.p += n;
	script.n -= n;
	return n;
}

static size_t
take_size(void)
{
	static const size_t sizes[] = {
		1, 2, 3, 5, 16, 100, 1000, 5000, 40000, SIZE_MAX
	};

	return sizes[take() % ARRAY_N(sizes)];
}

static void
turn(void)
{
	news_help();
	world_turn_all();
}

static void
pass_time(void)
{
	static const uint64_t times[] = {
		1, 10, 50, 130, 300, 600, 1100, 2100, 5100, 10000, 60000,
		1000 * 1000
	};

	world_advance(times[take() % ARRAY_N(times)]);
}

static void
settle(void)
{
	for (int i = 0; i < SETTLE_ROUNDS; i++) {
		turn();
		news_work();
		turn();
		readers_read_all();
	}
}

static void
do_client_step(enum step step)
{
	uint8_t raw[256];
	unsigned who = take(), what;

	switch (step) {
	case STEP_CONNECT:
		reader_connect(who);
		break;
	case STEP_SAY:
		what = take();
		reader_say(who, (enum reader_verb)(what % 32 % SAY_N),
		    what / 32);
		break;
	case STEP_RAW:
		reader_say_raw(who, raw, take_raw(raw));
		break;
	case STEP_READ:
		reader_read(who, take_size());
		break;
	case STEP_POST:
		what = take();
		reader_post(who, (what & 0x40) != 0 ? (what & 0x3f) * 50 :
		    what & 0x3f, (what & 0x80) != 0);
		break;
	case STEP_HALF_CLOSE:
		reader_half_close(who);
		break;
	default:
		reader_close(who);
	}
}

static void
do_news_step(enum step step)
{
	uint8_t raw[256];
	unsigned who = take();

	switch (step) {
	case STEP_DOOR:
		news_set_door(who, (enum news_door)(take() % 3));
		break;
	case STEP_ACCEPT:
		news_accept(who);
		break;
	case STEP_NEWS_READ:
		news_read(who);
		break;
	case STEP_ANSWER:
		news_answer(who, (enum news_answer)(take() % ANSWER_N));
		break;
	case STEP_SEND:
		news_send(who, take_size());
		break;
	case STEP_NEWS_RAW:
		news_send_raw(who, raw, take_raw(raw));
		break;
	case STEP_NEWS_CLOSE:
		news_close(who);
		break;
	default:
		news_half_close(who);
	}
}

/* Other backends, or the same with other settings. */
static void
reload(void)
{
	unsigned fixed = CONF_MODE | CONF_TWO_THREADS;

	script.next = get_conf((script.bits & fixed) | (take() & ~fixed),
	    script.run);
	news_change((unsigned)script.next->backends_n,
	    script.next->backends[0].max_connections);
}

static void
do_step(void)
{
	enum step step = (enum step)(take() % STEP_N);

	switch (step) {
	case STEP_TURN:
		turn();
		break;
	case STEP_TURN_ONE:
		news_help();
		world_turn(take() % world_count_loops());
		break;
	case STEP_TIME:
		pass_time();
		break;
	case STEP_WORK:
		news_work();
		break;
	case STEP_SETTLE:
		settle();
		break;
	case STEP_RELOAD:
		reload();
		break;
	default:
		if (step <= STEP_CLOSE)
			do_client_step(step);
		else
			do_news_step(step);
	}
}

/* --- the end ------------------------------------------------------------ */

/* Nothing comes from the backends any more: still each command gets its answer,
 * or its client is told to come back. */
static void
end_patiently(void)
{
	for (int i = 0; readers_wait(); i++) {
		CHECK(i < END_STEPS_MAX);
		world_turn_all();
		readers_read_all();
		world_advance(END_STEP_MS);
	}
}

/* The clients are gone: nobody uses or waits for anything soon. */
static void
come_to_rest(void)
{
	readers_end();
	world_turn_all();
	for (int i = 0; !world_is_at_rest(); i++) {
		CHECK(i < END_STEPS_MAX);
		world_turn_all();
		world_advance(END_STEP_MS);
	}
}

static const struct conf *
run_script(void)
{
	turn();
	script.next = NULL;
	while (script.n > 0 && script.steps_n++ < STEPS_MAX) {
		do_step();
		if (script.next != NULL)
			return script.next;
	}
	if ((script.run & RUN_PATIENT_END) != 0)
		end_patiently();
	if ((script.run & RUN_RESTLESS_END) == 0)
		come_to_rest();
	return NULL;
}

static void
clean_up(void)
{
	readers_end();
	news_end();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned bits, run;
	const struct conf *conf;

	script.p = data;
	script.n = n;
	bits = take();
	run = take();
	conf = get_conf(bits, run);
	script.bits = bits;
	script.run = run;
	script.steps_n = 0;
	news_begin((unsigned)conf->backends_n,
	    conf->backends[0].max_connections,
	    (run & RUN_SMALL_BUFFERS) != 0, (run & RUN_HELPFUL) != 0);
	if ((run & RUN_DOOR_SILENT) != 0)
		news_set_door(0, DOOR_SILENT);
	readers_begin(script.path, conf->proxy.mode == MODE_STATEFUL);
	world_run(conf, run_script, clean_up);
	return 0;
}
