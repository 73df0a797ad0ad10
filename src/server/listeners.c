// SPDX-License-Identifier: BSD-2-Clause
#include "server/listeners.h"

#include "base/check.h"
#include "base/log.h"
#include "conf/check.h"
#include "conf/conf.h"
#include "net/congestion.h"
#include "net/listener.h"
#include "server/activation.h"
#include "server/confine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- opening ------------------------------------------------------------------- */

static struct listener *
add_listener(struct listeners *all, const struct conf_listen *conf, int fd)
{
	struct listener *l = &all->v[all->n++];

	l->conf = conf;
	l->fd = fd;
	return l;
}

/* 0 or -1. What was never named is not touched: it may be the service
 * manager's. */
static int
set_congestion(const struct listener *l, const char *name)
{
	int error = addr_is_unix(&l->bound) ? 0 :
	    congestion_set(l->fd, name);

	if (error == 0)
		return 0;
	log_error("[listen %s]: congestion_control = %s: %s", l->conf->s.name,
	    name != NULL ? name : "", congestion_explain(error));
	return -1;
}

static int
set_first_congestion(const struct listeners *all, const struct listener *l)
{
	const char *name = all->conf->proxy.congestion_control;

	return name != NULL ? set_congestion(l, name) : 0;
}

static int
open_one(struct listeners *all, const struct conf_listen *conf)
{
	char text[ADDR_TEXT_MAX];
	struct addr bound;
	struct listener *l;
	int fd = listener_open(&conf->address, conf->unix_mode, &bound);

	if (fd < 0) {
		log_error("can't listen on %s (%s): %s",
		    addr_format(&conf->address, text), conf->s.name,
		    strerror(errno));
		return -1;
	}
	l = add_listener(all, conf, fd);
	l->bound = bound;
	return set_first_congestion(all, l);
}

/* Where it is bound is not for the configuration to say, so what was checked of
 * the address there is checked of this one. */
static int
lend_one(struct listeners *all, const struct conf_listen *conf, int fd)
{
	struct listener *l = add_listener(all, conf, fd);
	char text[ADDR_TEXT_MAX];

	l->is_lent = true;
	l->bound.len = sizeof(l->bound.storage);
	SYS_OK(getsockname(fd, &l->bound.sa, &l->bound.len));
	if (!check_is_open(all->conf, conf, &l->bound))
		return 0;
	log_at(all->conf->proxy.strict ? LEVEL_ERROR : LEVEL_WARN,
	    "[listen %s] at %s can be reached from outside and has neither"
	    " users nor allow: everybody may use the backends", conf->s.name,
	    addr_format(&l->bound, text));
	return all->conf->proxy.strict ? -1 : 0;
}

/* All sockets of its name that were handed over; if there are none, its own. */
static int
open_all_of(struct listeners *all, const struct conf_listen *conf,
    struct activation *sockets)
{
	int fd = activation_take(sockets, conf->s.name);

	if (fd < 0)
		return open_one(all, conf);
	for (; fd >= 0; fd = activation_take(sockets, conf->s.name))
		if (lend_one(all, conf, fd) < 0 ||
		    set_first_congestion(all, &all->v[all->n - 1]) < 0)
			return -1;
	return 0;
}

static int
open_all(struct listeners *all, struct activation *sockets)
{
	const struct conf *conf = all->conf;

	if (activation_read(sockets) < 0)
		return -1;
	all->v = xcalloc(conf->listens_n + sockets->n, sizeof(all->v[0]));
	for (size_t i = 0; i < conf->listens_n; i++)
		if (open_all_of(all, &conf->listens[i], sockets) < 0)
			return -1;
	return activation_check_rest(sockets);
}

int
listeners_open(struct listeners *all, const struct conf *conf)
{
	struct activation sockets;
	int rc;

	*all = (struct listeners){ .conf = conf };
	rc = open_all(all, &sockets);
	activation_fini(&sockets);
	if (rc < 0)
		listeners_close(all, NULL);
	return rc;
}

void
listeners_give(const struct listeners *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (addr_is_unix(&all->v[i].bound) && !all->v[i].is_lent)
			confine_give_socket(&all->conf->proxy,
			    all->v[i].bound.un.sun_path);
}

/* --- closing ------------------------------------------------------------------- */

static bool
has_socket(const struct listeners *all, int fd)
{
	for (size_t i = 0; all != NULL && i < all->n; i++)
		if (all->v[i].fd == fd)
			return true;
	return false;
}

static void
close_one(const struct listener *l)
{
	if (l->is_lent)
		close(l->fd);
	else
		listener_close(l->fd, &l->bound);
}

void
listeners_close(struct listeners *all, const struct listeners *other)
{
	for (size_t i = 0; i < all->n; i++)
		if (!has_socket(other, all->v[i].fd))
			close_one(&all->v[i]);
	free(all->v);
	all->v = NULL;
	all->n = 0;
}

/* --- another configuration ------------------------------------------------------- */

/* What was handed over under its name. 0: nothing; -1: it must not be used. */
static int
keep_lent(const struct listeners *all,
    struct listeners *next,
    const struct conf_listen *conf)
{
	int n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct listener *l = &all->v[i];

		if (!l->is_lent || strcmp(l->conf->s.name, conf->s.name) != 0)
			continue;
		if (lend_one(next, conf, l->fd) < 0)
			return -1;
		n++;
	}
	return n;
}

/* Where the kernel chooses the port, each section has its own. */
static bool
is_same(const struct conf_listen *a, const struct conf_listen *b)
{
	bool is_chosen = !addr_is_unix(&a->address) &&
	    addr_get_port(&a->address) == 0;

	return addr_is_equal(&a->address, &b->address) &&
	    a->address.dual == b->address.dual &&
	    (!is_chosen || strcmp(a->s.name, b->s.name) == 0);
}

static const struct listener *
find_listener(const struct listeners *all, const struct conf_listen *conf)
{
	for (size_t i = 0; i < all->n; i++)
		if (!all->v[i].is_lent &&
		    is_same(all->v[i].conf, conf))
			return &all->v[i];
	return NULL;
}

static int
keep_or_open(const struct listeners *all,
    struct listeners *next,
    const struct conf_listen *conf)
{
	const struct listener *l = find_listener(all, conf);
	int n = keep_lent(all, next, conf);

	if (n != 0)
		return n;
	if (l == NULL)
		return open_one(next, conf);
	add_listener(next, conf, l->fd)->bound = l->bound;
	return 0;
}

static bool
is_other_congestion(const struct listeners *a, const struct listeners *b)
{
	const char *x = a->conf->proxy.congestion_control;
	const char *y = b->conf->proxy.congestion_control;

	return x == NULL || y == NULL ? x != y : strcmp(x, y) != 0;
}

/* What would be refused when it is too late: at sockets that stay. */
static int
try_congestion(const struct listeners *all, const struct listeners *next)
{
	const char *name = next->conf->proxy.congestion_control;
	int error;

	if (name == NULL || !is_other_congestion(all, next))
		return 0;
	error = congestion_try(name);
	if (error == 0)
		return 0;
	log_error("congestion_control = %s: %s", name,
	    congestion_explain(error));
	return -1;
}

int
listeners_renew(const struct listeners *all, const struct conf *conf,
    struct listeners *next)
{
	*next = (struct listeners){ .conf = conf };
	if (try_congestion(all, next) < 0)
		return -1;
	next->v = xcalloc(conf->listens_n + all->n, sizeof(next->v[0]));
	for (size_t i = 0; i < conf->listens_n; i++)
		if (keep_or_open(all, next, &conf->listens[i]) < 0) {
			listeners_close(next, all);
			return -1;
		}
	return 0;
}

/* A socket that was there already may be for others now. */
static void
set_mode(const struct listener *l)
{
	const struct addr *at = &l->conf->address;

	if (addr_is_unix(at) && !l->is_lent && chmod(at->un.sun_path, l->conf->unix_mode) < 0)
		log_warn("%s: can't change its mode: %s", at->un.sun_path,
		    strerror(errno));
}

/* A socket that stays. */
static void
change(const struct listener *l, const struct listeners *all,
    const struct listeners *other)
{
	set_mode(l);
	if (is_other_congestion(all, other))
		(void)set_congestion(l, all->conf->proxy.congestion_control);
}

void
listeners_announce(const struct listeners *all, const struct listeners *other)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < all->n; i++) {
		const struct listener *l = &all->v[i];

		if (has_socket(other, l->fd))
			change(l, all, other);
		else
			log_info("listening on %s (%s)",
			    addr_format(&l->bound, text), l->conf->s.name);
	}
}
