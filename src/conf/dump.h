// SPDX-License-Identifier: BSD-2-Clause
/* dump - a loaded configuration as an INI file: what -T prints.
 *
 * Reads struct conf only; any thread. Never prints a secret. */
#pragma once

#include <stdio.h>

struct conf;

/* Every section with every value, the origin of each as a comment. In the
 * place of a secret stands CONF_MASK: the file parses again, with a warning for
 * each mask, and a login with a mask fails. */
void conf_dump(const struct conf *c, FILE *f);
