// SPDX-License-Identifier: BSD-2-Clause
/* ledger - bytes that were used, by kind and name, kept over restarts.
 *
 * In the file "quotas" of a directory, as text:
 *
 *     nntpmux quotas 1
 *     backend block 123456
 *     user alice 789
 *     end 2
 *
 * Written whole to "quotas.new", synced and renamed, so there is always a
 * whole one; of names that nobody asks for any more, too. A file that is not
 * like this is never overwritten. The directory is locked, for two processes would undo
 * each other's counts.
 *
 * Owner: the server. Counters are charged by any thread without a lock, and
 * stay where they are for ever; one mutex for the table, held for some
 * instructions. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct ledger;

/* dir NULL: nothing is kept. Gives; NULL with what is wrong in *error_r
 * (given). */
struct ledger *ledger_open(const char *dir, char **error_r)
    __attribute__((warn_unused_result));
/* Takes it, without saving; NULL is fine. */
void ledger_close(struct ledger *);

/* The counter, 0 for a new name. Neither kind nor name has blanks. Borrowed
 * for ever. */
_Atomic uint64_t *ledger_get(struct ledger *, const char *kind,
    const char *name);

/* Writes the file, if it would differ. One thread at a time; may take as long
 * as the disk does. 0, or -1 with errno. */
int ledger_save(struct ledger *) __attribute__((warn_unused_result));
