# SPDX-License-Identifier: BSD-2-Clause
"""Programs that run beside the tests, and waiting for them.

Each server lives in a directory of its own, listens on loopback only, and is
ended, by its own process id, by stop(). Should the tests be killed, the
kernel kills the servers (setpriv --pdeathsig).
"""

import os
import shutil
import socket
import subprocess
import time

START_S = 30
STOP_S = 30


def wait_until(condition, what, limit_s=START_S):
    limit = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.01)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def copy_program(source, target, names):
    """A copy of a program in which file names that are compiled in are
    replaced by others of the same length."""
    with open(source, "rb") as file:
        code = file.read()
    for old, new in names.items():
        assert old.encode() in code and len(old) == len(new), (old, new)
        code = code.replace(old.encode(), new.encode())
    with open(target, "wb") as file:
        file.write(code)
    os.chmod(target, 0o755)


def give_to_news(path):
    """INN and leafnode run as the user "news" only."""
    if os.geteuid() != 0:
        return
    shutil.chown(path, "news", "news")
    for folder, _, files in os.walk(path):
        for name in [folder] + [os.path.join(folder, f) for f in files]:
            shutil.chown(name, "news", "news")


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            return sock.recv(3) in (b"200", b"201")
    except OSError:
        return False


def is_listening(port):
    """Whoever speaks TLS says nothing by himself."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A running server whose output goes to a file."""

    def __init__(self, arguments, log, user=None, env=None):
        switch = []
        if user:
            switch = ["--reuid", user, "--regid", user, "--clear-groups"]
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *switch, "--", *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                start_new_session=True)

    def is_running(self):
        return self.child.poll() is None

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def check(self):
        assert self.is_running(), "ended with %s:\n%s" % (
            self.child.returncode, self.output()[-3000:])

    def stop(self, wake=None):
        """Ends it; gives its exit code. wake() is called after the signal."""
        self.child.terminate()
        if wake:
            wake()
        try:
            return self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError("did not end: %s" % self.child.args)
