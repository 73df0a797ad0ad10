// SPDX-License-Identifier: BSD-2-Clause
/* handshake - how a session comes to TLS: from its first byte on, or by
 * STARTTLS (RFC 4642).
 *
 * A worker has at most HANDSHAKES_MAX of them under way. One that is slow gives
 * way to the next client, so those who never end theirs keep nobody out; where
 * all are young the next one is refused. Owner and thread: the session's. */
#pragma once

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

/* A place for a new session of a listener that speaks TLS from the start;
 * false: there is none. */
bool handshake_enter(struct session *);
/* It has its place, and nothing more is to be sent in the clear. May close the
 * session. */
void handshake_begin(struct session *);
/* Something has come, or may be sent. True: it is done. */
bool handshake_go_on(struct session *);
/* It is over, in one way or another. */
void handshake_leave(struct session *);

/* Until when it must be done. */
uint64_t handshake_get_deadline(const struct session *);
