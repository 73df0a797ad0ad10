// SPDX-License-Identifier: BSD-2-Clause
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "threads.h"

static char dir[PATH_MAX], path[PATH_MAX + 16], target[PATH_MAX + 32];
static char text[64 * 1024];

static void
set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/nntpmux-log-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(target, sizeof(target), "file:%s", path);
}

static void
tear_down(void)
{
	log_close();
	unlink(path);
	rmdir(dir);
}

#define LOG_TEST(name, ...)                                                   \
	Test(log, name, .init = set_up, .fini = tear_down, ##__VA_ARGS__)

static const char *
read_all(const char *from)
{
	FILE *f = fopen(from, "r");
	size_t n;

	cr_assert_not_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static size_t
count(char c, const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += *s == c;
	return n;
}

static void
open_it(enum log_level level, enum log_format format)
{
	cr_assert_eq(log_open(target, level, format), 0);
}

/* What the line says behind its time and level. */
static const char *
written_as(enum log_format format, const char *said)
{
	static const char key[] = "\"msg\":\"";
	const char *s;

	unlink(path);
	open_it(LEVEL_INFO, format);
	log_info("%s", said);
	log_close();
	s = read_all(path);
	cr_assert_eq(count('\n', s), 1, "%s", s);
	cr_assert_eq(s[strlen(s) - 1], '\n');
	if (format == FORMAT_TEXT)
		return strstr(s, " info  ") + strlen(" info  ");
	s = strstr(s, key);
	cr_assert_not_null(s);
	return s + strlen(key);
}

LOG_TEST(a_line_has_time_and_level)
{
	const char *s;

	open_it(LEVEL_INFO, FORMAT_TEXT);
	log_warn("backend=%s n=%d", "a", 5);
	s = read_all(path);
	cr_assert_eq(strlen(s), strlen("2026-01-01T00:00:00.000Z warn  "
	    "backend=a n=5\n"), "%s", s);
	cr_assert_eq(s[10], 'T');
	cr_assert_str_eq(s + 23, "Z warn  backend=a n=5\n");
}

LOG_TEST(only_wanted_levels_are_written)
{
	open_it(LEVEL_WARN, FORMAT_TEXT);
	cr_assert(log_is_enabled(LEVEL_ERROR));
	cr_assert(log_is_enabled(LEVEL_WARN));
	cr_assert_not(log_is_enabled(LEVEL_INFO));
	log_info("unheard");
	log_error("heard");
	cr_assert_null(strstr(read_all(path), "unheard"));
	cr_assert_not_null(strstr(text, "heard"));
}

LOG_TEST(a_peer_can_not_forge_a_line)
{
	cr_assert_str_eq(written_as(FORMAT_TEXT, "a\r\nb\x1b[31m\x7f\tc"),
	    "a\\x0d\\x0ab\\x1b[31m\\x7f\\x09c\n");
	cr_assert_str_eq(written_as(FORMAT_JSON, "a\r\n\"},{\"b\\\x01"),
	    "a\\u000d\\u000a\\\"},{\\\"b\\\\\\u0001\"}\n");
}

LOG_TEST(what_is_no_text_is_escaped)
{
	static const char euro[] = "\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\x99";
	static const char *const wrong[] = {
		"\xff", "\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82",
		"\xc3", "\xc2\x9b" /* a control character */,
	};

	cr_assert_str_eq(written_as(FORMAT_JSON, euro),
	    "\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\x99\"}\n");
	cr_assert_str_eq(written_as(FORMAT_TEXT, euro),
	    "\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\x99\n");
	cr_assert_str_eq(written_as(FORMAT_JSON, "a\xff"), "a\\u00ff\"}\n");
	cr_assert_str_eq(written_as(FORMAT_TEXT, "a\xff"), "a\\xff\n");
	for (size_t i = 0; i < ARRAY_N(wrong); i++)
		for (int format = FORMAT_TEXT; format <= FORMAT_JSON; format++)
			for (const char *s = written_as((enum log_format)format,
			    wrong[i]); *s != '\0'; s++)
				cr_assert((unsigned char)*s < 0x80, "%zu", i);
}

LOG_TEST(a_json_line_is_one_object)
{
	const char *s;

	open_it(LEVEL_INFO, FORMAT_JSON);
	log_info("hello");
	s = read_all(path);
	cr_assert_eq(strncmp(s, "{\"time\":\"20", 11), 0, "%s", s);
	cr_assert_not_null(strstr(s,
	    "Z\",\"level\":\"info\",\"msg\":\"hello\"}\n"));
}

LOG_TEST(long_lines_are_cut_and_still_whole)
{
	static const char *const parts[] = { "x", "\n", "\"", "\xff",
		"\xe2\x82\xac" };
	char said[3 * LOG_LINE_MAX];

	for (size_t i = 0; i < ARRAY_N(parts); i++) {
		said[0] = '\0';
		while (strlen(said) + 8 < sizeof(said))
			strcat(said, parts[i]);
		written_as(FORMAT_TEXT, said);
		cr_assert_leq(strlen(text), LOG_LINE_MAX + 128);
		written_as(FORMAT_JSON, said);
		cr_assert_leq(strlen(text), LOG_LINE_MAX + 128);
		cr_assert_str_eq(text + strlen(text) - 3, "\"}\n");
		/* Not cut inside an escape. */
		cr_assert(i == 2 || text[strlen(text) - 4] != '\\');
	}
}

LOG_TEST(reopen_follows_the_name)
{
	char old[PATH_MAX + 32];

	snprintf(old, sizeof(old), "%s.1", path);
	open_it(LEVEL_INFO, FORMAT_TEXT);
	log_info("one");
	cr_assert_eq(rename(path, old), 0);
	log_info("two");
	cr_assert_eq(log_reopen(), 0);
	log_info("three");
	cr_assert_not_null(strstr(read_all(old), "two"));
	cr_assert_null(strstr(text, "three"));
	cr_assert_not_null(strstr(read_all(path), "three"));
	cr_assert_null(strstr(text, "two"));
	unlink(old);
}

LOG_TEST(the_old_file_goes_on_when_reopen_fails)
{
	open_it(LEVEL_INFO, FORMAT_TEXT);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(log_reopen(), -1);
	log_info("still fine");
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(log_reopen(), 0);
	log_info("again");
	cr_assert_not_null(strstr(read_all(path), "again"));
}

LOG_TEST(what_can_not_be_opened_leaves_standard_error)
{
	struct stat before, after;

	cr_assert_eq(log_open("file:/nonexistent/log", LEVEL_INFO,
	    FORMAT_TEXT), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(fstat(STDERR_FILENO, &before), 0);
	cr_assert_eq(log_reopen(), 0);	/* nothing to reopen */
	cr_assert_eq(fstat(STDERR_FILENO, &after), 0);
	cr_assert_eq(before.st_ino, after.st_ino);
}

LOG_TEST(errno_survives)
{
	open_it(LEVEL_INFO, FORMAT_TEXT);
	errno = EXDEV;
	log_info("hello");
	cr_assert_eq(errno, EXDEV);
}

enum { WRITERS = 8 };
static unsigned lines_n;

static void
write_lines(unsigned index)
{
	for (unsigned i = 0; i < lines_n; i++) {
		log_info("<%u %c%c%c%c%c%c%c%c>", index, 'a' + index,
		    'a' + index, 'a' + index, 'a' + index, 'a' + index,
		    'a' + index, 'a' + index, 'a' + index);
		if (index == 0 && i % 16 == 0 && log_reopen() < 0)
			log_error("<reopen failed>");
	}
}

LOG_TEST(lines_of_several_threads_do_not_mix, .timeout = 60)
{
	struct crew crew;
	size_t n = 0;

	open_it(LEVEL_INFO, FORMAT_TEXT);
	lines_n = 100;
	crew_start(&crew, WRITERS, write_lines);
	crew_join(&crew);
	for (char *line = strtok((char *)(uintptr_t)read_all(path), "\n");
	    line != NULL; line = strtok(NULL, "\n"), n++) {
		char *s = strchr(line, '<');

		cr_assert_not_null(s, "%s", line);
		cr_assert_eq(strlen(s), 12, "%s", line);
		for (int i = 3; i < 11; i++)
			cr_assert_eq(s[i], 'a' + (s[1] - '0'), "%s", line);
	}
	cr_assert_eq(n, WRITERS * lines_n);
}
