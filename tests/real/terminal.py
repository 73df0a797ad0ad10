# SPDX-License-Identifier: BSD-2-Clause
"""A program in a terminal of its own: keys go in, text is waited for."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

LIMIT_S = 20
COLUMNS, ROWS = 120, 50
# What moves the cursor or paints: of no interest to somebody who only looks
# for a text that is written in one go.
CONTROLS = re.compile(rb"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78A-Z])"
                      rb"|[\x0e\x0f\x07\x08\x00]")


class Terminal:
    """A child on a pseudo terminal; it is gone after end() or kill()."""

    def __init__(self, arguments, env, cwd):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.child = subprocess.Popen(
            arguments, stdin=slave, stdout=slave, stderr=slave, cwd=cwd,
            env={**env, "TERM": "vt100", "LINES": str(ROWS),
                 "COLUMNS": str(COLUMNS)}, start_new_session=True)
        os.close(slave)
        self.raw = b""
        self.seen = 0           # what expect() has already found ends here

    def text(self):
        return CONTROLS.sub(b"", self.raw).decode("utf-8", "replace")

    def read(self, limit):
        """Reads once; False at the child's end."""
        left = max(0, limit - time.monotonic())
        if not select.select([self.master], [], [], left)[0]:
            raise AssertionError("nothing more came:\n" + self.text()[-3000:])
        try:
            data = os.read(self.master, 65536)
        except OSError:         # how Linux says that nobody has it open
            data = b""
        self.raw += data
        return bool(data)

    def expect(self, wanted, limit_s=LIMIT_S):
        """Until the text has come, after what was found before."""
        limit = time.monotonic() + limit_s
        while True:
            at = self.text().find(wanted, self.seen)
            if at >= 0:
                self.seen = at + len(wanted)
                return
            if not self.read(limit):
                raise AssertionError("%r did not come:\n%s" % (
                    wanted, self.text()[-3000:]))

    def wait_until(self, condition, what, limit_s=LIMIT_S):
        """For what is seen elsewhere; what the child writes is read."""
        limit = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < limit, "waited in vain: %s\n%s" % (
                what, self.text()[-3000:])
            if select.select([self.master], [], [], 0.05)[0]:
                self.read(limit)

    def press(self, keys, wanted):
        """Until the text has come. A program may throw away what was typed
        before it asked, a little after its question is on the screen: so
        the keys are pressed again when nothing at all happens."""
        self.send(keys)
        self.press_when_silent(keys, wanted, 3)

    def press_when_silent(self, keys, wanted, silence_s=0.5):
        """Until the text has come (None: until the child has ended)."""
        limit = time.monotonic() + LIMIT_S
        while wanted is None or wanted not in self.text()[self.seen:]:
            assert time.monotonic() < limit, self.text()[-3000:]
            if not select.select([self.master], [], [], silence_s)[0]:
                self.send(keys)
            elif not self.read(limit):
                assert wanted is None, self.text()[-3000:]
                return
        self.expect(wanted or "")

    def send(self, keys):
        os.write(self.master, keys.encode())

    def end(self, limit_s=LIMIT_S):
        """Reads until the child ends; gives its exit code."""
        limit = time.monotonic() + limit_s
        while self.read(limit):
            pass
        return self.child.wait(limit_s)

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        os.close(self.master)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
