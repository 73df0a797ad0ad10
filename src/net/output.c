// SPDX-License-Identifier: BSD-2-Clause
#include "net/output.h"

#include "base/check.h"
#include "net/loop.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 512

void
output_init(struct output *o, struct stream *s)
{
	*o = (struct output){ .stream = s };
}

static void
drop_buffer(struct output *o)
{
	free(o->buf);
	o->buf = NULL;
	o->start = o->end = o->size = 0;
}

void
output_fini(struct output *o)
{
	drop_buffer(o);
}

size_t
output_pending(const struct output *o)
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
	size_t pending = output_pending(o);

	if (o->size - o->end >= n)
		return;
	if (o->start > 0) {
		memmove(o->buf, o->buf + o->start, pending);
		o->start = 0;
		o->end = pending;
	}
	if (o->size - o->end >= n)
		return;
	o->size = output_get_size_max(pending + n);
	o->buf = xrealloc(o->buf, o->size);
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
	size_t pending = min_size(output_pending(o), room);
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

enum io_rc
output_write(struct output *o, const void *data, size_t n)
{
	const char *rest = data;

	if (o->is_broken)
		return IO_FAIL;
	while (output_pending(o) + n > 0) {
		size_t pending = output_pending(o), sent;
		enum io_rc rc = write_some(o, rest, n, &sent);

		if (rc == IO_AGAIN) {
			output_append(o, rest, n);
			return IO_AGAIN;
		}
		if (rc != IO_OK) {
			drop_buffer(o);
			o->is_broken = true;
			return IO_FAIL;
		}
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
