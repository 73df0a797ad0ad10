// SPDX-License-Identifier: BSD-2-Clause
/* main - runs a fuzz target over its corpus once, as an ordinary test, where
 * libFuzzer is not linked.
 *
 * Arguments: files to run. Without any: all files of
 * $srcdir/tests/fuzz/corpus/NAME, where the program is called fuzz_NAME. No
 * file at all is a failure: a test of nothing passes always. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "fuzz.h"

enum { FILE_MAX_BYTES = 1 << 20 };

static void run_file(const char *path)
{
	uint8_t *data = xmalloc(FILE_MAX_BYTES);
	uint8_t *exact;
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	n = fread(data, 1, FILE_MAX_BYTES, f);
	fclose(f);
	/* Of its exact size, so that a sanitizer sees one octet too far. */
	exact = xmalloc(n > 0 ? n : 1);
	memcpy(exact, data, n);
	free(data);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static unsigned run_folder(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	unsigned files_n = 0;

	if (d == NULL) {
		perror(folder);
		exit(1);
	}
	while ((entry = readdir(d)) != NULL) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", folder, entry->d_name);
		run_file(path);
		free(path);
		files_n++;
	}
	closedir(d);
	return files_n;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	const char *name = strrchr(argv[0], '/');
	unsigned files_n = (unsigned)(argc - 1);
	char *folder;

	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc < 2) {
		name = name != NULL ? name + 1 : argv[0];
		CHECK(strncmp(name, "fuzz_", 5) == 0);
		folder = xasprintf("%s/tests/fuzz/corpus/%s",
		    srcdir != NULL ? srcdir : ".", name + 5);
		files_n = run_folder(folder);
		free(folder);
	}
	printf("%u files\n", files_n);
	return files_n > 0 ? 0 : 1;
}
