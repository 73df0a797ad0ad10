// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/stats.h"

#include "base/check.h"
#include "newsd/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
stats_count(atomic_ullong *counter, unsigned long long n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void
print_totals(FILE *f, const struct stats *st)
{
	const struct {
		const char *name;
		const atomic_ullong *counter;
	} rows[] = {
		{ "connections", &st->connections },
		{ "peak", &st->peak },
		{ "accepts", &st->accepts },
		{ "over_limit", &st->over_limit },
		{ "bytes_in", &st->bytes_in },
		{ "bytes_out", &st->bytes_out },
		{ "articles", &st->articles },
		{ "articles_bytes", &st->articles_bytes },
		{ "posted", &st->posted },
		{ "idle_closed", &st->idle_closed },
		{ "unknown", &st->unknown },
	};

	for (size_t i = 0; i < ARRAY_N(rows); i++)
		fprintf(f, "\"%s\": %llu, ", rows[i].name,
		    atomic_load(rows[i].counter));
}

char *
stats_to_json(const struct stats *st, const struct fault *f,
    const char *(*verb)(size_t i))
{
	char *text = NULL;
	const char *comma = "";
	size_t n;
	FILE *s = open_memstream(&text, &n);

	CHECK(s != NULL);
	fputc('{', s);
	print_totals(s, st);
	fputs("\"commands\": {", s);
	for (size_t i = 0; verb(i) != NULL; i++)
		fprintf(s, "%s\"%s\": %llu", i > 0 ? ", " : "", verb(i),
		    atomic_load(&st->verbs[i]));
	fputs("}, \"codes\": {", s);
	for (size_t i = 0; i < STATS_CODES_N; i++) {
		unsigned long long count = atomic_load(&st->codes[i]);

		if (count == 0)
			continue;
		fprintf(s, "%s\"%03zu\": %llu", comma, i, count);
		comma = ", ";
	}
	fputs("}, \"faults\": {", s);
	for (int i = 1; i < FAULT_KINDS_N; i++)
		fprintf(s, "%s\"%s\": %llu", i > 1 ? ", " : "",
		    fault_get_name((enum fault_kind)i),
		    atomic_load(&f->counts[i]));
	fputs("}}", s);
	CHECK(fclose(s) == 0);
	return text;
}

int
stats_write(const char *path, const char *text)
{
	char *temp = xasprintf("%s.%ld.tmp", path, (long)getpid());
	FILE *f = fopen(temp, "we");
	int result = -1;

	if (f != NULL) {
		result = fprintf(f, "%s\n", text) < 0 ? -1 : 0;
		if (fclose(f) != 0)
			result = -1;
		if (result == 0)
			result = rename(temp, path);
		if (result != 0)
			unlink(temp);
	}
	free(temp);
	return result;
}
