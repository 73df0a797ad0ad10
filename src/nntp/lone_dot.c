// SPDX-License-Identifier: BSD-2-Clause
#include "nntp/lone_dot.h"

#include <string.h>

void lone_dot_init(struct lone_dot *d)
{
	d->state = LONE_DOT_START;
}

bool lone_dot_scan(struct lone_dot *d, const char *buf, size_t n)
{
	const char *end = buf + n;
	bool is_found = false;

	for (const char *p = buf; p < end; p++) {
		if (d->state == LONE_DOT_OTHER)
			p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			break;
		if (*p == '\n') {
			is_found |= d->state == LONE_DOT_DOT ||
			    d->state == LONE_DOT_CR;
			d->state = LONE_DOT_START;
		} else if (*p == '.' && d->state == LONE_DOT_START) {
			d->state = LONE_DOT_DOT;
		} else if (*p == '\r' && d->state != LONE_DOT_START) {
			d->state = LONE_DOT_CR;
		} else {
			d->state = LONE_DOT_OTHER;
		}
	}
	return is_found;
}
