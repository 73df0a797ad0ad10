// SPDX-License-Identifier: BSD-2-Clause
/* breaker - whether a backend is sent commands at all.
 *
 *            unhealthy_threshold          breaker_try(), when its
 *            failures in a row            time has come
 *     CLOSED ------------------> OPEN -----------------------> HALF_OPEN
 *       ^                        ^  |                            |  |
 *       |   healthy_threshold    |  | (a late answer)            |  |
 *       +------ answers ---------|--+----------------------------+  |
 *                                +------ failed, or nothing learnt -+
 *
 * OPEN: nobody is routed there. HALF_OPEN: one probe is under way. The time to
 * the next probe doubles from half a second to half a minute, with jitter, so
 * that those who share a server don't meet; it begins anew only when the
 * backend has answered while CLOSED: one that answers its probes and fails its
 * commands is tried ever more seldom.
 *
 * Embedded in the backend. One atomic word, so any thread may call anything at
 * any time. Time is an argument; never logs, never makes a system call. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN,
};

enum breaker_change {
	BREAKER_SAME,
	BREAKER_TRIPPED,	/* CLOSED -> OPEN */
	BREAKER_STAYED,		/* HALF_OPEN -> OPEN: the probe failed */
	BREAKER_RECOVERED,	/* -> CLOSED */
};

struct breaker {
	/* const after init */
	uint64_t seed;		/* of the jitter */

	/* atomic */
	_Atomic unsigned unhealthy_threshold;
	_Atomic unsigned healthy_threshold;
	_Atomic uint64_t word;		/* see breaker.c */
	_Atomic uint64_t failed_ms;	/* the last failure that counted */
};

/* Both thresholds from 1 to 1000. */
void breaker_init(struct breaker *, unsigned unhealthy_threshold,
    unsigned healthy_threshold);

/* Other thresholds, for what comes. */
void breaker_configure(struct breaker *, unsigned unhealthy_threshold,
    unsigned healthy_threshold);
/* CLOSED, all that was is forgotten. */
void breaker_reset(struct breaker *);

/* A transport failure. Exactly one caller is told of a change. */
enum breaker_change breaker_fail(struct breaker *, uint64_t now_ms);
/* The same for a connection that the server has closed or reset, usable since
 * born_ms: those that are lost together are one failure, for they say one
 * thing. */
enum breaker_change breaker_fail_together(struct breaker *, uint64_t born_ms,
    uint64_t now_ms);
/* The backend has answered. */
enum breaker_change breaker_succeed(struct breaker *, uint64_t now_ms);

/* OPEN and its time has come: HALF_OPEN, and the caller probes. */
bool breaker_try(struct breaker *, uint64_t now_ms)
    __attribute__((warn_unused_result));
/* The probe has ended without a verdict, which may have come meanwhile: if
 * not, OPEN, soon to be tried again. */
void breaker_yield(struct breaker *, uint64_t now_ms);

enum breaker_state breaker_get_state(const struct breaker *);
/* Not CLOSED. */
bool breaker_is_open(const struct breaker *);
/* When breaker_try() may be true; UINT64_MAX: not by itself. */
uint64_t breaker_get_next_ms(const struct breaker *);
/* "closed", "open", "half-open" */
const char *breaker_format(const struct breaker *);
