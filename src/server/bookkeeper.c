// SPDX-License-Identifier: BSD-2-Clause
#include "server/bookkeeper.h"

#include "base/check.h"
#include "base/ledger.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PAUSE_MS 700

/* The same failure is told once. */
static void
save(struct ledger *l, int *failed)
{
	int error = ledger_save(l) == 0 ? 0 : errno;

	if (error != 0 && error != *failed)
		log_error("state_dir: quotas can't be saved: %s",
		    strerror(error));
	else if (error == 0 && *failed != 0)
		log_info("state_dir: quotas are saved again");
	*failed = error;
}

/* True: it is over. */
static bool
rest(struct bookkeeper *b)
{
	struct timespec until;
	bool is_ending;
	int rc = 0;

	SYS_OK(clock_gettime(CLOCK_MONOTONIC, &until));
	until.tv_nsec += PAUSE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	SYS_OK(pthread_mutex_lock(&b->sh.mutex));
	while (!b->sh.is_ending && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&b->sh.ended, &b->sh.mutex,
		    &until);
	is_ending = b->sh.is_ending;
	SYS_OK(pthread_mutex_unlock(&b->sh.mutex));
	return is_ending;
}

static void *
run(void *arg)
{
	struct bookkeeper *b = arg;
	int failed = 0;

	(void)pthread_setname_np(pthread_self(), "bookkeeper");
	while (!rest(b))
		save(b->ledger, &failed);
	save(b->ledger, &failed);
	return NULL;
}

int
bookkeeper_start(struct bookkeeper *b, struct ledger *ledger)
{
	pthread_condattr_t attr;

	b->ledger = ledger;
	b->sh.is_ending = false;
	SYS_OK(pthread_mutex_init(&b->sh.mutex, NULL));
	SYS_OK(pthread_condattr_init(&attr));
	SYS_OK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	SYS_OK(pthread_cond_init(&b->sh.ended, &attr));
	SYS_OK(pthread_condattr_destroy(&attr));
	return pthread_create(&b->thread, NULL, run, b);
}

void
bookkeeper_stop(struct bookkeeper *b)
{
	SYS_OK(pthread_mutex_lock(&b->sh.mutex));
	b->sh.is_ending = true;
	SYS_OK(pthread_cond_signal(&b->sh.ended));
	SYS_OK(pthread_mutex_unlock(&b->sh.mutex));
	SYS_OK(pthread_join(b->thread, NULL));
	SYS_OK(pthread_cond_destroy(&b->sh.ended));
	SYS_OK(pthread_mutex_destroy(&b->sh.mutex));
}
