// SPDX-License-Identifier: BSD-2-Clause
#include "server/watchdog.h"

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "server/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A third of what the manager waits: one that comes late is followed by
 * another in time. */
#define SHARE 3

/* The number in a variable, 0: none, or not a number. */
static uint64_t
get_number(const char *name)
{
	const char *text = getenv(name);
	unsigned long long n;
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	n = strtoull(text, &end, 10);
	return *end == '\0' ? n : 0;
}

void
watchdog_init(struct watchdog *w, size_t loops_max)
{
	uint64_t pid = get_number("WATCHDOG_PID");
	uint64_t us = get_number("WATCHDOG_USEC");

	*w = (struct watchdog){ .n = 0 };
	/* Of a process before us. */
	if (pid != 0 && pid != (uint64_t)getpid())
		return;
	w->interval_ms = us / 1000 / SHARE;
	if (us > 0 && w->interval_ms == 0)
		w->interval_ms = 1;
	w->pulses = xcalloc(loops_max, sizeof(w->pulses[0]));
}

void
watchdog_fini(struct watchdog *w)
{
	free(w->pulses);
	*w = (struct watchdog){ .n = 0 };
}

static void
on_pulse(struct message *m)
{
	atomic_store(&LIST_ENTRY(m, struct pulse, message)->is_back, true);
}

void
watchdog_add(struct watchdog *w, struct loop *l, const char *name)
{
	struct pulse *p;

	if (w->interval_ms == 0)
		return;
	p = &w->pulses[w->n++];
	p->message.deliver = on_pulse;
	p->loop = l;
	snprintf(p->name, sizeof(p->name), "%s", name);
	atomic_store(&p->is_back, true);
}

/* False: it has not turned since the last time. */
static bool
is_turning(struct pulse *p, uint64_t interval_ms)
{
	bool is_late = !atomic_load(&p->is_back);

	if (is_late && !p->is_late)
		log_error("watchdog: %s has not turned for %" PRIu64 " ms",
		    p->name, interval_ms);
	if (!is_late && p->is_late)
		log_warn("watchdog: %s turns again", p->name);
	p->is_late = is_late;
	return !is_late;
}

static void
check_all(struct watchdog *w)
{
	bool are_turning = true;

	for (size_t i = 0; i < w->n; i++)
		are_turning &= is_turning(&w->pulses[i], w->interval_ms);
	if (!are_turning)
		return;
	notify_watchdog();
	for (size_t i = 0; i < w->n; i++) {
		atomic_store(&w->pulses[i].is_back, false);
		loop_post(w->pulses[i].loop, &w->pulses[i].message);
	}
}

int
watchdog_tick(struct watchdog *w, uint64_t now_ms)
{
	if (w->interval_ms == 0)
		return -1;
	if (w->next_ms <= now_ms) {
		check_all(w);
		w->next_ms = now_ms + w->interval_ms;
	}
	return w->next_ms - now_ms < INT32_MAX ?
	    (int)(w->next_ms - now_ms) : INT32_MAX;
}
