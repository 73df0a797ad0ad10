// SPDX-License-Identifier: BSD-2-Clause
/* mend - what a client already has of an article's block, and whether another
 * server's copy begins with the same.
 *
 *   given:   header lines │ blank line │ text ........ cut
 *   other:   header lines │ blank line │ text ........ ┊ goes on from here
 *                                       ◄── offset ──►
 *
 * The lines of a header may differ between servers (Path, Xref), so in an
 * ARTICLE the offset counts from behind the blank line; in a BODY from the
 * start of the block. Both copies are seen as they are on the wire, dot-stuffed
 * and with what there is of a terminator. Compared are a hash of every octet
 * up to the offset and, for an ARTICLE, of those header lines that no server
 * may change on the way (RFC 5536, 3.1 and RFC 5537, 3.6): without them a cut
 * right behind the blank line would have nothing to compare.
 *
 *   given:   ████████░░░░░░░░░░██░░░░░░░░░░░██░░░░   █ read, ░ spliced: a gap
 *
 * What was spliced (relay_splice.c) is not known, only where: of the other copy
 * it is left out of the hash as well. Before each gap and behind it some KiB are
 * known, and the first of all: an article that is the same in all of these and
 * differs in a gap is one that was damaged there, or made so.
 *
 * XXH3 with 128 bits: it tells articles apart that differ by themselves. That
 * somebody could make two with the same hash on purpose gives nothing away:
 * who can do that can as well send the right octets up to the cut and wrong
 * ones behind it, which nobody can check.
 *
 * Owner: an exchange. Any thread. Pure: no I/O, no logging. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mend;

/* has_head: the block is that of an ARTICLE. is_exact: without gaps. GIVING.
 * Gives. */
struct mend *mend_new(bool has_head, bool is_exact);
/* What it takes in bytes at most. */
size_t mend_get_size(void);
/* Takes it; NULL is nothing. */
void mend_free(struct mend *);

/* The client is given the next n octets of the block. Borrows p. */
void mend_give(struct mend *, const char *p, size_t n);

/* So many octets may be given to the client unread: GIVING, behind the header,
 * and not too many gaps yet. Behind a gap of a MiB some must be given that are
 * read. */
bool mend_may_pass(const struct mend *);
/* They were. After mend_may_pass(). */
void mend_pass(struct mend *, size_t n);

/* The copy that was given has ended here, early. False: inside the header, or
 * right behind a gap, where nothing can go on. */
bool mend_is_possible(const struct mend *);

/* Another copy begins, at the start of its block: SKIPPING. After
 * mend_is_possible(); also when one such copy has ended early itself. */
void mend_restart(struct mend *);

/* The next n octets of the other copy: how many of them are not for the
 * client. Less than n, or n and no longer skipping: it goes on behind them
 * (GIVING), with mend_give(). Borrows p. */
size_t mend_skip(struct mend *, const char *p, size_t n);

/* The client is given what comes; else it is skipped. */
bool mend_is_giving(const struct mend *);
/* The other copy is not the same: all of it is skipped. */
bool mend_is_different(const struct mend *);

/* Octets of text that the client has, also while skipping. */
uint64_t mend_get_offset(const struct mend *);
