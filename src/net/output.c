// SPDX-License-Identifier: BSD-2-Clause
#include "net/output.h"

#include "base/check.h"
#include "net/loop.h"

#include <string.h>

#define SIZE_MIN SPARE_BYTES

void
output_init(struct output *o, struct stream *s)
{
	*o = (struct output){ .stream = s };
}

static void
drop_buffer(struct output *o)
{
	spares_give(loop_spares(), o->buf, o->size);
	o->buf = NULL;
	o->start = o->end = o->size = 0;
}

static void
drop_pipe(struct output *o)
{
	if (o->pipe != NULL)
		pipe_put(&loop_current()->pipes, o->pipe);
	o->pipe = NULL;
}

void
output_fini(struct output *o)
{
	drop_buffer(o);
	drop_pipe(o);
}

static size_t
get_buffered(const struct output *o)
{
	return o->end - o->start;
}

size_t
output_get_size_max(size_t pending_max_bytes)
{
	size_t size = SIZE_MIN;

	while (size < pending_max_bytes)
		size *= 2;
	return size;
}

static void
make_room(struct output *o, size_t n)
{
	size_t pending = get_buffered(o), size;

	if (o->size - o->end >= n)
		return;
	if (o->start > 0) {
		memmove(o->buf, o->buf + o->start, pending);
		o->start = 0;
		o->end = pending;
	}
	if (o->size - o->end >= n)
		return;
	size = output_get_size_max(pending + n);
	o->buf = spares_resize(loop_spares(), o->buf, o->size, size);
	o->size = size;
}

void
output_append(struct output *o, const void *data, size_t n)
{
	if (n == 0 || o->is_broken)
		return;
	make_room(o, n);
	memcpy(o->buf + o->end, data, n);
	o->end += n;
}

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How much may be offered to the stream now. */
static size_t
get_room(const struct output *o)
{
	size_t room;

	if (o->pace == NULL)
		return SIZE_MAX;
	room = pace_get_room(o->pace, loop_current()->now_ms);
	return room > 0 && room < o->offered ? o->offered : room;
}

/* One write of what is pending and of data behind it. */
static enum io_rc
write_some(struct output *o, const char *data, size_t n, size_t *sent_r)
{
	size_t room = get_room(o);
	size_t pending = min_size(get_buffered(o), room);
	struct iovec iov[2] = {
		{ .iov_base = o->buf != NULL ? o->buf + o->start : NULL,
		  .iov_len = pending },
		{ .iov_base = (char *)(uintptr_t)data,
		  .iov_len = min_size(n, room - pending) },
	};
	bool has_pending = pending > 0, has_data = iov[1].iov_len > 0;
	enum io_rc rc;

	if (room == 0)
		return IO_AGAIN;
	rc = stream_write(o->stream, has_pending ? &iov[0] : &iov[1],
	    has_pending + has_data, sent_r);
	o->offered = pending + iov[1].iov_len;
	if (rc != IO_OK)
		return rc;
	o->offered -= *sent_r;
	if (o->pace != NULL)
		pace_pay(o->pace, *sent_r, loop_current()->now_ms);
	return IO_OK;
}

static enum io_rc
break_off(struct output *o)
{
	drop_buffer(o);
	drop_pipe(o);
	o->is_broken = true;
	return IO_FAIL;
}

/* The last pipe is not for those who are slow: its bytes become some of ours,
 * the first ones. There are no more than bounds_get_output() has room for. */
static enum io_rc
give_up_pipe(struct output *o)
{
	size_t n = o->pipe->n;

	make_room(o, n);
	memmove(o->buf + o->start + n, o->buf + o->start, get_buffered(o));
	if (pipe_read(o->pipe, o->buf + o->start) != IO_OK)
		return break_off(o);
	o->end += n;
	drop_pipe(o);
	return IO_AGAIN;
}

/* It took no more than fits into our memory: output_splice(). */
static bool
is_last_pipe(const struct output *o)
{
	return pipes_are_used_up(&loop_current()->pipes) &&
	    o->pipe->n <= LOOP_BUFFER_SIZE;
}

/* IO_OK: there is none any more. */
static enum io_rc
drain_pipe(struct output *o, bool has_more)
{
	size_t n;
	enum io_rc rc = pipe_drain(o->pipe, o->stream->fd, has_more, &n);

	o->sent_bytes += n;
	if (o->pace != NULL)
		pace_pay(o->pace, n, loop_current()->now_ms);
	if (rc == IO_FAIL)
		return break_off(o);
	if (rc == IO_OK)
		drop_pipe(o);
	else if (is_last_pipe(o))
		return give_up_pipe(o);
	return rc;
}

bool
output_may_splice(const struct output *o)
{
	return output_pending(o) == 0 && !o->is_broken &&
	    stream_is_plain(o->stream) && get_room(o) == SIZE_MAX;
}

enum io_rc
output_splice(struct output *o, const struct stream *from, size_t n,
    size_t *n_r)
{
	struct loop *l = loop_current();

	*n_r = 0;
	o->pipe = pipe_get(&l->pipes, l->now_ms);
	if (o->pipe == NULL)
		return IO_OK;
	if (pipes_are_used_up(&l->pipes))	/* so it can be given up */
		n = min_size(n, LOOP_BUFFER_SIZE);
	if (pipe_fill(o->pipe, from->fd, n, n_r) == IO_OK)
		return drain_pipe(o, true);
	drop_pipe(o);
	return IO_OK;
}

enum io_rc
output_write(struct output *o, const void *data, size_t n)
{
	const char *rest = data;

	if (o->is_broken)
		return IO_FAIL;
	if (o->pipe != NULL) {
		enum io_rc rc = drain_pipe(o, get_buffered(o) + n > 0);

		if (rc == IO_AGAIN)
			output_append(o, rest, n);
		if (rc != IO_OK)
			return rc;
	}
	while (get_buffered(o) + n > 0) {
		size_t pending = get_buffered(o), sent;
		enum io_rc rc = write_some(o, rest, n, &sent);

		if (rc == IO_AGAIN) {
			output_append(o, rest, n);
			return IO_AGAIN;
		}
		if (rc != IO_OK)
			return break_off(o);
		o->sent_bytes += sent;
		if (sent < pending) {
			o->start += sent;
			continue;
		}
		o->start = o->end = 0;
		sent -= pending;
		if (sent > 0)	/* data may be NULL */
			rest += sent;
		n -= sent;
	}
	drop_buffer(o);
	return IO_OK;
}

enum io_rc
output_flush(struct output *o)
{
	return output_write(o, NULL, 0);
}
