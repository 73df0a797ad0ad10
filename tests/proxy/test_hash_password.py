# SPDX-License-Identifier: BSD-2-Clause
"""--hash-password (nntpmux(8))."""

import os
import pty
import select
import subprocess
import termios

import pytest

from proxy import environment, program
from timing import LIMIT

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")


def assert_hash_of(bed, text, password):
    """One line: a hash with which the password is right, and no other."""
    assert text.endswith("\n") and text.count("\n") == 1
    hashed = text.strip()
    assert hashed.startswith("$y$") and password not in hashed
    proxy = bed.proxy(bed.fake(), users={"alice": {"password": hashed}})
    assert proxy.client().login("alice", password) == "281"
    assert proxy.client().login("alice", password[:-1]) == "481"
    return hashed


@pytest.mark.parametrize("stdin,password", [
    ("secret\n", "secret"), ("secret", "secret"), ("secret\r\n", "secret"),
    (" two  words \nmore\n", " two  words "), ("p\u00e4ss\u20ac\n",
                                               "p\u00e4ss\u20ac"),
    ("x" * 496 + "\n", "x" * 496)])
def test_of_standard_input(bed, stdin, password):
    done = bed.run("--hash-password", stdin=stdin)
    assert done.returncode == 0 and done.stderr == ""
    assert_hash_of(bed, done.stdout, password)


def test_each_time_another(bed):
    hashes = {bed.run("--hash-password", stdin="secret\n").stdout
              for _ in range(2)}
    assert len(hashes) == 2


@pytest.mark.parametrize("stdin,words", [
    ("", "empty"), ("\n", "empty"), ("\nsecret\n", "empty"),
    ("x" * 497 + "\n", "longer"), ("x" * 100000, "longer"),
    ("se\tcret\n", "control"), ("se\0cret\n", "control")])
def test_no_password(bed, stdin, words):
    done = bed.run("--hash-password", stdin=stdin)
    assert done.returncode == 1 and done.stdout == ""
    assert words in done.stderr and "cret" not in done.stderr


def test_full_disk(bed):
    with open("/dev/full", "w") as full:
        done = subprocess.run([program(), "--hash-password"], input=b"x\n",
                              env=environment(bed.tmp), stdout=full,
                              stderr=subprocess.PIPE, timeout=LIMIT)
    assert done.returncode == 1 and done.stderr


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, tmp):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.child = subprocess.Popen(
            [program(), "--hash-password"], stdin=slave, stderr=slave,
            stdout=subprocess.PIPE, env=environment(tmp),
            start_new_session=True)
        self.shown = b""

    def wait(self, words):
        while words not in self.shown:
            assert select.select([self.master], [], [], LIMIT)[0], self.shown
            self.shown += os.read(self.master, 1000)

    def type(self, text):
        os.write(self.master, text)

    def end(self):
        out = self.child.communicate(timeout=LIMIT)[0].decode()
        while select.select([self.master], [], [], 0)[0]:
            self.shown += os.read(self.master, 1000)
        is_as_before = termios.tcgetattr(self.slave) == self.before
        os.close(self.slave)
        os.close(self.master)
        assert is_as_before
        return self.child.returncode, out


def test_of_a_terminal(bed):
    terminal = Terminal(bed.tmp)
    terminal.wait(b"Password: ")
    terminal.type(b"secret\n")
    terminal.wait(b"Once more: ")
    terminal.type(b"secret\n")
    code, out = terminal.end()
    assert code == 0
    assert b"secret" not in terminal.shown
    assert_hash_of(bed, out, "secret")


def test_of_a_terminal_two_that_differ(bed):
    terminal = Terminal(bed.tmp)
    terminal.wait(b"Password: ")
    terminal.type(b"secret\n")
    terminal.wait(b"Once more: ")
    terminal.type(b"secrets\n")
    code, out = terminal.end()
    assert (code, out) == (1, "")
    assert b"differ" in terminal.shown and b"secret" not in terminal.shown


@pytest.mark.parametrize("keys", [b"\x03", b"sec\x03", b"\x04"])
def test_of_a_terminal_given_up(bed, keys):
    terminal = Terminal(bed.tmp)
    terminal.wait(b"Password: ")
    terminal.type(keys)
    code, out = terminal.end()
    assert (code, out) == (1, "")
