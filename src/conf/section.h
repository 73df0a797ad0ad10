// SPDX-License-Identifier: BSD-2-Clause
/* section - one section of a configuration while it is put together.
 *
 * Works on any kind by its rows in the table; every source of values (files,
 * environment, command line) comes through section_assign(). The memory is
 * struct conf's. Main thread. */
#pragma once

#include <stddef.h>

#include "conf/settings.h"

struct conf;
struct conf_report;
struct conf_section;

/* A section of the kind with the default of every key, name and where copied.
 * The memory is sections[kind].size octets. */
void section_init(struct conf_section *s, enum section_kind kind,
    const char *name, const char *where);
/* Frees what it holds, secrets wiped. */
void section_fini(struct conf_section *s, enum section_kind kind);

/* Puts a value and its origin in. An error goes to the report under `where`,
 * with the key and, if it is no secret, the value; the old value stays. The
 * origin is kept in both cases: the key is there. */
void section_assign(struct conf_section *s, const struct setting *set,
    const char *text, const char *where, struct conf_report *report);

/* Keeps the origin of a value that is wrong before it gets this far. */
void section_mark(struct conf_section *s, const struct setting *set,
    const char *where);

/* Only puts the value in, as if it were the default. 0, or -1 and the reason
 * (given). */
int section_put(struct conf_section *s, const struct setting *set,
    const char *text, char **why_r) __attribute__((warn_unused_result));

/* The value alone, for a section that is not there yet. 0, or -1 and the reason
 * (given). */
int section_check(const struct setting *set, const char *text, char **why_r)
    __attribute__((warn_unused_result));

/* Where the value came from; NULL = the default. */
const char *section_get_origin(const struct conf_section *s,
    const struct setting *set);
/* The same by key, and where the section began for a default. */
const char *section_get_place(const struct conf_section *s,
    enum section_kind kind, const char *key);

/* An empty configuration: proxy, routing and log with defaults; one reference.
 * Gives. */
struct conf *conf_new(void);

/* Adds a named section behind the others of its kind; those before may move.
 * Borrowed until the next one is added. */
struct conf_section *conf_add_section(struct conf *c, enum section_kind kind,
    const char *name, const char *where);

/* Sections of a kind: 1 where they have no name. */
size_t conf_count_sections(const struct conf *c, enum section_kind kind);
struct conf_section *conf_get_section(struct conf *c, enum section_kind kind,
    size_t i);
/* NULL = none of this name. */
struct conf_section *conf_find_section(struct conf *c, enum section_kind kind,
    const char *name);
/* Keeps the name of a file that was read, or a pattern. */
void conf_add_file(struct conf *c, const char *path);
/* Takes all sections of a named kind away. */
void conf_drop_sections(struct conf *c, enum section_kind kind);
