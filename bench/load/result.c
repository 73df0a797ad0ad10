// SPDX-License-Identifier: BSD-2-Clause
#include "load/result.h"

#include <inttypes.h>

#define S(ns) ((double)(ns) / 1e9)
#define US(ns) ((double)(ns) / 1e3)

static void
print_latency(const struct histogram *h, FILE *f)
{
	fprintf(f, "\"latency_us\": {\"p50\": %.1f, \"p99\": %.1f, "
	    "\"p99.9\": %.1f, \"max\": %.1f}, ",
	    US(histogram_get(h, 0.5)), US(histogram_get(h, 0.99)),
	    US(histogram_get(h, 0.999)), US(h->max));
}

static void
print_tally(uint64_t connections, const struct tally *t, FILE *f)
{
	fprintf(f, "\"connections\": %" PRIu64 ", \"commands\": %" PRIu64
	    ", \"bytes\": %" PRIu64 ", \"verified\": %" PRIu64,
	    connections, t->commands, t->bytes, t->verified);
}

void
result_print(const struct result *r, FILE *f)
{
	fprintf(f, "{\"seconds\": %.6f, ", S(r->ns));
	print_tally(r->connections, &r->all, f);
	fprintf(f, ", \"slow\": {");
	print_tally(r->slow_beside, &r->slow, f);
	fprintf(f, "}, ");
	print_latency(&r->latency, f);
	fprintf(f, "\"share\": {\"min\": %" PRIu64 ", \"max\": %" PRIu64 "}, "
	    "\"watched_cpu_s\": %.6f, \"own_cpu_s\": %.6f}\n",
	    r->share_min, r->share_max, S(r->watched_ns), S(r->own_ns));
	fflush(f);
}
