// SPDX-License-Identifier: BSD-2-Clause
/* sandbox - the files that the process may still touch, whoever it is:
 * Landlock.
 *
 * One for the whole process and for good: what was not allowed when it is
 * entered is refused by the kernel with EACCES from then on, in all threads
 * that are begun later. Files that are open already stay usable. Nothing can be
 * executed inside.
 *
 * Files are replaced by others of the same name (editors, rotation of logs), so
 * what is allowed is the directory of a file; if the file is a symbolic link,
 * that of its target, too.
 *
 * Main thread; sandbox_covers() any thread. */
#pragma once

#include <stdbool.h>

enum sandbox_access {
	SANDBOX_READ,		/* the files beside it may be read as well */
	SANDBOX_LOG,		/* made and written, never read */
	SANDBOX_REMOVE,		/* removed */
	SANDBOX_SOCKET,		/* a unix socket: made and removed */
	SANDBOX_STATE,		/* a directory: all of it, below it */
};

/* The version of Landlock of this kernel, 0: it has none. */
int sandbox_get_abi(void);

/* Before it is entered. A path that is not there is not allowed either. */
void sandbox_allow(const char *path, enum sandbox_access);
/* A directory with all below it, or a single file, to read. */
void sandbox_allow_tree(const char *path);

/* 0, or -1 with errno. Needs no_new_privs. */
int sandbox_enter(void) __attribute__((warn_unused_result));

/* Whether such an access was allowed; always, as long as nothing was entered.
 * Says nothing of owners and permissions. Keeps errno. */
bool sandbox_covers(const char *path, enum sandbox_access);
