// SPDX-License-Identifier: BSD-2-Clause
/* stream_tls - TLS over a stream that was plain until now.
 *
 * The handshake comes first, step by step; when it is done the stream is read
 * and written like any other. What OpenSSL has taken from the socket ahead of
 * time no event tells of: so the stream tells its loop (loop_set_more()), and
 * its fd must be watched by the loop that runs on the calling thread, from the
 * handshake on. Owner and thread: the stream's. */
#pragma once

#include "net/stream.h"

#include <stdbool.h>

struct tls_context;

/* The stream must be plain, with nothing of the peer's read ahead; whatever
 * was read before the handshake is the caller's to throw away. Holds a
 * reference of the context. False: OpenSSL can't. */
bool stream_start_tls(struct stream *, struct tls_context *)
    __attribute__((warn_unused_result));

bool stream_is_tls(const struct stream *);

/* The next step of the handshake, after stream_translate() of an event. IO_OK:
 * done. IO_AGAIN: more is to come, or to be sent (stream_get_mask()).
 * IO_FAIL: stream_get_trouble() tells. */
enum io_rc stream_handshake(struct stream *)
    __attribute__((warn_unused_result));

/* After IO_FAIL: why, for the log; of a plain stream what errno tells. */
const char *stream_get_trouble(const struct stream *);

/* After the handshake, for the log: "TLSv1.3 TLS_AES_256_GCM_SHA384, resumed".
 * Returns buf. */
#define STREAM_TLS_TEXT_MAX 96
const char *stream_format_tls(const struct stream *,
    char buf[STREAM_TLS_TEXT_MAX]);

/* The most memory that TLS takes for one connection, with or without a
 * certificate of the peer; and for a handshake with a client, on top of that,
 * while it goes on. */
size_t stream_get_tls_max(bool is_server, bool has_certificate);
size_t stream_get_handshake_max(void);
