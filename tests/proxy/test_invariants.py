# SPDX-License-Identifier: BSD-2-Clause
"""What must never happen and no other test would notice (tests/mutants).

more sockets than max_connections     test_counts_until_the_server_has_closed
a wait while something is held        test_two_that_need_each_others_connection
memory grows with what is not read    test_slow_client_stops_its_backend,
                                      test_much_asked_and_nothing_read
a silent server holds a place         test_set_up_that_never_ends
a waiter leaks                        test_who_gave_up_waits_nowhere
a descriptor leaks                    test_refused_clients_leave_nothing
a busy loop                           test_broken_behind_a_slow_client
"""

import contextlib
import socket

import pytest

from everywhere import IN_THE_CLEAR
from fake import Gate, queued_at_peer
from sick import silent
from timing import LIMIT, Clock, ms, scaled, wait_until
from wire import END, articles

STATUS = b"222 0 <a@x>\r\n"
PIECE = (b"x" * 1022 + b"\r\n") * 64


def spend(seconds):
    clock = Clock()
    wait_until(lambda: clock() > seconds, what="time to go by")


@pytest.mark.modes("hy", "pc")
def test_counts_until_the_server_has_closed(bed):
    """A server that takes its time over QUIT still counts the connection."""
    be = bed.fake(articles=articles("a"), max_connections=1,
                  idle_timeout=ms(100))
    asked, allowed = Gate(), Gate()

    def slow_quit(conn, line):
        asked.open()
        allowed.event.wait(LIMIT)
        conn.on_QUIT(line)

    be.on["QUIT"] = slow_quit
    client = bed.proxy(be).client()
    assert client.code("STAT <a@x>") == "223"
    asked.wait()
    client.say("STAT <a@x>")
    spend(0.3)
    accepts = be.accepts
    be.on.clear()
    allowed.open()
    assert accepts == 1, "a second one while the first is open there"
    client.expect(223)


@pytest.mark.modes("hy", "pc")
def test_two_that_need_each_others_connection(bed):
    """Each first command misses where its followers are in flight, and the
    one other backend has it, where the other client is."""
    gates = [Gate(), Gate()]
    fakes = [bed.fake(articles=articles(name), max_connections=1)
             for name in ("zero", "one")]
    for be, gate in zip(fakes, gates):
        be.on["STAT"] = lambda c, line, gate=gate: (gate.wait(c),
                                                    c.on_STAT(line))
    proxy = bed.proxy(*fakes, proxy={"wait_timeout": ms(2000)},
                      routing={"strategy": "round-robin"})
    clients = [proxy.client(), proxy.client()]
    names = ["one", "zero"]
    for be, client, name in zip(fakes, clients, names):
        client.say(*["STAT <%s@x>" % name] * 2)
        be.wait_seen(1)
        wait_until(lambda: be.conns[0].has_more(), what="the follower")
    for gate in gates:
        gate.open()
    for client, name in zip(clients, names):
        for _ in range(2):
            assert client.line() == "223 0 <%s@x>" % name


def test_slow_client_stops_its_backend(bed):
    be, full = bed.fake(), Gate()

    def fill(conn, line):
        conn.send(STATUS)
        conn.sock.settimeout(scaled(0.3))
        with contextlib.suppress(socket.timeout):
            for _ in range(1000):
                conn.sock.sendall(PIECE)
        full.open()
        conn.close()

    be.on["BODY"] = fill
    proxy = bed.proxy(be)
    client = proxy.client(rcvbuf=16384)
    before = proxy.rss()
    client.say("BODY <a@x>")
    full.wait()
    assert proxy.rss() - before < scaled(8 << 20)
    assert not client.rest().endswith(END)


def test_much_asked_and_nothing_read(bed):
    """Answers of the proxy itself wait in little memory as well."""
    proxy = bed.proxy(bed.fake())
    client = proxy.client(rcvbuf=16384)
    _, block = client.fetch("HELP")
    many = (32 << 20) // len(block)
    before = proxy.rss()
    client.say(*["HELP"] * many)
    left = [-1]

    def is_stuck():
        last, left[0] = left[0], queued_at_peer(client.sock)
        if left[0] and left[0] == last:
            spend(0.2)
            return left[0] == queued_at_peer(client.sock)
        return left[0] == 0

    wait_until(is_stuck, what="the proxy to read no more")
    assert proxy.rss() - before < scaled(8 << 20)


def test_set_up_that_never_ends(bed):
    be = bed.fake(connect_timeout=ms(300), max_connections=1)
    be.script = silent
    proxy = bed.proxy(be, proxy={"wait_timeout": ms(600),
                                 "command_timeout": ms(900)})
    assert proxy.client().code("STAT <a@x>") == "400"
    assert be.accepts > 0
    wait_until(lambda: be.held == 0, timeout=3, what="the proxy to give up")


@pytest.mark.modes("hy", "pc")
def test_who_gave_up_waits_nowhere(bed):
    """While somebody waits nobody pipelines; then it goes on."""
    be, gate = bed.fake(articles=articles("a"), max_connections=1), Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be, proxy={"wait_timeout": "300ms"})
    one, two = proxy.client(), proxy.client()
    one.say("BODY <a@x>")
    be.wait_seen(1)
    assert two.code("STAT <a@x>") == "400"
    one.say("STAT <a@x>")
    wait_until(be.conns[0].has_more, timeout=3, what="the follower")
    gate.open()
    one.expect(222)
    one.block()
    one.expect(223)


def test_refused_clients_leave_nothing(bed):
    proxy = bed.proxy(bed.fake(), listen={"deny": "127.0.0.0/8",
                                          **IN_THE_CLEAR})

    def refuse(n):
        for _ in range(n):
            assert proxy.client(greet=False).rest()[:3] == b"502"

    refuse(1)       # now the start is over
    before = proxy.fds()
    refuse(50)
    wait_until(lambda: proxy.fds() <= before, timeout=3,
               what="the descriptors")


def test_broken_behind_a_slow_client(bed):
    """The connection is paused as its client does not read; then it breaks,
    which epoll tells again and again."""
    be = bed.fake()
    full, breaks, broken = Gate(), Gate(), Gate()

    def fill(conn, line):
        conn.send(STATUS)
        conn.sock.settimeout(scaled(0.3))
        with contextlib.suppress(socket.timeout):
            while True:
                conn.sock.sendall(PIECE)
        full.open()
        breaks.wait()
        conn.reset()
        broken.open()

    be.on["BODY"] = fill
    proxy = bed.proxy(be)
    client = proxy.client(rcvbuf=16384)
    client.say("BODY <a@x>")
    full.wait()
    breaks.open()
    broken.wait()
    ticks = proxy.ticks()
    spend(1)
    # It has next to nothing to do; one that spins beside others gets its share.
    assert proxy.ticks() - ticks < 15, "a busy loop"
    assert not client.rest().endswith(END)
