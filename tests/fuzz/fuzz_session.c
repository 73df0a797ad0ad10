// SPDX-License-Identifier: BSD-2-Clause
/* The whole server under a script. Two octets, or three, choose the
 * configuration and how the script ends; then each step is one octet, with octets of its own
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
	STEP_CHECK,
	STEP_N,
};

/* The first octet: what a configuration is made of. */
enum {
	CONF_MODE = 0x03,		/* 3: users, and one octet more */
	CONF_USERS = 0x03,
	CONF_TWO_BACKENDS = 0x04,
	CONF_TWO_CONNECTIONS = 0x08,
	CONF_DEEP = 0x10,
	CONF_TIERS = 0x20,
	CONF_WARM = 0x40,
	CONF_TWO_THREADS = 0x80,
	CONF_N = 0x100 * 8,
};

/* The third, if there is one: the users. A reload brings others. */
enum {
	USERS_MODE = 0x03,		/* 3 is as 0 */
	USERS_NOBODY = 0x04,		/* none: all may come in */
	USERS_ONE_PLACE = 0x08,		/* for a, not 2 */
	USERS_RATE = 0x10,
	USERS_QUOTA = 0x20,
	USERS_B = 0x40,			/* there is b, too */
	USERS_BLOCK = 0x80,		/* a quota and a rate of the first backend */
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
	LOADED_MAX = 64,
};

static struct {
	const uint8_t *p;
	size_t n;
	unsigned bits, run, users;
	unsigned steps_n;
	const struct conf *next;	/* to be taken over now, or NULL */
	struct conf *loaded[LOADED_MAX];	/* for this script only */
	unsigned loaded_n;
	char path[64];		/* of the unix socket */
} script;

/* --- configuration ------------------------------------------------------ */

static unsigned
get_mode(unsigned bits, unsigned users)
{
	return (bits & CONF_MODE) != CONF_USERS ? bits & CONF_MODE :
	    users & USERS_MODE;
}

static bool
has_users(unsigned bits, unsigned users)
{
	return (bits & CONF_MODE) == CONF_USERS &&
	    (users & USERS_NOBODY) == 0;
}

/* Takes ini, gives it with what is behind. The articles of one client take
 * half a minute at these rates. */
static char *
add_users(char *ini, unsigned users)
{
	char *whole = xasprintf("%s[user a]\npassword_plain = right\n"
	    "max_connections = %d\nover_limit = wait\nrate = %s\n"
	    "quota = %s\n%s", ini, (users & USERS_ONE_PLACE) != 0 ? 1 : 2,
	    (users & USERS_RATE) != 0 ? "64K" : "0",
	    (users & USERS_QUOTA) != 0 ? "2000" : "0",
	    (users & USERS_B) != 0 ? "[user b]\npassword_plain = right\n"
	    "max_connections = 1\nover_limit = refuse\nbackends = a\n"
	    "posting = no\nexpires = 1970-01-01T00:16:50\n" : "");

	free(ini);
	return whole;
}

static char *
make_ini(unsigned bits, unsigned run, unsigned users)
{
	static const char *const modes[] = {
		"hybrid", "per-command", "stateful", "hybrid"
	};
	unsigned connections = (bits & CONF_TWO_CONNECTIONS) != 0 ? 2 : 1;
	bool is_block = (bits & CONF_MODE) == CONF_USERS &&
	    (users & USERS_BLOCK) != 0;
	char *ini = xasprintf("[proxy]\nmode = %s\nthreads = %d\n"
	    "login_timeout = 4s\n"
	    "client_stall_timeout = 2s\nwait_timeout = 2s\n"
	    "command_timeout = 3s\ndrain_limit = 4K\nshutdown_timeout = 3s\n"
	    "pipeline_depth = %d\n[listen main]\naddress = unix:%s\n"
	    "[log]\nlevel = %s\nstats_interval = 0\n"
	    "[routing]\ntier_down = %s\ntier_full = %s\n"
	    "stateful_reserve = %d\n[health]\ninterval = %s\n"
	    "timeout = 1s\nunhealthy_threshold = 2\n",
	    modes[get_mode(bits, users)],
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
		    "pipeline_depth = %d\nreplacement_cooldown = 500ms\n"
		    "%s",
		    ini, 'a' + i, NEWS_PORT + i, connections,
		    i == 0 ? "yes" : "no",
		    (bits & CONF_TIERS) != 0 ? i : 0,
		    (bits & CONF_WARM) != 0, (bits & CONF_DEEP) != 0 ? 4 : 1,
		    i == 0 && is_block ? "quota = 5000\nrate = 64K\n" : "");

		free(ini);
		ini = whole;
	}
	return has_users(bits, users) ? add_users(ini, users) : ini;
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

static struct conf *
load(unsigned bits, unsigned run, unsigned users)
{
	char *ini = make_ini(bits, run, users);
	struct conf *conf = load_text(ini);

	free(ini);
	return conf;
}

static const struct conf *
get_conf(unsigned bits, unsigned run, unsigned users)
{
	static struct conf *confs[CONF_N];
	unsigned i = bits | (run & RUN_CONF) / RUN_SPILLS * 0x100;

	if (script.path[0] == '\0') {
		strcpy(script.path, "/tmp/nntpmux-fuzz-XXXXXX");
		CHECK(mkdtemp(script.path) != NULL);
		strcat(script.path, "/s");
		CHECK(atexit(remove_folder) == 0);
	}
	if ((bits & CONF_MODE) == CONF_USERS) {
		/* There are too many of them to be kept. */
		CHECK(script.loaded_n < LOADED_MAX);
		return script.loaded[script.loaded_n++] = load(bits, run,
		    users);
	}
	if (confs[i] == NULL)
		confs[i] = load(bits, run, 0);
	return confs[i];
}

static void
let_confs_go(void)
{
	while (script.loaded_n > 0)
		conf_unref(script.loaded[--script.loaded_n]);
}

static struct reader_rules
get_rules(unsigned bits, unsigned users)
{
	return (struct reader_rules){
		.needs_login = has_users(bits, users),
		.is_partial = (users & USERS_BLOCK) != 0,
	};
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

static unsigned
take_users(unsigned bits)
{
	return (bits & CONF_MODE) == CONF_USERS ? take() : 0;
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
		world_check_passwords();
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
	unsigned bits = (script.bits & fixed) | (take() & ~fixed);
	unsigned users = take_users(bits);
	struct reader_rules rules;

	if (script.loaded_n == LOADED_MAX)
		return;
	users = (users & ~(unsigned)USERS_MODE) |
	    (script.users & USERS_MODE);
	rules = get_rules(bits, users);
	script.next = get_conf(bits, script.run, users);
	news_change((unsigned)script.next->backends_n,
	    script.next->backends[0].max_connections);
	readers_change(&rules);
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
	case STEP_CHECK:
		world_check_password();
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
		world_check_passwords();
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
	unsigned bits, run, users;
	const struct conf *conf;
	struct reader_rules rules;

	script.p = data;
	script.n = n;
	bits = take();
	run = take();
	users = take_users(bits);
	conf = get_conf(bits, run, users);
	rules = get_rules(bits, users);
	script.bits = bits;
	script.run = run;
	script.users = users;
	script.steps_n = 0;
	news_begin((unsigned)conf->backends_n,
	    conf->backends[0].max_connections,
	    (run & RUN_SMALL_BUFFERS) != 0, (run & RUN_HELPFUL) != 0);
	if ((run & RUN_DOOR_SILENT) != 0)
		news_set_door(0, DOOR_SILENT);
	readers_begin(script.path, conf->proxy.mode == MODE_STATEFUL, &rules);
	world_run(conf, run_script, clean_up);
	let_confs_go();
	return 0;
}
