// SPDX-License-Identifier: BSD-2-Clause
/* trial - --test-backends: a connection to each backend, and each phase of it
 * told with its time.
 *
 *	backend primary (news.example.com:563)
 *	    resolve          3 ms  2 addresses
 *	    connect         12 ms  192.0.2.1:563
 *	    tls             25 ms  TLSv1.3 TLS_AES_256_GCM_SHA384
 *	    greeting        11 ms  200 welcome
 *	    ...
 *	    ready          100 ms  in all
 *
 * All backends at the same time, told one after the other. Main thread, instead
 * of the server. */
#pragma once

#include <stdio.h>

struct conf;

/* Takes conf. The program's exit code: fine when all are ready. */
int trial_run(const struct conf *conf, FILE *f);
