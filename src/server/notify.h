// SPDX-License-Identifier: BSD-2-Clause
/* notify - tells the service manager how the program is doing: one datagram per
 * message to the socket named by $NOTIFY_SOCKET, as sd_notify(3) has it. Where
 * there is none, nothing happens.
 *
 * Never waits: a message that the socket does not take is lost. No state; any
 * thread, but only main calls it. */
#pragma once

/* It serves: after the start, and again after a reload, whether anything was
 * taken over or not. */
void notify_ready(void);
/* It reads its configuration again; notify_ready() follows. */
void notify_reloading(void);
void notify_stopping(void);
/* It is alive (watchdog.h). */
void notify_watchdog(void);
/* A line for people. */
void notify_status(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
