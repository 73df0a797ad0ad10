// SPDX-License-Identifier: BSD-2-Clause
/* The terminator is looked for as LF "." first: both octets must match at
 * once, which in news happens about once per dot-stuffed line, and a compare
 * of two shifted loads finds it. Only then the other three are looked at. */
#include "nntp/multiline.h"

#include <string.h>

#include "base/check.h"

#if defined(__x86_64__) || (defined(__i386__) && defined(__SSE2__))
#define HAS_X86 1
#include <immintrin.h>
#else
#define HAS_X86 0
#endif

static const char terminator[] = "\r\n.\r\n";
enum { TERMINATOR_N = sizeof(terminator) - 1 };

void multiline_init(struct multiline *m)
{
	m->seen_n = 2;		/* the CRLF of the status line */
}

void multiline_pass(struct multiline *m)
{
	m->seen_n = 0;
}

static const char *find_plain(const char *buf, size_t n)
{
	const char *end = buf + n;
	const char *p = buf;

	/* p may be the LF of a terminator: one octet before, three behind. */
	while (end - p > 3) {
		p = memchr(p, '\n', (size_t)(end - p - 3));
		if (p == NULL)
			return NULL;
		if (p > buf && memcmp(p - 1, terminator, TERMINATOR_N) == 0)
			return p - 1;
		p++;
	}
	return NULL;
}

#if HAS_X86
/* p points to the first octet of which the mask speaks. */
static const char *check_hits(const char *p, unsigned mask)
{
	for (; mask != 0; mask &= mask - 1) {
		const char *hit = p + __builtin_ctz(mask);

		if (memcmp(hit, terminator, TERMINATOR_N) == 0)
			return hit;
	}
	return NULL;
}

/* Bit i: p[i + 1], p[i + 2] are LF ".". */
static inline __m128i match_sse2(const char *p)
{
	__m128i lf = _mm_loadu_si128((const void *)(p + 1));
	__m128i dot = _mm_loadu_si128((const void *)(p + 2));

	return _mm_and_si128(_mm_cmpeq_epi8(lf, _mm_set1_epi8('\n')),
	    _mm_cmpeq_epi8(dot, _mm_set1_epi8('.')));
}

static const char *find_sse2(const char *buf, size_t n)
{
	enum { STEP = 64, BEHIND = TERMINATOR_N - 1 };
	const char *p = buf;

	for (; n >= STEP + BEHIND; p += STEP, n -= STEP) {
		__m128i m[STEP / 16];
		__m128i any = _mm_setzero_si128();

		for (size_t i = 0; i < STEP / 16; i++) {
			m[i] = match_sse2(p + 16 * i);
			any = _mm_or_si128(any, m[i]);
		}
		if (__builtin_expect(_mm_movemask_epi8(any) == 0, 1))
			continue;
		for (size_t i = 0; i < STEP / 16; i++) {
			const char *hit = check_hits(p + 16 * i,
			    (unsigned)_mm_movemask_epi8(m[i]));

			if (hit != NULL)
				return hit;
		}
	}
	return find_plain(p, n);
}

__attribute__((target("avx2")))
static inline __m256i match_avx2(const char *p)
{
	__m256i lf = _mm256_loadu_si256((const void *)(p + 1));
	__m256i dot = _mm256_loadu_si256((const void *)(p + 2));

	return _mm256_and_si256(_mm256_cmpeq_epi8(lf, _mm256_set1_epi8('\n')),
	    _mm256_cmpeq_epi8(dot, _mm256_set1_epi8('.')));
}

__attribute__((target("avx2")))
static const char *find_avx2(const char *buf, size_t n)
{
	enum { STEP = 128, BEHIND = TERMINATOR_N - 1 };
	const char *p = buf;

	for (; n >= STEP + BEHIND; p += STEP, n -= STEP) {
		__m256i m[STEP / 32];
		__m256i any = _mm256_setzero_si256();

		for (size_t i = 0; i < STEP / 32; i++) {
			m[i] = match_avx2(p + 32 * i);
			any = _mm256_or_si256(any, m[i]);
		}
		if (__builtin_expect(_mm256_testz_si256(any, any), 1))
			continue;
		for (size_t i = 0; i < STEP / 32; i++) {
			const char *hit = check_hits(p + 32 * i,
			    (unsigned)_mm256_movemask_epi8(m[i]));

			if (hit != NULL)
				return hit;
		}
	}
	return find_sse2(p, n);
}
#endif

multiline_find_f *multiline_get_way(enum multiline_way way)
{
	switch (way) {
	case MULTILINE_PLAIN:
		return find_plain;
	case MULTILINE_SSE2:
#if HAS_X86
		return find_sse2;
#else
		return NULL;
#endif
	case MULTILINE_AVX2:
#if HAS_X86
		if (__builtin_cpu_supports("avx2"))
			return find_avx2;
#endif
		return NULL;
	case MULTILINE_WAYS_N:
		break;
	}
	NEVER("no such way");
}

static const char *find(const char *buf, size_t n)
{
#if HAS_X86
	if (__builtin_cpu_supports("avx2"))
		return find_avx2(buf, n);
	return find_sse2(buf, n);
#else
	return find_plain(buf, n);
#endif
}

/* One octet more: the longest start of the terminator that the stream now ends
 * with. What is left of a broken match can only be its last octet, a CR. */
static unsigned step(unsigned seen_n, char ch)
{
	if (ch == terminator[seen_n])
		return seen_n + 1;
	return ch == '\r' ? 1 : 0;
}

/* How much of a terminator buf ends with. */
static unsigned count_seen(const char *buf, size_t n)
{
	unsigned seen_n = TERMINATOR_N - 1;

	if (seen_n > n)
		seen_n = (unsigned)n;
	while (seen_n > 0 && memcmp(buf + n - seen_n, terminator, seen_n) != 0)
		seen_n--;
	return seen_n;
}

size_t multiline_scan(struct multiline *m, const char *buf, size_t n,
    bool *end_r)
{
	unsigned seen_n = m->seen_n;
	const char *hit;
	size_t i;

	*end_r = false;
	/* As long as a match may have begun in a former buffer. */
	for (i = 0; i < n && seen_n > i; i++) {
		seen_n = step(seen_n, buf[i]);
		if (seen_n == TERMINATOR_N) {
			*end_r = true;
			multiline_init(m);
			return i + 1;
		}
	}
	if (seen_n > i) {
		m->seen_n = (uint8_t)seen_n;
		return n;
	}
	/* Now the match, if there is one, begins in this buffer. */
	hit = find(buf + i - seen_n, n - i + seen_n);
	if (hit != NULL) {
		*end_r = true;
		multiline_init(m);
		return (size_t)(hit - buf) + TERMINATOR_N;
	}
	m->seen_n = (uint8_t)count_seen(buf + i - seen_n, n - i + seen_n);
	return n;
}
