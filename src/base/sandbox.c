// SPDX-License-Identifier: BSD-2-Clause
#include "base/sandbox.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights that are younger than the headers of Debian 12. */
#define RIGHT_TRUNCATE (UINT64_C(1) << 14)	/* ABI 3 */
#define RIGHT_IOCTL_DEV (UINT64_C(1) << 15)	/* ABI 5 */

#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | \
	LANDLOCK_ACCESS_FS_READ_DIR)
/* Those that a rule about a single file may have. */
#define RIGHTS_FILE (LANDLOCK_ACCESS_FS_EXECUTE | \
	LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	RIGHT_TRUNCATE | RIGHT_IOCTL_DEV)

struct rule {
	char *path;		/* real */
	uint64_t rights;
};

/* Written before other threads run. */
static struct {
	struct rule *rules;
	size_t rules_n;
	bool is_entered;
} box;

static const uint64_t rights_of[] = {
	[SANDBOX_READ] = RIGHTS_READ,
	[SANDBOX_LOG] = LANDLOCK_ACCESS_FS_WRITE_FILE |
	    LANDLOCK_ACCESS_FS_MAKE_REG,
	[SANDBOX_REMOVE] = LANDLOCK_ACCESS_FS_REMOVE_FILE,
	[SANDBOX_SOCKET] = LANDLOCK_ACCESS_FS_MAKE_SOCK |
	    LANDLOCK_ACCESS_FS_REMOVE_FILE,
	[SANDBOX_STATE] = RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE |
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
	    RIGHT_TRUNCATE,
};

/* --- what is allowed ----------------------------------------------------- */

/* Takes real. */
static void
add_rule(char *real, uint64_t rights)
{
	if (real == NULL)
		return;
	box.rules = xrealloc(box.rules,
	    (box.rules_n + 1) * sizeof(box.rules[0]));
	box.rules[box.rules_n++] = (struct rule){ real, rights };
}

/* The real path of the directory that path is in, or NULL. Gives. */
static char *
find_directory(const char *path)
{
	char *copy = xstrdup(path);
	char *real = realpath(dirname(copy), NULL);

	free(copy);
	return real;
}

/* A pipe that /dev/stdout leads to, for example: it is in no directory, and
 * Landlock has no rules for it. */
static bool
is_nowhere(const char *path, const char *real)
{
	struct stat st;

	return real == NULL && stat(path, &st) == 0;
}

void
sandbox_allow(const char *path, enum sandbox_access access)
{
	char *real = realpath(path, NULL);
	struct stat st;

	if (access == SANDBOX_STATE) {
		add_rule(real, rights_of[access]);
		return;
	}
	/* A log that is a device or a pipe is not rotated, and what is beside
	 * it is no business of ours. */
	if (access == SANDBOX_LOG && real != NULL && stat(real, &st) == 0 &&
	    !S_ISREG(st.st_mode)) {
		add_rule(real, rights_of[access]);
		return;
	}
	if (access == SANDBOX_LOG && is_nowhere(path, real))
		return;
	add_rule(find_directory(path), rights_of[access]);
	if (real != NULL)
		add_rule(find_directory(real), rights_of[access]);
	free(real);
}

void
sandbox_allow_tree(const char *path)
{
	add_rule(realpath(path, NULL), RIGHTS_READ);
}

/* real is the directory or below it; NULL: it is nowhere. */
static bool
is_below(const char *real, const char *directory)
{
	size_t n = strlen(directory);

	return real != NULL && strncmp(real, directory, n) == 0 &&
	    (real[n] == '\0' || real[n] == '/' || directory[n - 1] == '/');
}

bool
sandbox_covers(const char *path, enum sandbox_access access)
{
	uint64_t missing = rights_of[access];
	int error = errno;
	char *real, *directory;

	if (!box.is_entered)
		return true;
	real = realpath(path, NULL);
	if (access == SANDBOX_LOG && is_nowhere(path, real))
		missing = 0;
	/* What is there to be read counts where it really is. */
	directory = access == SANDBOX_STATE ||
	    (access == SANDBOX_READ && real != NULL) ? NULL :
	    find_directory(path);
	for (size_t i = 0; i < box.rules_n; i++)
		if (is_below(real, box.rules[i].path) ||
		    is_below(directory, box.rules[i].path))
			missing &= ~box.rules[i].rights;
	free(real);
	free(directory);
	errno = error;
	return missing == 0;
}

/* --- the kernel ---------------------------------------------------------- */

int
sandbox_get_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* All that this kernel knows: what no rule gives is taken away. */
static uint64_t
get_known_rights(int abi)
{
	uint64_t rights = LANDLOCK_ACCESS_FS_REFER - 1;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= RIGHT_TRUNCATE;
	if (abi >= 5)
		rights |= RIGHT_IOCTL_DEV;
	return rights;
}

static int
submit_rule(int ruleset_fd, const struct rule *rule, uint64_t known)
{
	struct landlock_path_beneath_attr attr = {
		.allowed_access = rule->rights & known,
		.parent_fd = open(rule->path, O_PATH | O_CLOEXEC),
	};
	struct stat st;
	long rc;

	if (attr.parent_fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	if (fstat(attr.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		attr.allowed_access &= RIGHTS_FILE;
	rc = attr.allowed_access == 0 ? 0 : syscall(SYS_landlock_add_rule,
	    ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
	close(attr.parent_fd);
	return rc == 0 ? 0 : -1;
}

static int
submit_all(int ruleset_fd, uint64_t known)
{
	for (size_t i = 0; i < box.rules_n; i++)
		if (submit_rule(ruleset_fd, &box.rules[i], known) < 0)
			return -1;
	return (int)syscall(SYS_landlock_restrict_self, ruleset_fd, 0);
}

#ifdef NNTPMUX_SANITIZED
/* "…:log_path=/path:…" */
static void
allow_report(const char *options)
{
	static const char key[] = "log_path=";
	const char *value = options != NULL ? strstr(options, key) : NULL;
	char *path;

	if (value == NULL)
		return;
	value += strlen(key);
	path = xstrndup(value, strcspn(value, ":"));
	sandbox_allow(path, SANDBOX_LOG);
	free(path);
}

/* A sanitizer looks at the program and at /proc, runs another that puts names
 * to addresses, and writes a report. */
static void
allow_sanitizers(void)
{
	static const char *const trees[] = { "/usr", "/lib64", "/proc" };
	static const char *const options[] = {
		"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"
	};
	char *self = realpath("/proc/self/exe", NULL);

	for (size_t i = 0; i < ARRAY_N(trees); i++)
		add_rule(realpath(trees[i], NULL), RIGHTS_READ |
		    LANDLOCK_ACCESS_FS_EXECUTE);
	for (size_t i = 0; i < ARRAY_N(options); i++)
		allow_report(getenv(options[i]));
	if (self != NULL)
		add_rule(find_directory(self), RIGHTS_READ);
	free(self);
}
#else
static void
allow_sanitizers(void)
{
}
#endif

int
sandbox_enter(void)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = get_known_rights(sandbox_get_abi()),
	};
	int fd, rc, error;

	allow_sanitizers();
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
	    0);
	if (fd < 0)
		return -1;
	rc = submit_all(fd, attr.handled_access_fs);
	error = errno;
	close(fd);
	errno = error;
	box.is_entered = rc == 0;
	return rc;
}
