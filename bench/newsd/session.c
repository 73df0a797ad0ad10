// SPDX-License-Identifier: BSD-2-Clause
#include "newsd/session.h"

#include "base/check.h"
#include "newsd/commands.h"
#include "newsd/newsd.h"
#include "newsd/options.h"
#include "newsd/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define UNKNOWN_MAX 100 /* in a row, then the session ends */

void
session_init(struct session *s, struct newsd *nd, struct out *out,
    bool is_control)
{
	memset(s, 0, sizeof(*s));
	s->nd = nd;
	s->out = out;
	s->is_control = is_control;
}

void
session_fini(struct session *s)
{
	free(s->posting.text);
	s->posting.text = NULL;
}

bool
session_may(const struct session *s)
{
	return s->is_control || s->is_logged_in || s->nd->options->user == NULL;
}

__attribute__((format(printf, 2, 0))) static void
write_line(struct session *s, const char *fmt, va_list ap)
{
	char small[1024], *p = small;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	CHECK(n >= 0);
	if ((size_t)n >= sizeof(small)) {
		p = xmalloc((size_t)n + 1);
		vsnprintf(p, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	out_text(s->out, p, (size_t)n);
	out_text(s->out, "\r\n", 2);
	if (p != small)
		free(p);
}

void
session_reply(struct session *s, const char *fmt, ...)
{
	size_t code = (size_t)strtoul(fmt, NULL, 10);
	va_list ap;

	CHECK(code >= 100 && code < STATS_CODES_N);
	va_start(ap, fmt);
	write_line(s, fmt, ap);
	va_end(ap);
	if (!s->is_control)
		stats_count(&s->nd->stats.codes[code], 1);
}

void
session_row(struct session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(s, fmt, ap);
	va_end(ap);
}

void
session_block_end(struct session *s)
{
	out_text(s->out, ".\r\n", 3);
}

void
session_greet(struct session *s)
{
	const struct options *o = s->nd->options;

	if (o->no_post)
		session_reply(s, "201 %s", o->greeting);
	else
		session_reply(s, "200 %s", o->greeting);
}

void
session_line_too_long(struct session *s)
{
	session_reply(s, "501 line too long");
}

/* Splits at blanks and tabs; more words than fit make argc too large. */
static void
split(struct command *c, char *line)
{
	char *p = line;

	c->argc = 0;
	c->rest[0] = c->rest[1] = "";
	for (;;) {
		p += strspn(p, " \t");
		if (*p == '\0')
			return;
		/* AUTHINFO needs what follows two words as it was typed. */
		if (c->argc < 2)
			c->rest[c->argc] = p;
		if (c->argc == COMMAND_ARGS_MAX) {
			c->argc++;
			return;
		}
		c->argv[c->argc++] = p;
		p += strcspn(p, " \t");
		if (*p != '\0')
			*p++ = '\0';
	}
}

/* Does what the fault asks; true when there is no answer any more. */
static bool
apply_fault(struct session *s, enum fault_kind kind)
{
	switch (kind) {
	case FAULT_CLOSE_BEFORE:
		s->state = SESSION_END;
		return true;
	case FAULT_SILENT:
		s->state = SESSION_SILENT;
		return true;
	case FAULT_GARBAGE:
		session_row(s, "garbage \x01\xFF instead of an answer");
		return true;
	case FAULT_400:
		session_reply(s, "400 going down on purpose");
		s->state = SESSION_END;
		return true;
	case FAULT_CLOSE_IN_BLOCK:
		s->is_cut = true;
		return false;
	case FAULT_SLOW:
		s->is_slow = true;
		return false;
	case FAULT_NONE:
	case FAULT_KINDS_N:
		return false;
	}
	NEVER("kind of fault");
}

static void
unknown_verb(struct session *s)
{
	if (!s->is_control)
		stats_count(&s->nd->stats.unknown, 1);
	if (++s->unknown_n >= UNKNOWN_MAX) {
		session_reply(s, "400 nothing of this is a command");
		s->state = SESSION_END;
		return;
	}
	session_reply(s, "500 unknown command");
}

static void
run(struct session *s, const struct command_row *row, struct command *c)
{
	int args_n = c->argc - 1;

	if ((row->flags & COMMAND_CONTROL) != 0 && !s->is_control) {
		session_reply(s, "502 only on the control port");
	} else if (!session_may(s) && (row->flags & COMMAND_LOGIN) != 0) {
		session_reply(s, "480 log in first");
	} else if (args_n < row->args_min || args_n > row->args_max) {
		session_reply(s, "501 syntax: %s %s", row->verb, row->help);
	} else if ((row->flags & COMMAND_FAULTS) == 0 || s->is_control ||
	    !apply_fault(s, fault_roll(&s->nd->fault))) {
		row->run(s, c);
		if (s->state != SESSION_LISTING)
			s->is_cut = false;
	}
}

void
session_line(struct session *s, char *line, size_t n)
{
	const struct command_row *row;
	char copy[SESSION_LINE_MAX];
	struct command c;

	CHECK(s->state == SESSION_COMMAND && n < SESSION_LINE_MAX);
	if (memchr(line, '\0', n) != NULL) {
		session_reply(s, "501 NUL in a command");
		return;
	}
	memcpy(copy, line, n);
	copy[n] = '\0';
	line[n] = '\0';
	split(&c, copy);
	if (c.argc == 0) {
		session_reply(s, "501 empty line");
		return;
	}
	/* The words end in the copy; the line itself is still whole. */
	c.rest[0] = line + (c.rest[0] - copy);
	if (c.argc > 1)
		c.rest[1] = line + (c.rest[1] - copy);
	row = commands_find(c.argv[0]);
	if (row == NULL) {
		unknown_verb(s);
		return;
	}
	s->unknown_n = 0;
	if (!s->is_control)
		stats_count(&s->nd->stats.verbs[commands_get_index(row)], 1);
	run(s, row, &c);
}
