// SPDX-License-Identifier: BSD-2-Clause
/* selector - which backend gets a command.
 *
 * A snapshot: backends are added while it is built, then it never changes, so
 * all threads use it without a lock; the counts it goes by are atomics in the
 * backends. Sets of backends are masks: bit i is the i-th backend added.
 *
 * Strategies: round-robin rotates over the candidates; weighted round-robin
 * spreads each backend's share smoothly; least-loaded takes the smallest
 * pending / capacity, ties rotate. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backend;
struct pool;

#define SELECTOR_BACKENDS_MAX 64
#define SELECTOR_NONE (-1)

enum selector_strategy {
	SELECT_LEAST_LOADED, SELECT_ROUND_ROBIN, SELECT_WEIGHTED_ROUND_ROBIN
};

struct selector;

/* stateful_reserve: connections of each backend that try_acquire_stateful()
 * never gives. Gives. */
struct selector *selector_new(enum selector_strategy strategy,
    unsigned stateful_reserve);
/* Takes it; not the backends. */
void selector_free(struct selector *);
/* Keeps b. id is b->index. 0, or -1 when the id is there already or too big.
 * Before any other thread knows the selector. */
int selector_add_backend(struct selector *, struct backend *b)
    __attribute__((warn_unused_result));
/* After the last selector_add_backend(). */
void selector_seal(struct selector *);

/* Any thread from here on. */

/* Picks one of the candidates and counts the command as pending there. Gives
 * its id, or SELECTOR_NONE when there is no candidate. */
int selector_route_command(struct selector *, uint64_t candidates)
    __attribute__((warn_unused_result));
/* The command that selector_route_command() counted has ended. Never below 0:
 * one call too many is a defect, logged. An unknown id is nothing. */
void selector_complete_command(struct selector *, int id);

/* An unknown id is "none": NULL or 0. */
struct backend *selector_backend(const struct selector *, int id);
struct pool *selector_backend_pool(const struct selector *, int id);
size_t selector_backend_count(const struct selector *);
unsigned selector_backend_load(const struct selector *, int id);
unsigned selector_stateful_count(const struct selector *, int id);

/* A slot for a session that keeps its connection: at most capacity less the
 * reserve of a backend, so that commands of others always find one. */
bool selector_try_acquire_stateful(struct selector *, int id)
    __attribute__((warn_unused_result));
/* Never below 0; an unknown id is nothing. */
void selector_release_stateful(struct selector *, int id);
