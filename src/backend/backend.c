// SPDX-License-Identifier: BSD-2-Clause
#include "backend/backend.h"

#include "base/check.h"
#include "base/log.h"
#include "backend/conn.h"
#include "backend/pool.h"
#include "conf/conf.h"
#include "net/loop.h"
#include "nntp/capabilities.h"
#include "nntp/response.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANNOUNCED_AGE_MAX_S 3600
#define RISE_MS (30 * 1000)	/* ceiling.h, when there is no health.interval */
#define UNASKED_MS (60 * 60 * 1000)
#define GOOD_STEP_MS 50		/* good_ms need not be written more often */

/* struct backend, announced: 16 bits of flags, 15 of list, this bit; then, in
 * 32 bits, the second of the clock when it was asked for. */
#define ANNOUNCED_KNOWN (UINT64_C(1) << 31)
_Static_assert(CAPABILITY_VERSION_2 < 1 << 16 &&
    CAPABILITY_LIST_SUBSCRIPTIONS < 1 << 15, "announced is too small");

static struct pool_settings
get_pool_settings(struct backend *b, const struct conf_backend *conf,
    const struct conf_health *health)
{
	return (struct pool_settings){
		.max_size = conf->max_connections,
		.is_fifo = conf->queue_mode == QUEUE_FIFO,
		.idle_timeout_ms = conf->idle_timeout_ms,
		.max_lifetime_ms = conf->max_lifetime_ms,
		.cooldown_ms = conf->replacement_cooldown_ms,
		.min_idle = conf->min_idle,
		.rise_ms = health->interval_ms > 0 ? health->interval_ms :
		    RISE_MS,
		.breaker = &b->breaker,
	};
}

struct backend *
backend_new(const struct conf_backend *conf, const struct conf_health *health,
    unsigned index, unsigned loops_n, struct resolver *resolver)
{
	struct backend *b = xcalloc(1, sizeof(*b));
	struct pool_settings settings = get_pool_settings(b, conf, health);

	breaker_init(&b->breaker, health->unhealthy_threshold,
	    health->healthy_threshold);
	bucket_init(&b->bucket, conf->rate);
	(void)conf_ref(conf->whole);
	atomic_store(&b->conf, conf);
	atomic_store(&b->name, conf->s.name);
	b->index = index;
	b->resolver = resolver;
	b->loops_n = loops_n;
	b->counters = aligned_alloc(64, loops_n * sizeof(b->counters[0]));
	CHECK(b->counters != NULL);
	memset(b->counters, 0, loops_n * sizeof(b->counters[0]));
	b->pool = pool_new(&settings, sizeof(struct conn), loops_n);
	return b;
}

static bool
is_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A connection made with the one is as good as one made with the other; they are
 * of the same account. */
static bool
is_made_alike(const struct conf_backend *a, const struct conf_backend *b)
{
	return is_equal(a->password, b->password) && a->tls == b->tls &&
	    a->tls_verify == b->tls_verify &&
	    a->tls_min_version == b->tls_min_version &&
	    is_equal(a->tls_ca_file, b->tls_ca_file) &&
	    is_equal(a->tls_name, b->tls_name) &&
	    is_equal(a->tls_ciphers, b->tls_ciphers);
}

static void
start_generation(struct backend *b, uint64_t now_ms)
{
	atomic_fetch_add(&b->generation, 1);
	/* All this was another server's answer, or to another login. */
	atomic_store(&b->unsupported, 0);
	atomic_store(&b->announced, 0);
	/* It deserves a try at once. */
	breaker_reset(&b->breaker);
	pool_end_back_off(b->pool);
	pool_heed_breaker(b->pool, now_ms);
}

const struct conf *
backend_configure(struct backend *b, const struct conf_backend *conf,
    const struct conf_health *health, uint64_t now_ms)
{
	const struct conf_backend *old = atomic_load(&b->conf);
	struct pool_settings settings = get_pool_settings(b, conf, health);

	(void)conf_ref(conf->whole);
	atomic_store(&b->conf, conf);
	atomic_store(&b->name, conf->s.name);
	breaker_configure(&b->breaker, health->unhealthy_threshold,
	    health->healthy_threshold);
	pool_configure(b->pool, &settings, now_ms);
	bucket_set_rate(&b->bucket, conf->rate);
	/* After the settings, so that a connection of the new generation has
	 * the new ones. */
	if (!is_made_alike(old, conf))
		start_generation(b, now_ms);
	return old->whole;
}

bool
backend_is_same(const struct conf_backend *a, const struct conf_backend *b)
{
	return strcasecmp(a->host, b->host) == 0 && a->port == b->port &&
	    is_equal(a->username, b->username);
}

void
backend_free(struct backend *b)
{
	const struct conf_backend *conf = b->conf;

	pool_free(b->pool);
	conf_unref(conf->whole);
	free(b->counters);
	free(b);
}

struct backend_counters *
backend_count(struct backend *b, const struct loop *l)
{
	CHECK(l->index < b->loops_n);
	return &b->counters[l->index];
}

void
counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

/* --- what its users hold -------------------------------------------------- */

static void
count_down(_Atomic unsigned *count, const char *what, const char *name)
{
	unsigned old = atomic_load(count);

	do {
		if (old == 0) {
			log_error("defect: %s of backend=%s released twice",
			    what, name);
			return;
		}
	} while (!atomic_compare_exchange_weak(count, &old, old - 1));
}

void
backend_count_command(struct backend *b)
{
	atomic_fetch_add(&b->pending, 1);
}

void
backend_complete_command(struct backend *b)
{
	count_down(&b->pending, "command", b->name);
}

void
backend_release_stateful(struct backend *b)
{
	count_down(&b->stateful, "stateful slot", b->name);
}

void
backend_charge(struct backend *b, const struct loop *l, size_t received_n,
    size_t sent_n)
{
	counter_add(&backend_count(b, l)->bytes, received_n);
	quota_charge(&b->quota, received_n + sent_n);
}

void
backend_note_unasked(struct backend *b, uint64_t now_ms)
{
	atomic_store_explicit(&b->unasked_ms, now_ms, memory_order_relaxed);
}

bool
backend_is_terse(const struct backend *b, uint64_t now_ms)
{
	uint64_t then_ms = atomic_load_explicit(&b->unasked_ms,
	    memory_order_relaxed);

	return then_ms == 0 || now_ms >= then_ms + UNASKED_MS;
}

void
backend_mark_unsupported(struct backend *b, unsigned command_id)
{
	CHECK(command_id < 64);
	atomic_fetch_or(&b->unsupported, UINT64_C(1) << command_id);
}

bool
backend_has_unsupported(struct backend *b, unsigned command_id)
{
	return (atomic_load_explicit(&b->unsupported, memory_order_relaxed) >>
	    command_id & 1) != 0;
}

/* --- its breaker --------------------------------------------------------- */

bool
backend_note_answer(struct backend *b, uint64_t now_ms)
{
	uint64_t good_ms = atomic_load_explicit(&b->good_ms,
	    memory_order_relaxed);

	if (now_ms >= good_ms + GOOD_STEP_MS)
		atomic_store_explicit(&b->good_ms, now_ms,
		    memory_order_relaxed);
	return breaker_succeed(&b->breaker, now_ms) == BREAKER_RECOVERED;
}

void
backend_welcome(struct backend *b, uint64_t now_ms)
{
	log_warn("backend=%s breaker=closed: it answers again", b->name);
	pool_heed_breaker(b->pool, now_ms);
}

void
backend_praise(struct backend *b, uint64_t now_ms)
{
	if (backend_note_answer(b, now_ms))
		backend_welcome(b, now_ms);
}

void
backend_blame(struct backend *b, const char *phase, enum reason reason,
    const char *said, uint64_t born_ms, uint64_t now_ms)
{
	enum breaker_change change = reason_is_loss(reason) && born_ms > 0 ?
	    breaker_fail_together(&b->breaker, born_ms, now_ms) :
	    breaker_fail(&b->breaker, now_ms);

	if (change == BREAKER_SAME)
		return;
	log_at(change == BREAKER_TRIPPED ? LEVEL_WARN : LEVEL_INFO,
	    "backend=%s breaker=open%s phase=%s reason=%s (%s)%s%s", b->name,
	    change == BREAKER_STAYED ? " still" : "", phase,
	    reason_key(reason), reason_words(reason),
	    said != NULL ? ": " : "", said != NULL ? said : "");
	if (change == BREAKER_TRIPPED)
		pool_heed_breaker(b->pool, now_ms);
}

/* --- what it announces -------------------------------------------------- */

static uint64_t
pack_time(uint64_t now_ms)
{
	return now_ms / 1000 << 32;
}

static uint64_t
pack_capabilities(const struct capabilities *c)
{
	return ANNOUNCED_KNOWN | (uint64_t)(c->list & 0x7fff) << 16 |
	    (c->flags & 0xffff);
}

static bool
is_old(uint64_t announced, uint64_t now_ms)
{
	/* Signed: another loop's clock may be a little ahead. */
	int32_t age_s = (int32_t)((uint32_t)(now_ms / 1000) -
	    (uint32_t)(announced >> 32));

	return age_s > ANNOUNCED_AGE_MAX_S;
}

bool
backend_wants_capabilities(struct backend *b, uint64_t now_ms)
{
	uint64_t old = atomic_load(&b->announced);

	if (old == 0)
		return true;
	/* Who changes the time is the one who asks. */
	return is_old(old, now_ms) && atomic_compare_exchange_strong(
	    &b->announced, &old, pack_time(now_ms) | (uint32_t)old);
}

void
backend_set_capabilities(struct backend *b, const struct capabilities *c,
    uint64_t now_ms)
{
	uint64_t new = pack_time(now_ms) | pack_capabilities(c);
	uint64_t old = atomic_exchange(&b->announced, new);
	char buf[CAPABILITIES_MAX];

	if ((uint32_t)old != (uint32_t)new)
		log_info("backend=%s announces %s", b->name,
		    capabilities_format(c, buf));
}

void
backend_spare_capabilities(struct backend *b, uint64_t now_ms)
{
	uint64_t none = 0;

	(void)atomic_compare_exchange_strong(&b->announced, &none,
	    pack_time(now_ms) | ANNOUNCED_KNOWN);
}

bool
backend_get_capabilities(const struct backend *b, struct capabilities *c_r)
{
	uint64_t announced = atomic_load_explicit(&b->announced,
	    memory_order_relaxed);

	capabilities_init(c_r);
	c_r->flags = announced & 0xffff;
	c_r->list = announced >> 16 & 0x7fff;
	return announced != 0;
}

/* --- addresses ---------------------------------------------------------- */

/* FNV-1a over the bytes of the address; never 0. */
static unsigned
hash_addr(const struct addr *a)
{
	const unsigned char *p = (const unsigned char *)&a->storage;
	unsigned hash = 2166136261u;

	for (socklen_t i = 0; i < a->len; i++)
		hash = (hash ^ p[i]) * 16777619u;
	return hash != 0 ? hash : 1;
}

void
backend_order_addrs(struct backend *b, struct addr *addrs, size_t n)
{
	unsigned good = atomic_load(&b->good_addr);

	for (size_t i = 1; i < n; i++) {
		if (hash_addr(&addrs[i]) == good) {
			struct addr first = addrs[i];

			memmove(&addrs[1], &addrs[0], i * sizeof(addrs[0]));
			addrs[0] = first;
			return;
		}
	}
}

void
backend_remember_addr(struct backend *b, const struct addr *a)
{
	atomic_store(&b->good_addr, hash_addr(a));
}

/* --- for the log -------------------------------------------------------- */

/* A server may repeat what it was told. */
static void
mask_secret(char *text, const char *secret)
{
	char *at;

	if (secret == NULL || secret[0] == '\0')
		return;
	while ((at = strstr(text, secret)) != NULL)
		memset(at, '*', strlen(secret));
}

const char *
backend_format_said(const struct conf_backend *conf, const char *said,
    size_t n, char buf[BACKEND_SAID_MAX])
{
	char text[RESPONSE_LINE_MAX + 1];

	if (n > RESPONSE_LINE_MAX)
		n = RESPONSE_LINE_MAX;
	memcpy(text, said, n);
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	mask_secret(text, conf->password);
	snprintf(buf, BACKEND_SAID_MAX, "%.*s", BACKEND_SAID_MAX - 1, text);
	return buf;
}

void
backend_log_status(struct backend *b)
{
	struct pool_status s = pool_get_status(b->pool);
	uint64_t commands = 0, misses = 0, failures = 0, bytes = 0;
	uint64_t mends = 0, spliced_bytes = 0;

	for (unsigned i = 0; i < b->loops_n; i++) {
		commands += atomic_load(&b->counters[i].commands);
		misses += atomic_load(&b->counters[i].misses);
		failures += atomic_load(&b->counters[i].failures);
		bytes += atomic_load(&b->counters[i].bytes);
		mends += atomic_load(&b->counters[i].mends);
		spliced_bytes += atomic_load(&b->counters[i].spliced_bytes);
	}
	log_info("stats backend=%s breaker=%s limit=%zu idle=%zu lent=%zu "
	    "connecting=%zu closing=%zu cooling=%zu waiting=%zu pending=%u "
	    "stateful=%u commands=%" PRIu64 " misses=%" PRIu64 " failures=%" PRIu64
	    " bytes=%" PRIu64 " spliced=%" PRIu64 " mends=%" PRIu64
	    " used=%" PRIu64, b->name,
	    breaker_format(&b->breaker), s.limit, s.available, s.lent,
	    s.connecting, s.closing, s.cooling, s.waiting,
	    atomic_load(&b->pending), atomic_load(&b->stateful), commands,
	    misses, failures, bytes, spliced_bytes, mends, quota_get_used(&b->quota));
}
