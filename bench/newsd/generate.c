// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/generate.h"

#include "base/check.h"
#include "base/list.h"
#include "newsd/article.h"
#include "newsd/text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_N 128
#define BUCKETS_N 4096

/* One article in the cache: in its bucket and in the order of use. */
struct entry {
	struct entry *next;
	struct list use;
	uint64_t size, seed;
	struct article *article;
};

struct gen {
	/* const after init */
	struct gen_has has;
	uint64_t cache_bytes, variant;
	struct {
		pthread_mutex_t lck;
		struct entry *buckets[BUCKETS_N];
		struct list used; /* first: used last */
		uint64_t bytes;
	} sh; /* guarded by sh.lck */
};

bool
gen_has_parse(const char *s, struct gen_has *has_r)
{
	const char *slash = strchr(s, '/');
	struct gen_has has = { 0 };
	uint64_t value;

	if (slash == NULL || !text_number(slash + 1, 64, &value) || value == 0)
		return false;
	has.modulus = (unsigned)value;
	for (;;) {
		char digits[4];
		size_t n = strspn(s, "0123456789");

		if (n == 0 || n >= sizeof(digits))
			return false;
		memcpy(digits, s, n);
		digits[n] = '\0';
		if (!text_number(digits, has.modulus - 1, &value))
			return false;
		has.set |= UINT64_C(1) << value;
		s += n;
		if (s == slash)
			break;
		if (*s++ != ',')
			return false;
	}
	*has_r = has;
	return true;
}

struct gen *
gen_new(uint64_t cache_bytes, struct gen_has has, uint64_t variant)
{
	struct gen *g = xcalloc(1, sizeof(*g));

	g->has = has;
	g->cache_bytes = cache_bytes;
	g->variant = variant;
	list_init(&g->sh.used);
	SYS_OK(pthread_mutex_init(&g->sh.lck, NULL));
	return g;
}

/* "<SIZE.SEED@gen>", decimal without leading zeros: one id, one article. */
static bool
parse_id(const char *id, uint64_t *size_r, uint64_t *seed_r)
{
	char part[2][21];
	size_t n = strcspn(id + 1, "."), m;

	if (id[0] != '<' || n == 0 || n >= sizeof(part[0]) || id[1 + n] != '.')
		return false;
	memcpy(part[0], id + 1, n);
	part[0][n] = '\0';
	id += n + 2;
	m = strcspn(id, "@");
	if (m == 0 || m >= sizeof(part[1]) || strcmp(id + m, "@gen>") != 0)
		return false;
	memcpy(part[1], id, m);
	part[1][m] = '\0';
	if ((part[0][0] == '0' && n > 1) || (part[1][0] == '0' && m > 1))
		return false;
	return text_number(part[0], GEN_SIZE_MAX, size_r) &&
	    text_number(part[1], UINT64_MAX / 2, seed_r);
}

static bool
is_here(const struct gen *g, uint64_t seed)
{
	return (g->has.set >> (seed % g->has.modulus) & 1) != 0;
}

bool
gen_is_here(const struct gen *g, const char *id)
{
	uint64_t size, seed;

	return parse_id(id, &size, &seed) && is_here(g, seed);
}

/* splitmix64: every 64-bit start value gives a stream of its own. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

/* The first two bytes and the last become dots, so that every article has a
 * line to stuff, and some end with a line that is one dot. */
static void
fill_data(unsigned char *data, size_t n, uint64_t seed, uint64_t variant)
{
	uint64_t state = seed * 0x2545F4914F6CDD1Du + n +
	    variant * 0xD6E8FEB86659FD93u;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t r = next_random(&state);

		memcpy(data + i, &r, n - i < 8 ? n - i : 8);
	}
	if (n > 2)
		data[0] = data[1] = '.' - 42;
	if (n > 0)
		data[n - 1] = '.' - 42;
}

/* Adds one data line to the block: CRLF and dot-stuffing included. *plain_crc
 * goes on over the line without the stuffed dot. Gives the new end. */
static char *
encode_line(char *w, const unsigned char *data, size_t n, uint32_t *plain_crc)
{
	char *line = w + 1, *p = line;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)(data[i] + 42);

		if (c == '\0' || c == '\n' || c == '\r' || c == '=') {
			*p++ = '=';
			c = (unsigned char)(c + 64);
		}
		*p++ = (char)c;
	}
	*p++ = '\r';
	*p++ = '\n';
	*plain_crc = text_crc32(*plain_crc, line, (size_t)(p - line));
	if (*line == '.') {
		*w = '.';
		return p;
	}
	memmove(w, line, (size_t)(p - line));
	return w + (p - line);
}

/* Writes the body without the final dot; gives its length. */
static size_t
make_body(char *body, uint64_t size, uint64_t seed, uint64_t variant,
    uint32_t *plain_crc_r)
{
	unsigned char *data = xmalloc(size);
	uint32_t plain_crc, crc;
	char *w = body, *from;

	fill_data(data, size, seed, variant);
	w += sprintf(w,
	    "=ybegin line=%d size=%llu name=gen-%llu-%llu.bin\r\n", LINE_N,
	    (unsigned long long)size, (unsigned long long)size,
	    (unsigned long long)seed);
	plain_crc = text_crc32(0, body, (size_t)(w - body));
	for (size_t i = 0; i < size; i += LINE_N)
		w = encode_line(w, data + i,
		    size - i < LINE_N ? size - i : LINE_N, &plain_crc);
	from = w;
	w += sprintf(w, "=yend size=%llu crc32=%08x\r\n",
	    (unsigned long long)size, text_crc32(0, data, size));
	crc = text_crc32(0, body, (size_t)(w - body));
	w += sprintf(w, "newsd crc32=%08x\r\n", crc);
	*plain_crc_r = text_crc32(plain_crc, from, (size_t)(w - from));
	free(data);
	return (size_t)(w - body);
}

struct article *
gen_make(uint64_t size, uint64_t seed, uint64_t variant, const char *group)
{
	/* Every byte escaped, and per line CRLF and a dot, is the most. */
	size_t room = size * 2 + (size / LINE_N + 1) * 3 + 512, n;
	char *body = xmalloc(room), *wire;
	uint32_t plain_crc, raw_crc;
	struct article *a;
	int head_n;

	n = make_body(body, size, seed, variant, &plain_crc);
	raw_crc = text_crc32(0, body, n);
	wire = xmalloc(n + 1024 + strlen(group));
	head_n = sprintf(wire,
	    "Path: newsd!not-for-mail\r\n"
	    "From: newsd <newsd@gen.invalid>\r\n"
	    "Newsgroups: %s\r\n"
	    "Subject: \"gen-%llu-%llu.bin\" yEnc (1/1) %llu\r\n"
	    "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
	    "Message-ID: <%llu.%llu@gen>\r\n"
	    "X-Checksum: %08x\r\n"
	    "X-Checksum-Plain: %08x\r\n"
	    "\r\n",
	    group, (unsigned long long)size, (unsigned long long)seed,
	    (unsigned long long)size, (unsigned long long)size,
	    (unsigned long long)seed, raw_crc, plain_crc);
	memcpy(wire + head_n, body, n);
	memcpy(wire + head_n + n, ".\r\n", 3);
	free(body);
	a = article_new_wire(wire, (size_t)head_n + n + 3);
	CHECK(a != NULL);
	return a;
}

static struct entry **
find_bucket(struct gen *g, uint64_t size, uint64_t seed)
{
	return &g->sh.buckets[(size * 31 + seed) % BUCKETS_N];
}

static struct article *
find_locked(struct gen *g, uint64_t size, uint64_t seed)
{
	struct entry *e = *find_bucket(g, size, seed);

	while (e != NULL && (e->size != size || e->seed != seed))
		e = e->next;
	if (e == NULL)
		return NULL;
	list_remove(&e->use);
	list_push_front(&g->sh.used, &e->use);
	return article_ref(e->article);
}

static void
evict_oldest_locked(struct gen *g)
{
	struct list *last = list_last(&g->sh.used);
	struct entry *e, **at;

	CHECK(last != NULL);
	e = LIST_ENTRY(last, struct entry, use);
	at = find_bucket(g, e->size, e->seed);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	list_remove(&e->use);
	g->sh.bytes -= e->article->bytes_n;
	article_unref(e->article);
	free(e);
}

static void
keep_locked(struct gen *g, uint64_t size, uint64_t seed, struct article *a)
{
	struct entry *e, **bucket = find_bucket(g, size, seed);

	if (a->bytes_n > g->cache_bytes)
		return;
	while (g->sh.bytes + a->bytes_n > g->cache_bytes)
		evict_oldest_locked(g);
	e = xcalloc(1, sizeof(*e));
	e->size = size;
	e->seed = seed;
	e->article = article_ref(a);
	e->next = *bucket;
	*bucket = e;
	list_push_front(&g->sh.used, &e->use);
	g->sh.bytes += a->bytes_n;
}

struct article *
gen_get(struct gen *g, const char *id)
{
	struct article *a, *other;
	uint64_t size, seed;

	if (!parse_id(id, &size, &seed) || !is_here(g, seed))
		return NULL;
	SYS_OK(pthread_mutex_lock(&g->sh.lck));
	a = find_locked(g, size, seed);
	SYS_OK(pthread_mutex_unlock(&g->sh.lck));
	if (a != NULL)
		return a;
	a = gen_make(size, seed, g->variant, GEN_GROUP);
	SYS_OK(pthread_mutex_lock(&g->sh.lck));
	other = find_locked(g, size, seed);
	if (other != NULL) {
		article_unref(a);
		a = other; /* another thread was faster */
	} else {
		keep_locked(g, size, seed, a);
	}
	SYS_OK(pthread_mutex_unlock(&g->sh.lck));
	return a;
}

void
gen_free(struct gen *g)
{
	while (!list_is_empty(&g->sh.used))
		evict_oldest_locked(g);
	SYS_OK(pthread_mutex_destroy(&g->sh.lck));
	free(g);
}
