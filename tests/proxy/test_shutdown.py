# SPDX-License-Identifier: BSD-2-Clause
"""TERM is obeyed in time, whatever the backends do (nntpmux(8))."""

import pytest

from sick import silent
from timing import Clock, ms, scaled

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

# On top of shutdown_timeout: the end of threads, and of the process.
GRACE = 1.0


def greets_by_half(conn):
    conn.send(b"200 come")
    conn.hang()


def hangs_in_login(conn):
    conn.say("200 come in")
    conn.read_line()
    conn.hang()


def hole(bed, **options):
    return bed.black_hole("sick", **options)


def sick(script):
    def make(bed, **options):
        be = bed.fake("sick", username="u", password="p", **options)
        be.script = script
        return be
    return make


BACKENDS = pytest.mark.parametrize("make", [
    hole, sick(silent), sick(greets_by_half), sick(hangs_in_login)],
    ids=["hole", "silent", "half", "login"])


def started(bed, be, seconds):
    """Nothing but shutdown_timeout ends anything within the test."""
    return bed.proxy(be, log={"stats_interval": "100ms"}, proxy={
        "shutdown_timeout": ms(1000 * seconds), "wait_timeout": "1m",
        "command_timeout": "1m"}, backend={"connect_timeout": "1m"})


@BACKENDS
def test_term_connections_being_made_and_nobody_waits(bed, make):
    """They are of no use to anybody."""
    proxy = started(bed, make(bed, min_idle=2), 30)
    idle = proxy.client()
    proxy.wait_log(r"backend=sick .*connecting=2")
    clock = Clock()
    proxy.signal()
    assert idle.line()[:4] == "400 "
    idle.at_end()
    idle.close()
    assert proxy.wait_end() == 0
    assert clock() < scaled(GRACE)


@BACKENDS
def test_term_clients_wait_for_connections_being_made(bed, make):
    proxy = started(bed, make(bed), 0.5)
    clients = [proxy.client() for _ in range(5)]
    for client in clients:
        client.say("STAT <a@x>", "DATE")
    idle = proxy.client()
    proxy.wait_log(r"backend=sick .*connecting=5")
    clock = Clock()
    proxy.signal()
    assert idle.line()[:4] == "400 "
    for client in clients:
        client.at_end()
    assert proxy.wait_end() == 0
    assert clock() < scaled(0.5 + GRACE)


@BACKENDS
def test_term_twice_ends_at_once(bed, make):
    proxy = started(bed, make(bed), 30)
    client = proxy.client()
    client.say("STAT <a@x>")
    proxy.wait_log(r"backend=sick .*connecting=1")
    clock = Clock()
    proxy.signal()
    proxy.wait_log("shutting down")
    proxy.signal()
    client.at_end()
    assert proxy.wait_end() == 0
    assert clock() < scaled(GRACE)
