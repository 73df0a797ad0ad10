// SPDX-License-Identifier: BSD-2-Clause
#include "base/log.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>


#define FILE_PREFIX "file:"

static struct {
	/* const between log_open() and log_close() */
	char *path;		/* NULL: no file */
	bool to_syslog;

	/* any thread */
	_Atomic int fd;
	_Atomic enum log_level level;
	_Atomic enum log_format format;
} out = { .fd = STDERR_FILENO, .level = LEVEL_INFO };

static const struct {
	const char *name;
	int priority;
} levels[] = {
	{ "error", LOG_ERR }, { "warn", LOG_WARNING }, { "info", LOG_INFO },
	{ "debug", LOG_DEBUG }, { "trace", LOG_DEBUG },
};

/* Root follows no link but one that is root's: whoever may make links where the
 * log is would else have any file written, and given to him. */
static int
open_file(void)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
	int fd = open(out.path, flags | O_NOFOLLOW, 0640);
	struct stat st;

	if (fd >= 0 || errno != ELOOP)
		return fd;
	if (geteuid() == 0 && lstat(out.path, &st) == 0 && st.st_uid != 0) {
		errno = ELOOP;
		return -1;
	}
	return open(out.path, flags, 0640);
}

void
log_configure(enum log_level level, enum log_format format)
{
	atomic_store(&out.level, level);
	atomic_store(&out.format, format);
}

int
log_open(const char *target, enum log_level level, enum log_format format)
{
	log_close();
	log_configure(level, format);
	if (strcmp(target, "syslog") == 0) {
		openlog("nntpmux", LOG_PID | LOG_NDELAY, LOG_DAEMON);
		out.to_syslog = true;
	} else if (strncmp(target, FILE_PREFIX, strlen(FILE_PREFIX)) == 0) {
		int fd;

		out.path = xstrdup(target + strlen(FILE_PREFIX));
		fd = open_file();
		if (fd < 0) {
			free(out.path);	/* else log_reopen() takes stderr */
			out.path = NULL;
			return -1;
		}
		atomic_store(&out.fd, fd);
	}
	return 0;
}

int
log_give(uid_t uid)
{
	int fd = atomic_load(&out.fd);
	struct stat st;

	if (out.path == NULL)
		return 0;
	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return 0;
	/* It may be the file of somebody else. */
	if (st.st_nlink > 1) {
		errno = EMLINK;
		return -1;
	}
	return fchown(fd, uid, (gid_t)-1);
}

int
log_reopen(void)
{
	int fd;

	if (out.path == NULL)
		return 0;
	fd = open_file();
	if (fd < 0)
		return -1;
	/* A thread that is about to write holds the number, not the file: so
	 * the number stays and changes what it stands for. */
	if (dup3(fd, atomic_load(&out.fd), O_CLOEXEC) < 0) {
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

void
log_close(void)
{
	int fd = atomic_exchange(&out.fd, STDERR_FILENO);

	if (fd != STDERR_FILENO)
		close(fd);
	if (out.to_syslog)
		closelog();
	out.to_syslog = false;
	free(out.path);
	out.path = NULL;
}

bool
log_is_enabled(enum log_level level)
{
	return level <= atomic_load_explicit(&out.level, memory_order_relaxed);
}

/* Octets of the character at s when it is more than one and well-formed UTF-8
 * (RFC 3629, 4), no control character; else 0. */
static size_t
get_utf8_length(const unsigned char *s)
{
	static const uint32_t least[] = { [2] = 0xa0, [3] = 0x800,
		[4] = 0x10000 };
	size_t n = s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
	    s[0] < 0xf8 ? 4 : 0;
	uint32_t c = s[0] & 0x7fu >> n;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (n == 0 || c < least[n] || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000))
		return 0;
	return n;
}

/* Appends s with everything that could end or forge a line, or is no text,
 * escaped. */
static size_t
append_escaped(char *line, size_t n, size_t size, const char *s,
    bool is_json)
{
	for (; *s != '\0' && n + 7 < size; s++) {
		unsigned char c = (unsigned char)*s;
		size_t length = c < 0x80 ? 1 :
		    get_utf8_length((const unsigned char *)s);

		if (c < 0x20 || c == 0x7f || length == 0)
			n += (size_t)snprintf(line + n, size - n,
			    is_json ? "\\u%04x" : "\\x%02x", c);
		else if (is_json && (c == '"' || c == '\\'))
			n += (size_t)snprintf(line + n, size - n, "\\%c", c);
		else
			for (line[n++] = *s; length > 1; length--)
				line[n++] = *++s;
	}
	return n;
}

static size_t
format_line(char *line, size_t size, enum log_level level, const char *text)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];
	bool is_json = out.format == FORMAT_JSON;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	n = (size_t)snprintf(line, size,
	    is_json ?
	    "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"msg\":\"" :
	    "%s.%03ldZ %-5s ", stamp, now.tv_nsec / 1000000,
	    levels[level].name);
	n = append_escaped(line, n, size - 4, text, is_json);
	if (is_json) {
		line[n++] = '"';
		line[n++] = '}';
	}
	line[n++] = '\n';
	return n;
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX + 128];
	int saved_errno = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (out.to_syslog) {
		syslog(levels[level].priority, "%s", text);
	} else {
		size_t n = format_line(line, sizeof(line), level, text);

		/* Where a log can't be written there is nobody to tell. */
		if (write(atomic_load(&out.fd), line, n) < 0)
			errno = saved_errno;
	}
	errno = saved_errno;
}
