// SPDX-License-Identifier: BSD-2-Clause
#include "net/stream.h"

#include "net/loop.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static enum io_rc
classify_error(void)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return IO_AGAIN;
	return IO_FAIL;
}

static enum io_rc
read_plain(struct stream *s, void *buf, size_t size, size_t *n_r)
{
	ssize_t n = recv(s->fd, buf, size, 0);

	if (n < 0)
		return classify_error();
	if (n == 0)
		return IO_EOF;
	*n_r = (size_t)n;
	return IO_OK;
}

/* For a single piece send(2) is the cheaper one. */
static ssize_t
send_all(int fd, const struct iovec *iov, int iov_n, int flags)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(void *)iov,
		.msg_iovlen = (size_t)iov_n,
	};

	return iov_n == 1 ? send(fd, iov->iov_base, iov->iov_len, flags) :
	    sendmsg(fd, &msg, flags);
}

static enum io_rc
write_plain(struct stream *s, const struct iovec *iov, int iov_n, size_t *n_r)
{
	ssize_t n = send_all(s->fd, iov, iov_n, MSG_NOSIGNAL |
	    (s->holds_back ? MSG_MORE : 0));

	s->holds_back = false;
	if (n < 0)
		return classify_error();
	*n_r = (size_t)n;
	return IO_OK;
}

static bool
is_quiet_plain(struct stream *s)
{
	char c;

	return recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    classify_error() == IO_AGAIN;
}

static void
end_writing_plain(struct stream *s)
{
	/* It fails when the peer is gone, which reading will tell as well. */
	(void)shutdown(s->fd, SHUT_WR);
}

static size_t
get_untaken_plain(struct stream *s)
{
	int n = 0;

	return ioctl(s->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static void
acknowledge_plain(struct stream *s)
{
	int on = 1;

	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

static void
fini_plain(struct stream *s)
{
	(void)s;
}

static const struct stream_ops plain_ops = {
	.read = read_plain,
	.write = write_plain,
	.is_quiet = is_quiet_plain,
	.end_writing = end_writing_plain,
	.get_untaken = get_untaken_plain,
	.acknowledge = acknowledge_plain,
	.fini = fini_plain,
};

void
stream_init_plain(struct stream *s, int fd)
{
	*s = (struct stream){ .ops = &plain_ops, .fd = fd };
}

enum io_rc
stream_read(struct stream *s, void *buf, size_t size, size_t *n_r)
{
	return s->ops->read(s, buf, size, n_r);
}

enum io_rc
stream_write(struct stream *s, const struct iovec *iov, int iov_n,
    size_t *n_r)
{
	return s->ops->write(s, iov, iov_n, n_r);
}

void
stream_hold_back(struct stream *s)
{
	s->holds_back = true;
}

bool
stream_is_quiet(struct stream *s)
{
	return s->ops->is_quiet(s);
}

void
stream_end_writing(struct stream *s)
{
	s->ops->end_writing(s);
}

void
stream_cut(struct stream *s)
{
	end_writing_plain(s);
}

size_t
stream_get_untaken(struct stream *s)
{
	return s->ops->get_untaken(s);
}

void
stream_acknowledge(struct stream *s)
{
	s->ops->acknowledge(s);
}

uint32_t
stream_get_mask(const struct stream *s, uint32_t events)
{
	if (!s->is_read_blocked || (events & EPOLLIN) == 0)
		return events;
	return (events & ~(uint32_t)EPOLLIN) | EPOLLOUT;
}

uint32_t
stream_translate(struct stream *s, uint32_t events)
{
	if (!s->is_read_blocked)
		return events;
	if ((events & EPOLLOUT) == 0)
		return events & ~(uint32_t)EPOLLIN;
	s->is_read_blocked = false;
	return events | EPOLLIN;
}

bool
stream_is_plain(const struct stream *s)
{
	return s->ops == &plain_ops;
}

size_t
stream_get_unread(const struct stream *s)
{
	int n = 0;

	return ioctl(s->fd, SIOCINQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

void
stream_close(struct stream *s)
{
	if (s->fd < 0)
		return;
	s->ops->fini(s);
	loop_close(s->fd);
	s->fd = -1;
}
