// SPDX-License-Identifier: BSD-2-Clause
/* doc - the table of settings as text for people.
 *
 * What --help, the sample etc/nntpmux.ini and the key list in nntpmux.ini(5)
 * are made of. Pure output. */
#pragma once

#include <stdio.h>

/* Key, default, what may stand there and the sentence, section by section. */
void doc_print_help(FILE *f);
/* A whole INI file that is valid and has every key, nearly all commented. */
void doc_print_sample(FILE *f);
/* The body of the key list in mdoc(7). */
void doc_print_mdoc(FILE *f);

/* Words of text in lines of at most 78 columns that begin with start. */
void doc_print_wrapped(FILE *f, const char *start, const char *text);
