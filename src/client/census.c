// SPDX-License-Identifier: BSD-2-Clause
#include "client/census.h"

#include "base/check.h"
#include "base/mix.h"
#include "net/addr.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define PLACES_MAX (1 << 16)

struct site {
	struct site *next;	/* in its place */
	uint64_t number;	/* addr_get_site() */
	unsigned clients_n;	/* never 0 */
};

struct census {
	/* const after new */
	uint64_t seed;
	size_t places_n;	/* a power of two */

	struct {
		pthread_mutex_t mutex;
		struct site **places;
	} sh; /* guarded by sh.mutex */
};

static size_t
count_places(size_t clients_max)
{
	size_t n = 1;

	while (n < clients_max && n < PLACES_MAX)
		n *= 2;
	return n;
}

struct census *
census_new(size_t clients_max)
{
	struct census *c = xcalloc(1, sizeof(*c));

	c->seed = mix_new_seed();
	c->places_n = count_places(clients_max);
	c->sh.places = xcalloc(c->places_n, sizeof(c->sh.places[0]));
	SYS_OK(pthread_mutex_init(&c->sh.mutex, NULL));
	return c;
}

void
census_free(struct census *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->places_n; i++)
		CHECK(c->sh.places[i] == NULL);
	SYS_OK(pthread_mutex_destroy(&c->sh.mutex));
	free(c->sh.places);
	free(c);
}

/* What points to the site, or to the NULL where it would stand. */
static struct site **
find_locked(struct census *c, uint64_t number)
{
	struct site **s =
	    &c->sh.places[mix(number, c->seed) & (c->places_n - 1)];

	while (*s != NULL && (*s)->number != number)
		s = &(*s)->next;
	return s;
}

static bool
enter_locked(struct census *c, uint64_t number, unsigned most)
{
	struct site **s = find_locked(c, number);

	if (most > 0 && *s != NULL && (*s)->clients_n >= most)
		return false;
	if (*s == NULL) {
		*s = xcalloc(1, sizeof(**s));
		(*s)->number = number;
	}
	(*s)->clients_n++;
	return true;
}

bool
census_enter(struct census *c, const struct addr *a, unsigned most)
{
	uint64_t number;
	bool has_entered;

	if (!addr_get_site(a, &number))
		return true;
	SYS_OK(pthread_mutex_lock(&c->sh.mutex));
	has_entered = enter_locked(c, number, most);
	SYS_OK(pthread_mutex_unlock(&c->sh.mutex));
	return has_entered;
}

static void
leave_locked(struct census *c, uint64_t number)
{
	struct site **place = find_locked(c, number), *s = *place;

	CHECK(s != NULL);
	if (--s->clients_n > 0)
		return;
	*place = s->next;
	free(s);
}

void
census_leave(struct census *c, const struct addr *a)
{
	uint64_t number;

	if (!addr_get_site(a, &number))
		return;
	SYS_OK(pthread_mutex_lock(&c->sh.mutex));
	leave_locked(c, number);
	SYS_OK(pthread_mutex_unlock(&c->sh.mutex));
}

unsigned
census_count(struct census *c, const struct addr *a)
{
	struct site *s;
	uint64_t number;
	unsigned n;

	if (!addr_get_site(a, &number))
		return 0;
	SYS_OK(pthread_mutex_lock(&c->sh.mutex));
	s = *find_locked(c, number);
	n = s != NULL ? s->clients_n : 0;
	SYS_OK(pthread_mutex_unlock(&c->sh.mutex));
	return n;
}

size_t
census_get_size_max(size_t clients_max)
{
	return sizeof(struct census) +
	    count_places(clients_max) * sizeof(struct site *) +
	    clients_max * sizeof(struct site);
}
