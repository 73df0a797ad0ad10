// SPDX-License-Identifier: BSD-2-Clause
/* spares - memory for small things that live as long as a command.
 *
 * An exchange, its relay, the buffers of what is sent: all of them come and go
 * with each command, several of them a command. What is given back is kept for
 * the next, up to a limit, so that a command that needs nothing else needs no
 * malloc(3). All pieces have one size; what is larger is malloc's.
 *
 * Under a sanitizer nothing is kept: it shall see each end. Owner: one thread.
 * A piece may be given back to other spares than it was taken from, or to none:
 * NULL stands for such. */
#pragma once

#include <stddef.h>

#define SPARE_BYTES 512
#define SPARES_MAX 1024

struct spare;

struct spares {
	struct spare *first;
	unsigned n;
};

void spares_init(struct spares *);
void spares_fini(struct spares *);
/* n octets, whatever they hold. Gives, for spares_give(). */
void *spares_take(struct spares *, size_t n)
    __attribute__((malloc, returns_nonnull));
/* Takes p (NULL is fine), which was made for n octets. */
void spares_give(struct spares *, void *p, size_t n);
/* Takes p (NULL is fine), made for old_n, and gives one for n octets that
 * begins with what was in p. */
void *spares_resize(struct spares *, void *p, size_t old_n, size_t n)
    __attribute__((returns_nonnull, warn_unused_result));
/* What is kept at most, in bytes. */
size_t spares_get_size_max(void);
