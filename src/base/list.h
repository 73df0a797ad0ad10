// SPDX-License-Identifier: BSD-2-Clause
/* list - a doubly linked ring with its links inside the members.
 *
 * A list head and a member's link are the same struct. A link that is in no
 * list points to itself, so list_remove() may be called at any time and
 * list_is_linked() answers for a member. Owner and locking are the user's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

/* The struct of the given type whose member is the link. */
#define LIST_ENTRY(link, type, member)                                        \
	((type *)(void *)((char *)(link) - offsetof(type, member)))

/* Walks the ring; the body may remove and free the current member. */
#define LIST_EACH(it, head)                                                   \
	for (struct list *it = (head)->next, *it##_next = it->next;           \
	     it != (head); it = it##_next, it##_next = it->next)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_is_empty(const struct list *head)
{
	return head->next == head;
}

static inline bool
list_is_linked(const struct list *link)
{
	return link->next != link;
}

static inline void
list_insert_between(struct list *link, struct list *prev, struct list *next)
{
	link->prev = prev;
	link->next = next;
	prev->next = link;
	next->prev = link;
}

static inline void
list_push_front(struct list *head, struct list *link)
{
	list_insert_between(link, head, head->next);
}

static inline void
list_push_back(struct list *head, struct list *link)
{
	list_insert_between(link, head->prev, head);
}

static inline void
list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* The first (last) link, or NULL; it stays in the list. */
static inline struct list *
list_first(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->next;
}

static inline struct list *
list_last(const struct list *head)
{
	return list_is_empty(head) ? NULL : head->prev;
}

/* Takes the first link out and gives it, or NULL. */
static inline struct list *
list_pop_front(struct list *head)
{
	struct list *link = list_first(head);

	if (link != NULL)
		list_remove(link);
	return link;
}
