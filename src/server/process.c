// SPDX-License-Identifier: BSD-2-Clause
#include "server/process.h"

#include "base/check.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than all limits of the configuration come to. */
#define DESCRIPTORS_MAX (1u << 21)

static int ready_fd = -1;	/* to the parent of a daemon */

unsigned
process_get_descriptor_max(void)
{
	struct rlimit limit;

	SYS_OK(getrlimit(RLIMIT_NOFILE, &limit));
	return limit.rlim_max < DESCRIPTORS_MAX ? (unsigned)limit.rlim_max :
	    DESCRIPTORS_MAX;
}

unsigned
process_raise_descriptor_limit(uint64_t needed_n)
{
	unsigned most = process_get_descriptor_max();
	struct rlimit limit;

	if (most < needed_n) {
		log_warn("descriptor limit %u is under the %llu that "
		    "max_clients and the backends need", most,
		    (unsigned long long)needed_n);
		needed_n = most;
	}
	SYS_OK(getrlimit(RLIMIT_NOFILE, &limit));
	/* Also when it goes down: more than the table of watches holds must
	 * not be. */
	limit.rlim_cur = needed_n;
	SYS_OK(setrlimit(RLIMIT_NOFILE, &limit));
	return (unsigned)needed_n;
}

static void
leave_parent(int fd)
{
	char ready;
	ssize_t n;

	do {
		n = read(fd, &ready, 1);
	} while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

int
process_detach(void)
{
	int fds[2], null_fd;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0) {
		close(fds[1]);
		leave_parent(fds[0]);
	}
	close(fds[0]);
	ready_fd = fds[1];
	/* Not to "/": relative names are what they were when the configuration
	 * is read again. */
	if (setsid() < 0)
		return -1;
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		return -1;
	(void)dup2(null_fd, STDIN_FILENO);
	(void)dup2(null_fd, STDOUT_FILENO);
	(void)dup2(null_fd, STDERR_FILENO);
	if (null_fd > STDERR_FILENO)
		close(null_fd);
	return 0;
}

void
process_report_ready(void)
{
	if (ready_fd < 0)
		return;
	if (write(ready_fd, "", 1) != 1)
		log_warn("nobody waits for the daemon");
	close(ready_fd);
	ready_fd = -1;
}

int
process_write_pidfile(const char *path)
{
	int fd, rc;

	if (path == NULL)
		return 0;
	/* A link there may be the doing of whoever has the directory, and we
	 * may be root. */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	    0644);
	if (fd < 0)
		return -1;
	rc = dprintf(fd, "%ld\n", (long)getpid()) < 0 ? -1 : 0;
	return close(fd) == 0 ? rc : -1;
}

void
process_remove_pidfile(const char *path)
{
	if (path != NULL)
		(void)unlink(path);
}

static void
fill_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGUSR1);
}

void
process_block_signals(void)
{
	sigset_t set;

	fill_signals(&set);
	SYS_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

int
process_wait_signal(int max_wait_ms)
{
	struct timespec wait = {
		.tv_sec = max_wait_ms / 1000,
		.tv_nsec = (long)(max_wait_ms % 1000) * 1000000,
	};
	sigset_t set;
	int number;

	fill_signals(&set);
	do {
		number = sigtimedwait(&set, NULL,
		    max_wait_ms >= 0 ? &wait : NULL);
	} while (number < 0 && errno == EINTR);
	return number > 0 ? number : 0;
}
