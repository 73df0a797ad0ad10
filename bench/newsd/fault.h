// SPDX-License-Identifier: BSD-2-Clause
/* fault - what goes wrong on purpose, with a probability per answer.
 *
 * A specification is a comma list of name=P with P from 0 to 1, and seed=N;
 * one roll of a seeded generator decides per answer, so the same commands in
 * the same order meet the same faults. Owner: struct newsd. Any thread. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_CLOSE_IN_BLOCK, /* half of the block, then close */
	FAULT_CLOSE_BEFORE,   /* close instead of an answer */
	FAULT_SILENT,	      /* no answer to this nor to anything later */
	FAULT_GARBAGE,	      /* a line that is no status line */
	FAULT_400,	      /* 400 and close */
	FAULT_SLOW,	      /* the answer dribbles out */
	FAULT_KINDS_N
};

struct fault {
	atomic_bool is_on;
	struct {
		pthread_mutex_t lck;
		double p[FAULT_KINDS_N];
		uint64_t state;
	} sh; /* guarded by sh.lck */
	atomic_ullong counts[FAULT_KINDS_N];
};

void fault_init(struct fault *f);
void fault_fini(struct fault *f);

/* Replaces the specification; "none" and "" are no faults. False, and
 * nothing changed, when the text is wrong or the sum is over 1. */
bool fault_set(struct fault *f, const char *spec);

/* The fault of the next answer. */
enum fault_kind fault_roll(struct fault *f);

const char *fault_get_name(enum fault_kind kind);
