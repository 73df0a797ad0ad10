// SPDX-License-Identifier: BSD-2-Clause
#include "conf/hash_password.h"

#include <crypt.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"
#include "conf/options.h"

/* As long as a client can send it (AUTHINFO PASS). */
#define PASSWORD_MAX 496

struct password {
	char text[PASSWORD_MAX + 2];	/* a line end, or one octet more */
	size_t n;
};

static int
fail(const char *why)
{
	fprintf(stderr, "nntpmux: %s\n", why);
	return -1;
}

/* --- reading --------------------------------------------------------------- */

/* Up to a line end, the end, behind the octet `stop`, or up to one octet more
 * than there may be. Octet by octet: no buffer of stdio keeps a copy. */
static int
read_line(struct password *p, char stop)
{
	p->n = 0;
	while (p->n < sizeof(p->text) - 1) {
		ssize_t got = read(STDIN_FILENO, p->text + p->n, 1);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return fail(strerror(errno));
		if (got == 0 || p->text[p->n] == '\n')
			break;
		if (p->text[p->n++] == stop)
			break;
	}
	if (p->n > 0 && p->text[p->n - 1] == '\r')
		p->n--;
	p->text[p->n] = '\0';
	return 0;
}

/* Without an echo. Signals of the keyboard are octets meanwhile, and ^C ends
 * the line: so whatever happens, the terminal is as before. */
static int
ask(const char *prompt, const struct termios *before, struct password *p)
{
	struct termios silent = *before;
	cc_t interrupt = before->c_cc[VINTR];
	int rc;

	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_cc[VEOL] = interrupt;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == -1)
		return fail(strerror(errno));
	fputs(prompt, stderr);	/* not before: what is typed then is shown */
	rc = read_line(p, (char)interrupt);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, before) == -1)
		rc = fail(strerror(errno));
	fputc('\n', stderr);
	return rc;
}

static int
ask_twice(const struct termios *before, struct password *p)
{
	struct password again;
	int rc = ask("Password: ", before, p);

	if (rc == 0 && p->n == 0)
		return 0;	/* it won't do anyway */
	if (rc == 0 && memchr(p->text, before->c_cc[VINTR], p->n) != NULL)
		return fail("given up");
	if (rc == 0)
		rc = ask("Once more: ", before, &again);
	if (rc == 0 && strcmp(p->text, again.text) != 0)
		rc = fail("these two differ");
	explicit_bzero(&again, sizeof(again));
	return rc;
}

static bool
has_control(const struct password *p)
{
	for (size_t i = 0; i < p->n; i++)
		if ((unsigned char)p->text[i] < ' ' || p->text[i] == 0x7f)
			return true;
	return false;
}

static int
get_password(struct password *p)
{
	struct termios before;
	int rc = tcgetattr(STDIN_FILENO, &before) == 0 ?
	    ask_twice(&before, p) : read_line(p, '\n');

	if (rc == -1)
		return -1;
	if (p->n == 0)
		return fail("the password is empty");
	if (p->n > PASSWORD_MAX)
		return fail("the password is longer than 496 octets");
	if (has_control(p))
		return fail("the password holds a control character");
	return 0;
}

/* --- hashing --------------------------------------------------------------- */

static int
print_hash(const char *password)
{
	struct crypt_data *data = xcalloc(1, sizeof(*data));
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;
	int rc = 0;

	if (crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof(setting)) !=
	    NULL)
		hash = crypt_r(password, setting, data);
	if (hash == NULL || hash[0] == '*')
		rc = fail(strerror(errno));
	else if (puts(hash) == EOF || fflush(stdout) != 0)
		rc = fail(strerror(errno));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return rc;
}

int
hash_password(void)
{
	struct password p;
	int rc = get_password(&p);

	if (rc == 0)
		rc = print_hash(p.text);
	explicit_bzero(&p, sizeof(p));
	return rc == 0 ? EXIT_FINE : EXIT_RUNTIME;
}
