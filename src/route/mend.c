// SPDX-License-Identifier: BSD-2-Clause
#include "route/mend.h"

#include "base/check.h"
#include "nntp/word.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum mend_state {
	MEND_GIVING,
	MEND_SKIPPING,
	MEND_DIFFERENT,
};

/* Where in the block the next octet is. */
enum mend_place {
	MEND_NAME,	/* in a header line, its name is not known yet */
	MEND_KEPT,	/* in a line that is the same on every server */
	MEND_OTHER,	/* in another one */
	MEND_TEXT,	/* behind the blank line */
};

/* The mandatory ones but Path, which every server changes. */
static const char *const kept_names[] = {
	"DATE:", "FROM:", "MESSAGE-ID:", "NEWSGROUPS:", "SUBJECT:",
};
enum { NAME_MAX_N = sizeof("NEWSGROUPS:") - 1 };

/* Of text, by offsets: octets that were given unread. */
struct gap {
	uint64_t start, end;
};

/* For at least 10 MiB; the rest of a longer article is read. */
#define GAPS_MAX 256
/* From here on something must be read before the next. */
#define GAP_BYTES (1024 * 1024)

struct mend {
	enum mend_state state;
	bool has_head;

	/* the copy that is being read */
	enum mend_place place;
	enum mend_place line_before;	/* what the line before was; for a
					 * folded one */
	char name[NAME_MAX_N];
	size_t name_n;
	bool is_behind_cr;		/* the last octet of the header */
	uint64_t offset;		/* octets of text */
	unsigned gap_i;			/* the next gap, or the one it is in */
	XXH3_state_t *hash;		/* kept lines and text outside gaps */

	/* what the client has, while skipping */
	uint64_t given_offset;
	XXH128_hash_t given_hash;

	bool is_exact;
	struct gap *gaps;		/* GAPS_MAX, in order; NULL: none */
	unsigned gaps_n;
};

static void
start_copy(struct mend *m)
{
	m->place = m->has_head ? MEND_NAME : MEND_TEXT;
	m->line_before = MEND_OTHER;
	m->name_n = 0;
	m->is_behind_cr = false;
	m->offset = 0;
	m->gap_i = 0;
	CHECK(XXH3_128bits_reset(m->hash) == XXH_OK);
}

struct mend *
mend_new(bool has_head, bool is_exact)
{
	struct mend *m = xcalloc(1, sizeof(*m));

	m->hash = XXH3_createState();
	CHECK(m->hash != NULL);
	m->has_head = has_head;
	m->is_exact = is_exact;
	start_copy(m);
	return m;
}

size_t
mend_get_size(void)
{
	return sizeof(struct mend) + GAPS_MAX * sizeof(struct gap);
}

void
mend_free(struct mend *m)
{
	if (m == NULL)
		return;
	(void)XXH3_freeState(m->hash);
	free(m->gaps);
	free(m);
}

/* --- one copy ----------------------------------------------------------------- */

static void
add(struct mend *m, const char *p, size_t n)
{
	CHECK(XXH3_128bits_update(m->hash, p, n) == XXH_OK);
}

static enum mend_place
get_kind(const struct mend *m)
{
	struct word name = { m->name, m->name_n };

	if (word_is_blank(m->name[0]))
		return m->line_before;	/* RFC 5322, 2.2.3 */
	for (size_t i = 0; i < sizeof(kept_names) / sizeof(kept_names[0]); i++)
		if (word_is(name, kept_names[i]))
			return MEND_KEPT;
	return MEND_OTHER;
}

/* One octet at the start of a line. */
static void
take_name(struct mend *m, char ch)
{
	m->name[m->name_n++] = ch;
	if (ch != ':' && m->name_n < NAME_MAX_N && !word_is_blank(m->name[0]))
		return;
	m->place = get_kind(m);
	if (m->place == MEND_KEPT)
		add(m, m->name, m->name_n);
}

static void
end_line(struct mend *m)
{
	if (m->place == MEND_NAME && m->name_n == 2 && m->name[0] == '\r') {
		m->place = MEND_TEXT;
		return;
	}
	m->line_before = m->place == MEND_KEPT ? MEND_KEPT : MEND_OTHER;
	m->place = MEND_NAME;
	m->name_n = 0;
}

/* Of the header: up to the end of the line, or of its name. Octets used. */
static size_t
take_header(struct mend *m, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t used = lf != NULL ? (size_t)(lf - p) + 1 : n;
	bool is_end;

	if (m->place == MEND_NAME)
		used = 1;
	is_end = p[used - 1] == '\n' &&
	    (used > 1 ? p[used - 2] == '\r' : m->is_behind_cr);
	m->is_behind_cr = p[used - 1] == '\r';
	if (m->place == MEND_NAME)
		take_name(m, p[0]);
	else if (m->place == MEND_KEPT)
		add(m, p, used);
	if (is_end)
		end_line(m);
	return used;
}

/* Octets used: all, or those up to the text. */
static size_t
take_head(struct mend *m, const char *p, size_t n)
{
	size_t used = 0;

	while (used < n && m->place != MEND_TEXT)
		used += take_header(m, p + used, n - used);
	return used;
}

/* Up to where the next gap begins or ends. Octets used. */
static size_t
take_stretch(struct mend *m, const char *p, size_t n)
{
	const struct gap *gap;
	uint64_t left;

	if (m->gap_i == m->gaps_n) {
		add(m, p, n);
		m->offset += n;
		return n;
	}
	gap = &m->gaps[m->gap_i];
	left = (m->offset < gap->start ? gap->start : gap->end) - m->offset;
	if (left > n)
		left = n;
	if (m->offset < gap->start)
		add(m, p, left);
	m->offset += left;
	if (m->offset == gap->end)
		m->gap_i++;
	return left;
}

static void
take_text(struct mend *m, const char *p, size_t n)
{
	size_t used;

	for (; n > 0; p += used, n -= used)
		used = take_stretch(m, p, n);
}

/* --- what the client has, and what another has ---------------------------------- */

void
mend_give(struct mend *m, const char *p, size_t n)
{
	size_t head_n = take_head(m, p, n);

	CHECK(m->state == MEND_GIVING);
	take_text(m, p + head_n, n - head_n);
}

/* Nothing of the text is known behind the last gap. */
static bool
is_behind_gap(const struct mend *m)
{
	return m->gaps_n > 0 && m->gaps[m->gaps_n - 1].end == m->offset;
}

static bool
may_be_longer(const struct mend *m)
{
	const struct gap *last = &m->gaps[m->gaps_n - 1];

	return last->end - last->start < GAP_BYTES;
}

bool
mend_may_pass(const struct mend *m)
{
	return m->state == MEND_GIVING && m->place == MEND_TEXT &&
	    !m->is_exact && (is_behind_gap(m) ? may_be_longer(m) :
	    m->gaps_n < GAPS_MAX);
}

void
mend_pass(struct mend *m, size_t n)
{
	CHECK(mend_may_pass(m) && m->gap_i == m->gaps_n && n > 0);
	if (m->gaps == NULL)
		m->gaps = xcalloc(GAPS_MAX, sizeof(m->gaps[0]));
	if (!is_behind_gap(m)) {
		m->gaps[m->gaps_n++].start = m->offset;
		m->gap_i++;
	}
	m->offset += n;
	m->gaps[m->gaps_n - 1].end = m->offset;
}

bool
mend_is_possible(const struct mend *m)
{
	return m->state == MEND_SKIPPING || (m->state == MEND_GIVING &&
	    m->place == MEND_TEXT && !is_behind_gap(m));
}

void
mend_restart(struct mend *m)
{
	CHECK(mend_is_possible(m));
	if (m->state == MEND_GIVING) {
		m->given_offset = m->offset;
		m->given_hash = XXH3_128bits_digest(m->hash);
		m->state = MEND_SKIPPING;
	}
	start_copy(m);
}

static enum mend_state
compare(const struct mend *m)
{
	return XXH128_isEqual(XXH3_128bits_digest(m->hash), m->given_hash) ?
	    MEND_GIVING : MEND_DIFFERENT;
}

size_t
mend_skip(struct mend *m, const char *p, size_t n)
{
	uint64_t left;
	size_t used;

	CHECK(m->state != MEND_GIVING);
	if (m->state == MEND_DIFFERENT)
		return n;
	used = take_head(m, p, n);
	if (m->place != MEND_TEXT)
		return used;
	left = m->given_offset - m->offset;
	if (left > n - used)
		left = n - used;
	take_text(m, p + used, left);
	used += left;
	if (m->offset < m->given_offset)
		return used;
	m->state = compare(m);
	return m->state == MEND_DIFFERENT ? n : used;
}

bool
mend_is_giving(const struct mend *m)
{
	return m->state == MEND_GIVING;
}

bool
mend_is_different(const struct mend *m)
{
	return m->state == MEND_DIFFERENT;
}

uint64_t
mend_get_offset(const struct mend *m)
{
	return m->state == MEND_GIVING ? m->offset : m->given_offset;
}
