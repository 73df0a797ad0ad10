// SPDX-License-Identifier: BSD-2-Clause
#include "server/watchdog.h"

#include "net/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

static int manager;	/* the socket of a service manager */
static struct loop loops[2];

/* Names that nobody else has: an abstract one with the process id. */
static void
open_manager(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char name[64];
	int n = snprintf(name, sizeof(name), "@nntpmux-test-%ld",
	    (long)getpid());

	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert_geq(manager, 0);
	memcpy(sun.sun_path + 1, name + 1, (size_t)n - 1);
	cr_assert_eq(bind(manager, (struct sockaddr *)&sun,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	unsetenv("WATCHDOG_PID");
	loop_table_init(256);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(loop_init(&loops[i], i), 0);
}

static void
close_manager(void)
{
	for (unsigned i = 0; i < 2; i++)
		loop_fini(&loops[i]);
	close(manager);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

#define DogTest(name_) \
	Test(watchdog, name_, .init = open_manager, .fini = close_manager)

/* What the manager has heard since it was asked last. */
static unsigned
count_heard(void)
{
	char text[256];
	unsigned n = 0;
	ssize_t got;

	while ((got = recv(manager, text, sizeof(text) - 1, 0)) >= 0) {
		text[got] = '\0';
		cr_assert_str_eq(text, "WATCHDOG=1");
		n++;
	}
	return n;
}

static struct watchdog
watch_both(void)
{
	struct watchdog w;

	watchdog_init(&w, 2);
	watchdog_add(&w, &loops[0], "first");
	watchdog_add(&w, &loops[1], "second");
	return w;
}

DogTest(barks_while_all_turn)
{
	struct watchdog w = watch_both();

	for (uint64_t now = 5000; now < 10000; now += 1000) {
		cr_assert_eq(watchdog_tick(&w, now), 1000);
		cr_assert_eq(count_heard(), 1);
		cr_assert_eq(watchdog_tick(&w, now + 400), 600);
		cr_assert_eq(count_heard(), 0);
		loop_turn(&loops[0], 0);
		loop_turn(&loops[1], 0);
	}
	watchdog_fini(&w);
}

DogTest(is_silent_while_one_does_not_turn)
{
	struct watchdog w = watch_both();

	cr_assert_eq(watchdog_tick(&w, 5000), 1000);
	cr_assert_eq(count_heard(), 1);
	for (uint64_t now = 6000; now < 9000; now += 1000) {
		loop_turn(&loops[0], 0);
		cr_assert_eq(watchdog_tick(&w, now), 1000);
		cr_assert_eq(count_heard(), 0);
	}
	loop_turn(&loops[1], 0);
	cr_assert_eq(watchdog_tick(&w, 9000), 1000);
	cr_assert_eq(count_heard(), 1);
	loop_turn(&loops[0], 0);
	loop_turn(&loops[1], 0);
	watchdog_fini(&w);
}

DogTest(sleeps_for_ever_where_nobody_listens)
{
	struct watchdog w;

	unsetenv("WATCHDOG_USEC");
	w = watch_both();
	cr_assert_eq(watchdog_tick(&w, 5000), -1);
	watchdog_fini(&w);
	setenv("WATCHDOG_USEC", "3000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	w = watch_both();
	cr_assert_eq(watchdog_tick(&w, 5000), -1);
	watchdog_fini(&w);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "3s", 1);
	w = watch_both();
	cr_assert_eq(watchdog_tick(&w, 5000), -1);
	watchdog_fini(&w);
	cr_assert_eq(count_heard(), 0);
}
