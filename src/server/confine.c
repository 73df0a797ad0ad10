// SPDX-License-Identifier: BSD-2-Clause
#include "server/confine.h"

#include "base/check.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "base/syscalls.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the C library reads to find names, and libraries to find certificates:
 * whole directories, for some of these files come and go with the networks of
 * the machine. */
static const char *const system_trees[] = {
	"/etc",
	"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib",
	"/run/NetworkManager", "/run/connman", "/run/nscd", "/run/resolvconf",
	"/run/systemd/resolve",
	"/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	"/usr/share/zoneinfo",
	"/sys/devices/system/cpu",
};

static int
fail(const char *what)
{
	log_error("can't %s: %s", what, strerror(errno));
	return -1;
}

void
confine_memory(void)
{
	const struct rlimit none = { 0, 0 };

	SYS_OK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	SYS_OK(setrlimit(RLIMIT_CORE, &none));
}

/* --- who it is ----------------------------------------------------------- */

static bool
changes_user(const struct conf_proxy *p)
{
	return p->user != NULL && (p->uid != geteuid() || p->gid != getegid());
}

void
confine_give_log(const struct conf_proxy *p)
{
	if (changes_user(p) && log_give(p->uid) < 0)
		log_warn("the log can't be given to %s: %s", p->user,
		    strerror(errno));
}

void
confine_give_socket(const struct conf_proxy *p, const char *path)
{
	if (changes_user(p) && fchownat(AT_FDCWD, path, p->uid, p->gid,
	    AT_SYMLINK_NOFOLLOW) < 0)
		log_warn("%s can't be given to %s: %s", path, p->user,
		    strerror(errno));
}

static int
change_user(const struct conf_proxy *p)
{
	if (!changes_user(p))
		return 0;
	if (setgroups(0, NULL) < 0 ||
	    setresgid(p->gid, p->gid, p->gid) < 0 ||
	    setresuid(p->uid, p->uid, p->uid) < 0) {
		log_error("can't become user %s: %s", p->user,
		    strerror(errno));
		return -1;
	}
	/* A way back would be a defect of the kernel, or of this. */
	CHECK(p->uid == 0 || setuid(0) < 0);
	/* The kernel has just set this anew. */
	confine_memory();
	return 0;
}

/* Those that let an ordinary user bind low ports, for example. Where there are
 * none, a service manager may have forbidden the call. */
static int
drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3];
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
		{ 0 }
	};

	if (geteuid() == 0) {
		log_warn("running as root, with all rights: set user in"
		    " [proxy], or -u");
		return 0;
	}
	if (syscall(SYS_capget, &header, now) == 0 &&
	    memcmp(now, none, sizeof(none)) == 0)
		return 0;
	return (int)syscall(SYS_capset, &header, none);
}

/* --- what it may do ------------------------------------------------------ */

static void
allow_path(void *arg, const char *path, enum sandbox_access access)
{
	(void)arg;
	sandbox_allow(path, access);
}

/* Where the environment says whom to trust is anywhere. */
static void
allow_authorities(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		sandbox_allow_tree(path);
	else
		sandbox_allow(path, SANDBOX_READ);
}

static int
enter_sandbox(const struct conf *c, int *abi_r)
{
	*abi_r = c->proxy.sandbox ? sandbox_get_abi() : 0;
	if (!c->proxy.sandbox)
		return 0;
	if (*abi_r == 0) {
		log_warn("no sandbox: this kernel has no Landlock");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_N(system_trees); i++)
		sandbox_allow_tree(system_trees[i]);
	tls_trust_each_path(allow_authorities, NULL);
	conf_each_path(c, allow_path, NULL);
	return sandbox_enter();
}

/* The C library loads what it finds names with when it looks for the first one:
 * now, while it may do everything. */
static void
warm_up_resolver(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	if (getaddrinfo("localhost", NULL, &hints, &found) == 0)
		freeaddrinfo(found);
}

static void
log_state(const struct conf_proxy *p, int abi)
{
	const struct passwd *user = getpwuid(geteuid());
	char landlock[32] = "no", uid[16];

	if (abi > 0)
		snprintf(landlock, sizeof(landlock), "landlock-%d", abi);
	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	log_info("user=%s gid=%u sandbox=%s seccomp=%s",
	    user != NULL ? user->pw_name : uid, (unsigned)getegid(), landlock,
	    p->seccomp ? "yes" : "no");
}

int
confine_enter(const struct conf *c)
{
	int abi;

	if (change_user(&c->proxy) < 0)
		return -1;
	if (drop_capabilities() < 0)
		return fail("drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail("set no_new_privs");
	warm_up_resolver();
	if (enter_sandbox(c, &abi) < 0)
		return fail("enter the sandbox");
	if (c->proxy.seccomp && syscalls_limit() < 0)
		return fail("limit system calls");
	log_state(&c->proxy, abi);
	return 0;
}

static void
judge_path(void *arg, const char *path, enum sandbox_access access)
{
	if (sandbox_covers(path, access))
		return;
	log_error("%s is outside of the sandbox: restart to use it", path);
	*(bool *)arg = false;
}

bool
confine_covers(const struct conf *c)
{
	bool is_covered = true;

	conf_each_path(c, judge_path, &is_covered);
	return is_covered;
}
