// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/capabilities.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "nntp/text.h"
#include "nntp/word.h"

struct arg {
	const char *text;
	unsigned bit;
};

static const struct arg version_args[] = {
	{ "2", CAPABILITY_VERSION_2 },
};

static const struct arg over_args[] = {
	{ "MSGID", CAPABILITY_OVER_MSGID },
};

static const struct arg authinfo_args[] = {
	{ "USER", CAPABILITY_AUTHINFO_USER },
	{ "SASL", CAPABILITY_AUTHINFO_SASL },
};

static const struct arg compress_args[] = {
	{ "DEFLATE", CAPABILITY_COMPRESS_DEFLATE },
};

static const struct arg list_args[] = {
	{ "ACTIVE", CAPABILITY_LIST_ACTIVE },
	{ "ACTIVE.TIMES", CAPABILITY_LIST_ACTIVE_TIMES },
	{ "COUNTS", CAPABILITY_LIST_COUNTS },
	{ "DISTRIB.PATS", CAPABILITY_LIST_DISTRIB_PATS },
	{ "DISTRIBUTIONS", CAPABILITY_LIST_DISTRIBUTIONS },
	{ "HEADERS", CAPABILITY_LIST_HEADERS },
	{ "MODERATORS", CAPABILITY_LIST_MODERATORS },
	{ "MOTD", CAPABILITY_LIST_MOTD },
	{ "NEWSGROUPS", CAPABILITY_LIST_NEWSGROUPS },
	{ "OVERVIEW.FMT", CAPABILITY_LIST_OVERVIEW_FMT },
	{ "SUBSCRIPTIONS", CAPABILITY_LIST_SUBSCRIPTIONS },
};

static const struct arg sasl_args[] = {
	{ "PLAIN", CAPABILITY_SASL_PLAIN },
	{ "LOGIN", CAPABILITY_SASL_LOGIN },
	{ "EXTERNAL", CAPABILITY_SASL_EXTERNAL },
	{ "CRAM-MD5", CAPABILITY_SASL_CRAM_MD5 },
	{ "DIGEST-MD5", CAPABILITY_SASL_DIGEST_MD5 },
	{ "SCRAM-SHA-1", CAPABILITY_SASL_SCRAM_SHA_1 },
	{ "SCRAM-SHA-256", CAPABILITY_SASL_SCRAM_SHA_256 },
};

/* Where the bits of a label's arguments are kept. */
enum field {
	FIELD_FLAGS,
	FIELD_LIST,
	FIELD_SASL,
};

/* One row per label. With bit 0 the label means nothing but its arguments. */
static const struct label {
	const char *text;
	unsigned bit;		/* in flags */
	enum field field;
	const struct arg *args;
	size_t args_n;
} labels[] = {
#define ARGS(args) (args), ARRAY_N(args)
	/* The first: RFC 3977, 5.2.2. */
	{ "VERSION", 0, FIELD_FLAGS, ARGS(version_args) },
	{ "READER", CAPABILITY_READER, 0, NULL, 0 },
	{ "MODE-READER", CAPABILITY_MODE_READER, 0, NULL, 0 },
	{ "POST", CAPABILITY_POST, 0, NULL, 0 },
	{ "IHAVE", CAPABILITY_IHAVE, 0, NULL, 0 },
	{ "NEWNEWS", CAPABILITY_NEWNEWS, 0, NULL, 0 },
	{ "OVER", CAPABILITY_OVER, FIELD_FLAGS, ARGS(over_args) },
	{ "HDR", CAPABILITY_HDR, 0, NULL, 0 },
	{ "XPAT", CAPABILITY_XPAT, 0, NULL, 0 },
	{ "LIST", 0, FIELD_LIST, ARGS(list_args) },
	{ "STREAMING", CAPABILITY_STREAMING, 0, NULL, 0 },
	{ "STARTTLS", CAPABILITY_STARTTLS, 0, NULL, 0 },
	{ "AUTHINFO", CAPABILITY_AUTHINFO, FIELD_FLAGS, ARGS(authinfo_args) },
	{ "SASL", 0, FIELD_SASL, ARGS(sasl_args) },
	{ "COMPRESS", 0, FIELD_FLAGS, ARGS(compress_args) },
};

static const struct label *find_label(struct word w)
{
	for (size_t i = 0; i < ARRAY_N(labels); i++) {
		if (word_is(w, labels[i].text))
			return &labels[i];
	}
	return NULL;
}

static unsigned *get_field(struct capabilities *c, enum field field)
{
	switch (field) {
	case FIELD_FLAGS:
		return &c->flags;
	case FIELD_LIST:
		return &c->list;
	case FIELD_SASL:
		return &c->sasl;
	}
	NEVER("a field without a case");
}

/* An argument never stands without its label. */
static void complete(struct capabilities *c)
{
	for (size_t i = 0; i < ARRAY_N(labels); i++) {
		const struct label *l = &labels[i];

		for (size_t k = 0; k < l->args_n; k++) {
			if (*get_field(c, l->field) & l->args[k].bit)
				c->flags |= l->bit;
		}
	}
}

void capabilities_init(struct capabilities *c)
{
	*c = (struct capabilities){ 0 };
}

void capabilities_parse(struct capabilities *c, const char *line, size_t n)
{
	const struct label *l;

	if (n > 0 && line[n - 1] == '\r')
		n--;
	l = find_label(word_cut(&line, &n));
	if (l == NULL)
		return;
	c->flags |= l->bit;
	for (;;) {
		struct word w = word_cut(&line, &n);

		if (w.n == 0)
			return;
		for (size_t i = 0; i < l->args_n; i++) {
			if (word_is(w, l->args[i].text))
				*get_field(c, l->field) |= l->args[i].bit;
		}
	}
}

void capabilities_intersect(struct capabilities *c,
    const struct capabilities *other)
{
	struct capabilities o = *other;

	complete(c);
	complete(&o);
	c->flags &= o.flags;
	c->list &= o.list;
	c->sasl &= o.sasl;
}

/* The label with its arguments; false: it is not true. */
static bool add_label(struct text *t, struct capabilities *c,
    const struct label *l)
{
	unsigned args = 0, set = *get_field(c, l->field);

	for (size_t i = 0; i < l->args_n; i++)
		args |= l->args[i].bit & set;
	if (args == 0 && (c->flags & l->bit) == 0)
		return false;
	text_puts(t, l->text);
	for (size_t i = 0; i < l->args_n; i++) {
		if (l->args[i].bit & args) {
			text_puts(t, " ");
			text_puts(t, l->args[i].text);
		}
	}
	return true;
}

static void add_all(struct text *t, struct capabilities *c)
{
	text_puts(t, "101 Capability list:\r\n");
	for (size_t i = 0; i < ARRAY_N(labels); i++) {
		if (add_label(t, c, &labels[i]))
			text_puts(t, "\r\n");
	}
	if (c->implementation != NULL) {
		text_puts(t, "IMPLEMENTATION ");
		text_puts(t, c->implementation);
		text_puts(t, "\r\n");
	}
	text_puts(t, ".\r\n");
}

size_t capabilities_write(const struct capabilities *c, char *buf,
    size_t size)
{
	struct capabilities whole = *c;
	struct text needed = { NULL, 0, 0 };
	struct text t = { buf, size, 0 };

	whole.flags |= CAPABILITY_VERSION_2;
	complete(&whole);
	add_all(&needed, &whole);
	if (needed.n <= size)
		add_all(&t, &whole);
	return needed.n;
}

const char *capabilities_format(const struct capabilities *c,
    char buf[CAPABILITIES_MAX])
{
	struct capabilities whole = *c;
	struct text t = { buf, CAPABILITIES_MAX - 1, 0 };

	complete(&whole);
	for (size_t i = 0; i < ARRAY_N(labels); i++) {
		if (add_label(&t, &whole, &labels[i]))
			text_puts(&t, ", ");
	}
	if (t.n == 0)
		return "nothing";
	CHECK(t.n <= t.size);
	buf[t.n - 2] = '\0';
	return buf;
}
