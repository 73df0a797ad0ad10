// SPDX-License-Identifier: BSD-2-Clause
#include "server/notify.h"

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX 512

/* "/path", or "@name" in the abstract namespace. The length, 0: none. */
static socklen_t
find_manager(struct sockaddr_un *sun)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path != NULL ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(sun->sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return 0;
	*sun = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(sun->sun_path, path, n);
	if (path[0] == '@')
		sun->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static void
tell(const char *text)
{
	struct sockaddr_un sun;
	socklen_t len = find_manager(&sun);
	int fd;

	if (len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, text, strlen(text), MSG_DONTWAIT |
	    MSG_NOSIGNAL, (struct sockaddr *)&sun, len) < 0)
		log_warn("the service manager can't be told: %s",
		    strerror(errno));
	if (fd >= 0)
		close(fd);
}

void
notify_ready(void)
{
	char text[64];

	/* A daemon is not the process that was started. */
	snprintf(text, sizeof(text), "READY=1\nMAINPID=%ld", (long)getpid());
	tell(text);
}

void
notify_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)now.tv_sec * 1000000 +
	    (unsigned long long)now.tv_nsec / 1000);
	tell(text);
}

void
notify_stopping(void)
{
	tell("STOPPING=1");
}

void
notify_watchdog(void)
{
	tell("WATCHDOG=1");
}

void
notify_status(const char *fmt, ...)
{
	char text[MESSAGE_MAX] = "STATUS=";
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	tell(text);
}
