// SPDX-License-Identifier: BSD-2-Clause
#include "net/listener.h"

#include "net/addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 1024

static int
make_socket(const struct addr *a, int *error_r)
{
	int fd = socket(a->sa.sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, v6only = a->dual ? 0 : 1;

	*error_r = errno;
	if (fd < 0)
		return -1;
	if (!addr_is_unix(a))
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
		    sizeof(on));
	if (a->sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only,
		    sizeof(v6only));
	return fd;
}

/* A unix socket that nobody listens at any more. */
static void
remove_stale(const struct addr *a)
{
	/* One whose queue is full is no reason to wait. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	struct stat st;

	if (fd < 0)
		return;
	if (lstat(a->un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, &a->sa, a->len) < 0 && errno == ECONNREFUSED)
		(void)unlink(a->un.sun_path);
	close(fd);
}

static int
bind_unix(int fd, const struct addr *a, unsigned mode)
{
	/* No moment in which more may connect than shall. */
	mode_t old = umask((mode_t)(~mode & 0777));
	int rc;

	remove_stale(a);
	rc = bind(fd, &a->sa, a->len);
	(void)umask(old);
	return rc;
}

int
listener_open(const struct addr *wanted, unsigned unix_mode,
    struct addr *bound_r)
{
	struct addr a = *wanted;
	int error, rc;
	int fd = make_socket(&a, &error);

	if (fd < 0 && a.dual && error == EAFNOSUPPORT) {
		addr_undual(&a);
		fd = make_socket(&a, &error);
	}
	if (fd < 0) {
		errno = error;
		return -1;
	}
	rc = addr_is_unix(&a) ? bind_unix(fd, &a, unix_mode) :
	    bind(fd, &a.sa, a.len);
	*bound_r = a;
	bound_r->len = sizeof(bound_r->storage);
	if (rc < 0 || listen(fd, BACKLOG) < 0 || (!addr_is_unix(&a) &&
	    getsockname(fd, &bound_r->sa, &bound_r->len) < 0)) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	if (addr_is_unix(&a))
		bound_r->len = a.len;
	return fd;
}

void
listener_close(int fd, const struct addr *bound)
{
	close(fd);
	if (addr_is_unix(bound))
		(void)unlink(bound->un.sun_path);
}
