// SPDX-License-Identifier: BSD-2-Clause
#include "base/list.h"

#include <stdlib.h>

#include "test.h"

struct member {
	int n;
	struct list link;
};

static int
n_of(struct list *link)
{
	return link != NULL ? LIST_ENTRY(link, struct member, link)->n : -1;
}

static void
fill(struct list *head, struct member *m, int n)
{
	list_init(head);
	for (int i = 0; i < n; i++) {
		m[i].n = i;
		list_init(&m[i].link);
		list_push_back(head, &m[i].link);
	}
}

Test(list, an_empty_list_has_nothing)
{
	struct list head;

	list_init(&head);
	cr_assert(list_is_empty(&head));
	cr_assert_null(list_first(&head));
	cr_assert_null(list_last(&head));
	cr_assert_null(list_pop_front(&head));
	LIST_EACH(it, &head)
		cr_assert_fail("%p", (void *)it);
}

Test(list, keeps_the_order_of_both_ends)
{
	struct list head;
	struct member m[3];

	fill(&head, m, 2);
	m[2].n = 2;
	list_init(&m[2].link);
	list_push_front(&head, &m[2].link);
	cr_assert_eq(n_of(list_first(&head)), 2);
	cr_assert_eq(n_of(list_last(&head)), 1);
	cr_assert_eq(n_of(list_pop_front(&head)), 2);
	cr_assert_eq(n_of(list_pop_front(&head)), 0);
	cr_assert_eq(n_of(list_pop_front(&head)), 1);
	cr_assert(list_is_empty(&head));
}

Test(list, a_link_knows_whether_it_is_linked)
{
	struct list head;
	struct member m[1];

	fill(&head, m, 1);
	cr_assert(list_is_linked(&m[0].link));
	list_remove(&m[0].link);
	cr_assert_not(list_is_linked(&m[0].link));
	cr_assert(list_is_empty(&head));
	list_remove(&m[0].link);	/* twice is fine */
	cr_assert_not(list_is_linked(&m[0].link));
	list_push_back(&head, &m[0].link);
	cr_assert_eq(list_pop_front(&head), &m[0].link);
	cr_assert_not(list_is_linked(&m[0].link));
}

Test(list, one_is_taken_out_of_the_middle)
{
	struct list head;
	struct member m[3];

	fill(&head, m, 3);
	list_remove(&m[1].link);
	cr_assert_eq(n_of(list_pop_front(&head)), 0);
	cr_assert_eq(n_of(list_pop_front(&head)), 2);
	cr_assert(list_is_empty(&head));
}

Test(list, the_walk_survives_the_end_of_its_member)
{
	struct list head;
	int seen = 0;

	list_init(&head);
	for (int i = 0; i < 5; i++) {
		struct member *m = calloc(1, sizeof(*m));

		cr_assert_not_null(m);
		m->n = i;
		list_push_back(&head, &m->link);
	}
	LIST_EACH(it, &head) {
		struct member *m = LIST_ENTRY(it, struct member, link);

		cr_assert_eq(m->n, seen);
		seen++;
		list_remove(it);
		free(m);
	}
	cr_assert_eq(seen, 5);
	cr_assert(list_is_empty(&head));
}
