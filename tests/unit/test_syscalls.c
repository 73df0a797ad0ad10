// SPDX-License-Identifier: BSD-2-Clause
/* A filter stays for good, so each test puts it on a child. */
#include "base/syscalls.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void
run_apart(int (*f)(void))
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(syscalls_limit() == 0 ? f() : 255);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
	cr_assert_eq(WEXITSTATUS(status), 0, "at line %d",
	    WEXITSTATUS(status));
}

#define WANT(condition) \
	do { \
		if (!(condition)) \
			return __LINE__ & 0xff; \
	} while (0)
#define REFUSED(call) WANT((call) < 0 && errno == EPERM)

static int
do_what_is_refused(void)
{
#ifndef NNTPMUX_SANITIZED
	REFUSED(fork());
	REFUSED(execl("/bin/true", "true", (char *)NULL));
	REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	REFUSED(kill(getppid(), 0));
#endif
	REFUSED(mount("none", "/not-there", "tmpfs", 0, NULL));
	REFUSED(chroot("/"));
	REFUSED(setuid(0));
	REFUSED(socket(AF_PACKET, SOCK_RAW, 0));
	return 0;
}

Test(syscalls, refused_with_an_error)
{
	run_apart(do_what_is_refused);
}

static void *
count(void *arg)
{
	++*(int *)arg;
	return NULL;
}

static int
do_what_is_needed(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	pthread_t thread;
	int n = 0, fd;

	WANT(pthread_create(&thread, NULL, count, &n) == 0);
	WANT(pthread_join(thread, NULL) == 0 && n == 1);
	WANT((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
	WANT(close(fd) == 0);
	WANT(getaddrinfo("localhost", NULL, &hints, &found) == 0);
	freeaddrinfo(found);
	return 0;
}

Test(syscalls, threads_sockets_and_names_are_left)
{
	run_apart(do_what_is_needed);
}

Test(syscalls, version)
{
	char text[32];

	cr_assert_eq(syscalls_get_version(text), text);
	cr_assert_neq(strchr(text, '.'), NULL);
}
