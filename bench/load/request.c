// SPDX-License-Identifier: BSD-2-Clause
#include "load/request.h"

#include "base/check.h"
#include "newsd/generate.h"
#include "newsd/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000

static const struct {
	const char *name, *code;
} verbs[VERBS_N] = {
	[VERB_ARTICLE] = { "ARTICLE", "220" },
	[VERB_BODY] = { "BODY", "222" },
	[VERB_HEAD] = { "HEAD", "221" },
	[VERB_STAT] = { "STAT", "223" },
};

/* Copies the part of *s up to the next comma and moves *s behind it; false:
 * it is too long. */
static bool
take_part(const char **s, char *part, size_t size)
{
	size_t n = strcspn(*s, ",");

	if (n >= size)
		return false;
	memcpy(part, *s, n);
	part[n] = '\0';
	*s += n + ((*s)[n] == ',');
	return true;
}

static bool
add_verb(struct mix *m, char *part)
{
	char *equals = strchr(part, '=');
	uint64_t weight = 1;

	if (equals != NULL) {
		*equals = '\0';
		if (!text_number(equals + 1, WEIGHT_MAX, &weight))
			return false;
	}
	for (int i = 0; i < VERBS_N; i++) {
		if (strcasecmp(part, verbs[i].name) == 0) {
			m->weights[i] = (unsigned)weight;
			return true;
		}
	}
	return false;
}

bool
mix_parse_commands(struct mix *m, const char *s)
{
	unsigned sum = 0;
	char part[32];

	memset(m->weights, 0, sizeof(m->weights));
	while (*s != '\0')
		if (!take_part(&s, part, sizeof(part)) || !add_verb(m, part))
			return false;
	for (int i = 0; i < VERBS_N; i++)
		sum += m->weights[i];
	return sum > 0;
}

bool
mix_parse_sizes(struct mix *m, const char *s)
{
	char part[32];

	for (m->sizes_n = 0; *s != '\0'; m->sizes_n++)
		if (m->sizes_n == MIX_SIZES_MAX ||
		    !take_part(&s, part, sizeof(part)) ||
		    !text_size(part, &m->sizes[m->sizes_n]) ||
		    m->sizes[m->sizes_n] > GEN_SIZE_MAX)
			return false;
	return m->sizes_n > 0;
}

/* xorshift64*: small, and good enough for drawing lots. */
static uint64_t
draw(uint64_t *random, uint64_t n)
{
	uint64_t x = *random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*random = x;
	return (x * UINT64_C(0x2545f4914f6cdd1d) >> 32) % n;
}

static enum verb
draw_verb(const struct mix *m, uint64_t *random)
{
	unsigned sum = 0;
	uint64_t lot;
	int i;

	for (i = 0; i < VERBS_N; i++)
		sum += m->weights[i];
	lot = draw(random, sum);
	for (i = 0; lot >= m->weights[i]; i++)
		lot -= m->weights[i];
	return (enum verb)i;
}

void
mix_draw(const struct mix *m, uint64_t *random, struct request *r_r)
{
	r_r->verb = draw_verb(m, random);
	r_r->size = m->sizes[draw(random, m->sizes_n)];
	r_r->seed = draw(random, m->articles_n);
	r_r->id_n = (size_t)snprintf(r_r->id, sizeof(r_r->id),
	    "<%llu.%llu@gen>", (unsigned long long)r_r->size,
	    (unsigned long long)r_r->seed);
	CHECK(r_r->id_n < sizeof(r_r->id));
}

size_t
request_print(const struct request *r, char buf[REQUEST_LINE_MAX])
{
	int n = snprintf(buf, REQUEST_LINE_MAX, "%s %s\r\n",
	    verbs[r->verb].name, r->id);

	CHECK(n > 0 && n < REQUEST_LINE_MAX);
	return (size_t)n;
}

const char *
request_get_code(const struct request *r)
{
	return verbs[r->verb].code;
}
