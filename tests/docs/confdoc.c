// SPDX-License-Identifier: BSD-2-Clause
/* confdoc - prints what is made from the table of settings: "sample" is
 * etc/nntpmux.ini, "mdoc" the key list of nntpmux.ini(5), "keys" one key a
 * line for the checks of the documentation. */
#include <stdio.h>
#include <string.h>

#include "conf/doc.h"
#include "conf/settings.h"

static void
print_keys(void)
{
	for (enum section_kind kind = 0; kind < KIND_N; kind++) {
		size_t n;
		const struct setting *rows = settings_get(kind, &n);

		for (size_t i = 0; i < n; i++)
			printf("%s %s %s\n", sections[kind].word, rows[i].key,
			    rows[i].def != NULL ? rows[i].def : "");
	}
}

int
main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "sample") == 0)
		doc_print_sample(stdout);
	else if (strcmp(what, "mdoc") == 0)
		doc_print_mdoc(stdout);
	else if (strcmp(what, "keys") == 0)
		print_keys();
	else {
		fputs("usage: confdoc sample | mdoc | keys\n", stderr);
		return 2;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
