// SPDX-License-Identifier: BSD-2-Clause
/* reason - every way in which a command, a session or a backend connection
 * can end: one table, so that a log line, a counter and an answer to the
 * client always agree.
 *
 * Answers never hold the words that make download tools give a server up for
 * long (too many, limit, connections, threads, exceed): what they tell of
 * passes. Any thread. */
#pragma once

#include <stdbool.h>

/* name, key in log lines, words in log lines, answer to the client */
#define REASONS(X)                                                            \
	X(NONE, "none", "nothing happened", NULL)                             \
	/* a session ends */                                                  \
	X(QUIT, "quit", "client said QUIT", "205 bye")                        \
	X(CLIENT_EOF, "client-eof", "client closed", NULL)                    \
	X(CLIENT_RESET, "client-reset", "client reset the connection", NULL)  \
	X(CLIENT_IDLE, "client-idle", "client idle too long", NULL)           \
	X(CLIENT_STALL, "client-stall", "client takes no answers", NULL)      \
	X(LINE_UNFINISHED, "line-unfinished", "client did not end its line",  \
	    NULL)                                                             \
	X(CLIENT_TLS, "client-tls", "no TLS with client", NULL)               \
	X(TLS_UNEXPECTED, "tls-unexpected",                                   \
	    "client speaks TLS where it is not spoken", NULL)                 \
	X(TLS_TIMEOUT, "tls-timeout", "no TLS handshake in time", NULL)       \
	X(TLS_SLOW, "tls-slow", "TLS handshake too slow, others wait", NULL)  \
	X(TLS_BUSY, "tls-busy", "TLS handshakes are piling up", NULL)         \
	X(UNKNOWN_COMMANDS, "unknown-commands", "unknown commands only",      \
	    "400 this is a news server")                                      \
	X(LOGIN_TIMEOUT, "login-timeout", "client did not log in", NULL)      \
	X(LOGIN_BUSY, "login-busy", "password checks are piling up",          \
	    "400 server is busy, come back later")                            \
	X(USER_FULL, "user-full", "max_connections of the user reached",      \
	    "400 all places of this user are taken, come back later")         \
	X(USER_EXPIRED, "user-expired", "the user has expired",               \
	    "400 this user has expired")                                      \
	X(USER_SPENT, "user-spent", "quota of the user used up",              \
	    "400 nothing is left of this user's quota")                       \
	X(SHUTDOWN, "shutdown", "server is going down",                       \
	    "400 server is going down, come back later")                     \
	X(USER_GONE, "user-gone", "its user is configured no more",           \
	    "400 please log in again")                                        \
	X(SERVER_FULL, "server-full", "max_clients reached",                  \
	    "400 server is busy, come back later")                            \
	X(ADDRESS_FULL, "address-full", "max_clients_per_address reached",    \
	    "400 all places of your address are taken, come back later")      \
	X(ADDRESS_REFUSED, "address-refused", "client address is not allowed",\
	    "502 access denied")                                              \
	X(PROXY_HEADER, "proxy-header", "PROXY header missing or wrong", NULL)\
	X(PROXY_TIMEOUT, "proxy-timeout", "no PROXY header in time", NULL)    \
	X(PROXY_LOST, "proxy-lost", "closed before its PROXY header", NULL)   \
	/* a command fails: the session ends with it */                       \
	X(WAIT_TIMEOUT, "wait-timeout", "no backend connection came free",    \
	    "400 no news server came free in time, try again")                \
	X(COMMAND_TIMEOUT, "command-timeout", "no answer in time",            \
	    "400 no news server answered in time, try again")                 \
	X(BACKENDS_DOWN, "backends-down", "no backend could be asked",        \
	    "400 no news server can be reached, try again")                   \
	X(PIN_LOST, "pin-lost", "the backend the client kept was lost",       \
	    "400 news server lost, please come back")                        \
	X(POST_LOST, "post-lost", "backend lost while an article was posted", \
	    "400 news server lost, the article may not have been posted")    \
	X(CUT, "cut", "backend lost inside an answer", NULL)                  \
	/* a backend connection ends or is not made */                        \
	X(RESOLVE_FAILED, "resolve-failed", "name does not resolve", NULL)    \
	X(CONNECT_FAILED, "connect-failed", "can't connect", NULL)            \
	X(TLS_FAILED, "tls-failed", "no TLS with backend", NULL)              \
	X(SETUP_TIMEOUT, "setup-timeout", "not ready in connect_timeout",     \
	    NULL)                                                             \
	X(REFUSED, "refused", "backend refused", NULL)                        \
	X(LIMITED, "limited", "backend wants no more connections", NULL)      \
	X(BACKEND_EOF, "backend-eof", "backend closed the connection", NULL)  \
	X(BACKEND_RESET, "backend-reset", "connection to backend broke",      \
	    NULL)                                                             \
	X(TLS_CUT, "tls-cut", "backend was cut off inside an answer", NULL)   \
	X(RESPONSE_TIMEOUT, "response-timeout", "no answer from backend",     \
	    NULL)                                                             \
	X(STALL, "stall", "backend stalled inside an answer", NULL)           \
	X(TROUBLE, "trouble", "backend can't serve now", NULL)                \
	X(GARBAGE, "garbage", "answer is not NNTP", NULL)                     \
	X(STALE, "stale", "answer is for another article", NULL)              \
	X(UNSOLICITED, "unsolicited", "bytes nobody asked for", NULL)         \
	X(UNREAD, "unread", "rest of an answer nobody wants", NULL)           \
	X(POST_LEFT, "post-left", "client left inside its article", NULL)     \
	X(EXPIRED, "expired", "connection is old, idle or surplus", NULL)

enum reason {
#define X(name, key, words, answer) REASON_##name,
	REASONS(X)
#undef X
	REASON_COUNT
};

/* The connection to a backend ended by itself, in one way or another. */
bool reason_is_loss(enum reason r);
/* The short name, for log lines and counters. */
const char *reason_key(enum reason);
const char *reason_words(enum reason);
/* The status line for the client without its CRLF, or NULL: nothing is said
 * (RFC 3977, 3.1 wants an idle client closed without a word; inside a block
 * no line may follow). */
const char *reason_answer(enum reason);
