// SPDX-License-Identifier: BSD-2-Clause
/* What is entered can't be left, so each test does it in a child. */
#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* work/inside is allowed, work/outside is not; each has a file. The tests run
 * in work/here. */
static char work[64];

static void
enter_work(void)
{
	strcpy(work, "/tmp/nntpmux-sandbox-XXXXXX");
	cr_assert_not_null(mkdtemp(work));
	cr_assert_eq(chdir(work), 0);
	cr_assert_eq(mkdir("inside", 0700), 0);
	cr_assert_eq(mkdir("outside", 0700), 0);
	for (int i = 0; i < 2; i++) {
		int fd = open(i == 0 ? "inside/file" : "outside/file",
		    O_WRONLY | O_CREAT, 0600);

		cr_assert_geq(fd, 0);
		close(fd);
	}
	cr_assert_eq(mkdir("here", 0700), 0);
	cr_assert_eq(chdir("here"), 0);
}

static void
leave_work(void)
{
	char command[128];

	cr_assert_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", work);
	cr_assert_eq(system(command), 0);
}

#define BoxTest(name_) \
	Test(sandbox, name_, .init = enter_work, .fini = leave_work)

/* Runs f in a process of its own; it gives the line of what is wrong, or 0. */
static void
run_apart(int (*f)(void))
{
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(f());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0, "at line %d",
	    WEXITSTATUS(status));
}

#define WANT(condition) \
	do { \
		if (!(condition)) \
			return __LINE__ & 0xff; \
	} while (0)

static bool
can_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
enter(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    sandbox_enter() == 0;
}

static int
read_inside_only(void)
{
	sandbox_allow("../inside/file", SANDBOX_READ);
	WANT(sandbox_covers("../outside/file", SANDBOX_READ));
	WANT(enter());
	WANT(can_open("../inside/file", O_RDONLY));
	WANT(can_open("../inside", O_RDONLY | O_DIRECTORY));
	WANT(!can_open("../outside/file", O_RDONLY) && errno == EACCES);
	WANT(!can_open("../inside/../outside/file", O_RDONLY));
	WANT(!can_open("../inside/file", O_WRONLY) && errno == EACCES);
	WANT(!can_open("../outside/file", O_WRONLY));
	WANT(!can_open("../inside/new", O_WRONLY | O_CREAT));
	WANT(unlink("../inside/file") < 0 && errno == EACCES);
	return 0;
}

BoxTest(reads_what_is_allowed_and_nothing_else)
{
	run_apart(read_inside_only);
}

static int
read_replaced(void)
{
	sandbox_allow("../inside/file", SANDBOX_READ);
	sandbox_allow("../inside/file", SANDBOX_STATE);
	sandbox_allow("../inside", SANDBOX_STATE);
	WANT(enter());
	WANT(can_open("../inside/new", O_WRONLY | O_CREAT));
	WANT(rename("../inside/new", "../inside/file") == 0);
	WANT(can_open("../inside/file", O_RDONLY));
	WANT(can_open("../inside/file", O_WRONLY | O_TRUNC));
	WANT(unlink("../inside/file") == 0);
	WANT(rename("../outside/file", "../inside/file") < 0);
	return 0;
}

BoxTest(state_may_be_replaced)
{
	run_apart(read_replaced);
}

static int
write_log(void)
{
	sandbox_allow("../inside/file", SANDBOX_LOG);
	sandbox_allow("/dev/null", SANDBOX_LOG);
	WANT(enter());
	WANT(can_open("../inside/file", O_WRONLY | O_APPEND));
	WANT(can_open("../inside/next", O_WRONLY | O_APPEND | O_CREAT));
	WANT(can_open("/dev/null", O_WRONLY));
	WANT(!can_open("/dev/zero", O_WRONLY));
	WANT(sandbox_covers("/dev/null", SANDBOX_LOG));
	WANT(!sandbox_covers("/dev/zero", SANDBOX_LOG));
	WANT(!can_open("../outside/next", O_WRONLY | O_APPEND | O_CREAT));
	WANT(symlink("../outside/file", "../inside/link") < 0);
	return 0;
}

BoxTest(log_may_be_rotated)
{
	run_apart(write_log);
}

/* As a link in /dev may lead to it: no rule is needed, and none for /dev. */
static int
write_log_to_a_pipe(void)
{
	char path[32];
	int fds[2];

	WANT(pipe(fds) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[1]);
	WANT(symlink(path, "../inside/link") == 0);
	sandbox_allow("../inside/link", SANDBOX_LOG);
	WANT(enter());
	WANT(can_open("../inside/link", O_WRONLY | O_APPEND));
	WANT(sandbox_covers("../inside/link", SANDBOX_LOG));
	WANT(!can_open("../inside/file", O_WRONLY));
	return 0;
}

BoxTest(log_may_be_a_pipe_without_a_name)
{
	run_apart(write_log_to_a_pipe);
}

static int
remove_socket(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX,
		.sun_path = "../inside/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	sandbox_allow("../inside/socket", SANDBOX_SOCKET);
	WANT(enter());
	WANT(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	WANT(unlink("../inside/socket") == 0);
	strcpy(sun.sun_path, "../outside/socket");
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	WANT(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0);
	close(fd);
	return 0;
}

BoxTest(socket_is_made_and_removed)
{
	run_apart(remove_socket);
}

static int
follow_link(void)
{
	WANT(symlink("../outside/file", "../inside/link") == 0);
	WANT(symlink("../here", "../inside/later") == 0);
	sandbox_allow("../inside/link", SANDBOX_READ);
	WANT(enter());
	WANT(can_open("../inside/link", O_RDONLY));
	WANT(sandbox_covers("../inside/link", SANDBOX_READ));
	WANT(sandbox_covers("../outside/file", SANDBOX_READ));
	WANT(!sandbox_covers("../inside/later", SANDBOX_READ));
	return 0;
}

BoxTest(link_and_its_target)
{
	run_apart(follow_link);
}

static int
tell_what_is_covered(void)
{
	sandbox_allow("../inside/file", SANDBOX_READ);
	sandbox_allow("../inside/not-there", SANDBOX_READ);
	sandbox_allow("../not-there/file", SANDBOX_READ);
	WANT(enter());
	WANT(sandbox_covers("../inside/file", SANDBOX_READ));
	WANT(sandbox_covers("../inside/later", SANDBOX_READ));
	WANT(sandbox_covers("./../inside/../inside/file", SANDBOX_READ));
	WANT(!sandbox_covers("../inside/file", SANDBOX_LOG));
	WANT(!sandbox_covers("../inside", SANDBOX_STATE));
	WANT(!sandbox_covers("../not-there/file", SANDBOX_LOG));
	WANT(!sandbox_covers("../outside/file", SANDBOX_READ));
	WANT(!sandbox_covers("../not-there/file", SANDBOX_READ));
	WANT(!sandbox_covers("../inside2/file", SANDBOX_READ));
	errno = ENOENT;		/* of whoever asks why it could not be read */
	WANT(sandbox_covers("../inside/file", SANDBOX_READ));
	WANT(errno == ENOENT);
	return 0;
}

BoxTest(covers)
{
	run_apart(tell_what_is_covered);
}

#ifndef NNTPMUX_SANITIZED	/* there the program that knows names is run */
static int
run_a_program(void)
{
	sandbox_allow_tree("/");
	WANT(enter());
	WANT(can_open("/bin/true", O_RDONLY));
	WANT(execl("/bin/true", "true", (char *)NULL) < 0 && errno == EACCES);
	return 0;
}

BoxTest(executes_nothing)
{
	run_apart(run_a_program);
}
#endif
