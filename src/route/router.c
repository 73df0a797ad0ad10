// SPDX-License-Identifier: BSD-2-Clause
#include "route/router.h"

#include "backend/backend.h"
#include "backend/breaker.h"
#include "backend/conn.h"
#include "backend/pool.h"
#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "route/exchange.h"
#include "route/selector.h"

#include <string.h>

#define BIT(id) (UINT64_C(1) << (id))

/* How often a backend that could not be asked is tried for one command. */
#define ROUNDS_MAX 3
/* How long a command waits while no backend can be reached: clients that
 * connect again at once must not spin, and should not wait in vain either. */
#define DOWN_WAIT_MS 2000

/* How long an answer of the proxy's own waits for a backend that it is about:
 * it can be given without. */
#define LOCAL_MS 2000

/* What a waiting exchange owns; it outlives the exchange when a grant is
 * already under way, and then the snapshot, too. */
struct route_wait {
	struct waiter waiter;
	const struct router *router;	/* while there is an exchange */
	struct exchange *exchange;	/* NULL: gave up */
	struct loop *loop;
	router_granted_f *granted;
	relay_gone_f *gone;
	void *arg;
	enum conn_trace most;
	size_t size;			/* with its places */
	unsigned places_n;
	struct {
		struct ticket ticket;
		struct backend *backend;
	} places[];
};

/* --- who may be asked ------------------------------------------------------- */

/* Those that have used up their quota: as if they were not there. */
static uint64_t
get_spent(const struct router *r, uint64_t eligible)
{
	uint64_t spent = 0;

	for (uint64_t rest = eligible & r->all; rest != 0; rest &= rest - 1) {
		int id = __builtin_ctzll(rest);

		if (quota_is_spent(&selector_backend(r->selector, id)->quota))
			spent |= BIT(id);
	}
	return spent;
}

static uint64_t
get_supporting(const struct router *r, const struct exchange *x,
    uint64_t eligible)
{
	uint64_t supporting = eligible & r->all & ~x->unsupported &
	    ~get_spent(r, eligible);

	for (uint64_t rest = supporting; rest != 0; rest &= rest - 1) {
		int id = __builtin_ctzll(rest);
		struct backend *b = selector_backend(r->selector, id);

		if (backend_has_unsupported(b, x->command.row->id))
			supporting &= ~BIT(id);
	}
	return supporting;
}

/* Those whose breaker is open. */
static uint64_t
get_broken(const struct router *r, uint64_t candidates)
{
	uint64_t broken = 0;

	for (uint64_t rest = candidates; rest != 0; rest &= rest - 1) {
		int id = __builtin_ctzll(rest);

		if (breaker_is_open(&selector_backend(r->selector,
		    id)->breaker))
			broken |= BIT(id);
	}
	return broken;
}

/* One of them speaks for all of its group. */
static uint64_t
get_missed(const struct router *r, const struct exchange *x)
{
	uint64_t missed = 0;

	for (uint64_t rest = x->missed & r->all; rest != 0; rest &= rest - 1)
		missed |= r->groups[__builtin_ctzll(rest)];
	return missed;
}

static uint64_t
get_open(const struct router *r, const struct exchange *x, uint64_t eligible)
{
	return get_supporting(r, x, eligible) & ~get_missed(r, x) &
	    ~x->refused & ~x->lost;
}

/* The first of them in the order of the file. */
static uint64_t
get_first(const struct router *r, uint64_t candidates)
{
	for (unsigned i = 0; i < r->backends_n; i++)
		if ((candidates & BIT(r->order[i])) != 0)
			return BIT(r->order[i]);
	return 0;
}

uint64_t
router_get_candidates(const struct router *r, const struct exchange *x,
    uint64_t eligible)
{
	uint64_t open = get_open(r, x, eligible) & ~x->full, broken = 0;

	for (unsigned i = 0; i < r->tiers_n; i++) {
		uint64_t tier = open & r->tiers[i];
		uint64_t some = tier & ~x->spent & ~x->failed;
		uint64_t working = some & ~get_broken(r, some);

		if (working != 0)
			return working;
		if (broken == 0)
			broken = some;
		if (tier != 0 && !r->spills_when_down)
			break;
	}
	return broken;
}

bool
router_may_ask(const struct router *r, const struct exchange *x,
    uint64_t eligible, int id)
{
	return (get_open(r, x, eligible) & ~x->spent & ~x->failed &
	    BIT(id)) != 0;
}

/* All that are left have failed: they are tried once more, but not for ever. */
static void
start_next_round(struct exchange *x)
{
	if (x->failed == 0 || x->rounds_n + 1 >= ROUNDS_MAX)
		return;
	x->rounds_n++;
	x->failed = 0;
	x->full = 0;
}

/* In this round or in the next. */
static bool
has_candidates(const struct router *r, struct exchange *x, uint64_t eligible)
{
	if (router_get_candidates(r, x, eligible) != 0)
		return true;
	start_next_round(x);
	return router_get_candidates(r, x, eligible) != 0;
}

static const char *
get_miss_answer(const struct exchange *x)
{
	return x->command.route == ROUTE_SELECT ? "411 no such newsgroup" :
	    "430 no such article";
}

static const char *
get_unsupported_answer(const struct exchange *x)
{
	switch (x->command.row->id) {
	case CMD_POST:
		return "440 posting not allowed";
	case CMD_IHAVE:
		return "500 not supported";
	default:
		return "503 no news server does this";
	}
}

/* Nobody is left to be asked: the answer follows from what was said. */
static void
conclude(const struct router *r, struct exchange *x, uint64_t eligible)
{
	uint64_t supporting = get_supporting(r, x, eligible);
	uint64_t open = get_open(r, x, eligible);

	if ((open & x->full) != 0)
		exchange_answer_line(x, "403 no news server has room for"
		    " this, try again later");
	else if (open != 0)
		exchange_end(x, REASON_BACKENDS_DOWN);
	else if ((supporting & get_missed(r, x)) != 0)
		exchange_answer_line(x, get_miss_answer(x));
	else if (x->refused != 0)
		exchange_answer_line(x, "501 syntax error");
	else if ((eligible & r->all) != 0 &&
	    get_spent(r, eligible) == (eligible & r->all))
		exchange_answer_line(x, "403 no news server has quota left");
	else
		exchange_answer_line(x, get_unsupported_answer(x));
}

/* --- stateful slots ------------------------------------------------------------ */

static bool
has_slot(const struct router *r, struct exchange *x, int id)
{
	if ((x->slots & BIT(id)) != 0)
		return true;
	if (selector_try_acquire_stateful(r->selector, id)) {
		x->slots |= BIT(id);
		return true;
	}
	x->full |= BIT(id);
	log_debug("backend=%s has no slot for a session that keeps its"
	    " connection", selector_backend(r->selector, id)->name);
	return false;
}

static void
release_slots(const struct router *r, struct exchange *x)
{
	for (; x->slots != 0; x->slots &= x->slots - 1)
		selector_release_stateful(r->selector,
		    __builtin_ctzll(x->slots));
}

/* --- trying ------------------------------------------------------------------ */

static struct relay *
lease(const struct router *r, struct exchange *x, int id, struct conn *conn,
    struct loop *l, relay_gone_f *gone, void *arg)
{
	bool has = (x->slots & BIT(id)) != 0;
	struct relay *relay = relay_new(conn, l, r->drain_limit_bytes, has,
	    gone, arg);

	x->slots &= ~BIT(id);	/* it is the relay's now */
	release_slots(r, x);
	x->wait_until_ms = 0;
	relay_push(relay, x);
	return relay;
}

/* Counts the command as pending at one of the candidates. */
static int
pick(const struct router *r, const struct route_ask *ask, uint64_t candidates)
{
	if (ask->is_ordered)
		candidates = get_first(r, candidates);
	return selector_route_command(r->selector, candidates);
}

/* What came of trying some backends. */
struct attempt {
	const struct router *router;
	struct exchange *exchange;
	const struct route_ask *ask;
	struct loop *loop;
	relay_gone_f *gone;
	void *arg;
	bool is_down;		/* none of those tried could be asked */
	bool is_detour;		/* one that would be preferred can't */
};

/* One that works: NULL: no connection now. */
static struct relay *
try_one(struct attempt *a, int id)
{
	struct exchange *x = a->exchange;
	struct backend *b = selector_backend(a->router->selector, id);
	struct conn *conn;
	enum pool_rc rc;

	if (a->ask->needs_slot && !has_slot(a->router, x, id)) {
		a->is_detour = true;
		return NULL;
	}
	rc = conn_get(b, a->loop, a->ask->most, &conn);
	if (conn != NULL) {
		if (a->ask->is_ordered && a->is_detour)
			log_info("backend=%s serves %s, those before it are"
			    " down or full", b->name, x->command.row->verb);
		return lease(a->router, x, id, conn, a->loop, a->gone,
		    a->arg);
	}
	x->waits |= BIT(id);
	if (rc != POOL_DOWN)
		a->is_down = false;
	return NULL;
}

/* Those whose breaker is open are only waited for, and none of them by a
 * command that would rather stay with one that works. */
static void
note_broken(struct attempt *a, uint64_t broken)
{
	struct exchange *x = a->exchange;

	if (a->ask->is_ordered && !a->is_down)
		return;
	for (; broken != 0; broken &= broken - 1) {
		int id = __builtin_ctzll(broken);

		if (!a->ask->needs_slot || has_slot(a->router, x, id))
			x->waits |= BIT(id);
	}
}

/* Notes in x->waits whose queues it may join. NULL: no connection now. */
static struct relay *
try_each(struct attempt *a, uint64_t candidates)
{
	const struct router *r = a->router;
	uint64_t broken = get_broken(r, candidates);
	int id;

	if ((broken & get_first(r, candidates)) != 0 && broken != candidates)
		a->is_detour = true;
	candidates &= ~broken;
	for (; (id = pick(r, a->ask, candidates)) != SELECTOR_NONE;
	    selector_complete_command(r->selector, id)) {
		struct relay *relay = try_one(a, id);

		candidates &= ~BIT(id);
		if (relay != NULL)
			return relay;
		if (a->ask->is_ordered && (a->exchange->waits & BIT(id)) != 0 &&
		    !a->is_down)
			candidates = 0;
		else if ((a->exchange->waits & BIT(id)) != 0)
			a->is_detour = true;
	}
	note_broken(a, broken);
	return NULL;
}

/* Tries the tiers in their order, as far as the one before lets it go. */
static struct relay *
try_tiers(struct attempt *a)
{
	const struct router *r = a->router;
	struct exchange *x = a->exchange;
	uint64_t open = get_open(r, x, a->ask->eligible);
	bool is_down = true;

	x->waits = 0;
	for (unsigned i = 0; i < r->tiers_n; i++) {
		uint64_t tier = open & r->tiers[i];
		struct relay *relay;

		if ((tier & ~x->full) == 0)
			continue;
		a->is_down = true;
		relay = try_each(a, tier & ~x->full & ~x->spent & ~x->failed);
		if (relay != NULL)
			return relay;
		is_down = is_down && a->is_down;
		/* Where they have no slots, all of them: the next tier. */
		if ((tier & ~x->full) != 0 && !(a->is_down ?
		    r->spills_when_down : r->spills_when_full))
			break;
	}
	if (!is_down)
		x->down_until_ms = 0;
	else if (x->waits != 0 && x->down_until_ms == 0)
		x->down_until_ms = a->loop->now_ms + DOWN_WAIT_MS;
	return NULL;
}

enum router_rc
router_try(const struct router *r, struct exchange *x,
    const struct route_ask *ask, struct loop *l, relay_gone_f *gone,
    void *arg, struct relay **relay_r)
{
	struct attempt a = {
		.router = r, .exchange = x, .ask = ask, .loop = l,
		.gone = gone, .arg = arg,
	};

	for (;;) {
		if (!has_candidates(r, x, ask->eligible)) {
			conclude(r, x, ask->eligible);
			return ROUTER_END;
		}
		*relay_r = try_tiers(&a);
		if (*relay_r != NULL)
			return ROUTER_RELAY;
		if (x->waits != 0)
			return ROUTER_WAIT;
		/* They are full, all that were tried. */
	}
}

struct relay *
router_visit(const struct router *r, struct exchange *x,
    const struct route_ask *ask, struct loop *l, relay_gone_f *gone,
    void *arg)
{
	struct attempt a = {
		.router = r, .exchange = x, .ask = ask, .loop = l,
		.gone = gone, .arg = arg, .is_down = true,
	};
	struct relay *relay = try_each(&a, ask->eligible);

	x->waits = 0;
	if (relay == NULL)
		release_slots(r, x);
	return relay;
}

/* --- waiting ------------------------------------------------------------------ */

static uint64_t
min_set(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void
update_timer(struct exchange *x, struct loop *l)
{
	uint64_t until = x->deadline_ms;

	if (x->state == EXCH_WAITING)
		until = min_set(min_set(until, x->wait_until_ms),
		    x->down_until_ms);
	timer_set(&l->timers, &x->timer, until);
}

static struct route_wait *
new_wait(struct loop *l, unsigned places_max)
{
	size_t size = sizeof(struct route_wait) +
	    places_max * sizeof(((struct route_wait *)NULL)->places[0]);
	struct route_wait *w = spares_take(&l->spares, size);

	memset(w, 0, size);
	w->loop = l;
	w->size = size;
	return w;
}

static void
free_wait(struct route_wait *w)
{
	spares_give(&w->loop->spares, w, w->size);
}

static void
leave_queues(struct route_wait *w)
{
	for (unsigned i = 0; i < w->places_n; i++)
		pool_leave(&w->places[i].ticket);
}

void
router_unwait(struct exchange *x)
{
	struct route_wait *w = x->wait;

	CHECK(x->state == EXCH_WAITING);
	x->wait = NULL;
	w->exchange = NULL;
	exchange_enter(x, EXCH_QUEUED);
	leave_queues(w);
	release_slots(w->router, x);
	if (waiter_cancel(&w->waiter))
		free_wait(w);
	/* else its message is under way, which frees it */
}

void
router_recall(struct exchange *x, struct loop *l)
{
	router_unwait(x);
	update_timer(x, l);
}

static enum reason
get_timeout_reason(const struct exchange *x, uint64_t now_ms)
{
	if (x->deadline_ms <= now_ms)
		return REASON_COMMAND_TIMEOUT;
	return x->down_until_ms != 0 && x->down_until_ms <= now_ms ?
	    REASON_BACKENDS_DOWN : REASON_WAIT_TIMEOUT;
}

static void
on_timer(struct timer *t)
{
	struct exchange *x = LIST_ENTRY(t, struct exchange, timer);
	uint64_t now_ms = loop_current()->now_ms;

	if (x->state == EXCH_WAITING)
		router_unwait(x);
	else if (x->relay != NULL)
		relay_pull(x->relay, x);
	if (x->command.route == ROUTE_LOCAL)
		x->spent = UINT64_MAX;	/* answered with what is known */
	else
		exchange_end(x, get_timeout_reason(x, now_ms));
	x->client->ops->kick(x->client);
}

void
router_start_clock(const struct router *r, struct exchange *x,
    struct loop *l)
{
	uint64_t timeout_ms = r->command_timeout_ms;

	if (x->command.route == ROUTE_LOCAL && timeout_ms > LOCAL_MS)
		timeout_ms = LOCAL_MS;
	x->timer.expired = on_timer;
	x->deadline_ms = l->now_ms + timeout_ms;
	update_timer(x, l);
}

/* The backend whose pool the granted item is of: it is there, the others may be
 * gone. */
static struct backend *
get_granting(const struct route_wait *w)
{
	for (unsigned i = 0; i < w->places_n; i++)
		if (w->places[i].ticket.pool == w->waiter.item->pool)
			return w->places[i].backend;
	NEVER("a grant of an unknown pool");
}

static struct relay *
use_grant(struct route_wait *w, struct exchange *x)
{
	struct backend *b;
	struct conn *conn;

	if (w->waiter.item == NULL)
		return NULL;
	b = get_granting(w);
	if (x == NULL) {
		conn_return_grant(b, w->loop, &w->waiter);
		return NULL;
	}
	conn = conn_from_grant(b, w->loop, w->most, &w->waiter);
	if (conn == NULL)
		return NULL;
	backend_count_command(b);
	return lease(w->router, x, (int)b->index, conn, w->loop, w->gone,
	    w->arg);
}

static void
on_granted(struct message *m)
{
	struct route_wait *w = LIST_ENTRY(m, struct route_wait,
	    waiter.message);
	struct exchange *x = w->exchange;
	struct relay *relay;

	/* Without an exchange it has left them already, and all of them but
	 * the granting one may be gone. */
	if (x != NULL) {
		leave_queues(w);
		x->wait = NULL;
		exchange_enter(x, EXCH_QUEUED);
	}
	relay = use_grant(w, x);
	if (x != NULL) {
		release_slots(w->router, x);
		update_timer(x, w->loop);
		w->granted(x, relay);
	}
	free_wait(w);
}

void
router_wait(const struct router *r, struct exchange *x,
    const struct route_ask *ask, struct loop *l, router_granted_f *granted,
    relay_gone_f *gone, void *arg)
{
	struct route_wait *w = new_wait(l,
	    (unsigned)__builtin_popcountll(x->waits));

	waiter_init(&w->waiter, l, on_granted);
	w->router = r;
	w->exchange = x;
	w->granted = granted;
	w->gone = gone;
	w->arg = arg;
	w->most = ask->most;
	x->wait = w;
	exchange_enter(x, EXCH_WAITING);
	if (x->wait_until_ms == 0)
		x->wait_until_ms = l->now_ms + r->wait_timeout_ms;
	for (uint64_t rest = x->waits; rest != 0; rest &= rest - 1) {
		struct backend *b = selector_backend(r->selector,
		    __builtin_ctzll(rest));

		w->places[w->places_n].backend = b;
		if (pool_join(b->pool, &w->waiter,
		    &w->places[w->places_n].ticket, l->now_ms) == POOL_CLOSED)
			continue;
		w->places_n++;
		if (waiter_is_granted(&w->waiter))
			break;
	}
	if (!waiter_is_ready(&w->waiter)) {
		/* All of them dropped it meanwhile: as if they told so. */
		w->waiter.item = NULL;
		loop_post(l, &w->waiter.message);
	}
	update_timer(x, l);
}
