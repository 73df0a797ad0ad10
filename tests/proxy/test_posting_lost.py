# SPDX-License-Identifier: BSD-2-Clause
"""Refusals: an article is never posted twice and never by
half, whoever is lost on the way; in every mode.

client gone inside POST                   test_client_gone_*
a client that stops                       test_client_that_stops_*
backend gone after the first byte, ...    test_backend_gone_*
post_timeout                              test_backend_never_answers
an answer before the end of the article   test_early_answer_*
TERM while an article is on its way       test_term_*
"""

import contextlib
import re
import threading

import pytest

from fake import Conn, Gate, takes
from posting import WHOLE
from timing import Clock, ms, scaled, wait_until
from wire import articles, lines, stuff

SHORT = {"replacement_cooldown": "50ms", "connect_timeout": ms(300),
         "response_timeout": ms(500)}
CLOSES = pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                                 ids=["close", "reset"])
COMMANDS = pytest.mark.parametrize("command,ahead", [
    ("POST", "340"), ("IHAVE <new@x>", "335")])


@pytest.fixture
def two(bed):
    """Two backends that take articles: one of them must never get it twice."""
    return [bed.fake(articles=articles("a"), posting="yes", max_connections=2,
                     **SHORT) for _ in range(2)]


def begin(proxy, command="POST"):
    """A client that was told to send its article."""
    client = proxy.client()
    assert client.code(command) in ("340", "335")
    return client


def halves(fakes):
    return [raw for be in fakes for raw in be.halves]


def assert_lost(client, proxy, fakes, arrived=0):
    """400 and close; the article is at so many backends, and the proxy is as
    good as before."""
    assert client.line()[:3] == "400"
    client.at_end()
    assert sum(len(be.posted) for be in fakes) == arrived
    assert sum(len(be.asked("POST") + be.asked("IHAVE")) for be in fakes) == 1
    for be in fakes:
        be.on.clear()
    after = begin(proxy)
    after.send(WHOLE)
    after.expect(240)


# --- the client is lost ------------------------------------------------------

@COMMANDS
@pytest.mark.parametrize("how", ["close", "reset", "half_close"])
@pytest.mark.parametrize("sent", [b"", b"H", b"H: 1\r\n\r\nhalf",
                                  b"H: 1\r\n\r\nhalf\r\n", b"x\r\n.",
                                  b"x\r\n.\r", b".", b".\r", b"x\n.\n",
                                  b"x" * 3000000 + b"\r\n.\r"],
                         ids=range(10))
def test_client_gone_inside_its_article(bed, two, command, ahead, how, sent):
    proxy = bed.proxy(*two)
    client = begin(proxy, command)
    client.send(sent)
    getattr(client, how)()
    wait_until(lambda: halves(two), what="the end of it at the backend")
    got = halves(two)
    assert len(got) == 1 and sent.startswith(got[0])
    # By TLS its end comes with what is before it, and takes that along.
    assert how == "reset" or proxy.is_secure or got[0] == sent
    assert [be.posted for be in two] == [[], []]
    if how == "half_close":
        assert client.rest()[:3] in (b"", b"400")
    after = begin(proxy)
    after.send(WHOLE)
    after.expect(240)
    assert sum(len(be.posted) for be in two) == 1


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_gone_before_the_go_ahead(bed, two, how):
    gate = Gate()
    for be in two:
        be.on["POST"] = lambda c, line: (gate.wait(c), takes()(c, line))
    proxy = bed.proxy(*two)
    client = proxy.client()
    client.say("POST")
    wait_until(lambda: two[0].asked("POST") or two[1].asked("POST"))
    getattr(client, how)()
    gate.open()
    wait_until(lambda: all(be.held == 0 for be in two) or halves(two),
               what="the end of it at the backend")
    assert [be.posted for be in two] == [[], []]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_gone_behind_its_article(bed, two, how):
    """It is posted: the client could know no better."""
    gate = Gate()
    for be in two:
        be.on["POST"] = takes(last=lambda c: (gate.wait(c), c.say("240 ok")))
    proxy = bed.proxy(*two)
    client = begin(proxy)
    client.send(WHOLE)
    wait_until(lambda: two[0].posted or two[1].posted, what="the article")
    getattr(client, how)()
    gate.open()
    after = begin(proxy)
    after.send(WHOLE)
    after.expect(240)
    assert sum(len(be.posted) for be in two) == 2 and halves(two) == []


@pytest.mark.parametrize("sent", [b"", b"H: 1\r\n\r\nhalf", b"x\r\n.\r"])
def test_client_that_stops_is_closed(bed, two, sent):
    proxy = bed.proxy(*two, proxy={"client_stall_timeout": ms(300)})
    client, clock = begin(proxy), Clock()
    client.send(sent)
    assert client.rest()[:3] in (b"", b"400")
    assert clock() < scaled(5)
    wait_until(lambda: halves(two), what="the end of it at the backend")
    assert halves(two) == [sent] and [be.posted for be in two] == [[], []]
    after = begin(proxy)
    after.send(WHOLE)
    after.expect(240)


def test_client_that_is_slow_is_not_closed(bed, two):
    proxy = bed.proxy(*two, proxy={"client_stall_timeout": ms(400)})
    client = begin(proxy)
    for i in range(0, len(WHOLE), 20):
        Conn.pace(two[0].conns[0] if two[0].conns else two[1].conns[0],
                  scaled(0.1))
        client.send(WHOLE[i:i + 20])
    client.expect(240)


def test_client_is_not_closed_for_a_slow_backend(bed, two):
    """It sends nothing because nobody reads."""
    gate, whole = Gate(), stuff(b"H: 1\r\n\r\n" + lines(8 << 20, 3))

    def slow(conn, line):
        conn.say("340 send it")
        gate.wait(conn)
        conn.take_article()
        conn.say("240 ok")

    for be in two:
        be.on["POST"] = slow
    proxy = bed.proxy(*two, proxy={"client_stall_timeout": ms(300)})
    client, clock = begin(proxy), Clock()
    sender = threading.Thread(target=client.send, args=(whole,))
    sender.start()
    wait_until(lambda: clock() > scaled(1))
    gate.open()
    client.expect(240)
    sender.join()
    assert [raw for be in two for raw in be.posted] == [whole]


# --- the backend is lost -----------------------------------------------------

@CLOSES
@COMMANDS
def test_backend_gone_behind_the_go_ahead(bed, two, how, command, ahead):
    def go(conn, line):
        conn.say(ahead + " send it")
        conn.wait_read()
        how(conn)

    for be in two:
        be.on[command.split()[0]] = go
    proxy = bed.proxy(*two)
    client = begin(proxy, command)
    assert_lost(client, proxy, two)


@CLOSES
@COMMANDS
@pytest.mark.parametrize("n", [1, 10, len(WHOLE) - 1])
def test_backend_gone_inside_the_article(bed, two, how, command, ahead, n):
    def go(conn, line):
        conn.say(ahead + " send it")
        got = b""
        while len(got) < n:
            got += conn.sock.recv(n - len(got))
        how(conn)

    for be in two:
        be.on[command.split()[0]] = go
    proxy = bed.proxy(*two)
    client = begin(proxy, command)
    client.send(WHOLE[:n])
    assert_lost(client, proxy, two)


@CLOSES
@COMMANDS
def test_backend_gone_behind_the_article(bed, two, how, command, ahead):
    for be in two:
        be.on[command.split()[0]] = takes(ahead + " go", how)
    proxy = bed.proxy(*two)
    client = begin(proxy, command)
    client.send(WHOLE)
    assert_lost(client, proxy, two, arrived=1)


@CLOSES
@pytest.mark.parametrize("part", [b"2", b"240", b"240 thank you\r"])
def test_backend_gone_inside_the_last_answer(bed, two, how, part):
    for be in two:
        be.on["POST"] = takes(last=lambda c: (c.send(part), c.wait_read(),
                                              how(c)))
    proxy = bed.proxy(*two)
    client = begin(proxy)
    client.send(WHOLE)
    assert_lost(client, proxy, two, arrived=1)


@pytest.mark.parametrize("answer", ["abc", "340 more", "223 0 <a@x>"])
def test_backend_says_nonsense_behind_the_article(bed, two, answer):
    for be in two:
        be.on["POST"] = takes(last=answer)
    proxy = bed.proxy(*two)
    client = begin(proxy)
    client.send(WHOLE)
    assert_lost(client, proxy, two, arrived=1)


@pytest.mark.parametrize("code", [400, 403, 502])
def test_backend_in_trouble_behind_the_article(bed, two, code):
    """Nobody knows what became of it: not posted again, no false 240."""
    for be in two:
        be.on["POST"] = takes(last="%d trouble" % code)
    proxy = bed.proxy(*two)
    client = begin(proxy)
    client.send(WHOLE)
    assert client.line()[:3] in ("400", str(code))
    assert sum(len(be.posted) for be in two) == 1


@COMMANDS
def test_backend_never_answers(bed, two, command, ahead):
    for be in two:
        be.options["post_timeout"] = ms(300)
        be.on[command.split()[0]] = takes(ahead + " go", Conn.hang)
    proxy = bed.proxy(*two)
    client = begin(proxy, command)
    clock = Clock()
    client.send(WHOLE)
    assert_lost(client, proxy, two, arrived=1)
    assert 0.25 < clock() < scaled(4)


def test_post_timeout_is_longer_than_an_answer(bed, two):
    """response_timeout and command_timeout are not for this one."""
    for be in two:
        be.on["POST"] = takes(last=lambda c: (c.pace(scaled(1)),
                                              c.say("240 ok")))
    proxy = bed.proxy(*two, proxy={"command_timeout": ms(600)})
    client = begin(proxy)
    client.send(WHOLE)
    client.expect(240)
    client.fence()


def test_backend_that_does_not_read_is_lost(bed, two):
    """stall_timeout: it is to take the article, and does not."""
    for be in two:
        be.options["stall_timeout"] = ms(300)
        be.on["POST"] = lambda c, line: (c.say("340 go"), c.hang())
    proxy = bed.proxy(*two)
    client, clock = begin(proxy), Clock()
    whole = stuff(lines(24 << 20, 4))
    with contextlib.suppress(OSError):
        client.sock.sendall(whole)
    assert client.rest()[:3] in (b"", b"400")
    assert clock() < scaled(8)
    assert sum(len(be.asked("POST")) for be in two) == 1


# --- an answer before the end of the article ---------------------------------

@pytest.mark.parametrize("answer", ["441 too large", "240 enough", "400 no"])
@pytest.mark.parametrize("then", ["reads", "closes"])
def test_early_answer(bed, two, answer, then):
    """Half an article is not posted, whatever is said of it, and none of its
    lines is a command."""
    said = Gate()

    def early(conn, line):
        conn.say("340 go")
        conn.sock.recv(10)
        conn.say(answer)
        conn.wait_read()
        said.open()
        if then == "reads":
            while True:
                conn.read_some()
        conn.close()

    for be in two:
        be.on["POST"] = early
    proxy = bed.proxy(*two)
    client = begin(proxy)
    client.send(b"H: 1\r\n\r\nDATE\r\nSTAT <a@x>\r\n")
    said.wait()
    with contextlib.suppress(OSError):      # it may be closed by now
        client.send(b"HELP\r\nDATE\r\n.\r\n")
        client.send(b"MODE READER\r\n")
    got = client.rest()
    assert got == b"" or re.fullmatch(rb"4\d\d [^\r\n]*\r\n", got), got
    assert sum(len(be.asked("POST")) for be in two) == 1
    assert two[0].asked("DATE") == two[1].asked("DATE") == []
    assert two[0].posted == two[1].posted == []


# --- TERM --------------------------------------------------------------------

def test_term_while_an_article_is_on_its_way(bed, two):
    proxy = bed.proxy(*two)
    client, idle = begin(proxy), proxy.client()
    client.send(WHOLE[:20])
    proxy.signal()
    assert idle.line()[:3] == "400"
    client.send(WHOLE[20:])
    assert client.line()[:3] == "240"
    assert client.line()[:3] == "400"
    client.at_end()
    assert proxy.wait_end() == 0
    assert [raw for be in two for raw in be.posted] == [WHOLE]


def test_term_while_its_answer_is_awaited(bed, two):
    gate = Gate()
    for be in two:
        be.on["POST"] = takes(last=lambda c: (gate.wait(c), c.say("441 no")))
    proxy = bed.proxy(*two)
    client, idle = begin(proxy), proxy.client()
    client.send(WHOLE + b"DATE\r\n")
    wait_until(lambda: two[0].posted or two[1].posted, what="the article")
    proxy.signal()
    assert idle.line()[:3] == "400"
    gate.open()
    client.expect(441, 400)
    client.at_end()
    assert proxy.wait_end() == 0


def test_term_ends_in_time_inside_an_article(bed, two):
    proxy = bed.proxy(*two, proxy={"shutdown_timeout": "500ms"})
    client = begin(proxy)
    client.send(b"H: 1\r\n")
    clock = Clock()
    proxy.signal()
    assert proxy.wait_end() == 0
    assert clock() < scaled(4)
    assert client.rest()[:3] in (b"", b"400")
    wait_until(lambda: halves(two), what="the end of it at the backend")
    assert halves(two) == [b"H: 1\r\n"]
    assert [be.posted for be in two] == [[], []]


def test_term_a_second_one_inside_an_article(bed, two):
    proxy = bed.proxy(*two, proxy={"shutdown_timeout": "1h"})
    client, idle = begin(proxy), proxy.client()
    client.send(b"H: 1\r\n.")
    proxy.signal()
    assert idle.line()[:3] == "400"
    proxy.signal()
    assert proxy.wait_end() == 0
    wait_until(lambda: halves(two), what="the end of it at the backend")
    assert [be.posted for be in two] == [[], []]
