# SPDX-License-Identifier: BSD-2-Clause
"""Scripts of sick servers, for Fake.script."""

import contextlib

from peer import Gone


def silent(conn):
    """Accepts and says nothing."""
    conn.hang()


def greets(line):
    """Greets with line, then closes when the peer does."""
    def script(conn):
        conn.say(line)
        with contextlib.suppress(Gone):
            while True:
                conn.read_line()
    return script


def endless_greeting(conn):
    """A greeting that never ends, but never stops either."""
    conn.send(b"200 ")
    while True:
        conn.send(b"x" * 64)
        conn.pace(0.02)


def dies_after(n):
    """Correct for n commands (set-up not counted), then closes."""
    def script(conn):
        line = conn.serve_login()
        for _ in range(n):
            conn.answer(line)
            line = conn.read_line()
    return script


def refuses_login(code, after="PASS"):
    """Answers code to AUTHINFO USER or PASS."""
    def script(conn):
        conn.greet()
        while True:
            line = conn.read_line()
            if line.upper().startswith("AUTHINFO " + after):
                conn.say("%s no" % code)
            elif line.upper().startswith("AUTHINFO USER"):
                conn.say("381 password?")
            else:
                conn.answer(line)
    return script
