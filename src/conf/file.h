// SPDX-License-Identifier: BSD-2-Clause
/* file - a small file, read whole into memory and wiped afterwards.
 *
 * For files that may hold secrets: no stdio buffer keeps a copy. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

struct file {
	char *text;		/* with a NUL behind it */
	size_t n;
	struct stat st;
};

/* Reads at most max octets; longer files, directories, pipes that don't end
 * within some seconds and files that can't be read are errors: -1 and the reason (given). file_fini() after 0. */
int file_read(struct file *f, const char *path, size_t max, char **why_r)
    __attribute__((warn_unused_result));
void file_fini(struct file *f);

/* The absolute path of what somebody wrote: relative to where the program was
 * when this was called first, for a daemon leaves that place. Gives. */
char *file_make_absolute(const char *path);
/* The same for a file to read, of which a name without a slash is one of the
 * credentials that the service manager gave ($CREDENTIALS_DIRECTORY), if there
 * are any. Gives. */
char *file_find(const char *name);
