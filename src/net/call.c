// SPDX-License-Identifier: BSD-2-Clause
#include "net/call.h"

#include "base/check.h"
#include "net/loop.h"

#include <errno.h>
#include <semaphore.h>

struct call {
	struct message message;
	loop_call_f *run;
	void *arg;
	sem_t done;
};

static void
on_call(struct message *m)
{
	struct call *c = LIST_ENTRY(m, struct call, message);

	c->run(c->arg);
	SYS_OK(sem_post(&c->done));
}

void
loop_call(struct loop *l, loop_call_f *run, void *arg)
{
	struct call c = {
		.message.deliver = on_call, .run = run, .arg = arg,
	};

	CHECK(loop_current() == NULL);
	SYS_OK(sem_init(&c.done, 0, 0));
	loop_post(l, &c.message);
	while (sem_wait(&c.done) < 0)
		CHECK(errno == EINTR);
	SYS_OK(sem_destroy(&c.done));
}
