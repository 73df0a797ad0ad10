// SPDX-License-Identifier: BSD-2-Clause
/* spool - the articles that this server holds, by message-id and by group.
 *
 * Filled from *.art files at the start, later by POST and IHAVE; nothing is
 * ever removed. The set of groups is fixed when the first client comes, so
 * groups are read without a lock; the articles are guarded by a mutex inside.
 * Owner: struct newsd. Thread: any after spool_load(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct article;
struct spool;

struct group {
	/* const once clients come */
	char *name, *text;
	time_t created;
	uint32_t first; /* number of articles[0]; numbers have no holes */
	/* guarded by the spool's mutex */
	struct article **articles;
	size_t n, room_n;
};

/* What a group looks like at one moment; empty: high = low - 1. */
struct group_range {
	uint32_t low, high;
	size_t n;
};

enum spool_result { SPOOL_ADDED, SPOOL_DUPLICATE, SPOOL_NO_GROUP, SPOOL_FULL };

/* first is the number of every group's first article; max_bytes bounds what
 * all articles together take. */
struct spool *spool_new(uint32_t first, uint64_t max_bytes);
void spool_free(struct spool *sp);

/* Loads DIR/newsgroups ("name<tab>description" lines) when there is one, and
 * all files of DIR that end in .art, in the order of names; their groups are
 * made as needed.
 * 0, or -1 and a message in err. */
int spool_load(struct spool *sp, const char *dir, char *err, size_t err_size);

/* Makes the group when it is new. Only before clients come. */
struct group *spool_add_group(struct spool *sp, const char *name,
    const char *text);

/* Sorts the groups by name; the last call before clients come. */
void spool_seal(struct spool *sp);

/* Files the article under the groups of its Newsgroups header that exist
 * (make_groups: makes them). Takes a. */
enum spool_result spool_add(struct spool *sp, struct article *a,
    bool make_groups);

/* Each gives a reference, or NULL. */
struct article *spool_get_id(struct spool *sp, const char *id);
struct article *spool_get_number(struct spool *sp, const struct group *g,
    uint32_t number);
struct article *spool_get_nth(struct spool *sp, size_t nth);

size_t spool_get_count(struct spool *sp);
size_t spool_get_groups_n(const struct spool *sp);
struct group *spool_get_group(const struct spool *sp, const char *name);
struct group *spool_get_group_nth(const struct spool *sp, size_t nth);
struct group_range spool_get_range(struct spool *sp, const struct group *g);
