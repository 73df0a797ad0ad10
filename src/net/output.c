// SPDX-License-Identifier: BSD-2-Clause
#include "net/output.h"

#include "base/check.h"

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

enum io_rc
output_write(struct output *o, const void *data, size_t n)
{
	const char *rest = data;

	if (o->is_broken)
		return IO_FAIL;
	while (output_pending(o) + n > 0) {
		struct iovec iov[2] = {
			{ .iov_base = o->buf != NULL ?
			      o->buf + o->start : NULL,
			  .iov_len = output_pending(o) },
			{ .iov_base = (char *)(uintptr_t)rest, .iov_len = n },
		};
		bool has_pending = iov[0].iov_len > 0;
		size_t sent;
		enum io_rc rc = stream_write(o->stream,
		    has_pending ? &iov[0] : &iov[1],
		    1 + (has_pending && n > 0), &sent);

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
		if (sent < iov[0].iov_len) {
			o->start += sent;
			continue;
		}
		o->start = o->end = 0;
		sent -= iov[0].iov_len;
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
