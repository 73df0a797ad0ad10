// SPDX-License-Identifier: BSD-2-Clause
/* request - one command for an article, and the mixture that it is drawn
 * from. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_LINE_MAX 64 /* a command with its CRLF */
#define MIX_SIZES_MAX 8

enum verb { VERB_ARTICLE, VERB_BODY, VERB_HEAD, VERB_STAT, VERBS_N };

/* <SIZE.SEED@gen>, as newsd/generate.h has it. */
struct request {
	enum verb verb;
	uint64_t size, seed;
	size_t id_n;
	char id[48];
};

/* Verbs by weight, sizes with equal chances, seeds 0..articles_n-1. */
struct mix {
	unsigned weights[VERBS_N];
	uint64_t sizes[MIX_SIZES_MAX];
	size_t sizes_n;
	uint64_t articles_n;
};

/* "BODY" or "BODY=1,STAT=9"; weights up to 1000, at least one. */
bool mix_parse_commands(struct mix *m, const char *s);

/* "716800" or "4K,700K". */
bool mix_parse_sizes(struct mix *m, const char *s);

/* Draws one; *random is the state of the client's generator of numbers. */
void mix_draw(const struct mix *m, uint64_t *random, struct request *r_r);

/* Writes the command's line into buf; gives its length. */
size_t request_print(const struct request *r, char buf[REQUEST_LINE_MAX]);

/* The code that the answer must have, three digits. */
const char *request_get_code(const struct request *r);
