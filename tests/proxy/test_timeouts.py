# SPDX-License-Identifier: BSD-2-Clause
"""Every time-out of a backend connection, and its life."""

import socket

import pytest

from fake import Gate
from timing import Clock, ms, scaled, wait_until
from wire import END, articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

FAST = {"wait_timeout": ms(600), "command_timeout": ms(900)}
ROUND = {"strategy": "round-robin"}
SHORT = {"connect_timeout": ms(300), "response_timeout": ms(300),
         "replacement_cooldown": "50ms"}
STATUS = b"222 0 <a@x>\r\n"


def test_response_timeout_another_backend_answers(bed):
    mute = bed.fake(**SHORT)
    mute.on["STAT"] = lambda c, line: c.hang()
    good = bed.fake(articles=articles("a"))
    proxy = bed.proxy(mute, good, routing=ROUND)
    for _ in range(2):
        clock = Clock()
        assert proxy.client().code("STAT <a@x>") == "223"
        assert clock() < scaled(2)
    mute.wait_held(0)


def test_response_timeout_is_per_answer_in_a_pipeline(bed):
    """Five answers of 200 ms each do not break a time-out of 500 ms."""
    names = ["a", "b", "c", "d", "e"]
    be = bed.fake(articles=articles(*names), max_connections=1,
                  response_timeout=ms(500))
    be.on["STAT"] = lambda c, line: (c.pace(0.2), c.on_STAT(line))
    client = bed.proxy(be).client()
    client.say(*("STAT <%s@x>" % name for name in names))
    for name in names:
        assert client.line() == "223 0 <%s@x>" % name
    assert be.accepts == 1


def test_wait_timeout_400_and_close(bed):
    be, gate = bed.fake(articles=articles("a"), max_connections=1), Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be, proxy={"wait_timeout": "300ms"})
    one, two = proxy.client(), proxy.client()
    one.say("BODY <a@x>")
    be.wait_seen(1)
    clock = Clock()
    assert two.code("STAT <a@x>") == "400"
    two.at_end()
    assert 0.25 < clock() < scaled(3)
    gate.open()
    assert one.line() == "222 0 <a@x>"
    assert proxy.client().code("STAT <a@x>") == "223"


def test_command_timeout_bounds_all_attempts(bed):
    fakes = [bed.fake(response_timeout=ms(300),
                      replacement_cooldown="50ms") for _ in range(8)]
    for be in fakes:
        be.on["STAT"] = lambda c, line: c.hang()
    client = bed.proxy(*fakes, proxy={"command_timeout": ms(700)}).client()
    clock = Clock()
    assert client.code("STAT <a@x>") == "400"
    client.at_end()
    assert 0.6 < clock() < scaled(2)
    assert sum(len(be.seen) for be in fakes) < 8


def test_command_timeout_ends_with_the_first_byte(bed):
    def slow(conn, line):
        conn.send(STATUS)
        for _ in range(20):
            conn.send(b"x" * 1022 + b"\r\n")
            conn.pace(0.05)
        conn.send(END)

    be = bed.fake()
    be.on["BODY"] = slow
    client = bed.proxy(be, proxy={"command_timeout": "300ms"}).client()
    assert client.code("BODY <a@x>") == "222"
    assert len(client.block()) == 20 * 1024 + 3


def test_connect_timeout_covers_the_whole_set_up(bed):
    def slow_login(conn):
        for line in (b"200 hello\r\n", b"200 reader\r\n", b"381 more\r\n",
                     b"281 welcome\r\n"):
            conn.pace(scaled(0.3))
            conn.send(line)
            conn.read_line()
        conn.serve_commands()

    be = bed.fake(connect_timeout=ms(500), replacement_cooldown="50ms",
                  username="u", password="p")
    be.script = slow_login
    client, clock = bed.proxy(be, proxy=FAST).client(), Clock()
    assert client.code("STAT <a@x>") == "400"
    assert clock() < scaled(4)
    assert be.seen == []


def test_idle_timeout(bed):
    be = bed.fake(articles=articles("a"), idle_timeout="200ms")
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    be.wait_held(0)
    assert client.code("STAT <a@x>") == "223"
    assert be.accepts == 2


def test_idle_connection_ends_with_quit(bed):
    be = bed.fake(articles=articles("a"), idle_timeout="200ms")
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "223"
    wait_until(lambda: be.conns[0].quit, what="QUIT at the backend")


def test_max_lifetime(bed):
    be = bed.fake(articles=articles("a"), max_lifetime="300ms")
    client, clock = bed.proxy(be).client(), Clock()
    while be.accepts < 3:
        assert client.code("STAT <a@x>") == "223"
        assert clock() < scaled(10), "connections live for ever"


def test_min_idle_is_opened_ahead(bed):
    be = bed.fake(articles=articles("a"), min_idle=3)
    proxy = bed.proxy(be)
    be.wait_held(3)
    clients = [proxy.client() for _ in range(3)]
    for client in clients:
        assert client.code("STAT <a@x>") == "223"
    assert be.accepts == 3


def test_min_idle_is_replaced(bed):
    be = bed.fake(min_idle=2, replacement_cooldown="50ms")
    bed.proxy(be)
    be.wait_held(2)
    be.close_all()
    be.wait_accepts(4)
    be.wait_held(2)
    assert be.peak <= 10


def test_min_idle_does_not_delay_the_start(bed):
    hole = bed.black_hole(min_idle=5)
    assert bed.proxy(hole).client().code("HELP") == "100"


def test_cooldown_keeps_the_slot_empty(bed):
    be = bed.fake(articles=articles("a"), max_connections=1,
                  replacement_cooldown="1s", response_timeout="200ms")
    be.on["HEAD"] = lambda c, line: c.hang()
    proxy = bed.proxy(be, proxy=FAST)
    assert proxy.client().code("HEAD <a@x>") == "400"
    be.wait_held(0)
    clock = Clock()
    wait_until(lambda: proxy.client().code("STAT <a@x>") == "223",
               what="the slot to be used again")
    assert clock() > 0.5, "the slot was used again at once"


def test_slot_is_empty_for_no_time_after_an_orderly_end(bed):
    be = bed.fake(articles=articles("a"), max_connections=1,
                  replacement_cooldown="1h")
    client = bed.proxy(be).client()
    for n in range(1, 4):
        assert client.code("STAT <a@x>") == "223"
        assert be.accepts == n
        be.close_all()


def test_addresses_are_numeric_or_names(bed):
    be = bed.fake(articles=articles("a"))
    be.options["address"] = "localhost:%d" % be.address[1]
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"


def test_backend_over_ipv6(bed):
    be = bed.fake(articles=articles("a"), family=socket.AF_INET6)
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"
