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

void
result_print(const struct result *r, FILE *f)
{
	fprintf(f, "{\"connections\": %" PRIu64 ", \"seconds\": %.6f, "
	    "\"commands\": %" PRIu64 ", \"bytes\": %" PRIu64 ", "
	    "\"verified\": %" PRIu64 ", ",
	    r->connections, S(r->ns), r->commands, r->bytes, r->verified);
	print_latency(&r->latency, f);
	fprintf(f, "\"share\": {\"min\": %" PRIu64 ", \"max\": %" PRIu64 "}, "
	    "\"watched_cpu_s\": %.6f, \"own_cpu_s\": %.6f}\n",
	    r->share_min, r->share_max, S(r->watched_ns), S(r->own_ns));
	fflush(f);
}
