// SPDX-License-Identifier: BSD-2-Clause
#include "session_world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/backend.h"
#include "backend/cooldown.h"
#include "backend/pool.h"
#include "base/check.h"
#include "base/log.h"
#include "client/password.h"
#include "net/addr.h"
#include "net/loop.h"
#include "conf/conf.h"
#include "conf/load.h"
#include "conf/options.h"
#include "net/call.h"
#include "route/selector.h"
#include "server/server.h"
#include "session_news.h"

enum {
	LOOPS_MAX = 8,
	THREADS_MAX = 8,
	DESCRIPTORS = 512,
	START_MS = 1000 * 1000,
	POLL_MS = 50,		/* of the clock, when the server polls */
	CHECKS_MAX = 3,		/* of passwords, that wait */
};

static struct {
	bool is_running;
	uint64_t now_ms;
	const struct conf *(*script)(void);
	const struct conf *next;	/* to be taken over */
	struct loop *loops[LOOPS_MAX];
	unsigned loops_n;
	struct {
		void *(*run)(void *);
		void *arg;
	} threads[THREADS_MAX];
	unsigned threads_n;
	struct backend *backends[NEWS_BACKENDS_MAX];
	unsigned backends_n;
	struct password_check *checks[CHECKS_MAX];	/* oldest first */
	unsigned checks_n;
} world;

/* --- seams: each takes the place of the function it is named after ------ */

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg);
int __real_pthread_join(pthread_t thread, void **result_r);
int __wrap_pthread_join(pthread_t thread, void **result_r);
int __real_pthread_setname_np(pthread_t thread, const char *name);
int __wrap_pthread_setname_np(pthread_t thread, const char *name);
int __real_loop_init(struct loop *l, unsigned index);
int __wrap_loop_init(struct loop *l, unsigned index);
void __real_loop_fini(struct loop *l);
void __wrap_loop_fini(struct loop *l);
void __real_loop_table_init(unsigned n);
void __wrap_loop_table_init(unsigned n);
int __real_selector_add_backend(struct selector *s, struct backend *b);
int __wrap_selector_add_backend(struct selector *s, struct backend *b);
void __real_cooldown_init(struct cooldown *c, size_t size);
void __wrap_cooldown_init(struct cooldown *c, size_t size);
void __real_breaker_init(struct breaker *b, unsigned unhealthy_threshold,
    unsigned healthy_threshold);
void __wrap_breaker_init(struct breaker *b, unsigned unhealthy_threshold,
    unsigned healthy_threshold);
void __wrap_log_write(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
unsigned __wrap_process_get_descriptor_max(void);
unsigned __wrap_process_raise_descriptor_limit(uint64_t needed_n);
void __wrap_process_block_signals(void);
int __wrap_process_wait_signal(int max_wait_ms);
int __wrap_socket_connect(const struct addr *a);
int __real_conf_load(const struct options *o, struct conf **conf_r,
    struct conf_report *report);
int __wrap_conf_load(const struct options *o, struct conf **conf_r,
    struct conf_report *report);
void __real_backend_free(struct backend *b);
void __wrap_backend_free(struct backend *b);
void __wrap_loop_call(struct loop *l, loop_call_f *run, void *arg);
int __wrap_confine_enter(const struct conf *c);
struct passwords *__wrap_passwords_start(const struct conf *conf);
int __wrap_passwords_set_users(struct passwords *p, const struct conf *conf);
void __wrap_passwords_stop(struct passwords *p);
bool __wrap_passwords_ask(struct passwords *p, struct password_check *check,
    const char *name, const char *password, const struct addr *peer);
bool __wrap_addr_get_site(const struct addr *a, uint64_t *site_r);

/* The fuzzer needs its files. */
int
__wrap_confine_enter(const struct conf *c)
{
	(void)c;
	return 0;
}

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (!world.is_running ||
	    (id != CLOCK_MONOTONIC && id != CLOCK_REALTIME_COARSE))
		return __real_clock_gettime(id, ts);
	ts->tv_sec = (time_t)(world.now_ms / 1000);
	ts->tv_nsec = (long)(world.now_ms % 1000) * 1000000;
	return 0;
}

int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
	if (!world.is_running)
		return __real_pthread_create(thread, attr, run, arg);
	CHECK(world.threads_n < THREADS_MAX);
	world.threads[world.threads_n].run = run;
	world.threads[world.threads_n].arg = arg;
	*thread = (pthread_t)world.threads_n++;
	return 0;
}

int
__wrap_pthread_join(pthread_t thread, void **result_r)
{
	if (!world.is_running)
		return __real_pthread_join(thread, result_r);
	CHECK((unsigned)thread < world.threads_n);
	(void)world.threads[(unsigned)thread].run(
	    world.threads[(unsigned)thread].arg);
	return 0;
}

int
__wrap_pthread_setname_np(pthread_t thread, const char *name)
{
	return world.is_running ? 0 : __real_pthread_setname_np(thread, name);
}

int
__wrap_loop_init(struct loop *l, unsigned index)
{
	CHECK(world.loops_n < LOOPS_MAX);
	world.loops[world.loops_n++] = l;
	return __real_loop_init(l, index);
}

void
__wrap_loop_fini(struct loop *l)
{
	for (unsigned i = 0; i < world.loops_n; i++)
		if (world.loops[i] == l) {
			world.loops_n--;
			memmove(&world.loops[i], &world.loops[i + 1],
			    (world.loops_n - i) * sizeof(world.loops[0]));
			break;
		}
	__real_loop_fini(l);
}

/* It is never freed, so all runs share one. */
void
__wrap_loop_table_init(unsigned n)
{
	static bool is_made;

	CHECK(n <= DESCRIPTORS);
	if (!is_made)
		__real_loop_table_init(DESCRIPTORS);
	is_made = true;
}

int
__wrap_selector_add_backend(struct selector *s, struct backend *b)
{
	bool is_known = false;

	for (unsigned i = 0; i < world.backends_n; i++)
		is_known = is_known || world.backends[i] == b;
	if (!is_known) {
		CHECK(world.backends_n < NEWS_BACKENDS_MAX);
		world.backends[world.backends_n++] = b;
	}
	return __real_selector_add_backend(s, b);
}

void
__wrap_cooldown_init(struct cooldown *c, size_t size)
{
	__real_cooldown_init(c, size);
	c->random = 1 + world.backends_n;
}

void
__wrap_breaker_init(struct breaker *b, unsigned unhealthy_threshold,
    unsigned healthy_threshold)
{
	__real_breaker_init(b, unhealthy_threshold, healthy_threshold);
	b->seed = 1 + world.backends_n;
}

void
__wrap_log_write(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (getenv("FUZZ_LOG") != NULL)
		fprintf(stderr, "%llu %d %s\n",
		    (unsigned long long)(world.now_ms - START_MS), level,
		    line);
	CHECK(strncmp(fmt, "defect", 6) != 0);
}

unsigned
__wrap_process_get_descriptor_max(void)
{
	return DESCRIPTORS;
}

unsigned
__wrap_process_raise_descriptor_limit(uint64_t needed_n)
{
	(void)needed_n;
	return DESCRIPTORS;
}

void
__wrap_process_block_signals(void)
{
}

int
__wrap_process_wait_signal(int max_wait_ms)
{
	if (max_wait_ms < 0) {
		world.next = world.script();
		return world.next != NULL ? SIGHUP : SIGTERM;
	}
	news_help();
	world_check_passwords();
	world_turn_all();
	world_advance(POLL_MS);
	return 0;
}

int
__wrap_conf_load(const struct options *o, struct conf **conf_r,
    struct conf_report *report)
{
	const struct conf *next = world.next;

	if (next == NULL)
		return __real_conf_load(o, conf_r, report);
	/* Nothing of it needs a restart, so nothing in it will change. */
	*conf_r = (struct conf *)(uintptr_t)conf_ref(next);
	world.next = NULL;
	return 0;
}

/* Those that have gone need not come to rest. */
void
__wrap_backend_free(struct backend *b)
{
	for (unsigned i = 0; i < world.backends_n; i++)
		if (world.backends[i] == b)
			world.backends[i] = world.backends[--world.backends_n];
	CHECK(atomic_load(&b->pending) == 0 && atomic_load(&b->stateful) == 0);
	__real_backend_free(b);
}

int
__wrap_socket_connect(const struct addr *a)
{
	return news_connect(addr_get_port(a) - NEWS_PORT);
}

struct call {
	struct message message;
	loop_call_f *run;
	void *arg;
	bool is_done;
};

static void
on_call(struct message *m)
{
	struct call *c = LIST_ENTRY(m, struct call, message);

	c->run(c->arg);
	c->is_done = true;
}

/* There is no other thread to wait for. */
void
__wrap_loop_call(struct loop *l, loop_call_f *run, void *arg)
{
	struct call c = {
		.message.deliver = on_call, .run = run, .arg = arg,
	};

	loop_post(l, &c.message);
	while (!c.is_done)
		loop_turn(l, 0);
}

/* --- passwords: checked when the script says so ------------------------- */

/* All clients are of one site, so answers to logins are held up. */
bool
__wrap_addr_get_site(const struct addr *a, uint64_t *site_r)
{
	(void)a;
	*site_r = 1;
	return true;
}

struct passwords *
__wrap_passwords_start(const struct conf *conf)
{
	(void)conf;
	return (struct passwords *)&world;	/* nobody looks into it */
}

int
__wrap_passwords_set_users(struct passwords *p, const struct conf *conf)
{
	(void)p;
	(void)conf;
	return 0;
}

/* Right is one password, of all users that there ever are. */
bool
__wrap_passwords_ask(struct passwords *p, struct password_check *check,
    const char *name, const char *password, const struct addr *peer)
{
	(void)p;
	(void)peer;
	if (world.checks_n == CHECKS_MAX)
		return false;
	check->is_right = strcmp(password, "right") == 0 &&
	    (strcmp(name, "a") == 0 || strcmp(name, "b") == 0);
	world.checks[world.checks_n++] = check;
	return true;
}

void
world_check_password(void)
{
	struct password_check *check = world.checks[0];

	if (world.checks_n == 0)
		return;
	world.checks_n--;
	memmove(&world.checks[0], &world.checks[1],
	    world.checks_n * sizeof(world.checks[0]));
	check->is_right = check->is_right &&
	    !atomic_load(&check->is_given_up);
	loop_post(check->loop, &check->message);
}

void
world_check_passwords(void)
{
	while (world.checks_n > 0)
		world_check_password();
}

void
__wrap_passwords_stop(struct passwords *p)
{
	(void)p;
	world_check_passwords();
}

/* --- turning ------------------------------------------------------------ */

unsigned
world_count_loops(void)
{
	return world.loops_n;
}

void
world_turn(unsigned i)
{
	CHECK(i < world.loops_n);
	loop_turn(world.loops[i], 0);
}

void
world_turn_all(void)
{
	for (unsigned i = 0; i < world.loops_n; i++)
		world_turn(i);
}

void
world_advance(uint64_t ms)
{
	world.now_ms += ms;
}

/* --- the end ------------------------------------------------------------ */

bool
world_is_at_rest(void)
{
	for (unsigned i = 0; i < world.backends_n; i++) {
		struct backend *b = world.backends[i];
		struct pool_status s = pool_get_status(b->pool);

		if (s.lent + s.connecting + s.closing + s.waiting > 0 ||
		    atomic_load(&b->pending) > 0 ||
		    atomic_load(&b->stateful) > 0)
			return false;
	}
	return true;
}

static void
look_at_descriptors(bool open_r[DESCRIPTORS])
{
	/* The lowest free one is always taken, and few are open. */
	for (int fd = 0; fd < DESCRIPTORS / 8; fd++)
		open_r[fd] = fcntl(fd, F_GETFD) >= 0;
}

void
world_run(const struct conf *conf, const struct conf *(*script)(void),
    void (*clean_up)(void))
{
	static const struct options options;
	bool before[DESCRIPTORS] = { false }, after[DESCRIPTORS] = { false };

	look_at_descriptors(before);
	memset(&world, 0, sizeof(world));
	world.now_ms = START_MS;
	world.script = script;
	world.is_running = true;
	CHECK(server_run(conf_ref(conf), &options) == 0);
	world.is_running = false;
	clean_up();
	look_at_descriptors(after);
	CHECK(memcmp(before, after, sizeof(before)) == 0);
}
