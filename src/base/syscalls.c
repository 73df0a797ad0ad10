// SPDX-License-Identifier: BSD-2-Clause
#include "base/syscalls.h"

#include "base/check.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* By what they are for. Some are taken by other versions or other
 * architectures of the C library than this one's. */
static const int allowed[] = {
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mmap), SCMP_SYS(mmap2),
	SCMP_SYS(mprotect), SCMP_SYS(mremap), SCMP_SYS(munmap),
	/* threads, their locks, their end */
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex),
	SCMP_SYS(futex_time64), SCMP_SYS(get_robust_list), SCMP_SYS(gettid),
	SCMP_SYS(membarrier), SCMP_SYS(restart_syscall), SCMP_SYS(rseq),
	SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address),
	/* signals to itself: abort(3) */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(rt_sigtimedwait_time64), SCMP_SYS(sigaltstack),
	SCMP_SYS(tgkill),
	/* who and where it is, time, chance */
	SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(getcwd), SCMP_SYS(getegid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getpid),
	SCMP_SYS(getppid), SCMP_SYS(getrandom), SCMP_SYS(getrlimit),
	SCMP_SYS(getrusage), SCMP_SYS(gettimeofday), SCMP_SYS(getuid),
	SCMP_SYS(nanosleep), SCMP_SYS(prlimit64), SCMP_SYS(sysinfo),
	SCMP_SYS(time), SCMP_SYS(uname),
	/* waiting */
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64),
	SCMP_SYS(pselect6), SCMP_SYS(select),
	/* descriptors */
	SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
	SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(ioctl), SCMP_SYS(lseek),
	SCMP_SYS(pipe2), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(splice), SCMP_SYS(write),
	SCMP_SYS(writev),
	/* files: what of them is for the sandbox and the owner to say */
	SCMP_SYS(access), SCMP_SYS(chmod), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(fchmod), SCMP_SYS(fchmodat),
	SCMP_SYS(fdatasync), SCMP_SYS(flock), SCMP_SYS(fstat),
	SCMP_SYS(fstat64), SCMP_SYS(fstatfs), SCMP_SYS(fsync),
	SCMP_SYS(ftruncate), SCMP_SYS(getdents64), SCMP_SYS(lstat),
	SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(stat),
	SCMP_SYS(statfs), SCMP_SYS(statx), SCMP_SYS(umask), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	/* sockets; socket(2) itself is below */
	SCMP_SYS(accept4), SCMP_SYS(bind), SCMP_SYS(connect),
	SCMP_SYS(getpeername), SCMP_SYS(getsockname), SCMP_SYS(getsockopt),
	SCMP_SYS(listen), SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg),
	SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg),
	SCMP_SYS(sendto), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
#ifdef NNTPMUX_SANITIZED
	/* at its end it stops itself to look for leaks, and runs a program
	 * that puts names to addresses */
	SCMP_SYS(clone), SCMP_SYS(execve), SCMP_SYS(getdents), SCMP_SYS(kill),
	SCMP_SYS(pipe), SCMP_SYS(prctl), SCMP_SYS(ptrace), SCMP_SYS(tkill),
	SCMP_SYS(wait4),
#endif
};

/* Netlink is how the C library learns of the addresses of the machine. */
static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

static const int prctls[] = { PR_SET_NAME, PR_GET_DUMPABLE, PR_SET_DUMPABLE,
	PR_SET_TIMERSLACK };

/* The call, where its first argument is one of these. */
static int
allow_values(scmp_filter_ctx filter, int call, const int *v, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)v[i], 0));
	return rc;
}

/* Threads, but no processes. What clone3(2) is to do can't be seen from here;
 * the C library then takes clone(2). */
static int
allow_threads(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
		    SCMP_SYS(clone3), 0);
	return rc;
}

static int
fill(scmp_filter_ctx filter)
{
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	for (size_t i = 0; i < ARRAY_N(allowed) && rc == 0; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (rc == 0)
		rc = allow_values(filter, SCMP_SYS(socket), families,
		    ARRAY_N(families));
	if (rc == 0)
		rc = allow_values(filter, SCMP_SYS(prctl), prctls,
		    ARRAY_N(prctls));
	if (rc == 0)
		rc = allow_threads(filter);
	return rc;
}

int
syscalls_limit(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (filter == NULL) {
		errno = ENOMEM;
		return -1;
	}
	rc = fill(filter);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc == 0)
		return 0;
	errno = -rc;
	return -1;
}

const char *
syscalls_get_version(char buf[32])
{
	const struct scmp_version *v = seccomp_version();

	snprintf(buf, 32, "%u.%u.%u", v->major, v->minor, v->micro);
	return buf;
}
