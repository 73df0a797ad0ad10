# SPDX-License-Identifier: BSD-2-Clause
"""Two network namespaces with a cable between them, in which packets are
really dropped: nobody refuses, nobody resets, nothing comes.  Needs root.

    net = Net()
    with net.far():
        be = bed.fake(host=FAR)     # its sockets are there, whoever uses them
    with net.near():
        proxy = bed.proxy(be)       # the program and its clients are here
    net.drop()                      # both ways, from now on

The thread that asks is moved; threads that it starts meanwhile are where it
was, and sockets stay where they were made.
"""

import contextlib
import ctypes
import os
import subprocess

NEAR, FAR = "10.99.0.1", "10.99.0.2"
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), "network namespaces need root")


def here():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def ip(*words):
    subprocess.run(["ip", *words], check=True, timeout=10,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


class Net:
    """Both namespaces; close() forgets them."""

    def __init__(self):
        self.home = here()
        self.ends = {}
        for name in "near", "far":
            checked(libc.unshare(CLONE_NEWNET))
            self.ends[name] = here()
            ip("link", "set", "lo", "up")
        try:
            ip("link", "add", "far", "type", "veth", "peer", "name", "near",
               "netns", "/proc/%d/fd/%d" % (os.getpid(), self.ends["near"]))
            self.plug("far", FAR)
            self.enter(self.ends["near"])
            self.plug("near", NEAR)
        finally:
            self.enter(self.home)

    @staticmethod
    def plug(name, address):
        ip("address", "add", address + "/24", "dev", name)
        ip("link", "set", name, "up")

    @staticmethod
    def enter(fd):
        checked(libc.setns(fd, CLONE_NEWNET))

    @contextlib.contextmanager
    def at(self, name):
        self.enter(self.ends[name])
        try:
            yield
        finally:
            self.enter(self.home)

    def near(self):
        return self.at("near")

    def far(self):
        return self.at("far")

    def drop(self):
        """Every packet goes to a card that is not there."""
        for name, peer in ("near", FAR), ("far", NEAR):
            with self.at(name):
                ip("neighbour", "replace", peer, "lladdr",
                   "02:00:00:00:00:01", "dev", name, "nud", "permanent")

    def restore(self):
        for name, peer in ("near", FAR), ("far", NEAR):
            with self.at(name):
                ip("neighbour", "delete", peer, "dev", name)

    def close(self):
        for fd in (self.home, *self.ends.values()):
            os.close(fd)
