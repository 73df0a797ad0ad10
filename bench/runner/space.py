# SPDX-License-Identifier: BSD-2-Clause
"""A network namespace of our own, and which cores there are.

In it are a loopback interface and reno as congestion control: what the kernel
has by default may pace (BBR does), and then it is the pacing that is measured.
It ends with the last process in it; nothing outside is changed.
"""

import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
CONGESTION_CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"


def unshare(flags):
    return ctypes.CDLL(None, use_errno=True).unshare(flags) == 0


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def unshare_as_user():
    """Who may not have a network may still have one as root of nothing."""
    uid, gid = os.getuid(), os.getgid()
    if not unshare(CLONE_NEWUSER | CLONE_NEWNET):
        return False
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", "0 %d 1" % uid)
    write("/proc/self/gid_map", "0 %d 1" % gid)
    return True


def enter():
    """This process and its children move there, for good; False: they may
    not, nothing has changed. Before the first thread."""
    if not unshare(CLONE_NEWNET) and not unshare_as_user():
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS,
                    struct.pack("16sH14x", b"lo", IFF_UP))
    write(CONGESTION_CONTROL, "reno")
    return True


def congestion_control():
    with open(CONGESTION_CONTROL) as file:
        return file.read().strip()


def cores():
    """Those that we may use, in order."""
    return sorted(os.sched_getaffinity(0))
