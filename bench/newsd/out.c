// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/out.h"

#include "base/check.h"
#include "newsd/article.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#define SEGS_RESERVE 8 /* one answer takes fewer than that */
#define IOV_N 16
#define SENDFILE_FROM 32768

void
out_init(struct out *o)
{
	memset(o, 0, sizeof(*o));
}

static void
reset(struct out *o)
{
	CHECK(o->n == 0);
	o->first = 0;
	o->text_n = 0;
	if (o->room_n > 4096) {
		free(o->text);
		o->text = NULL;
		o->room_n = 0;
	}
}

static struct seg *
seg_at(struct out *o, unsigned i)
{
	return &o->segs[(o->first + i) % OUT_SEGS_N];
}

/* Takes n bytes off the front. */
static void
consume(struct out *o, size_t n)
{
	while (o->n > 0) {
		struct seg *s = seg_at(o, 0);
		size_t part = n < s->n ? n : s->n;

		s->at += part;
		s->n -= part;
		n -= part;
		if (s->n > 0)
			return;
		if (s->article != NULL)
			article_unref(s->article);
		o->first = (o->first + 1) % OUT_SEGS_N;
		o->n--;
	}
	CHECK(n == 0);
	reset(o);
}

void
out_fini(struct out *o)
{
	for (unsigned i = 0; i < o->n; i++)
		if (seg_at(o, i)->article != NULL)
			article_unref(seg_at(o, i)->article);
	o->n = 0;
	free(o->text);
	o->text = NULL;
}

bool
out_is_empty(const struct out *o)
{
	return o->n == 0;
}

bool
out_is_full(const struct out *o)
{
	return o->n > OUT_SEGS_N - SEGS_RESERVE || o->text_n > OUT_TEXT_MAX;
}

static void
add_seg(struct out *o, struct article *a, size_t at, size_t n)
{
	CHECK(o->n < OUT_SEGS_N);
	*seg_at(o, o->n++) = (struct seg){ .article = a, .at = at, .n = n };
}

void
out_text(struct out *o, const char *p, size_t n)
{
	struct seg *last = o->n > 0 ? seg_at(o, o->n - 1) : NULL;

	if (o->text_n + n > o->room_n) {
		o->room_n = (o->text_n + n) * 2;
		if (o->room_n < 512)
			o->room_n = 512;
		o->text = xrealloc(o->text, o->room_n);
	}
	memcpy(o->text + o->text_n, p, n);
	if (last != NULL && last->article == NULL)
		last->n += n;
	else if (n > 0)
		add_seg(o, NULL, o->text_n, n);
	o->text_n += n;
}

void
out_article(struct out *o, struct article *a, size_t at, size_t n)
{
	CHECK(at + n <= a->bytes_n);
	if (n == 0)
		article_unref(a);
	else
		add_seg(o, a, at, n);
}

static bool
is_for_sendfile(const struct seg *s)
{
	return s->article != NULL && s->article->fd >= 0 &&
	    s->n >= SENDFILE_FROM;
}

/* One system call for the pieces up to the first that sendfile takes. */
static ssize_t
send_copies(struct out *o, int fd, size_t max_bytes)
{
	struct iovec iov[IOV_N];
	struct msghdr msg = { .msg_iov = iov };
	unsigned i = 0;
	size_t left = max_bytes;

	for (; i < o->n && i < IOV_N && left > 0; i++) {
		struct seg *s = seg_at(o, i);
		char *base = s->article != NULL ? s->article->bytes : o->text;

		if (is_for_sendfile(s))
			break;
		iov[i].iov_base = base + s->at;
		iov[i].iov_len = s->n < left ? s->n : left;
		left -= iov[i].iov_len;
	}
	msg.msg_iovlen = i;
	return sendmsg(fd, &msg,
	    MSG_NOSIGNAL | (i < o->n && left > 0 ? MSG_MORE : 0));
}

static ssize_t
send_front(struct out *o, int fd, size_t max_bytes)
{
	struct seg *s = seg_at(o, 0);
	off_t at = (off_t)s->at;

	if (!is_for_sendfile(s))
		return send_copies(o, fd, max_bytes);
	return sendfile(fd, s->article->fd, &at,
	    s->n < max_bytes ? s->n : max_bytes);
}

enum out_rc
out_flush(struct out *o, int fd, size_t max_bytes, uint64_t *sent)
{
	size_t done = 0;

	while (o->n > 0 && done < max_bytes) {
		ssize_t n = send_front(o, fd, max_bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? OUT_AGAIN : OUT_FAIL;
		if (n == 0)
			return OUT_FAIL;
		done += (size_t)n;
		*sent += (uint64_t)n;
		consume(o, (size_t)n);
	}
	return o->n > 0 ? OUT_AGAIN : OUT_DONE;
}
