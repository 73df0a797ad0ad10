// SPDX-License-Identifier: BSD-2-Clause
/* hash_password - what --hash-password does: reads a password, twice and with
 * no echo from a terminal, or the first line of standard input, and prints a
 * hash for [user NAME] of the kind that the system's crypt(3) prefers.
 *
 * Main thread, before any other. Prints nothing of the password, and wipes
 * it. */
#pragma once

/* An exit code of the program; what is wrong is said on stderr. */
int hash_password(void);
