// SPDX-License-Identifier: BSD-2-Clause
/* check_tls - what the tls_... keys of a section mean together, and the context
 * made of them, files read.
 *
 * The part of check.c that is about TLS; main thread. */
#pragma once

struct conf_backend;
struct conf_listen;
struct conf_report;

void check_tls_listen(struct conf_listen *l, struct conf_report *report);
/* After host was made. */
void check_tls_backend(struct conf_backend *b, struct conf_report *report);
