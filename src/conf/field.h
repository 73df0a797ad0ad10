// SPDX-License-Identifier: BSD-2-Clause
/* field - one value in the struct of a section, by its row in the table.
 *
 * The only code that turns the text of a value into the member and back.
 * Knows nothing of where the text came from. Main thread. */
#pragma once

struct setting;

/* Puts the value of text into the field; the old one is freed, and wiped if
 * secret. "" makes it not set. 0; or -1, the field as before, and the reason
 * is given, without the text of a secret. */
int field_set(const struct setting *s, void *section, const char *text,
    char **why_r) __attribute__((warn_unused_result));

/* Gives the value as it would be written in a file, secrets in the clear; NULL
 * when it is not set. */
char *field_get(const struct setting *s, const void *section);

/* Frees what the field holds. */
void field_clear(const struct setting *s, void *section);

/* Takes a text and wipes it first; NULL is fine. */
void field_wipe(char *text);
