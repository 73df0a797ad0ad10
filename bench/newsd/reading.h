// SPDX-License-Identifier: BSD-2-Clause
/* reading - finding articles and entering groups for a session; the verbs
 * themselves are declared in commands.h. Thread: the session's worker. */
#pragma once

struct article;
struct group;
struct session;

/* Gives a reference to the article, from the spool or made up, or NULL. */
struct article *reading_get_id(struct session *s, const char *id);

/* Makes the group the session's and answers 211. */
void reading_enter(struct session *s, const struct group *g);
