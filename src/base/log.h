// SPDX-License-Identifier: BSD-2-Clause
/* log - one line per event, to standard error, a file or syslog.
 *
 * Any thread. A line is written with one write(2), so lines of several
 * threads don't mix; control characters are escaped, so a peer can't forge a
 * line. Lines are cut at LOG_LINE_MAX. Never give a secret to it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define LOG_LINE_MAX 1024

enum log_level {
	LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG, LEVEL_TRACE
};
enum log_format { FORMAT_TEXT, FORMAT_JSON };

/* target is "stderr", "syslog" or "file:/path" (kept as a copy).
 * 0, or -1 with errno when the file can't be opened; to root ELOOP when it is a
 * symbolic link that is not root's. Main thread, before or between threads. */
int log_open(const char *target, enum log_level level, enum log_format format)
    __attribute__((warn_unused_result));

/* Another level and form for the lines to come. Any thread. */
void log_configure(enum log_level level, enum log_format format);
/* Makes the open file another user's, so that it can be opened again by that
 * one. 0, or -1 with errno; a target that is no file of its own is left alone, and
 * one that has other names as well is not given (EMLINK).
 * Main thread. */
int log_give(uid_t uid) __attribute__((warn_unused_result));

/* Opens the file of the target again (USR1, after a rotation). 0, or -1 with
 * errno: then the old file goes on. Any thread. */
int log_reopen(void) __attribute__((warn_unused_result));
void log_close(void);

bool log_is_enabled(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define log_at(level, ...)                                                    \
	do {                                                                  \
		if (log_is_enabled(level))                                    \
			log_write(level, __VA_ARGS__);                        \
	} while (0)
#define log_error(...) log_at(LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LEVEL_DEBUG, __VA_ARGS__)
#define log_trace(...) log_at(LEVEL_TRACE, __VA_ARGS__)
