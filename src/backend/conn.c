// SPDX-License-Identifier: BSD-2-Clause
#include "backend/conn.h"

#include "base/check.h"
#include "base/log.h"
#include "backend/backend.h"
#include "backend/conn_io.h"
#include "backend/setup.h"
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#define PARTING_MS 2000		/* how long a server may take to close */

static struct conn *
from_item(struct pool_item *item)
{
	return LIST_ENTRY(item, struct conn, item);
}

void
conn_leave_trace(struct conn *c, enum conn_trace trace)
{
	if (c->trace < trace)
		c->trace = trace;
}

void
conn_set_deadline(struct conn *c, uint64_t deadline_ms)
{
	if (deadline_ms == UINT64_MAX)
		timer_clear(&c->loop->timers, &c->timer);
	else
		timer_set(&c->loop->timers, &c->timer, deadline_ms);
}

/* --- closing -------------------------------------------------------------- */

void
conn_close_socket(struct conn *c)
{
	timer_clear(&c->loop->timers, &c->timer);
	conn_stop_pace(c);
	loop_unschedule(&c->flush);
	output_fini(&c->output);
	stream_close(&c->stream);
	c->item.home = NULL;
}

void
conn_become_blank(struct conn *c)
{
	c->state = CONN_BLANK;
	c->user_ops = NULL;
	conf_unref(c->conf->whole);
	c->conf = NULL;
}

static void
on_parted(struct conn *c)
{
	conn_close_socket(c);
	conn_become_blank(c);
	pool_closed(&c->item, c->loop->now_ms);
}

/* The item is closing already: it counts until the server has closed too, so
 * that the next connection is not one too many there. */
static void
part(struct conn *c)
{
	static const char quit[] = "QUIT\r\n";

	c->state = CONN_PARTING;
	c->user_ops = NULL;
	c->is_reading = true;
	conn_stop_pace(c);
	conn_set_deadline(c, c->loop->now_ms + PARTING_MS);
	output_append(&c->output, quit, sizeof(quit) - 1);
	conn_push(c);
}

static void
on_parting_event(struct conn *c, uint32_t events)
{
	enum io_rc rc;
	size_t n;

	if ((events & EPOLLOUT) != 0)
		conn_push(c);
	rc = conn_read(c, c->loop->buffer, LOOP_BUFFER_SIZE, &n);
	if (rc != IO_OK && rc != IO_AGAIN)
		on_parted(c);
}

void
conn_discard(struct conn *c, enum pool_discard how)
{
	conn_close_socket(c);
	conn_become_blank(c);
	pool_discard(&c->item, how, c->loop->now_ms);
}

bool
conn_is_to_blame(const struct conn *c, enum reason reason)
{
	return reason != REASON_SHUTDOWN && conn_is_current(&c->item, NULL) &&
	    !(reason == REASON_LIMITED && pool_has_others(&c->item));
}

void
conn_fail(struct conn *c, const char *phase, enum reason reason,
    const char *said)
{
	if (conn_is_to_blame(c, reason))
		backend_blame(c->backend, phase, reason, said,
		    c->item.born_ms, c->loop->now_ms);
	conn_discard(c, reason == REASON_LIMITED ? DISCARD_LIMITED :
	    DISCARD_FAILED);
}

void
conn_retire(struct pool_item *item, struct loop *l)
{
	struct conn *c = from_item(item);

	c->loop = l;
	conn_watch_here(c);
	pool_closing(item);
	part(c);
}

/* --- events --------------------------------------------------------------- */

/* An idle connection has no reason to say anything: it is closed, dying, or
 * lying. Only TLS has something to tell by itself, such as a ticket. */
static void
on_idle_event(struct conn *c, struct loop *l)
{
	if (!pool_claim(&c->item, l)) {
		/* On its way to a waiter; or of a time before somebody took
		 * it, and then this does no harm. */
		atomic_store(&c->has_stirred, true);
		return;
	}
	c->loop = l;
	if (stream_is_quiet(&c->stream)) {
		conn_put_unused(c);
		return;
	}
	log_debug("backend=%s fd=%d idle connection ended",
	    c->backend->name, c->stream.fd);
	conn_discard(c, DISCARD_ORDERLY);
}

static void
on_ready_event(struct conn *c, uint32_t events)
{
	if ((events & EPOLLOUT) != 0)
		conn_push(c);
	if (conn_wants_input(c) && (events & ~(uint32_t)EPOLLOUT) != 0)
		c->user_ops->readable(c, c->user);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		conn_unwatch(c);	/* can't be masked: it would spin */
}

/* While TLS must send before it can read on, it is EPOLLOUT that means there is
 * something to read. */
static uint32_t
translate(struct conn *c, uint32_t events)
{
	if (!c->stream.is_read_blocked)
		return events;
	events = stream_translate(&c->stream, events);
	conn_update_events(c);
	return events;
}

void
conn_on_event(struct loop *l, void *arg, uint32_t events)
{
	struct conn *c = arg;

	if (atomic_load(&c->item.lessee) != l) {
		on_idle_event(c, l);
		return;
	}
	events = translate(c, events);
	switch (c->state) {
	case CONN_READY:
		on_ready_event(c, events);
		break;
	case CONN_PARTING:
		on_parting_event(c, events);
		break;
	default:
		setup_on_event(c, events);
	}
}

static void
on_timer(struct timer *t)
{
	struct conn *c = LIST_ENTRY(t, struct conn, timer);

	switch (c->state) {
	case CONN_READY:
		c->user_ops->expired(c, c->user);
		break;
	case CONN_PARTING:
		on_parted(c);
		break;
	default:
		setup_on_timer(c);
	}
}

/* --- taking and giving back ----------------------------------------------- */

void
conn_set_user(struct conn *c, const struct conn_user *user_ops, void *user)
{
	c->user_ops = user_ops;
	c->user = user;
	if (c->state == CONN_READY)
		c->output.pace = &c->pace;
}

/* Makes a blank item a connection on its way. */
static struct conn *
start(struct backend *b, struct loop *l, struct pool_item *item)
{
	struct conn *c = from_item(item);

	CHECK(c->state == CONN_BLANK);
	c->backend = b;
	c->generation = b->generation;	/* before the settings: see backend.c */
	c->conf = b->conf;
	conf_ref(c->conf->whole);
	timer_init(&c->timer, on_timer);
	conn_io_init(c);
	c->loop = l;
	c->trace = CONN_UNTOUCHED;
	c->blocks_n = 0;
	conn_set_user(c, NULL, NULL);
	setup_start(c);
	return c;
}

bool
conn_is_current(const struct pool_item *item, void *unused)
{
	const struct conn *c = LIST_ENTRY(item, struct conn, item);

	(void)unused;
	return c->generation == c->backend->generation;
}

static bool
is_worn_out(const struct conn *c, uint64_t now_ms)
{
	const struct conf_backend *conf = c->backend->conf;
	uint64_t lifetime = c->item.lifetime_ms;
	uint64_t idle_max = conf->idle_timeout_ms;

	return !conn_is_current(&c->item, NULL) ||
	    (lifetime > 0 && now_ms >= c->item.born_ms + lifetime) ||
	    (idle_max > 0 && now_ms >= c->item.idle_since_ms + idle_max);
}

/* This loop has watched it all the time, looked since it was put back, and heard
 * nothing. What may have come after that could come after another look as
 * well. */
static bool
is_known_quiet(const struct conn *c, const struct loop *l)
{
	return c->item.home == l && !atomic_load(&c->has_stirred) &&
	    !c->stream.has_more && !c->stream.is_read_blocked &&
	    loop_has_looked_since(l, c->put_turn_n);
}

/* Recycling: false when it is of no use any more, then it is gone. */
static bool
adopt(struct conn *c, struct loop *l, enum conn_trace most)
{
	bool is_quiet = is_known_quiet(c, l);

	c->loop = l;
	conn_watch_here(c);
	if (!is_quiet && !stream_is_quiet(&c->stream)) {
		log_debug("backend=%s fd=%d pooled connection is dead or dirty",
		    c->backend->name, c->stream.fd);
		conn_discard(c, DISCARD_ORDERLY);
		return false;
	}
	if (c->trace > most || is_worn_out(c, l->now_ms)) {
		pool_closing(&c->item);
		part(c);
		return false;
	}
	return true;
}

typedef enum pool_rc get_f(struct pool *, struct loop *, uint64_t now_ms,
    struct pool_item **item_r);

static enum pool_rc
get(struct backend *b, struct loop *l, get_f *get_item, enum conn_trace most,
    struct conn **conn_r)
{
	*conn_r = NULL;
	for (;;) {
		struct pool_item *item;
		struct conn *c;
		enum pool_rc rc = get_item(b->pool, l, l->now_ms, &item);

		if (rc == POOL_CREATE) {
			*conn_r = start(b, l, item);
			return rc;
		}
		if (rc != POOL_ITEM)
			return rc;
		/* One place is enough, the others may serve others. */
		c = from_item(item);
		if (c->trace > most) {
			conn_retire(item, l);
			return POOL_BUSY;
		}
		if (adopt(c, l, most)) {
			*conn_r = c;
			return rc;
		}
	}
}

enum pool_rc
conn_get(struct backend *b, struct loop *l, enum conn_trace most,
    struct conn **conn_r)
{
	return get(b, l, pool_get, most, conn_r);
}

enum pool_rc
conn_get_probe(struct backend *b, struct loop *l, struct conn **conn_r)
{
	return get(b, l, pool_get_probe, CONN_GROUP_SELECTED, conn_r);
}

struct conn *
conn_from_grant(struct backend *b, struct loop *l, enum conn_trace most,
    const struct waiter *w)
{
	struct conn *c = from_item(w->item);

	if (w->is_blank)
		return start(b, l, w->item);
	/* It comes straight from its last user: it was not idle at all. */
	c->item.idle_since_ms = l->now_ms;
	return adopt(c, l, most) ? c : NULL;
}

void
conn_return_grant(struct backend *b, struct loop *l,
    const struct waiter *w)
{
	struct conn *c;

	if (w->is_blank) {
		pool_discard(w->item, DISCARD_ORDERLY, l->now_ms);
		return;
	}
	c = conn_from_grant(b, l, CONN_UNKNOWN_SENT, w);
	if (c != NULL)
		conn_put(c);
}

void
conn_prewarm(struct backend *b, struct loop *l, struct pool_item *item)
{
	start(b, l, item);
}

bool
conn_is_ready(const struct conn *c)
{
	return c->state == CONN_READY;
}

void
conn_abandon(struct conn *c)
{
	CHECK(c->state != CONN_READY);
	c->user_ops = NULL;
	c->user = NULL;
}

static void
before_grant(struct pool_item *item)
{
	conn_unwatch(from_item(item));
}

typedef bool put_f(struct pool_item *, uint64_t now_ms,
    void (*before_grant)(struct pool_item *));

static void
put(struct conn *c, put_f *put_item)
{
	CHECK(c->state == CONN_READY);
	c->user_ops = NULL;
	c->user = NULL;
	conn_set_deadline(c, UINT64_MAX);
	loop_unschedule(&c->flush);
	conn_stop_pace(c);
	c->is_reading = true;
	conn_watch_input(c);
	c->put_turn_n = c->loop->turn_n;
	atomic_store(&c->has_stirred, false);
	/* What TLS has read ahead no event would tell the next user of. */
	if (output_pending(&c->output) > 0 ||
	    (c->stream.has_more && !stream_is_quiet(&c->stream))) {
		conn_discard(c, DISCARD_FAILED);
	} else if (c->trace == CONN_UNKNOWN_SENT ||
	    !conn_is_current(&c->item, NULL)) {
		pool_closing(&c->item);
		part(c);
	} else if (!put_item(&c->item, c->loop->now_ms, before_grant)) {
		part(c);
	}
}

void
conn_put(struct conn *c)
{
	put(c, pool_put);
}

void
conn_put_unused(struct conn *c)
{
	put(c, pool_put_unused);
}

/* --- the end ---------------------------------------------------------------- */

static void
end_now(struct conn *c)
{
	switch (c->state) {
	case CONN_READY:
		/* Only answers that nobody wants are still read. */
		c->user_ops->expired(c, c->user);
		break;
	case CONN_PARTING:
		on_parted(c);
		break;
	default:
		setup_abort(c);
	}
}

void
conn_end_all(struct backend **backends, size_t n, struct loop *l)
{
	for (size_t i = 0; i < n; i++) {
		struct pool_item *item;

		while ((item = pool_find_leased(backends[i]->pool, l)) !=
		    NULL) {
			end_now(from_item(item));
			loop_turn(l, 0);
		}
	}
	loop_turn(l, 0);
}
