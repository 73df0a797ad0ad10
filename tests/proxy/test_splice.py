# SPDX-License-Identifier: BSD-2-Clause
"""relay: large blocks go from socket to socket (relay_splice.c).

bytes, at all sizes; where pieces end                 test_size_*, test_split_*
what is behind a head is read with it                 test_rest_*
who is spliced for: relay, TLS, rates, pipelining     test_relay_*, test_tls_*,
                                                      test_rate_*, test_two_in_*
more than was asked for                               test_garbage_*
a slow client, one that leaves                        test_slow_*, test_gone_*
a backend that is lost, or ends                       test_cut_*, test_end_*,
                                                      test_stall_*
mended, or not                                        test_mended_*, test_exact_*,
                                                      test_different_*
more comes while a piece leaves                       test_hurry_*
no pipes, no leaks, the numbers                       test_no_pipe_*, test_leaks,
                                                      test_numbers
"""

import os
import random
import re
import resource
import socket
import threading

import pytest

import everywhere
from certs import serving, trusting
from fake import Conn, Gate, reply
from timing import ms, wait_until
from wire import articles, body, lines, stuff

KIB = 1024
HEAD, TAIL, LEAST, MOST = 8 * KIB, 4 * KIB, 144 * KIB, 4 * 65483
STATUS = b"222 0 <a@x>\r\n"
SPLICE = {"relay": "splice"}
PATIENT = {"health": {"unhealthy_threshold": 1000}}
QUICK = {"replacement_cooldown": "20ms"}

pytestmark = [
    pytest.mark.modes("hy"),
    pytest.mark.skipif(bool(everywhere.SIDES), reason="TLS is copied")]


def text_of(n):
    """A block of n octets, with its terminator; some lines begin with dots."""
    out = stuff(lines(n, width=400))[:n - 5]
    cut = out.rfind(b"\r\n")
    return out[:cut] + b"x" * (n - 5 - cut) + b"\r\n.\r\n"


def answers(be, data, status=STATUS):
    """BODY: the status line, and when it has been read the rest, so that the
    rest is what can be spliced."""
    def play(conn, line):
        conn.send(status)
        conn.wait_read()
        conn.send(data)
    be.on["BODY"] = play


def spliced(proxy, name="be0"):
    proxy.stop()
    return proxy.counts(name)["spliced"]


def big_window(be):
    """What a fake sends is in the proxy's socket at once."""
    be.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)


# --- bytes

def test_size_around_each_limit(bed):
    be = bed.fake(articles=articles("a"))
    big_window(be)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    for limit in (TAIL, HEAD, LEAST, HEAD + LEAST, 64 * KIB, MOST - TAIL, MOST,
                  MOST + HEAD, MOST + LEAST, 2 * MOST, 4 * MOST):
        for n in (*range(limit - 7, limit + 7),
                  limit + TAIL - 1, limit + TAIL, limit + TAIL + 1):
            data = text_of(n)
            assert len(data) == n
            answers(be, data)
            assert client.fetch("BODY <a@x>") == ("222 0 <a@x>", data), n
    client.fence()
    assert be.accepts == 1
    assert spliced(proxy) > 0


def test_split_at_each_place_of_the_end(bed):
    """A large piece, then what is left of the terminator."""
    be = bed.fake(articles=articles("a"))
    big_window(be)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    data = text_of(200 * KIB)
    for left in range(1, 9):
        for more in range(left):
            be.on["BODY"] = lambda c, line: (
                c.send(STATUS), c.wait_read(),
                c.send_split(data, len(data) - left, len(data) - more))
            assert client.fetch("BODY <a@x>")[1] == data, (left, more)
    client.fence()
    assert spliced(proxy) > 0


@pytest.mark.parametrize("line", [b"..", b"...", b"..\r", b".x", b"x.", b"",
                                  b"\r", b"\r.", b"\n.\n"])
def test_split_behind_dots_and_odd_line_ends(bed, line):
    """Pieces end around a line that looks like an end and is none."""
    be = bed.fake(articles=articles("a"))
    big_window(be)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    start = text_of(300 * KIB)[:-3]
    data = start + line + b"\r\n" + text_of(300 * KIB)
    for at in range(len(start) - 3, len(start) + len(line) + 4):
        be.on["BODY"] = lambda c, _: (
            c.send(STATUS), c.wait_read(), c.send_split(data, at))
        assert client.fetch("BODY <a@x>")[1] == data, at
    client.fence()
    assert spliced(proxy) > 0


def test_split_at_random(bed):
    be = bed.fake(articles=articles("a"))
    big_window(be)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    chance = random.Random(3)
    for _ in range(60):
        data = text_of(chance.randrange(HEAD, 5 * MOST))
        places = sorted(chance.randrange(len(data)) for _ in range(3))
        be.on["BODY"] = lambda c, _: (
            c.send(STATUS), c.send_split(data, *places))
        assert client.fetch("BODY <a@x>")[1] == data, places
    client.fence()
    assert spliced(proxy) > 0


def test_other_verbs(bed):
    """OVER by message-id begins with a number that is hidden."""
    be = bed.fake(articles=articles("a", size=300000))
    whole = be.articles["<a@x>"]
    rows = b"77\tsubject\r\n" + text_of(300 * KIB)
    be.on["OVER"] = reply(b"224 here\r\n", rows)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    for _ in range(3):
        assert client.fetch("ARTICLE <a@x>")[1] == stuff(whole)
        assert client.fetch("OVER <a@x>")[1] == b"0" + rows[2:]
    client.fence()
    assert spliced(proxy) > 0


def test_unix_socket(bed, tmp_path):
    path = tmp_path / "s"
    be = bed.fake(articles=articles("a", size=1 << 20))
    proxy = bed.proxy(be, proxy=SPLICE,
                      listen={"address": "unix:%s" % path})
    client = proxy.client()
    data = stuff(body(be.articles["<a@x>"]))
    for _ in range(5):
        assert client.fetch("BODY <a@x>")[1] == data
    client.fence()
    assert spliced(proxy) > 0


def test_inside_the_sandbox(bed):
    """No system call is missing."""
    be = bed.fake(articles=articles("a", size=1 << 20))
    proxy = bed.proxy(be, proxy={**SPLICE, "seccomp": "yes"})
    fetches(proxy, be)
    assert spliced(proxy) > 0


# --- who is spliced for

def fetches(proxy, be, n=4):
    client = proxy.client()
    data = stuff(body(be.articles["<a@x>"]))
    for _ in range(n):
        assert client.fetch("BODY <a@x>")[1] == data
    client.fence()


@pytest.mark.parametrize("relay", ["copy", "auto", "splice"])
def test_relay_setting(bed, relay):
    be = bed.fake(articles=articles("a", size=1 << 20))
    proxy = bed.proxy(be, proxy={"relay": relay})
    fetches(proxy, be)
    assert (spliced(proxy) > 0) == (relay != "copy")


def test_relay_auto_reads_the_first_of_each_connection(bed):
    be = bed.fake(articles=articles("a", size=1 << 20))
    proxy = bed.proxy(be, proxy={"relay": "auto"})
    fetches(proxy, be, 1)
    assert spliced(proxy) == 0


@pytest.mark.parametrize("side", ["client", "backend"])
def test_tls_is_copied(bed, side):
    cert = bed.authority.issue("localhost")
    options = {}
    if side == "backend":
        options = {"secure": serving(cert), "tls_verify": "no"}
    be = bed.fake(articles=articles("a", size=1 << 20), **options)
    listen = {"tls": "implicit", "tls_cert": cert, "tls_key": cert} \
        if side == "client" else {}
    proxy = bed.proxy(be, proxy=SPLICE, listen=listen)
    secure = {"secure": trusting(bed.authority)} if listen else {}
    client = proxy.client(**secure)
    data = stuff(body(be.articles["<a@x>"]))
    for _ in range(2):
        assert client.fetch("BODY <a@x>")[1] == data
    assert spliced(proxy) == 0


@pytest.mark.parametrize("side", ["user", "backend"])
def test_rate_is_copied(bed, side):
    be = bed.fake(articles=articles("a", size=1 << 20),
                  **({"rate": "50M"} if side == "backend" else {}))
    users = {"alice": {"password_plain": "secret", "rate": "50M"}} \
        if side == "user" else None
    proxy = bed.proxy(be, proxy=SPLICE, users=users)
    client = proxy.client()
    if users:
        assert client.login("alice", "secret") == "281"
    data = stuff(body(be.articles["<a@x>"]))
    for _ in range(2):
        assert client.fetch("BODY <a@x>")[1] == data
    assert spliced(proxy) == 0


def test_two_in_flight_are_copied(bed):
    """The second answer may follow the first in one piece."""
    be = bed.fake(articles=articles("a", "b", size=300000), max_connections=1)
    first, second = [stuff(body(be.articles["<%s@x>" % n])) for n in "ab"]

    def both(conn, line):
        other = conn.read_line()
        assert other == "BODY <b@x>"
        conn.send(b"222 0 <a@x>\r\n" + first + b"222 0 <b@x>\r\n" + second)

    proxy = bed.proxy(be, proxy={**SPLICE, "pipeline_depth": 2})
    client = proxy.client()
    be.on["BODY"] = both
    for _ in range(8):
        client.say("BODY <a@x>", "BODY <b@x>")
        assert client.line() == "222 0 <a@x>"
        assert client.block() == first
        assert client.line() == "222 0 <b@x>"
        assert client.block() == second
    client.fence()


def test_second_is_sent_inside_the_first(bed):
    """One in flight at first; then its answer may have another behind it."""
    be = bed.fake(articles=articles("a", "b", size=600000), max_connections=1)
    big_window(be)
    first, second = [stuff(body(be.articles["<%s@x>" % n])) for n in "ab"]

    def play(conn, line):
        conn.send(b"222 0 <a@x>\r\n")
        conn.send_split(first[:300000], 200000)
        other = conn.read_line()
        assert other == "BODY <b@x>"
        conn.send(first[300000:] + b"222 0 <b@x>\r\n" + second)

    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    be.on["BODY"] = play
    for _ in range(5):
        client.say("BODY <a@x>")
        assert client.line() == "222 0 <a@x>"
        client.peek(100000)
        client.say("BODY <b@x>")
        assert client.block() == first
        assert client.line() == "222 0 <b@x>"
        assert client.block() == second
    client.fence()
    assert spliced(proxy) > 0


# --- a server that says more than it was asked for

def assert_unsolicited(proxy, be, client, data):
    """The client has the block and nothing behind it; its next answer is its
    own; the connection was not used again."""
    assert client.fetch("BODY <a@x>")[1] == data
    client.fence()
    assert client.ask("STAT <b@x>") == "223 0 <b@x>"
    assert not set(be.conns_of("STAT")) & set(be.conns_of("BODY"))


@pytest.mark.parametrize("garbage", [
    b"x", b"\r\n", b"400 bye\r\n", b".\r\n", b"222 0 <b@x>\r\nfalse\r\n.\r\n",
    b"430 no\r\n" * 100])
@pytest.mark.parametrize("size", [30 * KIB, 200 * KIB, 900 * KIB])
def test_garbage_behind_the_end(bed, garbage, size):
    be = bed.fake(articles=articles("a", "b"), **QUICK)
    big_window(be)
    data = text_of(size)
    answers(be, data + garbage)
    proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)
    client = proxy.client()
    assert_unsolicited(proxy, be, client, data)
    proxy.wait_log("reason=unsolicited")


@pytest.mark.parametrize("garbage", [
    text_of(64 * KIB), STATUS + text_of(900 * KIB), b"x" * (300 * KIB)],
    ids=["block", "answer", "noise"])
def test_garbage_much_of_it_auto(bed, garbage):
    """The first is read as a whole, and then all."""
    be = bed.fake(articles=articles("a", "b"), **QUICK)
    big_window(be)
    data = text_of(700 * KIB)
    answers(be, data + garbage)
    proxy = bed.proxy(be, proxy={"relay": "auto"}, sections=PATIENT)
    client = proxy.client()
    for _ in range(5):
        assert client.fetch("BODY <a@x>")[1] == data
        client.fence()
    proxy.wait_log("reason=unsolicited", 5)
    assert spliced(proxy) == 0


@pytest.mark.parametrize("relay", ["auto", "splice"])
def test_garbage_once_is_remembered(bed, relay):
    be = bed.fake(articles=articles("a", "b", size=1 << 20), **QUICK)
    proxy = bed.proxy(be, proxy={"relay": relay}, sections=PATIENT)
    client = proxy.client()
    be.on["STAT"] = reply("223 0 <b@x>", b"400 bye\r\n")
    assert client.ask("STAT <b@x>") == "223 0 <b@x>"
    proxy.wait_log("reason=unsolicited")
    fetches(proxy, be)
    assert spliced(proxy) == 0


def test_garbage_that_comes_later(bed):
    """With the connection idle: it is not used again."""
    be = bed.fake(articles=articles("a", "b", size=1 << 20), **QUICK)
    proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)
    fetches(proxy, be, 2)
    be.say_all(b"222 0 <b@x>\r\nfalse\r\n.\r\n")
    client = proxy.client()
    assert client.fetch("BODY <b@x>")[1] == stuff(body(be.articles["<b@x>"]))
    client.fence()
    assert be.accepts == 2


# --- what is behind a head is read with it

def comes_at_once(be, proxy, client, data, then=lambda conn: None):
    """BODY: all of it is there, and what follows it, when the proxy looks."""
    go, gone = Gate(), Gate()
    be.on["BODY"] = lambda c, line: (
        go.wait(c), c.send(data), then(c), gone.open())
    n = len(be.asked("BODY"))
    client.say("BODY <a@x>")
    be.wait_seen(n + 1, "BODY")
    with proxy.stopped():
        go.open()
        gone.wait()
    del be.on["BODY"]


WHOLE = sorted({*range(HEAD - 2, HEAD + 8), *range(2 * HEAD - 2, 2 * HEAD + 3),
                20 * KIB, 60 * KIB})


def test_rest_of_all_sizes(bed):
    be = bed.fake(articles=articles("a"))
    big_window(be)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    for n in WHOLE:
        data = STATUS + text_of(n - len(STATUS))
        assert len(data) == n
        comes_at_once(be, proxy, client, data)
        assert client.exactly(n) == data, n
        client.fence()
    assert be.accepts == 1
    assert not proxy.log_contains("reason=")


def test_rest_hides_a_number(bed):
    be = bed.fake(articles=articles("a"))
    rows = b"77\tsubject\r\n" + text_of(20 * KIB)
    be.on["OVER"] = reply(b"224 here\r\n", rows)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    for _ in range(5):
        assert client.fetch("OVER <a@x>")[1] == b"0" + rows[2:]
    client.fence()


@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_rest_and_the_end(bed, how):
    """Nobody is to blame, and nothing is lost."""
    be = bed.fake(articles=articles("a", "b"), **QUICK)
    big_window(be)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    for n in WHOLE:
        data = STATUS + text_of(n - len(STATUS))
        comes_at_once(be, proxy, client, data, how)
        assert client.exactly(n) == data, n
        assert client.ask("STAT <b@x>") == "223 0 <b@x>"
    proxy.stop()
    assert proxy.counts("be0")["failures"] == 0


@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_rest_that_is_cut(bed, how):
    be = bed.fake(articles=articles("a"), **QUICK)
    big_window(be)
    proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)
    for n in WHOLE:
        data = STATUS + text_of(n - len(STATUS))
        for left in (1, 2, 3, 5, 7):
            client = proxy.client()
            comes_at_once(be, proxy, client, data[:-left], how)
            assert client.rest() == data[:-left], (n, left)
            client.close()


def test_rest_is_mended(bed):
    """What the other one sends is read in the same way."""
    data = text_of(60 * KIB)
    first, second, proxy = two(bed, data)
    big_window(first)
    client = proxy.client()
    for at in (*WHOLE[:-1], len(data) - 1):
        for how in (Conn.close, Conn.reset):
            comes_at_once(first, proxy, client, (STATUS + data)[:at], how)
            assert client.exactly(len(STATUS + data)) == STATUS + data, at
            client.fence()
    proxy.stop()
    assert proxy.counts("be1")["mends"] == 2 * len(WHOLE)


@pytest.mark.parametrize("garbage", [b"x", b".\r\n", b"222 0 <b@x>\r\nno\r\n.\r\n"])
def test_rest_and_garbage(bed, garbage):
    be = bed.fake(articles=articles("a", "b"), **QUICK)
    big_window(be)
    for n in WHOLE[::3]:
        proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)
        client = proxy.client()
        data = STATUS + text_of(n - len(STATUS))
        comes_at_once(be, proxy, client, data + garbage)
        assert client.exactly(n) == data, n
        client.fence()
        proxy.wait_log("reason=unsolicited")
        proxy.stop()


# --- clients

def test_slow_client(bed):
    """The pipe is full, and stays so: all in its order, little memory."""
    be = bed.fake(articles=articles("b"))
    data = text_of(16 << 20)
    answers(be, data)
    proxy = bed.proxy(be, proxy=SPLICE)
    client, other = proxy.client(rcvbuf=16384), proxy.client()
    before = proxy.rss()
    assert client.code("BODY <a@x>") == "222"
    for _ in range(50):
        assert other.code("STAT <b@x>") == "223"
    assert proxy.rss() - before < 4 << 20
    assert client.block() == data
    assert client.ask("STAT <b@x>") == "223 0 <b@x>"
    assert spliced(proxy) > len(data) // 2


def test_slow_clients_more_than_pipes(bed):
    """Some hold all the pipes but one; the others lose nothing."""
    be = bed.fake(articles=articles("b"), max_connections=60)
    data = text_of(8 << 20)
    answers(be, data)
    proxy = bed.proxy(be, proxy={**SPLICE, "threads": 1})
    crowd = [proxy.client(rcvbuf=16384) for _ in range(30)]
    before = proxy.fds()
    for client in crowd:
        assert client.code("BODY <a@x>") == "222"
    fast = proxy.client()
    for _ in range(3):
        assert fast.fetch("BODY <a@x>")[1] == data
    assert proxy.fds() - before <= 2 * 16 + len(crowd) + 2
    for client in crowd:
        assert client.block() == data
        client.fence()
    assert spliced(proxy) > 10 * len(data)


def test_slow_client_is_cut_off(bed):
    be = bed.fake(articles=articles("a", size=16 << 20), **QUICK)
    proxy = bed.proxy(be, proxy={**SPLICE, "client_stall_timeout": ms(500)})
    before = proxy.fds()
    client = proxy.client(rcvbuf=16384)
    client.say("BODY <a@x>")
    proxy.wait_log("end=client-stall")
    # The listener's end of it, the connection, and the pipe it held.
    wait_until(lambda: proxy.fds() <= before + 2, what="the descriptors")


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("size", [1 << 20, 16 << 20])
def test_gone_client(bed, how, size):
    """Little is left: the connection is saved; else it is not."""
    be = bed.fake(articles=articles("b"), max_connections=1, **QUICK)
    data = text_of(size)
    answers(be, data)
    proxy = bed.proxy(be, proxy=SPLICE)
    for _ in range(5):
        client = proxy.client(rcvbuf=16384)
        assert client.code("BODY <a@x>") == "222"
        client.peek(50000)
        getattr(client, how)()
        other = proxy.client()
        assert other.ask("STAT <b@x>") == "223 0 <b@x>"
        other.fence()
    assert (be.accepts == 1) == (size == 1 << 20)


# --- backends

@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
@pytest.mark.parametrize("at", [100, HEAD, LEAST, 200 * KIB, MOST, 600 * KIB])
def test_cut_looks_cut(bed, how, at):
    be = bed.fake(articles=articles("a"), **QUICK)
    big_window(be)
    data = text_of(700 * KIB)
    proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)

    def play(conn, line):
        conn.send(STATUS)
        conn.wait_read()
        conn.send(data[:at])
        conn.wait_read()
        how(conn)

    be.on["BODY"] = play
    for _ in range(3):
        client = proxy.client()
        client.say("BODY <a@x>")
        assert client.rest() == STATUS + data[:at]
    if at == 600 * KIB or at <= LEAST:
        assert (spliced(proxy) > 0) == (at > LEAST)


def test_end_with_the_last_piece(bed):
    """The end of the stream comes with what can be spliced."""
    be = bed.fake(articles=articles("a"), **QUICK)
    big_window(be)
    data = text_of(700 * KIB)
    proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)
    be.on["BODY"] = lambda c, line: (c.send(STATUS), c.wait_read(),
                                     c.send(data), c.close())
    for _ in range(5):
        client = proxy.client()
        assert client.fetch("BODY <a@x>")[1] == data
        client.fence()


def test_stall_is_cut(bed):
    be = bed.fake(articles=articles("a"), stall_timeout=ms(300), **QUICK)
    data = text_of(700 * KIB)
    proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)
    be.on["BODY"] = lambda c, line: (c.send(STATUS), c.wait_read(),
                                     c.send(data[:400 * KIB]), c.hang())
    client = proxy.client()
    client.say("BODY <a@x>")
    assert client.rest() == STATUS + data[:400 * KIB]
    proxy.wait_log("reason=stall")


# --- mended

def two(bed, data, **options):
    first = bed.fake(articles=articles("a"), tier=0, **QUICK)
    second = bed.fake(articles=articles("a"), tier=1, **QUICK)
    for be in first, second:
        big_window(be)
    answers(second, data)
    return first, second, bed.proxy(first, second, proxy=SPLICE,
                                    sections=PATIENT, **options)


def cut_at(be, data, at, how):
    def play(conn, line):
        conn.send(STATUS)
        conn.wait_read()
        conn.send(data[:at])
        conn.wait_read()
        how(conn)
    be.on["BODY"] = play


def test_mended(bed):
    """Where pieces of it were spliced."""
    data = text_of(900 * KIB)
    first, second, proxy = two(bed, data)
    chance = random.Random(5)
    for _ in range(40):
        at = chance.randrange(len(data))
        cut_at(first, data, at, chance.choice([Conn.close, Conn.reset]))
        client = proxy.client()
        assert client.fetch("BODY <a@x>")[1] == data, at
        client.fence()
        client.close()
    proxy.stop()
    assert proxy.counts("be1")["mends"] == 40
    assert proxy.counts("be0")["spliced"] > 0


def test_mended_twice(bed):
    data = text_of(3000 * KIB)
    servers = [bed.fake(articles=articles("a"), tier=n, **QUICK)
               for n in range(3)]
    for be in servers:
        big_window(be)
    cut_at(servers[0], data, 1000 * KIB, Conn.close)
    cut_at(servers[1], data, 2500 * KIB, Conn.close)
    answers(servers[2], data)
    proxy = bed.proxy(*servers, proxy=SPLICE, sections=PATIENT)
    for _ in range(3):
        assert proxy.client().fetch("BODY <a@x>")[1] == data
    proxy.stop()
    assert proxy.counts("be0")["spliced"] > 0
    assert proxy.counts("be1")["spliced"] > 0


def test_exact_is_not_spliced_while_another_could_go_on(bed):
    data = text_of(900 * KIB)
    first, second, proxy = two(bed, data, routing={"resume": "exact"})
    answers(first, data)
    for _ in range(3):
        assert proxy.client().fetch("BODY <a@x>")[1] == data
    cut_at(first, data, 500 * KIB, Conn.close)
    assert proxy.client().fetch("BODY <a@x>")[1] == data
    assert spliced(proxy) == 0


def test_exact_with_one_backend_is_spliced(bed):
    be = bed.fake(articles=articles("a", size=1 << 20))
    proxy = bed.proxy(be, proxy=SPLICE, routing={"resume": "exact"})
    fetches(proxy, be)
    assert spliced(proxy) > 0


@pytest.mark.parametrize("other", ["all", "head", "tails"])
def test_different_is_found_out(bed, other):
    """Another article; or one that is the same in part."""
    data = bytearray(text_of(900 * KIB))
    at = 600 * KIB
    false = bytearray(stuff(lines(900 * KIB, seed=9, width=400)))
    if other == "head":
        false[:2 * HEAD] = data[:2 * HEAD]
    if other == "tails":
        false = bytearray(data)
        false[at - TAIL // 2:at] = b"y" * (TAIL // 2)
    first, second, proxy = two(bed, bytes(false))
    cut_at(first, bytes(data), at, Conn.close)
    for _ in range(3):
        client = proxy.client()
        client.say("BODY <a@x>")
        assert client.rest() == STATUS + data[:at]
    proxy.wait_log("has another article", 3)
    proxy.stop()
    assert proxy.counts("be0")["spliced"] > 0
    assert proxy.counts("be1")["mends"] == 0


# --- what comes while a piece leaves: the tail stays where it is

def hurry(conn, data, chance, status=STATUS):
    """In pieces; nobody waits until one was read."""
    conn.send(status)
    at = 0
    while at < len(data):
        n = chance.choice((1, 1448, TAIL, 20 * KIB, LEAST + TAIL, MOST))
        conn.send(data[at:at + n])
        at += n


@pytest.mark.parametrize("left", [1, 4, 5, 6, TAIL - 1, TAIL, TAIL + 1,
                                  2 * TAIL, LEAST, LEAST + TAIL])
def test_hurry_what_is_left(bed, left):
    """Behind a large piece, and the terminator in two."""
    be = bed.fake(articles=articles("a"))
    big_window(be)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    data = text_of(900 * KIB)
    for _ in range(10):
        for last in range(min(left, 6)):
            end = len(data) - last
            be.on["BODY"] = lambda c, _, end=end: (
                c.send(STATUS), c.wait_read(), c.send(data[:-left]),
                c.send(data[-left:end]), c.send(data[end:]))
            assert client.fetch("BODY <a@x>")[1] == data, last
    client.fence()
    assert be.accepts == 1
    assert spliced(proxy) > 0


@pytest.mark.parametrize("moment", ["with it", "at once", "later"])
@pytest.mark.parametrize("left", [5, TAIL, 30 * KIB])
def test_hurry_garbage_behind_what_is_left(bed, left, moment):
    be = bed.fake(articles=articles("a", "b"), **QUICK)
    big_window(be)
    data = text_of(900 * KIB)
    garbage = b"400 bye\r\n"

    def play(conn, line):
        conn.send(STATUS)
        conn.wait_read()
        conn.send(data[:-left])
        if moment == "with it":
            conn.send(data[-left:] + garbage)
            return
        conn.send(data[-left:])
        if moment == "later":
            conn.wait_read()
        conn.send(garbage)

    be.on["BODY"] = play
    spliced_n = 0
    for _ in range(5):      # for each one a proxy that trusts it
        proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)
        client = proxy.client()
        assert client.fetch("BODY <a@x>")[1] == data
        client.fence()
        assert client.ask("STAT <b@x>") == "223 0 <b@x>"
        spliced_n += spliced(proxy)
    assert spliced_n > 0


@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_hurry_cut_looks_cut(bed, how):
    """With a RST the last of it may be lost on its way to us; on a busy machine
    all of it, so every third time it comes when all has been read."""
    be = bed.fake(articles=articles("a"), **QUICK)
    big_window(be)
    data = text_of(900 * KIB)
    proxy = bed.proxy(be, proxy=SPLICE, sections=PATIENT)
    chance = random.Random(7)
    for n in range(60):
        at = chance.choice((chance.randrange(len(data)),
                            len(data) - chance.randrange(1, 6)))
        be.on["BODY"] = lambda c, _: (
            hurry(c, data[:at], chance), n % 3 == 0 and c.wait_read(), how(c))
        client = proxy.client()
        client.say("BODY <a@x>")
        got = client.rest()
        assert (STATUS + data[:at]).startswith(got), at
        assert how == Conn.reset or len(got) == len(STATUS) + at
        client.close()
    assert spliced(proxy) > 0


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "slow"])
def test_hurry_mended(bed, slow):
    """The slow one has read nothing when its backend is lost."""
    data = text_of(6 << 20 if slow else 900 * KIB)
    first, second, proxy = two(bed, data)
    chance = random.Random(11)
    for _ in range(12 if slow else 60):
        at = chance.choice((chance.randrange(HEAD, 400 * KIB),
                            chance.randrange(HEAD, len(data)),
                            len(data) - chance.randrange(1, 6)))
        how = chance.choice((Conn.close, Conn.reset))
        gone = Gate()
        first.on["BODY"] = lambda c, _, how=how, gone=gone: (
            hurry(c, data[:at], chance), how(c), gone.open())
        client = proxy.client(**({"rcvbuf": 16384} if slow else {}))
        client.say("BODY <a@x>")
        if slow and at <= 400 * KIB:    # for so much there is room
            gone.wait()
        assert client.line() + "\r\n" == STATUS.decode()
        assert client.block() == data, at
        client.fence()
        client.close()
    proxy.stop()
    assert proxy.counts("be1")["mends"] > 0
    assert proxy.counts("be0")["spliced"] > 0


def test_hurry_long_stretches_without_a_tail(bed):
    """More than a gap may have; the other differs somewhere in the end."""
    data = text_of(5 << 20)
    at = 9 << 19
    false = bytearray(data)
    false[at - 100:at] = b"y" * 100
    first, second, proxy = two(bed, data)
    for other, is_same in ((data, True), (bytes(false), False)):
        answers(second, other)
        cut_at(first, data, at, Conn.close)
        for _ in range(5):
            client = proxy.client()
            client.say("BODY <a@x>")
            got = client.rest() if not is_same else \
                client.exactly(len(STATUS + data))
            assert got == STATUS + (data if is_same else data[:at])
            client.close()
    assert spliced(proxy) > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_hurry_many_clients(bed, threads):
    """Fast and slow ones, many pieces at the same time."""
    chance = random.Random(13)
    blocks = [text_of(chance.randrange(HEAD, 2 << 20)) for _ in range(20)]
    servers = [bed.fake(articles=articles("a"), max_connections=10, **QUICK)
               for _ in range(2)]

    def play(conn, line):
        n = int(line[6:-3])
        hurry(conn, blocks[n], random.Random(n),
              b"222 0 <%d@x>\r\n" % n)

    for be in servers:
        big_window(be)
        be.on["BODY"] = play
    proxy = bed.proxy(*servers, proxy={**SPLICE, "threads": threads})
    wrong = []

    def work(n):
        own = random.Random(n)
        client = proxy.client(**({"rcvbuf": 16384} if n % 4 == 0 else {}))
        for _ in range(20):
            i = own.randrange(len(blocks))
            if client.fetch("BODY <%d@x>" % i)[1] != blocks[i]:
                wrong.append(i)
        client.fence()

    jobs = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert not wrong
    proxy.stop()
    assert all(proxy.counts(be.name)["spliced"] > 0 for be in servers)
    assert sum(proxy.counts(be.name)["commands"] for be in servers) >= 240


@pytest.mark.parametrize("to", ["copy", "splice", "rate", "end"])
def test_hurry_inside_an_answer(bed, to):
    """HUP, or TERM, when half of it has gone one way or the other."""
    be = bed.fake(articles=articles("a"))
    data = text_of(8 << 20)
    half_n = len(data) // 2
    go_on = Gate()
    be.on["BODY"] = lambda c, _: (
        hurry(c, data[:half_n], random.Random(17)), go_on.wait(c),
        c.send(data[half_n:]))
    proxy = bed.proxy(be, proxy={"relay": "copy" if to == "splice"
                                 else "splice"})
    client = proxy.client()
    assert client.code("BODY <a@x>") == "222"
    client.peek(half_n)
    if to == "end":
        proxy.signal()
        proxy.wait_log("shutting down")
    elif to == "rate":
        assert proxy.reload(backend={"rate": "50M"})
    else:
        assert proxy.reload(proxy={"relay": to})
    go_on.open()
    assert client.block() == data
    if to != "end":
        client.fence()
    assert spliced(proxy) > 0


@pytest.mark.parametrize("line", [b"223 0 <a@x>\r\n", b"430 no\r\n"])
def test_garbage_of_much_behind_a_line(bed, line):
    """What was held back for pieces that never come leaves all the same."""
    first = bed.fake(articles=articles("a"), tier=0, **QUICK)
    second = bed.fake(articles=articles("a"), tier=1, **QUICK)
    big_window(first)
    first.on["STAT"] = reply(line, b"x" * (LEAST + HEAD))
    proxy = bed.proxy(first, second, proxy=SPLICE, sections=PATIENT)
    client = proxy.client()
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    client.fence()
    proxy.wait_log("reason=unsolicited")

# --- pipes

def test_no_pipe_is_copied(bed):
    """No descriptor is left for one."""
    be = bed.fake(articles=articles("a", size=1 << 20), max_connections=2)
    proxy = bed.proxy(be, proxy=SPLICE)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    most = max(int(fd) for fd in os.listdir("/proc/%d/fd" % proxy.pid)) + 1
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (most, most))
    data = stuff(body(be.articles["<a@x>"]))
    for _ in range(3):
        assert client.fetch("BODY <a@x>")[1] == data
    client.fence()
    assert spliced(proxy) == 0


def test_leaks(bed):
    be = bed.fake(articles=articles("a", size=1 << 20), **QUICK)
    proxy = bed.proxy(be, proxy={**SPLICE, "threads": 1})
    before = proxy.fds()
    data = stuff(body(be.articles["<a@x>"]))
    for n in range(60):
        client = proxy.client()
        client.say("BODY <a@x>")
        if n % 2:
            client.peek(100000)
        else:
            assert client.line() and client.block() == data
        client.close()
    wait_until(lambda: proxy.fds() <= before + 2 * 16 + 10,
               what="the descriptors")
    client = proxy.client()
    assert client.fetch("BODY <a@x>")[1] == data
    client.close()


def test_numbers(bed):
    """What was spliced counts as what was read and sent does."""
    be = bed.fake(articles=articles("a", size=1 << 20))
    proxy = bed.proxy(be, proxy=SPLICE)
    fetches(proxy, be, 3)
    n = len(STATUS + stuff(body(be.articles["<a@x>"])))
    proxy.stop()
    counts = proxy.counts("be0")
    assert 3 * n < counts["bytes"] < 3 * n + 1000
    assert 0 < counts["spliced"] < counts["bytes"]
    sent = sum(map(int, re.findall(r"bytes_out=(\d+)", proxy.log())))
    assert 3 * n < sent < 3 * n + 1000


@pytest.mark.parametrize("whose", ["user", "backend"])
def test_quota_counts_what_is_spliced(bed, whose):
    quota = {"quota": "4M"}
    be = bed.fake(articles=articles("a", size=1 << 20),
                  **(quota if whose == "backend" else {}))
    users = {"alice": {"password_plain": "secret", **quota}} \
        if whose == "user" else {"alice": {"password_plain": "secret"}}
    proxy = bed.proxy(be, proxy=SPLICE, users=users)
    client = proxy.client()
    assert client.login("alice", "secret") == "281"
    done = 0
    while done < 10:
        client.say("BODY <a@x>")
        if client.line()[:3] != "222":
            break
        client.block()
        done += 1
    assert 3 <= done <= 4
    assert spliced(proxy) > 0
