// SPDX-License-Identifier: BSD-2-Clause
/* url - the backend of a -b option, taken apart.
 *
 * Pure: text in, texts out; knows which keys there are, not their ranges. A
 * URL stands among the arguments, which everybody may read, so a secret in it
 * is an error, and no message from here quotes any part of it. */
#pragma once

struct options_backend;

/* nntp://[user@]host[:port][/][?key=value&…], %XX anywhere; nntps:// means tls =
 * implicit. Fills *b_r: address first, then username, then the keys. 0, or -1 with the reason (given) and
 * nothing in *b_r. */
int url_parse(struct options_backend *b_r, const char *url, char **error_r)
    __attribute__((warn_unused_result));
