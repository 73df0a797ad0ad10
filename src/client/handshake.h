// SPDX-License-Identifier: BSD-2-Clause
/* handshake - how a session comes to TLS: from its first byte on, or by
 * STARTTLS (RFC 4642).
 *
 * A worker has at most HANDSHAKES_MAX of them under way; further ones of
 * listeners that speak TLS from the start wait (SESS_QUEUED), as after a restart,
 * when all clients come back at once. One that is slow gives way to them, so
 * those who never end theirs keep nobody out. Owner and thread: the session's. */
#pragma once

#include "nntp/reason.h"

#include <stdbool.h>
#include <stdint.h>

#define HANDSHAKES_MAX 256

/* To a command that is not answered in the clear. */
#define HANDSHAKE_NEEDED "483 STARTTLS first"

struct exchange;
struct session;

/* The listener asks for TLS before anything is read or anybody logs in, and
 * there is none yet. */
bool handshake_is_needed(const struct session *);
/* STARTTLS would be answered with 382. */
bool handshake_is_offered(const struct session *);

/* The answer to STARTTLS; with 382 it leaves the state OPEN. */
void handshake_answer(struct session *, struct exchange *x);

/* A new session of a listener that speaks TLS from the start gets a place, or
 * waits for one: session_start_tls() tells it. */
void handshake_queue(struct session *);
/* It has its place, and nothing more is to be sent in the clear. May close the
 * session. */
void handshake_begin(struct session *);
/* Something has come, or may be sent. True: it is done. */
bool handshake_go_on(struct session *);
/* It is over, in one way or another. */
void handshake_leave(struct session *);

/* Until when it must be done, or something happen to one that waits. */
uint64_t handshake_get_deadline(const struct session *);
/* That time has come. The reason to close the session, or REASON_NONE. */
enum reason handshake_expire(struct session *)
    __attribute__((warn_unused_result));
