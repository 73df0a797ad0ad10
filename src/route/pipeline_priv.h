// SPDX-License-Identifier: BSD-2-Clause
/* pipeline_priv - what pipeline.c (order, and where commands go) and
 * pipeline_mend.c (an article that was cut) share; nobody else includes it.
 *
 * Owner and thread as in pipeline.h. */
#pragma once

#include "route/pipeline.h"

#include <stdbool.h>

/* --- pipeline.c --- */
/* Sends x, which works for the first command and is QUEUED, where it may go
 * now; it may be WAITING or ANSWERED afterwards. */
void pipeline_start(struct pipeline *, struct exchange *x);
/* Takes x, which is in nobody's order any more: from its relay, or out of the
 * queues. */
void pipeline_withdraw(struct pipeline *, struct exchange *x);

/* --- pipeline_mend.c --- */
/* The first one's answer is mended as far as it can be now, if it is CUT or
 * MENDING. False: it stays cut. */
bool pipeline_mend(struct pipeline *, struct exchange *x);
/* The mender's answer has come to an end. True: so has the first one's. */
bool pipeline_finish_mender(struct pipeline *);
/* The first is CUT, without a mender. why: for the log; NULL: it is not wanted
 * any more. */
void pipeline_end_mending(struct pipeline *, const char *why);
