// SPDX-License-Identifier: BSD-2-Clause
/* announce - what CAPABILITIES tells one client: what is true for it now (RFC
 * 3977, 3.3.1), whichever backend will serve it.
 *
 * Made of what the backends announced while connections were made; one of which
 * nothing is known yet has no say. Of what changes the connection itself
 * (STARTTLS, COMPRESS, AUTHINFO, SASL) nothing is ever taken from a backend.
 *
 * Never asks a backend. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct capabilities;
struct router;

/* The client, as far as it matters. */
struct audience {
	bool needs_tls;		/* before anything else */
	bool may_start_tls;
	bool has_login;		/* there are users */
	bool needs_login;	/* and it has not logged in yet */
	bool may_post;		/* it, and somewhere: as for 200 or 201 */
	uint64_t eligible;	/* backends of its listener and user */
	int pinned_id;		/* its own backend, or SELECTOR_NONE */
};

/* Writes all of *c_r. Its implementation is a constant text. */
void announce_make(const struct router *, const struct audience *,
    struct capabilities *c_r);

/* The backends that should be known for a full answer and are not: one that
 * can be reached is known as soon as it has had a connection. 0 for a client
 * that must log in first: nobody is asked for it. */
uint64_t announce_get_unknown(const struct router *,
    const struct audience *);
