// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/fault.h"

#include "base/check.h"
#include "newsd/text.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[FAULT_NONE] = "none",
	[FAULT_CLOSE_IN_BLOCK] = "close-in-block",
	[FAULT_CLOSE_BEFORE] = "close-before",
	[FAULT_SILENT] = "silent",
	[FAULT_GARBAGE] = "garbage",
	[FAULT_400] = "400",
	[FAULT_SLOW] = "slow",
};
_Static_assert(ARRAY_N(names) == FAULT_KINDS_N, "a name for each");

const char *
fault_get_name(enum fault_kind kind)
{
	return names[kind];
}

void
fault_init(struct fault *f)
{
	memset(f, 0, sizeof(*f));
	SYS_OK(pthread_mutex_init(&f->sh.lck, NULL));
}

void
fault_fini(struct fault *f)
{
	SYS_OK(pthread_mutex_destroy(&f->sh.lck));
}

static bool
parse_one(const char *item, double *p, uint64_t *seed)
{
	const char *value = strchr(item, '=');
	char *end;
	double number;

	if (value == NULL || value[1] == '\0')
		return false;
	if (strncmp(item, "seed=", 5) == 0)
		return text_number(item + 5, UINT64_MAX / 2, seed);
	number = strtod(value + 1, &end);
	if (*end != '\0' || !(number >= 0 && number <= 1))
		return false;
	for (int i = 1; i < FAULT_KINDS_N; i++) {
		size_t n = strlen(names[i]);

		if (n == (size_t)(value - item) &&
		    memcmp(item, names[i], n) == 0) {
			p[i] = number;
			return true;
		}
	}
	return false;
}

bool
fault_set(struct fault *f, const char *spec)
{
	double p[FAULT_KINDS_N] = { 0 }, sum = 0;
	uint64_t seed = 1;
	char copy[512], *save = NULL;

	if (strlen(spec) >= sizeof(copy))
		return false;
	strcpy(copy, strcmp(spec, "none") == 0 ? "" : spec);
	for (char *item = strtok_r(copy, ",", &save); item != NULL;
	     item = strtok_r(NULL, ",", &save))
		if (!parse_one(item, p, &seed))
			return false;
	for (int i = 1; i < FAULT_KINDS_N; i++)
		sum += p[i];
	if (sum > 1.000001)
		return false;
	SYS_OK(pthread_mutex_lock(&f->sh.lck));
	memcpy(f->sh.p, p, sizeof(p));
	f->sh.state = seed;
	SYS_OK(pthread_mutex_unlock(&f->sh.lck));
	atomic_store(&f->is_on, sum > 0);
	return true;
}

enum fault_kind
fault_roll(struct fault *f)
{
	enum fault_kind kind = FAULT_NONE;
	uint64_t z;
	double roll;

	if (!atomic_load_explicit(&f->is_on, memory_order_relaxed))
		return FAULT_NONE;
	SYS_OK(pthread_mutex_lock(&f->sh.lck));
	z = f->sh.state += 0x9E3779B97F4A7C15u;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	roll = (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
	for (int i = 1; i < FAULT_KINDS_N && kind == FAULT_NONE; i++) {
		if (roll < f->sh.p[i])
			kind = (enum fault_kind)i;
		roll -= f->sh.p[i];
	}
	SYS_OK(pthread_mutex_unlock(&f->sh.lck));
	atomic_fetch_add_explicit(&f->counts[kind], 1, memory_order_relaxed);
	return kind;
}
