// SPDX-License-Identifier: BSD-2-Clause
#include "client/announce.h"

#include "backend/backend.h"
#include "conf/conf.h"
#include "nntp/capabilities.h"
#include "route/router.h"
#include "route/selector.h"

/* What a backend's word is taken for. */
#define BY_ID (CAPABILITY_NEWNEWS | CAPABILITY_OVER | CAPABILITY_OVER_MSGID | \
    CAPABILITY_HDR)
#define BY_NUMBER (BY_ID | CAPABILITY_XPAT)

/* RFC 3977, 7.6.2: both must be there with READER. */
#define READER_LISTS (CAPABILITY_LIST_ACTIVE | CAPABILITY_LIST_NEWSGROUPS)

/* --- sets of backends --------------------------------------------------- */

/* Those that answer what a client reads: its own one, or the first that are
 * asked. */
static uint64_t
get_readable(const struct router *r, const struct audience *a)
{
	if (a->pinned_id != SELECTOR_NONE)
		return UINT64_C(1) << a->pinned_id;
	for (unsigned i = 0; i < r->tiers_n; i++)
		if ((a->eligible & r->tiers[i]) != 0)
			return a->eligible & r->tiers[i];
	return 0;
}

/* Those that may get what it posts. */
static uint64_t
get_postable(const struct router *r, const struct audience *a)
{
	uint64_t set = r->posting & a->eligible;

	if (!a->may_post)
		return 0;
	if (r->mode == MODE_STATEFUL && a->pinned_id != SELECTOR_NONE)
		return set & UINT64_C(1) << a->pinned_id;
	return set;
}

/* What all of the set announce that are known. */
static void
get_common(const struct router *r, uint64_t set, struct capabilities *c_r)
{
	bool is_first = true;

	capabilities_init(c_r);
	for (uint64_t rest = set; rest != 0; rest &= rest - 1) {
		struct backend *b = selector_backend(r->selector,
		    __builtin_ctzll(rest));
		struct capabilities c;

		if (!backend_get_capabilities(b, &c))
			continue;
		if (is_first)
			*c_r = c;
		else
			capabilities_intersect(c_r, &c);
		is_first = false;
	}
}

uint64_t
announce_get_unknown(const struct router *r, const struct audience *a)
{
	uint64_t unknown = 0;

	if (a->needs_tls || a->needs_login)
		return 0;
	for (uint64_t rest = get_readable(r, a) | get_postable(r, a);
	    rest != 0; rest &= rest - 1) {
		struct capabilities c;
		int id = __builtin_ctzll(rest);
		struct backend *b;

		b = selector_backend(r->selector, id);
		if (!backend_get_capabilities(b, &c) &&
		    !quota_is_spent(&b->quota))
			unknown |= UINT64_C(1) << id;
	}
	return unknown;
}

/* --- the answer --------------------------------------------------------- */

/* Without groups HDR works by message-id, which is its first form (RFC 3977,
 * 8.5); OVER does only with the argument MSGID (8.3). */
static void
add_reading(const struct router *r, const struct audience *a,
    struct capabilities *c)
{
	struct capabilities common;

	get_common(r, get_readable(r, a), &common);
	c->list |= common.list;
	if (r->mode != MODE_PER_COMMAND)
		c->flags |= common.flags & BY_NUMBER;
	else if ((common.flags & CAPABILITY_OVER_MSGID) != 0)
		c->flags |= common.flags & BY_ID;
	else
		c->flags |= common.flags & BY_ID & ~CAPABILITY_OVER;
}

static void
add_posting(const struct router *r, const struct audience *a,
    struct capabilities *c)
{
	struct capabilities common;

	get_common(r, get_postable(r, a), &common);
	c->flags |= common.flags & CAPABILITY_IHAVE;
	if (a->may_post)
		c->flags |= CAPABILITY_POST;
}

void
announce_make(const struct router *r, const struct audience *a,
    struct capabilities *c_r)
{
	capabilities_init(c_r);
	c_r->implementation = "nntpmux " PACKAGE_VERSION;
	/* Also before the login: once announced it stays (RFC 3977, 3.4.1),
	 * and who misses it says MODE READER. */
	if (r->mode != MODE_PER_COMMAND) {
		c_r->flags |= CAPABILITY_READER;
		c_r->list |= READER_LISTS;
	}
	if (a->may_start_tls)
		c_r->flags |= CAPABILITY_STARTTLS;
	/* A name and its password are not for the clear (RFC 4643, 2.3.2). */
	if (a->needs_tls)
		return;
	/* It stays after the login, so that a client can see whether somebody
	 * has taken a mechanism away before it (RFC 4643, 2.4.2). */
	if (a->has_login)
		c_r->sasl |= CAPABILITY_SASL_PLAIN;
	if (a->needs_login) {
		c_r->flags |= CAPABILITY_AUTHINFO_USER |
		    CAPABILITY_AUTHINFO_SASL;
		return;
	}
	add_reading(r, a, c_r);
	add_posting(r, a, c_r);
}
