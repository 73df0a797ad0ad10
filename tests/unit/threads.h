// SPDX-License-Identifier: BSD-2-Clause
/* threads - what tests with several threads need.
 *
 *	THREADS_SCALE(n)	n, or less of it under a sanitizer
 *	struct crew		threads that begin together
 *	random_next()		numbers of one thread, the same in every run
 *
 * Threads of a crew don't assert: they leave what they saw where the test's
 * own thread finds it. */
#pragma once

#include "base/check.h"

#include <pthread.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define THREADS_SCALE(n) ((n) / 10)
#else
#define THREADS_SCALE(n) (n)
#endif

enum { CREW_MAX = 17 };

struct crew {
	pthread_barrier_t start;
	unsigned n;
	pthread_t threads[CREW_MAX];
	struct crew_member {
		struct crew *crew;
		unsigned index;
		void (*run)(unsigned index);
	} members[CREW_MAX];
};

static inline uint64_t
random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x >> 11;
}

static inline void *
crew_main(void *arg)
{
	struct crew_member *m = arg;

	pthread_barrier_wait(&m->crew->start);
	m->run(m->index);
	return NULL;
}

/* Calls run(0) … run(n - 1), each on a thread of its own. */
static inline void
crew_start(struct crew *c, unsigned n, void (*run)(unsigned index))
{
	CHECK(n <= CREW_MAX);
	c->n = n;
	SYS_OK(pthread_barrier_init(&c->start, NULL, n));
	for (unsigned i = 0; i < n; i++) {
		c->members[i] = (struct crew_member){
			.crew = c, .index = i, .run = run };
		SYS_OK(pthread_create(&c->threads[i], NULL, crew_main,
		    &c->members[i]));
	}
}

static inline void
crew_join(struct crew *c)
{
	for (unsigned i = 0; i < c->n; i++)
		SYS_OK(pthread_join(c->threads[i], NULL));
	SYS_OK(pthread_barrier_destroy(&c->start));
}
