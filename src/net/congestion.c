// SPDX-License-Identifier: BSD-2-Clause
#include "net/congestion.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME_SIZE 16	/* TCP_CA_NAME_MAX of the kernel */

static int
make_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 && errno == EAFNOSUPPORT)
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd;
}

static int
set(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name,
	    (socklen_t)strlen(name)) < 0 ? errno : 0;
}

int
congestion_try(const char *name)
{
	int fd = make_socket(), error;

	if (fd < 0)
		return errno;
	error = set(fd, name);
	close(fd);
	return error;
}

/* A new socket has it. */
static int
get_system(char name[NAME_SIZE + 1])
{
	socklen_t n = NAME_SIZE;
	int fd = make_socket(), error = 0;

	if (fd < 0)
		return errno;
	memset(name, 0, NAME_SIZE + 1);
	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n) < 0)
		error = errno;
	close(fd);
	return error;
}

int
congestion_set(int fd, const char *name)
{
	char system[NAME_SIZE + 1];
	int error;

	if (name != NULL)
		return set(fd, name);
	error = get_system(system);
	return error != 0 ? error : set(fd, system);
}

const char *
congestion_explain(int error)
{
	switch (error) {
	case ENOENT:
		return "the kernel knows none of this name";
	case EPERM:
		return "not for everybody, says"
		    " net.ipv4.tcp_allowed_congestion_control";
	default:
		return strerror(error);
	}
}
