// SPDX-License-Identifier: BSD-2-Clause
#include "server/activation.h"

#include "base/check.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

/* The number in a variable; -1: there is none, or no number. */
static long
get_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long n;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	n = strtol(text, &end, 10);
	return *end == '\0' ? n : -1;
}

/* One that clients can be accepted from. */
static bool
is_listening(int fd)
{
	int type = 0, is_accepting = 0;
	socklen_t n = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
	    type == SOCK_STREAM &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_accepting, &n) == 0 &&
	    is_accepting != 0;
}

/* Takes name. */
static int
add(struct activation *a, int fd, char *name)
{
	int flags = fcntl(fd, F_GETFL);

	a->sockets[a->n].name = name;
	a->sockets[a->n++].fd = fd;
	if (!is_listening(fd) || flags < 0 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		log_error("descriptor %d (%s) of the service manager is no"
		    " socket that listens", fd, name);
		return -1;
	}
	return 0;
}

static int
read_names(struct activation *a, long n)
{
	const char *names = getenv("LISTEN_FDNAMES");

	for (long i = 0; i < n; i++) {
		size_t name_n = names != NULL ? strcspn(names, ":") : 0;

		if (name_n == 0) {
			log_error("a socket of the service manager has no"
			    " name: FileDescriptorName is that of a [listen"
			    " NAME]");
			return -1;
		}
		if (add(a, FIRST_FD + (int)i, xstrndup(names, name_n)) < 0)
			return -1;
		names = names[name_n] == ':' ? names + name_n + 1 : NULL;
	}
	return 0;
}

int
activation_read(struct activation *a)
{
	long pid = get_number("LISTEN_PID"), n = get_number("LISTEN_FDS");
	int rc = 0;

	a->n = 0;
	/* Of another process they are nothing to us. */
	if (pid == (long)getpid() && n > ACTIVATION_MAX) {
		log_error("%ld sockets of the service manager; at most %d are"
		    " possible", n, ACTIVATION_MAX);
		rc = -1;
	} else if (pid == (long)getpid() && n > 0) {
		rc = read_names(a, n);
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	return rc;
}

int
activation_take(struct activation *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->sockets[i].name == NULL ||
		    strcmp(a->sockets[i].name, name) != 0)
			continue;
		free(a->sockets[i].name);
		a->sockets[i].name = NULL;
		return a->sockets[i].fd;
	}
	return -1;
}

int
activation_check_rest(const struct activation *a)
{
	int rc = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (a->sockets[i].name == NULL)
			continue;
		log_error("a socket of the service manager is named %s, and"
		    " there is no [listen %s]", a->sockets[i].name,
		    a->sockets[i].name);
		rc = -1;
	}
	return rc;
}

void
activation_fini(struct activation *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->sockets[i].name == NULL)
			continue;
		close(a->sockets[i].fd);
		free(a->sockets[i].name);
	}
	a->n = 0;
}
