// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/command.h"

#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "nntp/text.h"
#include "nntp/word.h"

enum {
	WORDS_MAX = 6,		/* one more than the longest form: NEWNEWS */
	NUMBER_DIGITS_MAX = 16,	/* RFC 3977, 9.8: article-number */
};

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static bool is_alpha(char ch)
{
	ch = word_to_upper(ch);
	return ch >= 'A' && ch <= 'Z';
}

static unsigned split_words(const struct command *c, struct word *words)
{
	const char *s = c->args;
	size_t n = c->args_n;
	unsigned words_n;

	for (words_n = 0; words_n < WORDS_MAX; words_n++) {
		words[words_n] = word_cut(&s, &n);
		if (words[words_n].n == 0)
			break;
	}
	return words_n;
}

/* Of eight octets: whether one is below 0x20, or 0x7f. */
static bool has_control_in_8(const char *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = 0x80 * ones;
	uint64_t v, deleted;

	memcpy(&v, s, sizeof(v));
	deleted = v ^ 0x7f * ones;	/* its octet is 0 */
	return (((v - 0x20 * ones) & ~v & high) |
	    ((deleted - ones) & ~deleted & high)) != 0;
}

/* Octets that no command holds (RFC 3977, 9.8: P-CHAR); octets from 128 up may
 * be UTF-8 or whatever the group's name is written in. */
static bool has_control(const char *s, size_t n)
{
	/* Most of a line is passed in long steps; a tab is no reason to
	 * refuse it, but to look at each octet. */
	for (; n >= 8 && !has_control_in_8(s); n -= 8)
		s += 8;
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)s[i];

		if ((ch < 0x20 && ch != '\t') || ch == 0x7f)
			return true;
	}
	return false;
}

bool msgid_is_valid(const char *s, size_t n)
{
	if (n < 3 || n > MSGID_MAX || s[0] != '<' || s[n - 1] != '>')
		return false;
	for (size_t i = 1; i < n - 1; i++) {
		if (s[i] < 0x21 || s[i] > 0x7e || s[i] == '>')
			return false;
	}
	return true;
}

/* RFC 3977, 9.8: keyword = ALPHA 2*(ALPHA / DIGIT / "." / "-"). */
static bool is_keyword(struct word w)
{
	if (w.n < 3 || !is_alpha(w.s[0]))
		return false;
	for (size_t i = 1; i < w.n; i++) {
		char ch = w.s[i];

		if (!is_alpha(ch) && !is_digit(ch) && ch != '.' && ch != '-')
			return false;
	}
	return true;
}

static size_t count_digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(s[i]))
		i++;
	return i;
}

static bool is_number(struct word w)
{
	return w.n > 0 && w.n <= NUMBER_DIGITS_MAX &&
	    count_digits(w.s, w.n) == w.n;
}

/* number ["-" [number]] */
static bool is_range(struct word w)
{
	size_t n = count_digits(w.s, w.n);
	struct word low = { w.s, n }, high;

	if (!is_number(low))
		return false;
	if (n == w.n)
		return true;
	if (w.s[n] != '-')
		return false;
	high.s = w.s + n + 1;
	high.n = w.n - n - 1;
	return high.n == 0 || is_number(high);
}

/* date time [GMT] [<distributions>]; the last is of RFC 977. */
static bool is_date_time(const struct word *words, unsigned words_n)
{
	if (words_n < 2)
		return false;
	if ((words[0].n != 6 && words[0].n != 8) || !is_number(words[0]))
		return false;
	if (words[1].n != 6 || !is_number(words[1]))
		return false;
	words += 2;
	words_n -= 2;
	if (words_n > 0 && word_is(words[0], "GMT")) {
		words++;
		words_n--;
	}
	if (words_n == 0)
		return true;
	return words_n == 1 && words[0].s[0] == '<' &&
	    words[0].s[words[0].n - 1] == '>';
}

/* [<message-id>|range], the last word of the commands that know both. */
static bool parse_article(struct command *c, const struct word *words,
    unsigned words_n, bool (*is_by_number)(struct word))
{
	if (words_n > 1)
		return false;
	if (words_n == 1 && msgid_is_valid(words[0].s, words[0].n)) {
		c->msgid = words[0].s;
		c->msgid_n = words[0].n;
		c->route = ROUTE_MSGID;
		return true;
	}
	c->route = ROUTE_GROUP;
	return words_n == 0 || is_by_number(words[0]);
}

static bool parse_msgid(struct command *c, const struct word *words,
    unsigned words_n)
{
	if (words_n != 1 || !msgid_is_valid(words[0].s, words[0].n))
		return false;
	c->msgid = words[0].s;
	c->msgid_n = words[0].n;
	return true;
}

static bool parse_listgroup(struct command *c, const struct word *words,
    unsigned words_n)
{
	if (words_n == 0)
		c->route = ROUTE_GROUP;
	return words_n < 2 || (words_n == 2 && is_range(words[1]));
}

static bool parse_args(struct command *c)
{
	struct word words[WORDS_MAX];
	unsigned n = split_words(c, words);

	switch (c->row->form) {
	case FORM_NONE:
		return n == 0;
	case FORM_ARTICLE:
		return parse_article(c, words, n, is_number);
	case FORM_OVER:
		return parse_article(c, words, n, is_range);
	case FORM_HDR:
		return n > 0 && parse_article(c, words + 1, n - 1, is_range);
	case FORM_XPAT:
		return n >= 3 && (is_range(words[1]) ||
		    msgid_is_valid(words[1].s, words[1].n));
	case FORM_MSGID:
		return parse_msgid(c, words, n);
	case FORM_WORD:
		return n == 1;
	case FORM_WORD_OPT:
		return n <= 1;
	case FORM_KEYWORD_OPT:
		return n == 0 || (n == 1 && is_keyword(words[0]));
	case FORM_KEYWORD_ANY:
		return n > 0 && is_keyword(words[0]);
	case FORM_LISTGROUP:
		return parse_listgroup(c, words, n);
	case FORM_DATE:
		return is_date_time(words, n);
	case FORM_NEWNEWS:
		return n > 0 && is_date_time(words + 1, n - 1);
	case FORM_SASL:
		return n == 1 || n == 2;
	case FORM_TEXT:
	case FORM_PASSWORD:
		return c->args_n > 0;
	case FORM_ANY:
		return true;
	case FORM_NEVER:
		return false;
	}
	NEVER("a form without a case");
}

/* The row of a verb that has no second word, or the first of its family. */
static const struct command_row *find_verb(struct word verb)
{
	for (int id = 0; id < CMD_UNKNOWN; id++) {
		const struct command_row *row =
		    command_get_row((enum command_id)id);

		if (word_is(verb, row->verb))
			return row;
	}
	return NULL;
}

static bool is_family(const struct command_row *a,
    const struct command_row *b)
{
	return strcmp(a->verb, b->verb) == 0;
}

/* The row of a family for its second word, which is taken off s, n if the row
 * names it. */
static const struct command_row *find_keyword(const struct command_row *row,
    const char **s, size_t *n)
{
	const struct command_row *last = row;
	const char *rest = *s;
	size_t rest_n = *n;
	struct word keyword;

	if (row->keyword == NULL && !is_family(row + 1, row))
		return row;	/* most are alone */
	keyword = word_cut(&rest, &rest_n);
	/* CMD_UNKNOWN, the last row, is no family: the walk ends there. */
	for (; is_family(row, last); row++) {
		if (keyword.n == 0 && row->keyword == NULL)
			return row;
		if (row->keyword != NULL && word_is(keyword, row->keyword)) {
			*s = rest;
			*n = rest_n;
			return row;
		}
		last = row;
	}
	return last;
}

static enum command_result refuse_unknown(struct command *c)
{
	c->row = command_get_row(CMD_UNKNOWN);
	c->route = ROUTE_REFUSE;
	return COMMAND_UNKNOWN;
}

/* RFC 4643, 3.1: a password is all that stands behind the first blank, with
 * the blanks in it and around it. */
static void take_password(struct command *c, const char *s, size_t n)
{
	c->args = s;
	c->args_n = n;
	if (n > 0) {
		c->args++;
		c->args_n--;
	}
}

static void take_args(struct command *c, const char *s, size_t n)
{
	while (n > 0 && word_is_blank(*s)) {
		s++;
		n--;
	}
	c->args = s;
	c->args_n = n;
}

static bool has_bad_octets(const struct command *c)
{
	/* RFC 4643, 3.1: B-CHAR, so everything but NUL, CR and LF. */
	if (c->row->form == FORM_PASSWORD)
		return memchr(c->line, '\0', c->line_n) != NULL ||
		    memchr(c->line, '\r', c->line_n) != NULL ||
		    memchr(c->line, '\n', c->line_n) != NULL;
	return has_control(c->line, c->line_n);
}

static enum command_result parse_verb(struct command *c, size_t untrimmed_n)
{
	const char *s = c->line;
	size_t n = c->line_n;
	struct word verb = word_cut(&s, &n);
	const struct command_row *row = find_verb(verb);

	if (row == NULL) {
		take_args(c, s, n);
		if (!is_keyword(verb) || has_control(c->line, c->line_n))
			return refuse_unknown(c);
		c->route = ROUTE_UNKNOWN;
		return COMMAND_UNKNOWN;
	}
	row = find_keyword(row, &s, &n);
	c->row = row;
	c->route = row->route;
	if (row->form == FORM_PASSWORD) {
		c->line_n = untrimmed_n;
		take_password(c, s, untrimmed_n - (size_t)(s - c->line));
	} else {
		take_args(c, s, n);
	}
	if (row->route == ROUTE_REFUSE)
		return COMMAND_OK;
	if (has_bad_octets(c) || !parse_args(c))
		return COMMAND_SYNTAX;
	return COMMAND_OK;
}

enum command_result command_parse(const char *line, size_t n,
    struct command *out_r)
{
	size_t untrimmed_n = n;

	while (n > 0 && word_is_blank(line[n - 1]))
		n--;
	*out_r = (struct command){
		.row = command_get_row(CMD_UNKNOWN),
		.route = ROUTE_REFUSE,
		.line = line,
		.line_n = n,
		.args = line,
	};
	if (n == 0)
		return COMMAND_EMPTY;
	if (word_is_blank(line[0]))
		return COMMAND_SYNTAX;
	return parse_verb(out_r, untrimmed_n);
}

void command_init(struct command *c, enum command_id id)
{
	const struct command_row *row = command_get_row(id);

	*c = (struct command){
		.row = row,
		.route = row->route,
		.line = row->verb,
		.line_n = strlen(row->verb),
		.args = row->verb + strlen(row->verb),
	};
}

void command_move(struct command *c, const char *line)
{
	c->args = line + (c->args - c->line);
	if (c->msgid != NULL)
		c->msgid = line + (c->msgid - c->line);
	c->line = line;
}

bool command_get_word(const struct command *c, unsigned i,
    const char **word_r, size_t *n_r)
{
	const char *s = c->args;
	size_t n = c->args_n;
	struct word w;

	do {
		w = word_cut(&s, &n);
	} while (w.n > 0 && i-- > 0);
	*word_r = w.s;
	*n_r = w.n;
	return w.n > 0;
}

static void add_line(struct text *t, const struct command *c)
{
	if (c->row->verb[0] == '\0') {
		text_add(t, c->line, c->line_n);
	} else {
		text_puts(t, c->row->verb);
		if (c->row->keyword != NULL) {
			text_puts(t, " ");
			text_puts(t, c->row->keyword);
		}
		if (c->args_n > 0) {
			text_puts(t, " ");
			text_add(t, c->args, c->args_n);
		}
	}
	text_puts(t, "\r\n");
}

size_t command_write(const struct command *c, char *buf, size_t size)
{
	struct text needed = { NULL, 0, 0 };
	struct text t = { buf, size, 0 };

	add_line(&needed, c);
	if (needed.n <= size)
		add_line(&t, c);
	return needed.n;
}

static bool has_code(const uint16_t *codes, size_t max, int code)
{
	for (size_t i = 0; i < max && codes[i] != 0; i++) {
		if (codes[i] == code)
			return true;
	}
	return false;
}

bool command_code_has_block(const struct command *c, int code)
{
	return has_code(c->row->blocks, COMMAND_BLOCKS_MAX, code);
}

bool command_code_is_known(const struct command *c, int code)
{
	/* A 3xx wants something sent; nobody knows what. */
	if (c->row == command_get_row(CMD_UNKNOWN))
		return code < 300;
	return command_code_has_block(c, code) ||
	    has_code(c->row->lines, COMMAND_LINES_MAX, code);
}
