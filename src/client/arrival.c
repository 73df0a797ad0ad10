// SPDX-License-Identifier: BSD-2-Clause
#include "client/arrival.h"

#include "base/check.h"
#include "client/admission.h"
#include "client/client.h"
#include "client/session.h"
#include "conf/conf.h"
#include "net/addr.h"
#include "net/loop.h"
#include "net/proxy_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A proxy sends the header with its first octets. */
#define HEADER_MS 5000

struct arrival {
	struct list link;		/* in context->arrivals */
	struct client_context *context;	/* const */
	struct timer timer;
	struct addr peer;		/* the proxy */
	const struct conf_listen *listen;	/* a reference: listen->whole */
	int fd;
	size_t n;			/* octets of the header so far */
	uint8_t header[PROXY_HEADER_MAX];
};

/* --- the end: as a session, or not at all -------------------------------- */

static void
free_arrival(struct arrival *a)
{
	timer_clear(&a->context->loop->timers, &a->timer);
	list_remove(&a->link);
	conf_unref(a->listen->whole);
	free(a);
}

static void
refuse(struct arrival *a, const struct addr *client, enum reason reason)
{
	loop_unwatch(a->context->loop, a->fd);
	admission_refuse(a->listen, a->fd, client, reason);
	atomic_fetch_sub(&a->context->sessions_n, 1);
	free_arrival(a);
}

static void
admit(struct arrival *a, const struct addr *client)
{
	struct client_context *context = a->context;
	const struct conf_listen *listen = conf_find_listen(context->conf,
	    a->listen->s.name);
	enum reason reason = listen == NULL ? REASON_SHUTDOWN :
	    admission_enter(context->census, context->conf, listen, client);

	if (reason != REASON_NONE) {
		refuse(a, client, reason);
		return;
	}
	loop_unwatch(context->loop, a->fd);
	session_start(context, a->fd, client, listen);
	free_arrival(a);
}

void
arrival_shut_down(struct list *link)
{
	struct arrival *a = LIST_ENTRY(link, struct arrival, link);

	refuse(a, &a->peer, REASON_SHUTDOWN);
}

static void
on_timer(struct timer *t)
{
	struct arrival *a = LIST_ENTRY(t, struct arrival, timer);

	refuse(a, &a->peer, REASON_PROXY_TIMEOUT);
}

/* --- the header ---------------------------------------------------------- */

/* Of what is in the socket, the first n octets are ours. */
static bool
take(struct arrival *a, size_t n)
{
	ssize_t got = recv(a->fd, a->header + a->n, n, 0);

	if (got != (ssize_t)n)
		return false;
	a->n += n;
	return true;
}

static void
look(struct arrival *a, size_t found)
{
	struct proxy_header h;

	switch (proxy_header_parse(a->header, a->n + found, &h)) {
	case PROXY_HEADER_MORE:
		if (!take(a, found))
			refuse(a, &a->peer, REASON_PROXY_LOST);
		return;
	case PROXY_HEADER_OK:
		if (!take(a, h.n - a->n))
			refuse(a, &a->peer, REASON_PROXY_LOST);
		else
			admit(a, h.has_source ? &h.source : &a->peer);
		return;
	case PROXY_HEADER_BAD:
		refuse(a, &a->peer, REASON_PROXY_HEADER);
		return;
	}
}

static void
on_event(struct loop *l, void *arg, uint32_t events)
{
	struct arrival *a = arg;
	ssize_t found;

	(void)l, (void)events;
	CHECK(a->n < sizeof(a->header));
	found = recv(a->fd, a->header + a->n, sizeof(a->header) - a->n,
	    MSG_PEEK);
	if (found > 0)
		look(a, (size_t)found);
	else if (found == 0 || (errno != EAGAIN && errno != EINTR))
		refuse(a, &a->peer, REASON_PROXY_LOST);
}

static void
await_header(struct client_context *context, int fd, const struct addr *peer,
    const struct conf_listen *listen)
{
	struct arrival *a = xcalloc(1, sizeof(*a));

	a->context = context;
	a->fd = fd;
	a->peer = *peer;
	a->listen = listen;
	(void)conf_ref(listen->whole);
	list_push_back(&context->arrivals, &a->link);
	timer_init(&a->timer, on_timer);
	timer_set(&context->loop->timers, &a->timer,
	    context->loop->now_ms + HEADER_MS);
	loop_watch(context->loop, fd, EPOLLIN, on_event, a);
	if (context->is_draining)
		arrival_shut_down(&a->link);
}

void
arrival_start(struct client_context *context, int fd, const struct addr *peer,
    const struct conf_listen *listen)
{
	if (listen->proxy_protocol == PROXY_PROTOCOL_NO)
		session_start(context, fd, peer, listen);
	else
		await_header(context, fd, peer, listen);
}
