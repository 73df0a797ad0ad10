// SPDX-License-Identifier: BSD-2-Clause
/* blind - the least that a proxy can do, as a bound for those that do more.
 *
 *   blind PORT SERVER_PORT       a connection to the server for each client
 *   blind PORT SERVER_PORT N     N connections for all of them, each lent to a
 *                                client for one command and one answer, which
 *                                come with one read each: STAT, one at a time
 *
 * It understands nothing and has no time-out, no limit and no log. What one end
 * sends is read into a buffer of the size of nntpmux's and sent on at once. It
 * ends when something is not as it is in a benchmark. One thread. */
#include "base/check.h"
#include "net/loop.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENDS_MAX 65536

/* One socket; its descriptor is its index. */
struct end {
	int peer;		/* whom it sends to; 0: nobody now */
	bool is_open, is_client;
	char *kept;		/* what its peer has not taken, or its command
				 * that no connection was there for; or NULL */
	size_t kept_n;
	struct list queue;	/* of those with a command */
};

static struct end ends[ENDS_MAX];
static int epoll_fd, listen_fd;
static in_port_t server_port;
static unsigned lent_max;	/* 0: none is lent */
static int idle[ENDS_MAX];	/* the newest goes first */
static size_t idle_n;
static struct list waiting;	/* clients */
static char buffer[LOOP_BUFFER_SIZE];

static void
watch(int fd, int op, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };

	SYS_OK(epoll_ctl(epoll_fd, op, fd, &ev));
}

static struct sockaddr_in
loopback(in_port_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void
add(int fd, bool is_client, int peer)
{
	int one = 1;

	if (fd >= ENDS_MAX)
		errx(1, "too many descriptors");
	SYS_OK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	ends[fd] = (struct end){ .peer = peer, .is_open = true,
	    .is_client = is_client };
	list_init(&ends[fd].queue);
	watch(fd, EPOLL_CTL_ADD, EPOLLIN);
}

static int
call_server(void)
{
	struct sockaddr_in to = loopback(server_port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 &&
	    errno != EINPROGRESS))
		err(1, "connect");
	return fd;
}

static void
close_end(int fd)
{
	list_remove(&ends[fd].queue);
	free(ends[fd].kept);
	ends[fd] = (struct end){ .is_open = false };
	close(fd);
}

static void
on_end(int fd)
{
	int peer = ends[fd].peer;

	if (lent_max > 0 && !ends[fd].is_client)
		errx(1, "the server has closed a connection");
	if (peer != 0 && lent_max > 0)
		ends[peer].peer = 0;	/* its answer is for nobody */
	else if (peer != 0)
		close_end(peer);
	close_end(fd);
}

static void
on_accept(void)
{
	static const char greeting[] = "200 blind\r\n";
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK), server = 0;

	if (fd < 0)
		return;
	if (lent_max > 0) {
		(void)send(fd, greeting, sizeof(greeting) - 1, MSG_NOSIGNAL);
	} else {
		server = call_server();
		add(server, false, fd);
	}
	add(fd, true, server);
}

/* Bytes it did not take are kept, and nothing more is read for it. That it is gone
 * is told by its own event. */
static void
send_on(int from, const char *data, size_t n)
{
	struct end *e = &ends[from];
	ssize_t sent_n = send(e->peer, data, n, MSG_NOSIGNAL);
	size_t taken_n = sent_n > 0 ? (size_t)sent_n : 0;

	if (taken_n == n || (sent_n < 0 && errno != EAGAIN))
		return;
	if (lent_max > 0)
		errx(1, "a command or an answer is not taken");
	e->kept_n = n - taken_n;
	e->kept = xmalloc(e->kept_n);
	memcpy(e->kept, data + taken_n, e->kept_n);
	watch(from, EPOLL_CTL_MOD, 0);
	watch(e->peer, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void
on_writable(int to)
{
	int from = ends[to].peer;
	char *kept = ends[from].kept;

	ends[from].kept = NULL;
	watch(to, EPOLL_CTL_MOD, EPOLLIN);
	watch(from, EPOLL_CTL_MOD, EPOLLIN);
	if (kept != NULL)
		send_on(from, kept, ends[from].kept_n);
	free(kept);
}

/* --- connections that are lent ----------------------------------------------- */

static void
lend(int server, int client, const char *command, size_t n)
{
	ends[server].peer = client;
	ends[client].peer = server;
	send_on(client, command, n);
}

static void
on_command(int client, size_t n)
{
	if (idle_n > 0) {
		lend(idle[--idle_n], client, buffer, n);
		return;
	}
	ends[client].kept = xmalloc(n);
	ends[client].kept_n = n;
	memcpy(ends[client].kept, buffer, n);
	list_push_back(&waiting, &ends[client].queue);
}

/* Or the greeting, which is for nobody. */
static void
on_answer(int server, size_t n)
{
	struct list *first = list_pop_front(&waiting);

	if (ends[server].peer != 0) {
		send_on(server, buffer, n);
		ends[ends[server].peer].peer = 0;
		ends[server].peer = 0;
	}
	if (first != NULL) {
		struct end *e = LIST_ENTRY(first, struct end, queue);
		char *command = e->kept;

		e->kept = NULL;
		lend(server, (int)(e - ends), command, e->kept_n);
		free(command);
	} else {
		idle[idle_n++] = server;
	}
}

/* --- all of it ------------------------------------------------------------------ */

static void
on_readable(int fd)
{
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		on_end(fd);
	else if (lent_max == 0)
		send_on(fd, buffer, (size_t)n);
	else if (ends[fd].is_client)
		on_command(fd, (size_t)n);
	else
		on_answer(fd, (size_t)n);
}

/* It may be closed by an event of its peer in the same turn. */
static void
on_event(int fd, uint32_t events)
{
	if (fd == listen_fd)
		on_accept();
	else if (!ends[fd].is_open)
		return;
	else if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		on_end(fd);
	else if ((events & EPOLLOUT) != 0)
		on_writable(fd);
	else
		on_readable(fd);
}

static void
start(in_port_t port)
{
	struct sockaddr_in at = loopback(port);
	int one = 1;

	list_init(&waiting);
	epoll_fd = epoll_create1(0);
	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	SYS_OK(setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one,
	    sizeof(one)));
	if (bind(listen_fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(listen_fd, 4096) != 0)
		err(1, "port %u", port);
	watch(listen_fd, EPOLL_CTL_ADD, EPOLLIN);
	for (unsigned i = 0; i < lent_max; i++)
		add(call_server(), false, 0);
}

int
main(int argc, char **argv)
{
	static struct epoll_event events[LOOP_EVENTS_MAX];

	if (argc < 3 || argc > 4)
		errx(2, "usage: blind PORT SERVER_PORT [CONNECTIONS]");
	server_port = (in_port_t)atoi(argv[2]);
	lent_max = argc == 4 ? (unsigned)atoi(argv[3]) : 0;
	start((in_port_t)atoi(argv[1]));
	for (;;) {
		int n = epoll_wait(epoll_fd, events, LOOP_EVENTS_MAX, -1);

		for (int i = 0; i < n; i++)
			on_event(events[i].data.fd, events[i].events);
	}
}
