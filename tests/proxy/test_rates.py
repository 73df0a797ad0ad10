# SPDX-License-Identifier: BSD-2-Clause
"""Bytes per second, of users and of backends (rate).

1,048,576 B/s +- 3 % over 8 connections (issue)    test_user_rate_*
others are not slowed                              test_others_*
nobody is blamed for what the rate holds up        test_no_stall_*
posting counts, too                                test_posting_*
"""

import signal
import threading
import time

import pytest

from fake import Conn, Gate
from timing import Clock, ms, scaled, wait_until
from wire import articles, stuff

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

RATE = 1 << 20
WINDOW_S = 4
WINDOWS = 4


def user(**keys):
    return {"alice": {"password_plain": "secret", **keys},
            "bob": {"password_plain": "other"}}


def inside(proxy, name="alice", password="secret"):
    client = proxy.client()
    assert client.login(name, password) == "281"
    return client


class Reader(threading.Thread):
    """Reads one article after the other, and counts."""

    def __init__(self, client, command="BODY <a@x>"):
        super().__init__(daemon=True)
        self.client, self.command = client, command
        self.bytes, self.is_ending = 0, False
        self.start()

    def run(self):
        while not self.is_ending:
            self.client.say(self.command)
            end = b""
            while not end.endswith(b"\r\n.\r\n") and not self.is_ending:
                data = self.client.sock.recv(1 << 16)
                self.bytes += len(data)
                end = (end + data)[-5:]

    def end(self):
        self.is_ending = True
        self.join()


def measure(readers, seconds=WINDOW_S):
    """Bytes per second of all of them, and of each."""
    before, clock = [r.bytes for r in readers], Clock()
    time.sleep(seconds)
    took = clock()
    each = [(r.bytes - b) / took for r, b in zip(readers, before)]
    return sum(each), each


def assert_rate(readers, rate):
    """Never more; and so much, if the machine lets us run at all."""
    rates = []
    # Each may begin with a piece that it pays for afterwards.
    wait_until(lambda: sum(r.bytes for r in readers) > rate / 2,
               what="the first half second")
    for _ in range(WINDOWS):
        total, each = measure(readers)
        assert total < rate * 1.03
        rates.append(total)
        if total > rate * 0.97:
            return each
    raise AssertionError("%s, and not %d" % (rates, rate))


@pytest.mark.parametrize("size", [3000, 700000])
def test_user_rate_over_eight_connections(bed, size):
    be = bed.fake(articles=articles("a", size=size), max_connections=10)
    proxy = bed.proxy(be, users=user(rate="1M"))
    readers = [Reader(inside(proxy)) for _ in range(8)]
    each = assert_rate(readers, RATE)
    for reader in readers:
        reader.end()
    # Smooth: all of them have their share.
    if size > 8192:
        assert max(each) < 1.5 * min(each), each


def test_user_rate_is_that_of_the_user(bed):
    """Not of the connection, nor of all users."""
    be = bed.fake(articles=articles("a", size=100000), max_connections=10)
    users = {name: {"password_plain": "secret", "rate": "256K"}
             for name in ("alice", "bob")}
    proxy = bed.proxy(be, users=users)
    readers = [Reader(inside(proxy, name)) for name in users
               for _ in range(3)]
    assert_rate(readers, 512 * 1024)
    for reader in readers:
        reader.end()


def test_others_are_not_slowed(bed):
    be = bed.fake(articles=articles("a", size=700000), max_connections=20)
    proxy = bed.proxy(be, users=user(rate="1M"))
    readers = [Reader(inside(proxy)) for _ in range(8)]
    other = inside(proxy, "bob", "other")
    took = []
    for _ in range(20):
        clock = Clock()
        other.fetch("BODY <a@x>")
        took.append(clock())
    # 14 MB: at the rate they would take 13 seconds, or one each.
    assert sorted(took)[10] < scaled(0.3), took
    for reader in readers:
        reader.end()


def test_no_stall_of_a_backend_whose_client_is_held(bed):
    be = bed.fake(articles=articles("a", size=600000), stall_timeout=ms(100))
    proxy = bed.proxy(be, users=user(rate="128K"))
    client, clock = inside(proxy), Clock()
    client.fetch("BODY <a@x>")
    assert clock() > 4
    assert client.code("DATE") == "111"
    assert be.accepts == 1


def test_no_stall_of_a_client_that_is_held(bed):
    """Less than 1 KiB in the time that it has is not its fault."""
    be = bed.fake(articles=articles("a", size=3000))
    proxy = bed.proxy(be, users=user(rate="1K"),
                      proxy={"client_stall_timeout": "100ms"})
    client = inside(proxy)
    client.fetch("BODY <a@x>")
    assert client.code("DATE") == "111"


def test_no_stall_of_a_poster_that_is_held(bed):
    be = bed.fake(posting="yes")
    proxy = bed.proxy(be, users=user(rate="1K"),
                      proxy={"client_stall_timeout": "300ms"})
    client = inside(proxy)
    assert client.code("POST") == "340"
    client.send(stuff(b"Newsgroups: local.test\r\n\r\n" + b"X\r\n" * 700))
    assert client.line()[:3] == "240"


def test_no_spin_while_it_is_held(bed):
    be = bed.fake(articles=articles("a", size=300000))
    proxy = bed.proxy(be, users=user(rate="64K"))
    client, before = inside(proxy), proxy.ticks()
    client.fetch("BODY <a@x>")
    assert proxy.ticks() - before < 100


def test_held_client_that_leaves(bed):
    be = bed.fake(articles=articles("a", size=300000), max_connections=1)
    proxy = bed.proxy(be, users=user(rate="64K"))
    client = inside(proxy)
    client.say("BODY <a@x>")
    client.exactly(1000)
    client.reset()
    assert inside(proxy, "bob", "other").code("STAT <a@x>") == "223"


def test_end_of_the_server_while_held(bed):
    """What is in flight gets its time, as ever."""
    be = bed.fake(articles=articles("a", size=100000))
    proxy = bed.proxy(be, users=user(rate="64K"))
    client = inside(proxy)
    client.say("BODY <a@x>")
    client.exactly(1000)
    proxy.signal()
    client.block()
    assert client.line()[:4] == "400 "
    assert proxy.wait_end() == 0


def test_posting_has_the_rate(bed):
    be = bed.fake(posting="yes")
    proxy = bed.proxy(be, users=user(rate="64K"))
    client, text = inside(proxy), b"X" * 70 + b"\r\n"
    article = b"Newsgroups: local.test\r\n\r\n" + text * 3000
    assert client.code("POST") == "340"
    clock = Clock()
    client.send(stuff(article))
    assert client.line()[:3] == "240"
    assert len(article) / 65536 * 0.9 < clock()
    assert be.posted == [stuff(article)]


# --- of a backend

@pytest.mark.parametrize("size", [3000, 700000])
def test_backend_rate_over_its_connections(bed, size):
    be = bed.fake(articles=articles("a", size=size), max_connections=8,
                  rate="1M")
    proxy = bed.proxy(be)
    readers = [Reader(proxy.client()) for _ in range(8)]
    each = assert_rate(readers, RATE)
    for reader in readers:
        reader.end()
    if size > 8192:
        assert max(each) < 1.5 * min(each), each


def test_backend_rate_is_that_of_the_backend(bed):
    """Another one goes as fast as ever."""
    slow = bed.fake("slow", articles=articles("a", size=700000), rate="256K")
    quick = bed.fake("quick", articles=articles("b", size=700000))
    proxy = bed.proxy(slow, quick, listeners=2, sections={
        "listen main": {"backends": "slow"},
        "listen other": {"address": "127.0.0.1:0", "backends": "quick"}})
    readers = [Reader(proxy.client()) for _ in range(3)]
    other, clock = proxy.client("other"), Clock()
    for _ in range(10):
        other.fetch("BODY <b@x>")
    assert clock() < scaled(2)
    assert_rate(readers, 256 * 1024)
    for reader in readers:
        reader.end()


def test_backend_rate_goes_with_the_connection(bed):
    """Whoever uses it next waits for what it owes: nobody gets more by asking
    for little."""
    be = bed.fake(articles=articles("a", size=2000), max_connections=2,
                  rate="64K")
    proxy = bed.proxy(be)
    clients, clock, got = [proxy.client() for _ in range(4)], Clock(), 0
    while clock() < 2:
        for client in clients:
            client.say("BODY <a@x>")
        for client in clients:
            client.line()
            got += len(client.block())
    assert got / clock() < 65536 * 1.1


def test_backend_rate_no_stall(bed):
    """Less than 1 KiB in stall_timeout, no answer in response_timeout: who is
    held is not to blame."""
    be = bed.fake(articles=articles("a", size=1500), rate="1K",
                  stall_timeout="100ms", response_timeout="100ms",
                  max_connections=2)
    proxy = bed.proxy(be)
    clients = [proxy.client() for _ in range(2)]
    for client in clients:
        client.say("BODY <a@x>", "STAT <a@x>")
    for client in clients:
        assert client.line()[:3] == "222"
        client.block()
        assert client.line()[:3] == "223"
    assert be.accepts == 2
    proxy.stop()
    assert proxy.counts(be.name)["failures"] == 0


def test_backend_rate_no_stall_when_all_is_late(bed):
    """The machine lets nobody run until both times are over, that of the rate
    and that of the backend: the backend is not to blame for that."""
    be = bed.fake(articles=articles("a", size=1500), rate="1K",
                  stall_timeout="300ms", response_timeout="300ms")
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("BODY <a@x>")
    assert client.line()[:3] == "222"
    proxy.signal(signal.SIGSTOP)
    clock = Clock()
    wait_until(lambda: clock() > 1.2, what="both times")
    proxy.signal(signal.SIGCONT)
    client.block()
    assert client.code("STAT <a@x>") == "223"
    assert be.accepts == 1


def test_backend_rate_and_a_silent_backend(bed):
    """Being held ends, and then it is to blame."""
    be = bed.fake(articles=articles("a", size=3000), rate="64K",
                  stall_timeout=ms(200))

    def cut(conn, line):
        conn.send(b"222 0 <a@x>\r\n" + b"X" * 2000)
        Gate().wait(conn)
    be.on["BODY"] = cut
    client = bed.proxy(be).client()
    client.say("BODY <a@x>")
    assert len(client.rest()) > 1000


def test_backend_rate_posting(bed):
    be = bed.fake(posting="yes", rate="64K", stall_timeout=ms(300))
    client = bed.proxy(be).client()
    article = b"Newsgroups: local.test\r\n\r\n" + (b"X" * 70 + b"\r\n") * 3000
    assert client.code("POST") == "340"
    clock = Clock()
    client.send(stuff(article))
    assert client.line()[:3] == "240"
    assert len(article) / 65536 * 0.9 < clock()
    assert be.posted == [stuff(article)]


def test_backend_rate_client_gone(bed):
    """The place is free in time, though what is left would take longer."""
    be = bed.fake(articles=articles("a", size=600000), rate="64K",
                  max_connections=1, replacement_cooldown=0)
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("BODY <a@x>")
    client.exactly(1000)
    client.reset()
    clock = Clock()
    assert proxy.client().code("STAT <a@x>") == "223"
    assert clock() < scaled(4)


@pytest.mark.parametrize("how", [Conn.close, Conn.reset])
def test_backend_gone_while_it_is_held(bed, how):
    """Nothing spins, and the end is found."""
    be, gate = bed.fake(rate="32K"), Gate()

    def cut(conn, line):
        conn.send(b"222 0 <a@x>\r\n" + b"X" * 100000)
        gate.wait(conn)
        how(conn)
    be.on["BODY"] = cut
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("BODY <a@x>")
    client.exactly(1000)
    before, clock = proxy.ticks(), Clock()
    gate.open()
    client.rest()
    assert clock() < scaled(5)
    assert proxy.ticks() - before < 50


def test_backend_rate_idle_connection_is_watched(bed):
    """One that owes and is closed by its server is found while idle."""
    be = bed.fake(articles=articles("a", size=30000), rate="16K",
                  max_connections=1)
    proxy = bed.proxy(be)
    client = proxy.client()
    client.fetch("BODY <a@x>")
    be.close_all()
    assert client.code("STAT <a@x>") == "223"
    assert be.accepts == 2
