// SPDX-License-Identifier: BSD-2-Clause
#include "conf/users_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf.h"
#include "conf/file.h"
#include "conf/report.h"
#include "conf/section.h"

#define FILE_MAX (1024 * 1024)

static const char *
get_place(struct conf *c)
{
	return section_get_place(&c->proxy.s, KIND_PROXY, "users_file");
}

/* Of a line that is wrong nothing is shown but a name: the rest may be a
 * secret. */
static void
take_user(struct conf *c, const char *name, const char *hash,
    const char *where, struct conf_report *report)
{
	struct conf_section *s = conf_find_section(c, KIND_USER, name);

	if (!sections_is_name(KIND_USER, name)) {
		report_add(report, SEVERITY_ERROR, where, "a name has 1 to 40"
		    " letters, digits and . _ - @ +");
	} else if (s != NULL) {
		report_add(report, SEVERITY_ERROR, where, "user %s is there"
		    " already: %s", name, s->where);
	} else {
		s = conf_add_section(c, KIND_USER, name, where);
		s->is_listed = true;
		section_assign(s, settings_find(KIND_USER, "password"), hash,
		    where, report);
	}
}

/* line is cut in place. */
static void
take_line(struct conf *c, char *line, const char *where,
    struct conf_report *report)
{
	char *colon = strchr(line, ':');

	line[strcspn(line, "\r")] = '\0';
	if (line[strspn(line, " \t")] == '\0' || line[0] == '#')
		return;
	if (colon == NULL) {
		report_add(report, SEVERITY_ERROR, where, "must be name:hash");
		return;
	}
	*colon = '\0';
	take_user(c, line, colon + 1, where, report);
}

static void
take_lines(struct conf *c, const char *path, char *text,
    struct conf_report *report)
{
	for (unsigned n = 1; *text != '\0'; n++) {
		size_t line_n = strcspn(text, "\n");
		bool is_last = text[line_n] == '\0';
		char *where = xasprintf("%s:%u", path, n);

		text[line_n] = '\0';
		take_line(c, text, where, report);
		free(where);
		text += is_last ? line_n : line_n + 1;
	}
}

static void
take_file(struct conf *c, struct file *f, struct conf_report *report)
{
	const char *path = c->proxy.users_file;

	if (memchr(f->text, '\0', f->n) != NULL) {
		report_add(report, SEVERITY_ERROR, get_place(c),
		    "users_file %s: holds a NUL", path);
		return;
	}
	if (S_ISREG(f->st.st_mode) && (f->st.st_mode & S_IROTH) != 0)
		report_add(report, SEVERITY_WARNING, get_place(c),
		    "users_file %s: everybody may read it", path);
	take_lines(c, path, f->text, report);
}

void
users_file_read(struct conf *c, struct conf_report *report)
{
	const char *path = c->proxy.users_file;
	struct file f;
	char *why;

	if (path == NULL)
		return;
	if (file_read(&f, path, FILE_MAX, &why) == -1) {
		report_add(report, SEVERITY_ERROR, get_place(c),
		    "users_file %s: %s", path, why);
		free(why);
		return;
	}
	take_file(c, &f, report);
	file_fini(&f);
	if (c->users_n == 0)
		report_add(report, SEVERITY_ERROR, get_place(c),
		    "users_file %s: no users, so nobody would have to log in",
		    path);
}
