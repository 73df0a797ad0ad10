// SPDX-License-Identifier: BSD-2-Clause
/* relay_splice - most of a large block goes from socket to socket and is never
 * in our memory.
 *
 *   status line, header ...│........ spliced ........│ tail │.. spliced ..│ tail
 *   read: HEAD_BYTES       │  all that has come but  │ read │             │
 *   and what is behind, if │  the last TAIL_BYTES    │      │             │
 *   less than SPLICE_MIN   │                         │      │             │
 *
 * While one command is in flight on the connection, nothing can be behind its
 * answer: so where the block ends is the end of what has come, which is in the
 * tail, and the tail is read and scanned as ever; unless more has come behind it
 * meanwhile, which makes it a part of the next piece. The octets that a terminator
 * may have in the pieces before are no matter: one that ends there would have
 * more behind it, on which nobody waits.
 *
 * A server that says more than it was asked for breaks that. If its answer ends
 * within a tail it is found out as ever, and nothing of what is behind goes to
 * the client. If not, the client gets it, and may take it for its next answer.
 * Therefore such a server, found out once, is read as a whole for an hour; and
 * with relay = auto the first block of each connection, and one in
 * AUDIT_BLOCKS, is read as a whole in any case.
 *
 * What goes by unread is a gap in what a mend knows (mend.h). */
#include "route/relay_priv.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "base/check.h"
#include "net/output.h"
#include "route/exchange.h"
#include "route/forward.h"
#include "route/mend.h"

/* Of an answer that may be spliced: most small ones are as long at most. */
#define HEAD_BYTES (8 * 1024)
/* With less, copying costs a little more, and by the time it is done enough has
 * come to be spliced: fewer pieces, and clients are woken less often. */
#define SPLICE_MIN_BYTES (144 * 1024)
/* What a mend compares of each piece; and so much nobody sends by mistake. */
#define TAIL_BYTES 4096
/* In one turn: others want to be served too. */
#define SPLICE_MAX_BYTES (1024 * 1024)
#define AUDIT_BLOCKS 32

static bool
is_audited(const struct relay *r, const struct exchange *x)
{
	unsigned n = r->conn->blocks_n - (r->state == RELAY_BLOCK);

	return x->client->relay == CONF_RELAY_AUTO && n % AUDIT_BLOCKS == 0;
}

/* x: the first. */
static bool
is_allowed(const struct relay *r, const struct exchange *x)
{
	return x->client != NULL && x->client->relay != CONF_RELAY_COPY &&
	    r->exchanges_n == 1 && r->saved == NULL &&
	    backend_is_terse(r->backend, r->loop->now_ms) &&
	    !is_audited(r, x);
}

/* Nothing of the block has come yet. */
static bool
is_at_start(const struct relay *r, const struct exchange *x)
{
	return r->state == RELAY_STATUS ||
	    (r->state == RELAY_BLOCK && !x->number.is_over);
}

size_t
relay_get_head_max(const struct relay *r)
{
	const struct exchange *x = relay_first(r);

	return x != NULL && is_at_start(r, x) && is_allowed(r, x) &&
	    stream_is_plain(&r->conn->stream) ? HEAD_BYTES : LOOP_BUFFER_SIZE;
}

bool
relay_is_spliced(const struct relay *r)
{
	const struct exchange *x = relay_first(r);

	return r->state == RELAY_BLOCK && x != NULL && is_allowed(r, x) &&
	    output_may_splice(x->client->output) && forward_may_pass(x);
}

size_t
relay_follow_head(struct relay *r, size_t n)
{
	const struct exchange *x = relay_first(r);
	size_t unread_n;

	if (n != HEAD_BYTES || relay_get_head_max(r) != HEAD_BYTES)
		return 0;
	unread_n = conn_get_unread(r->conn);
	if (unread_n < SPLICE_MIN_BYTES)
		return unread_n;
	if (x->mend == NULL || mend_is_giving(x->mend))
		stream_hold_back(x->client->output->stream);
	return 0;
}

/* By pipefuls, until the client takes no more. */
static size_t
move(struct relay *r, struct exchange *x, size_t share_n)
{
	size_t moved_n = 0, n;
	enum io_rc rc;

	do {
		rc = conn_splice(r->conn, x->client->output,
		    share_n - moved_n, &n);
		moved_n += n;
	} while (rc == IO_OK && n > 0 && moved_n < share_n);
	/* A failure is the client's: the pump sees to it, as to what waits. */
	if (rc != IO_OK)
		x->client->ops->kick(x->client);
	return moved_n;
}

size_t
relay_splice(struct relay *r)
{
	struct exchange *x = relay_first(r);
	size_t unread_n, n;

	unread_n = relay_is_spliced(r) ? conn_get_unread(r->conn) : 0;
	if (unread_n > SPLICE_MAX_BYTES)
		unread_n = SPLICE_MAX_BYTES;
	n = unread_n >= SPLICE_MIN_BYTES ? move(r, x, unread_n - TAIL_BYTES) : 0;
	if (n == 0)
		return relay_get_head_max(r);
	r->window_bytes += n;
	multiline_pass(&r->block);
	forward_pass(x, n);
	return conn_get_unread(r->conn) > TAIL_BYTES ? 0 : TAIL_BYTES;
}
