// SPDX-License-Identifier: BSD-2-Clause
#include "net/resolver.h"

#include "base/check.h"
#include "net/loop.h"

#include <netdb.h>
#include <pthread.h>
#include <string.h>

#include "test.h"

#define WAIT_MS 20000

/* The name server: it answers when the gate is open. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t opened;
	bool is_open;
	unsigned asked_n;
} gate = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	.opened = PTHREAD_COND_INITIALIZER };

int
getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **found_r)
{
	(void)host, (void)service, (void)hints;
	*found_r = NULL;
	SYS_OK(pthread_mutex_lock(&gate.mutex));
	gate.asked_n++;
	while (!gate.is_open)
		SYS_OK(pthread_cond_wait(&gate.opened, &gate.mutex));
	SYS_OK(pthread_mutex_unlock(&gate.mutex));
	return EAI_NONAME;
}

static void
set_gate(bool is_open)
{
	SYS_OK(pthread_mutex_lock(&gate.mutex));
	gate.is_open = is_open;
	SYS_OK(pthread_cond_broadcast(&gate.opened));
	SYS_OK(pthread_mutex_unlock(&gate.mutex));
}

static struct loop loop;
static int answered_n;

static void
on_answer(struct message *m)
{
	(void)m;
	answered_n++;
}

static void
ask(struct resolver *rs, struct resolve *r, const char *host)
{
	memset(r, 0, sizeof(*r));
	r->message.deliver = on_answer;
	r->loop = &loop;
	r->host = host;
	r->port = 119;
	resolver_ask(rs, r);
}

static void
wait_for(int n)
{
	uint64_t until_ms = loop_clock_ms() + WAIT_MS;

	while (answered_n < n && loop_clock_ms() < until_ms)
		loop_turn(&loop, 100);
	cr_assert_eq(answered_n, n);
}

static void
set_up(void)
{
	answered_n = 0;
	loop_table_init(64);
	cr_assert_eq(loop_init(&loop, 0), 0);
}

static void
tear_down(void)
{
	loop_fini(&loop);
}

#define ResolverTest(name)                                                    \
	Test(resolver, name, .init = set_up, .fini = tear_down)

ResolverTest(one_that_hangs_does_not_keep_us)
{
	struct resolver *rs = resolver_new();
	struct resolve r;

	set_gate(false);
	ask(rs, &r, "news.example.com");
	cr_assert_not(resolver_free(rs, 0));
	cr_assert_not(resolver_free(rs, 20));
	cr_assert_eq(answered_n, 0);
	set_gate(true);
	wait_for(1);
	cr_assert_eq(r.n, 0);
	cr_assert_eq(r.error, EAI_NONAME);
	cr_assert(resolver_free(rs, WAIT_MS));
}

ResolverTest(one_look_up_for_all_who_ask)
{
	struct resolver *rs = resolver_new();
	struct resolve r[3], other;

	set_gate(false);
	gate.asked_n = 0;
	for (size_t i = 0; i < ARRAY_N(r); i++)
		ask(rs, &r[i], "news.example.com");
	ask(rs, &other, "other.example.com");
	set_gate(true);
	wait_for(4);
	cr_assert(resolver_free(rs, WAIT_MS));
	cr_assert_eq(gate.asked_n, 2);
	for (size_t i = 0; i < ARRAY_N(r); i++)
		cr_assert_eq(r[i].error, EAI_NONAME);
}
