// SPDX-License-Identifier: BSD-2-Clause
#include "backend/conn_io.h"

#include "backend/backend.h"
#include "backend/conn.h"
#include "backend/setup.h"
#include "base/check.h"
#include "base/log.h"

/* --- watching ------------------------------------------------------------- */

static bool
is_held(const struct conn *c)
{
	return pace_is_held(&c->pace, c->loop->now_ms);
}

bool
conn_is_held(const struct conn *c)
{
	/* When a turn is late that time may be over, and nothing has gone on
	 * yet. */
	return is_held(c) || timer_is_set(&c->pace_timer);
}

bool
conn_wants_input(const struct conn *c)
{
	return c->is_reading && !c->is_resting;
}

/* What leaves does so by the pace; before and after its use it has none. */
static bool
wants_output(const struct conn *c)
{
	return output_pending(&c->output) > 0 &&
	    (c->output.pace == NULL || !is_held(c));
}

static uint32_t
get_events(const struct conn *c)
{
	return (conn_wants_input(c) ? EPOLLIN : 0u) |
	    (wants_output(c) ? EPOLLOUT : 0u);
}

void
conn_update_events(struct conn *c)
{
	if (c->item.home == c->loop)
		loop_mask(c->loop, c->stream.fd,
		    stream_get_mask(&c->stream, get_events(c)));
}

void
conn_unwatch(struct conn *c)
{
	loop_unwatch(c->item.home, c->stream.fd);
	c->item.home = NULL;
}

void
conn_watch_here(struct conn *c)
{
	if (c->item.home == c->loop)
		return;
	if (c->item.home != NULL)
		conn_unwatch(c);
	loop_watch(c->loop, c->stream.fd,
	    stream_get_mask(&c->stream, get_events(c)), conn_on_event, c);
	c->item.home = c->loop;
}

/* It may have been given up while nothing was to be read: on_ready_event(). */
void
conn_watch_input(struct conn *c)
{
	if (conn_wants_input(c) && c->item.home == NULL)
		conn_watch_here(c);
	else
		conn_update_events(c);
}

void
conn_set_reading(struct conn *c, bool on)
{
	if (c->is_reading == on)
		return;
	c->is_reading = on;
	conn_watch_input(c);
}

/* --- bytes ---------------------------------------------------------------- */

static void
set_pace_timer(struct conn *c)
{
	timer_set(&c->loop->paces, &c->pace_timer, c->pace.not_before_ms);
}

/* What it owes is not forgotten. */
void
conn_stop_pace(struct conn *c)
{
	timer_clear(&c->loop->paces, &c->pace_timer);
	c->output.pace = NULL;
	c->is_resting = false;
}

static void
rest(struct conn *c)
{
	c->is_resting = true;
	set_pace_timer(c);
	conn_watch_input(c);
}

enum io_rc
conn_read(struct conn *c, void *buf, size_t size, size_t *n_r)
{
	uint64_t now_ms = c->loop->now_ms;
	/* Where nothing is held what was read is paid all the same. */
	bool is_paced = c->state == CONN_READY;
	size_t room = is_paced ? pace_get_room(&c->pace, now_ms) : size;
	enum io_rc rc = IO_AGAIN;

	*n_r = 0;
	if (room > 0)
		rc = stream_read(&c->stream, buf, room < size ? room : size,
		    n_r);
	if (rc == IO_OK) {
		backend_charge(c->backend, c->loop, *n_r, 0);
		pace_pay(&c->pace, *n_r, now_ms);
	}
	if (is_paced && is_held(c))
		rest(c);
	return rc;
}

size_t
conn_get_unread(const struct conn *c)
{
	if (!stream_is_plain(&c->stream) ||
	    pace_get_room(&c->pace, c->loop->now_ms) != SIZE_MAX)
		return 0;
	return stream_get_unread(&c->stream);
}

enum io_rc
conn_splice(struct conn *c, struct output *to, size_t n, size_t *n_r)
{
	enum io_rc rc = output_splice(to, &c->stream, n, n_r);

	backend_charge(c->backend, c->loop, *n_r, 0);
	counter_add(&backend_count(c->backend, c->loop)->spliced_bytes, *n_r);
	pace_pay(&c->pace, *n_r, c->loop->now_ms);
	return rc;
}

enum io_rc
conn_flush(struct conn *c)
{
	enum io_rc rc = output_flush(&c->output);

	backend_charge(c->backend, c->loop, 0,
	    c->output.sent_bytes - c->charged_bytes);
	c->charged_bytes = c->output.sent_bytes;
	return rc;
}

/* --- sending -------------------------------------------------------------- */

void
conn_push(struct conn *c)
{
	/* What failed will show as an end or error when reading. */
	if (conn_flush(c) != IO_OK)
		log_debug("backend=%s fd=%d not all is sent",
		    c->backend->name, c->stream.fd);
	if (c->output.pace != NULL && output_pending(&c->output) > 0 &&
	    is_held(c))
		set_pace_timer(c);
	conn_update_events(c);
	if (c->user_ops != NULL && output_pending(&c->output) == 0)
		c->user_ops->drained(c, c->user);
}

/* The rate allows more. What is to be read need not be in the socket any more,
 * so there may be no event for it. */
static void
on_pace_timer(struct timer *t)
{
	struct conn *c = LIST_ENTRY(t, struct conn, pace_timer);

	CHECK(c->state == CONN_READY && c->user_ops != NULL);
	c->is_resting = false;
	conn_watch_input(c);
	if (output_pending(&c->output) > 0)
		conn_push(c);
	if (c->is_reading)
		c->user_ops->readable(c, c->user);
}

static void
on_flush(struct task *t)
{
	conn_push(LIST_ENTRY(t, struct conn, flush));
}

void
conn_send(struct conn *c, const void *data, size_t n)
{
	output_append(&c->output, data, n);
	loop_schedule(c->loop, &c->flush);
}

size_t
conn_get_unsent(const struct conn *c)
{
	return output_pending(&c->output);
}

/* --- its begin ------------------------------------------------------------- */

void
conn_io_init(struct conn *c)
{
	timer_init(&c->pace_timer, on_pace_timer);
	task_init(&c->flush, on_flush);
	c->stream.fd = -1;
	c->is_reading = true;
}

void
conn_watch(struct conn *c, int fd, uint32_t events)
{
	c->pace = (struct pace){ .bucket = &c->backend->bucket };
	stream_init_plain(&c->stream, fd);
	output_init(&c->output, &c->stream);
	c->charged_bytes = 0;
	loop_watch(c->loop, fd, events, conn_on_event, c);
	c->item.home = c->loop;
}
