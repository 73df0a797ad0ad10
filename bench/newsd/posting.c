// SPDX-License-Identifier: BSD-2-Clause
/* posting - POST and IHAVE (RFC 3977 sections 6.3.1 and 6.3.2), and the
 * article that follows them. */
#include "base/check.h"
#include "newsd/article.h"
#include "newsd/commands.h"
#include "newsd/newsd.h"
#include "newsd/options.h"
#include "newsd/session.h"
#include "newsd/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
posting_post(struct session *s, const struct command *c)
{
	(void)c;
	if (s->nd->options->no_post) {
		session_reply(s, "440 no posting");
		return;
	}
	session_reply(s, "340 send it");
	s->posting.is_ihave = false;
	s->state = SESSION_POST;
}

void
posting_ihave(struct session *s, const struct command *c)
{
	struct article *a;

	if (s->nd->options->no_post) {
		session_reply(s, "500 no transfer");
		return;
	}
	if (!article_is_id(c->argv[1])) {
		session_reply(s, "501 not a message-id");
		return;
	}
	a = spool_get_id(s->nd->spool, c->argv[1]);
	if (a != NULL) {
		session_reply(s, "435 have it");
		article_unref(a);
		return;
	}
	session_reply(s, "335 send it");
	s->posting.is_ihave = true;
	strcpy(s->posting.id, c->argv[1]);
	s->state = SESSION_POST;
}

static void
answer(struct session *s, bool is_good, const char *why)
{
	if (s->posting.is_ihave && is_good)
		session_reply(s, "235 thanks");
	else if (s->posting.is_ihave)
		session_reply(s, "437 %s", why);
	else if (is_good)
		session_reply(s, "240 thanks");
	else
		session_reply(s, "441 %s", why);
}

/* Whether one of the header lines has this name. */
static bool
has_header(const char *text, size_t n, const char *name)
{
	const char *p = text, *end = text + n;
	size_t name_n = strlen(name);

	while (p < end && *p != '\r' && *p != '\n') {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		if ((size_t)(end - p) > name_n && p[name_n] == ':' &&
		    strncasecmp(p, name, name_n) == 0)
			return true;
		if (eol == NULL)
			return false;
		p = eol + 1;
	}
	return false;
}

/* The headers that a server adds when the poster left them out. */
static void
make_prefix(const struct session *s, char *buf, size_t size)
{
	static atomic_ullong serial;
	const struct posting *p = &s->posting;
	time_t now = time(NULL);
	size_t n = 0;
	struct tm tm;

	buf[0] = '\0';
	if (!has_header(p->text, p->n, "Path"))
		n += (size_t)snprintf(buf + n, size - n,
		    "Path: newsd!not-for-mail\r\n");
	if (!has_header(p->text, p->n, "Message-ID"))
		n += (size_t)snprintf(buf + n, size - n,
		    "Message-ID: <%llx.%lx.%llu@newsd.invalid>\r\n",
		    (unsigned long long)now, (long)getpid(),
		    atomic_fetch_add(&serial, 1));
	if (!has_header(p->text, p->n, "Date")) {
		gmtime_r(&now, &tm);
		strftime(buf + n, size - n,
		    "Date: %a, %d %b %Y %H:%M:%S +0000\r\n", &tm);
	}
}

/* Gives the article, or NULL with a reason. */
static struct article *
make_article(const struct session *s, const char **why_r)
{
	const struct posting *p = &s->posting;
	struct article *a;
	char prefix[512] = "", *text;
	size_t prefix_n;

	*why_r = "From, Subject or Newsgroups is missing";
	if (!has_header(p->text, p->n, "From") ||
	    !has_header(p->text, p->n, "Subject") ||
	    !has_header(p->text, p->n, "Newsgroups"))
		return NULL;
	if (!p->is_ihave)
		make_prefix(s, prefix, sizeof(prefix));
	prefix_n = strlen(prefix);
	text = xmalloc(prefix_n + p->n);
	memcpy(text, prefix, prefix_n);
	memcpy(text + prefix_n, p->text, p->n);
	a = article_new(text, prefix_n + p->n, true);
	free(text);
	*why_r = "bad header";
	if (a != NULL && p->is_ihave && strcmp(a->id, p->id) != 0) {
		*why_r = "another message-id than announced";
		article_unref(a);
		a = NULL;
	}
	return a;
}

/* Writes the article as a file that a later --spool loads again. */
static void
keep(const struct newsd *nd, const struct article *a)
{
	static atomic_ullong serial;
	const struct options *o = nd->options;
	const char *p = a->bytes, *end = p + a->bytes_n - 3;
	char *path, *temp;
	FILE *f;

	if (!o->keep_posts || o->spools.n == 0)
		return;
	path = xasprintf("%s/posted-%lld-%ld-%06llu.art", o->spools.at[0],
	    (long long)nd->started, (long)getpid(),
	    atomic_fetch_add(&serial, 1));
	temp = xasprintf("%s.tmp", path);
	f = fopen(temp, "we");
	while (f != NULL && p < end) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		CHECK(eol != NULL);
		p += *p == '.';
		fwrite(p, 1, (size_t)(eol + 1 - p), f);
		p = eol + 1;
	}
	if (f == NULL || fclose(f) != 0 || rename(temp, path) != 0)
		fprintf(stderr, "newsd: can't write %s\n", path);
	free(path);
	free(temp);
}

static void
finish(struct session *s)
{
	static const char *const words[] = { "", "have it", "no such group",
		"no room" };
	const char *why;
	struct article *a = make_article(s, &why);
	enum spool_result result;

	if (a == NULL) {
		answer(s, false, why);
		return;
	}
	article_ref(a);
	result = spool_add(s->nd->spool, a, false);
	if (result == SPOOL_ADDED) {
		stats_count(&s->nd->stats.posted, 1);
		keep(s->nd, a);
	}
	answer(s, result == SPOOL_ADDED, words[result]);
	article_unref(a);
}

static void
end_article(struct session *s)
{
	struct posting *p = &s->posting;
	bool is_whole = s->state == SESSION_POST;

	s->state = SESSION_COMMAND;
	if (is_whole)
		finish(s);
	else
		answer(s, false, "too large");
	free(p->text);
	p->text = NULL;
	p->n = p->room_n = p->line_at = 0;
}

static void
append(struct posting *p, const char *from, size_t n)
{
	if (p->n + n > p->room_n) {
		p->room_n = (p->n + n) * 2;
		if (p->room_n < 4096)
			p->room_n = 4096;
		p->text = xrealloc(p->text, p->room_n);
	}
	memcpy(p->text + p->n, from, n);
	p->n += n;
}

/* Drops what was kept of an article that grew too large; the line that is
 * coming in stays as far as the search for the final dot needs it. */
static void
stop_keeping(struct posting *p)
{
	size_t n = p->n - p->line_at;

	memmove(p->text, p->text + p->line_at, n < 4 ? n : 4);
	p->n = n < 4 ? n : 4;
	p->line_at = 0;
}

static bool
is_final_dot(const struct posting *p)
{
	const char *line = p->text + p->line_at;
	size_t n = p->n - p->line_at;

	return (n == 3 && memcmp(line, ".\r\n", 3) == 0) ||
	    (n == 2 && memcmp(line, ".\n", 2) == 0);
}

size_t
session_data(struct session *s, const char *from, size_t n)
{
	struct posting *p = &s->posting;
	size_t done = 0;

	CHECK(s->state == SESSION_POST || s->state == SESSION_SKIP);
	while (done < n) {
		const char *eol = memchr(from + done, '\n', n - done);
		size_t part = eol != NULL ?
		    (size_t)(eol + 1 - from) - done : n - done;

		append(p, from + done, part);
		done += part;
		if (eol != NULL && is_final_dot(p)) {
			p->n = p->line_at;
			end_article(s);
			return done;
		}
		if (eol != NULL)
			p->line_at = p->n;
		if (p->n > s->nd->options->max_article_bytes)
			s->state = SESSION_SKIP;
		if (s->state == SESSION_SKIP)
			stop_keeping(p);
	}
	return done;
}
