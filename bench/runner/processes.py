# SPDX-License-Identifier: BSD-2-Clause
"""Processes that are pinned to cores, and end when we do."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time

LIMIT_S = 30
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A program did not do what it should; the text tells which and how."""


def raise_descriptor_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
        except (ValueError, PermissionError):
            pass
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    """One that nobody has now; in a namespace of our own nobody comes."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Process:
    """One program with its log."""

    def __init__(self, command, home, cores, name=None):
        self.name = name or os.path.basename(command[0])
        self.log = home / (self.name + ".log")

        def before():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, cores)

        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                [str(word) for word in command], cwd=home, stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                preexec_fn=before)
        self.pid = self.child.pid

    def fail(self, what):
        lines = self.log.read_text(errors="replace").splitlines()
        raise Failed("%s %s: %s" % (self.name, what,
                                    lines[-1][:200] if lines else "no log"))

    def wait_for_port(self, port, greets):
        """Until somebody listens there; greets: until the server behind it,
        if there is one, has greeted as well."""
        limit = time.monotonic() + LIMIT_S
        while time.monotonic() < limit:
            if self.child.poll() is not None:
                self.fail("ended")
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as sock:
                    if not greets or sock.recv(3) in (b"200", b"201"):
                        return
            except OSError:
                pass
            time.sleep(0.01)
        self.fail("does not listen")

    def wait_for(self, text):
        """Until the log has this text."""
        limit = time.monotonic() + LIMIT_S
        while time.monotonic() < limit:
            if text in self.log.read_text(errors="replace"):
                return
            if self.child.poll() is not None:
                self.fail("ended")
            time.sleep(0.005)
        self.fail("does not say " + text)

    def memory_kb(self, field):
        """VmRSS or VmHWM."""
        with open("/proc/%d/status" % self.pid) as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        raise Failed("%s has no %s" % (self.name, field))

    def finish(self, limit_s):
        """Waits for its end, which must be a good one and come in time."""
        try:
            code = self.child.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.stop()
            self.fail("did not end in %d s" % limit_s)
        if code != 0:
            self.fail("failed")

    def stop(self, limit_s=3):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(limit_s)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()


def start_newsd(program, home, cores):
    """The news server that makes articles up; gives it and its port."""
    port_file = home / "port"
    server = Process([program, "--listen", "127.0.0.1:0", "--port-file",
                      port_file, "--idle-timeout", "0"], home, cores, "newsd")
    server.wait_for("listening on")
    return server, int(port_file.read_text())
