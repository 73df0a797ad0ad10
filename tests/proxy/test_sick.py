# SPDX-License-Identifier: BSD-2-Clause
"""Sick backends; breaker and health check are in
test_health.py, every time-out by itself is in test_timeouts.py.

refuses, black-holes, says nothing, greets    test_sick_*
  400/502, never ends its greeting, refuses
  the login, name does not resolve
answer within the time-outs                   test_sick_alone_*
backed off                                    test_backed_off_*
comes back by itself                          test_comes_back_*
silent inside a block                         test_silent_in_a_block_*
one byte a second                             test_dripping_*
a slow client is no fault of the backend      test_slow_client_*
502 connection limit                          test_connection_limit_of_*
unsolicited bytes on an idle connection       test_unsolicited_*
restart under load                            test_restart_*
"""

import threading

import pytest

from fake import Conn, Gate, reply
from sick import endless_greeting, greets, refuses_login, silent
from timing import LIMIT, Clock, ms, scaled, wait_until
from wire import END, articles, body, lines, stuff

FAST = {"wait_timeout": ms(600), "command_timeout": ms(900)}
ROUND = {"strategy": "round-robin"}
SHORT = {"connect_timeout": ms(300), "response_timeout": ms(300),
         "replacement_cooldown": "50ms"}


class Nowhere:
    """A backend whose name does not resolve (RFC 6761)."""

    def __init__(self, **options):
        self.name, self.options = "nowhere", options
        self.url, self.errors = "news.invalid:119", []

    def stop(self):
        pass


def scripted(script, **more):
    def make(bed):
        be = bed.fake("sick", articles("a"), **SHORT, **more)
        be.script = script
        return be
    return make


def greet_slowly(conn):
    conn.send(b"2")
    conn.hang()


ACCOUNT = {"username": "u", "password": "p"}
SICK = {
    "refuses": lambda bed: bed.refusing("sick", **SHORT),
    "black hole": lambda bed: bed.black_hole("sick", **SHORT),
    "unresolved": lambda bed: bed.add(Nowhere(**SHORT)),
    "silent": scripted(silent),
    "closes": scripted(Conn.close),
    "resets": scripted(Conn.reset),
    "400": scripted(greets("400 go away")),
    "502": scripted(greets("502 access denied")),
    "not news": scripted(greets("SSH-2.0-OpenSSH_9.2")),
    "three digits": scripted(greets("220 smtp.example.com ESMTP")),
    "endless greeting": scripted(endless_greeting),
    "half a greeting": scripted(greet_slowly),
    "login 481": scripted(refuses_login(481), **ACCOUNT),
    "login 482": scripted(refuses_login(482), **ACCOUNT),
    "login 502": scripted(refuses_login(502), **ACCOUNT),
    "login silent": scripted(lambda c: (c.greet(), c.hang()), **ACCOUNT),
}


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("kind", SICK)
def test_sick_others_serve(bed, kind):
    sick, good = SICK[kind](bed), bed.fake("good", articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND, proxy=FAST)
    for _ in range(4):
        clock = Clock()
        assert proxy.client().ask("STAT <a@x>") == "223 0 <a@x>"
        assert clock() < scaled(1)


@pytest.mark.parametrize("kind", SICK)
def test_sick_alone_400_in_time(bed, kind):
    proxy = bed.proxy(SICK[kind](bed), proxy=FAST)
    for _ in range(2):
        client, clock = proxy.client(), Clock()
        answer = client.ask("STAT <a@x>")
        assert answer[:3] == "400"
        client.at_end()
        assert clock() < scaled(1.5)
        for word in "too many", "limit", "connections", "threads", "exceed":
            assert word not in answer.lower()
    assert proxy.client().code("HELP") == "100"


@pytest.mark.parametrize("kind", ["refuses", "silent", "502", "login 481"])
def test_sick_is_named_in_the_log(bed, kind):
    proxy = bed.proxy(SICK[kind](bed), proxy=FAST)
    assert proxy.client().code("STAT <a@x>") == "400"
    proxy.wait_log(r"\bsick\b")


def test_backends_words_are_in_the_log(bed):
    be = bed.fake("sick", **SHORT)
    be.script = greets("502 you have not paid")
    proxy = bed.proxy(be, proxy=FAST)
    assert proxy.client().code("STAT <a@x>") == "400"
    proxy.wait_log("you have not paid")


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("kind", ["closes", "400", "502", "login 481"])
def test_backed_off_it_is_not_hammered(bed, kind):
    sick, good = SICK[kind](bed), bed.fake("good", articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND)
    client = proxy.client()
    for _ in range(300):
        assert client.code("STAT <a@x>") == "223"
    assert sick.accepts < 60


@pytest.mark.parametrize("threshold", [3, 1000])
def test_backed_off_clients_that_come_again_do_not_spin(bed, threshold):
    """By the breaker, or by the pool alone."""
    sick = bed.fake("sick", **SHORT)
    sick.script = greets("400 go away")
    proxy = bed.proxy(sick, proxy={"wait_timeout": ms(300),
                                   "command_timeout": ms(600)},
                      sections={"health": {"unhealthy_threshold": threshold}})
    clock, commands = Clock(), 0
    while clock() < 1.5:
        assert proxy.client().code("STAT <a@x>") == "400"
        commands += 1
    assert sick.accepts < 100


@pytest.mark.modes("hy", "pc")
def test_comes_back_by_itself(bed):
    sick = bed.fake("sick", articles("a"), **SHORT)
    good = bed.fake("good", articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND)
    sick.down()
    for _ in range(10):
        assert proxy.client().code("STAT <a@x>") == "223"
    sick.up()
    wait_until(lambda: proxy.client().code("STAT <a@x>") == "223"
               and sick.seen, timeout=30, what="the backend to be used again")


# Those that are found sick at each attempt, and that can be made well.
CURABLE = sorted(set(SICK) - {"refuses", "black hole", "unresolved"})


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("kind", CURABLE)
def test_comes_back_after_the_check_alone_tried_it(bed, kind):
    """Counted; left alone at the threshold by all but the check, which finds
    it well again."""
    sick, good = SICK[kind](bed), bed.fake("good", articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND, proxy=FAST)
    clock = Clock()
    while not proxy.log_contains("backend=sick breaker=open phase="):
        assert proxy.client().code("STAT <a@x>") == "223"
        assert clock() < LIMIT, "its breaker does not open"
    for _ in range(20):
        clock = Clock()
        assert proxy.client().code("STAT <a@x>") == "223"
        assert clock() < scaled(0.1), "a command waits for it"
    assert not sick.seen
    if "login" in kind:
        sick.login = ("u", "p")
    sick.script = None
    proxy.wait_log("backend=sick breaker=closed")
    assert sick.seen == ["DATE"]
    for _ in range(2):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert sick.asked("STAT")
    proxy.stop()
    assert proxy.counts("sick")["failures"] >= 3
    assert proxy.counts("good")["failures"] == 0


def test_comes_back_for_a_waiting_command(bed):
    be = bed.fake(articles=articles("a"), **SHORT)
    be.script = [greets("400 later"), None]
    proxy = bed.proxy(be)
    assert proxy.client().ask("STAT <a@x>")[:3] in ("223", "400")
    wait_until(lambda: proxy.client().code("STAT <a@x>") == "223",
               what="the backend to be used")


STATUS = b"222 0 <a@x>\r\n"


@pytest.mark.parametrize("at", [0, 1, 1000, 200000])
def test_silent_in_a_block_is_cut(bed, at):
    text = lines(300000).replace(b"\r\n.", b"\r\n..")[1:]
    be = bed.fake(articles=articles("b"), stall_timeout=ms(300),
                  replacement_cooldown="50ms")
    be.on["BODY"] = lambda c, line: (c.send(STATUS + text[:at]), c.hang())
    proxy = bed.proxy(be)
    client, clock = proxy.client(), Clock()
    client.say("BODY <a@x>")
    assert client.rest() == STATUS + text[:at]
    assert clock() < scaled(5)
    be.wait_held(0)
    assert proxy.client().code("STAT <b@x>") == "223"


def drip(conn, line):
    conn.send(STATUS)
    for _ in range(3000):
        conn.send(b"x")
        conn.pace(0.02)


def test_dripping_in_a_block_is_cut(bed):
    """50 bytes a second are less than 1 KiB in stall_timeout."""
    be = bed.fake(stall_timeout=ms(500), replacement_cooldown="50ms")
    be.on["BODY"] = drip
    client, clock = bed.proxy(be).client(), Clock()
    client.say("BODY <a@x>")
    got = client.rest()
    assert got.startswith(STATUS) and got[len(STATUS):].strip(b"x") == b""
    assert clock() < scaled(6)


def test_dripping_status_line_is_given_up(bed):
    def drip_status(conn, line):
        conn.send(b"222 ")
        for _ in range(3000):
            conn.send(b"x")
            conn.pace(0.05)

    be = bed.fake(stall_timeout=ms(500), **SHORT)
    be.on["BODY"] = drip_status
    client, clock = bed.proxy(be, proxy=FAST).client(), Clock()
    assert client.code("BODY <a@x>") == "400"
    client.at_end()
    assert clock() < scaled(2)


def test_slow_but_good_enough_is_not_cut(bed):
    """2 KiB in each stall_timeout, for three of them."""
    def slow(conn, line):
        conn.send(STATUS)
        for _ in range(12):
            conn.send(b"x" * 1022 + b"\r\n")
            conn.pace(0.125)
        conn.send(END)

    be = bed.fake(stall_timeout=ms(500))
    be.on["BODY"] = slow
    client = bed.proxy(be).client()
    assert client.code("BODY <a@x>") == "222"
    assert len(client.block()) == 12 * 1024 + 3


@pytest.mark.modes("hy", "pc")
def test_slow_client_is_no_fault_of_the_backend(bed):
    be, gate = bed.fake(articles=articles("b"), max_connections=1,
                        stall_timeout="300ms", response_timeout="300ms"), \
        Gate()
    # More than fits into the sockets: one of 33 MB for what is received.
    text = lines(1 << 20).replace(b"\r\n.", b"\r\n..")[1:] * 40 + END
    be.on["BODY"] = lambda c, line: (c.send(STATUS + text), gate.open())
    proxy = bed.proxy(be)
    client, clock = proxy.client(rcvbuf=16384), Clock()
    assert client.code("BODY <a@x>") == "222"
    wait_until(lambda: clock() > 1, what="three stall_timeouts to pass")
    assert not gate.event.is_set(), "the proxy took all of it"
    assert client.block() == text
    assert proxy.client().code("STAT <b@x>") == "223"
    assert be.accepts == 1


@pytest.mark.modes("hy", "pc")
def test_client_stall_timeout(bed):
    be = bed.fake(articles=articles("b"), max_connections=1,
                  replacement_cooldown="50ms")
    piece = lines(1 << 20).replace(b"\r\n.", b"\r\n..")[1:]
    be.on["BODY"] = lambda c, line: (
        c.send(STATUS), [c.send(piece) for _ in range(100)], c.send(END))
    proxy = bed.proxy(be, proxy={"client_stall_timeout": ms(500)})
    client = proxy.client(rcvbuf=16384)
    assert client.code("BODY <a@x>") == "222"
    assert proxy.client().code("STAT <b@x>") == "223"
    proxy.wait_log("client-stall")


def test_slow_client_that_reads_is_not_thrown_out(bed):
    be = bed.fake()
    piece = lines(1 << 20).replace(b"\r\n.", b"\r\n..")[1:]
    be.on["BODY"] = lambda c, line: (
        c.send(STATUS), [c.send(piece) for _ in range(16)], c.send(END))
    proxy = bed.proxy(be, proxy={"client_stall_timeout":
                                 ms(500)})
    client, clock = proxy.client(rcvbuf=16384), Clock()
    assert client.code("BODY <a@x>") == "222"
    got = 0
    while clock() < scaled(2):
        got += len(client.exactly(4096))
        done = clock()
        wait_until(lambda: clock() > done + 0.05, what="a moment")
    assert len(client.block()) + got == len(piece) * 16 + 3


def takes_only(most):
    """A provider that has this many connections for us, and no more."""
    free = threading.Semaphore(most)

    def script(conn):
        if not free.acquire(blocking=False):
            conn.say("502 too many connections")
            return
        try:
            conn.serve()
        finally:
            free.release()

    return script


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("others", [0, 1])
def test_connection_limit_of_a_provider(bed, others):
    """Eight wanted, two given: what there is serves all."""
    few = bed.fake("few", articles("a"), max_connections=8,
                   replacement_cooldown="50ms")
    few.script = takes_only(2)
    more = [bed.fake("more", articles("a"), max_connections=1)] * others
    for be in few, *more:
        be.on["STAT"] = lambda c, line: (c.pace(0.005), c.on_STAT(line))
    proxy = bed.proxy(few, *more)
    clients = [proxy.client() for _ in range(8)]
    for client in clients:
        client.say(*["STAT <a@x>"] * 5)
    for client in clients:
        for _ in range(5):
            assert client.line() == "223 0 <a@x>"


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("data", [b"400 idle too long\r\n", b"x",
                                  b"223 0 <stale@x>\r\n", b"\r\n", b"\0"])
def test_unsolicited_bytes_on_an_idle_connection(bed, data):
    be = bed.fake(articles=articles("a"), max_connections=1,
                  replacement_cooldown="50ms")
    client = bed.proxy(be).client()
    for n in range(1, 4):
        assert client.ask("STAT <a@x>") == "223 0 <a@x>"
        client.fence()
        assert be.accepts == n
        be.say_all(data)


@pytest.mark.modes("hy", "pc")
def test_unsolicited_bytes_and_end_on_an_idle_connection(bed):
    be = bed.fake(articles=articles("a"), max_connections=1,
                  replacement_cooldown="50ms")
    client = bed.proxy(be).client()
    for n in range(1, 4):
        assert client.ask("STAT <a@x>") == "223 0 <a@x>"
        be.say_all(b"400 idle too long\r\n")
        be.close_all()
        assert be.accepts == n


def test_unsolicited_bytes_are_noticed_while_idle(bed):
    be = bed.fake(articles=articles("a"))
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"
    be.say_all(b"400 idle too long\r\n")
    be.wait_held(0)


def test_greeting_with_more_behind_it(bed):
    be = bed.fake(articles=articles("a"), replacement_cooldown="50ms",
                  greeting=b"200 hello\r\n223 0 <a@x>\r\n")
    client = bed.proxy(be, proxy=FAST).client()
    assert client.code("STAT <none@x>") in ("430", "400")


@pytest.mark.modes("hy", "pc")
def test_restart_under_load(bed):
    """Only STAT: each can be asked again elsewhere, so none may fail."""
    first = bed.fake("first", articles("a"), replacement_cooldown="50ms")
    second = bed.fake("second", articles("a"), replacement_cooldown="50ms")
    proxy = bed.proxy(first, second)
    wrong, stop = [], threading.Event()

    def ask(client):
        while not stop.is_set():
            answer = client.ask("STAT <a@x>")
            if answer != "223 0 <a@x>":
                wrong.append(answer)

    jobs = [threading.Thread(target=ask, args=(proxy.client(),))
            for _ in range(4)]
    for job in jobs:
        job.start()
    for _ in range(3):
        second.wait_seen(len(second.seen) + 20)
        first.down()
        second.wait_seen(len(second.seen) + 20)
        first.up()
    stop.set()
    for job in jobs:
        job.join()
    assert not wrong
    assert max(first.peak, second.peak) <= 10


@pytest.mark.modes("hy", "pc")
def test_restart_cuts_what_was_in_flight_only(bed):
    """A backend alone, so nothing is mended: each client loses one answer for
    each restart at most, and none is told that there is no server."""
    be = bed.fake(articles=articles("a", size=200000), max_connections=4,
                  replacement_cooldown="50ms")
    proxy = bed.proxy(be)
    want = b"222 0 <a@x>\r\n" + stuff(body(be.articles["<a@x>"]))
    wrong, cuts, stop = [], [], threading.Event()

    def work(n):
        client = proxy.client()
        while not stop.is_set():
            client.say("BODY <a@x>")
            got = client.exactly_or_end(len(want))
            if not want.startswith(got):
                wrong.append(got[:80])
            if got != want:
                cuts.append(n)
                client = proxy.client()

    jobs = [threading.Thread(target=work, args=(n,), daemon=True)
            for n in range(6)]
    for job in jobs:
        job.start()
    for _ in range(3):
        be.wait_seen(len(be.seen) + 30)
        be.down()
        be.up()
    be.wait_seen(len(be.seen) + 30)
    stop.set()
    for job in jobs:
        job.join(LIMIT)
    assert not wrong, wrong[:3]
    assert all(cuts.count(n) <= 3 for n in range(6)), cuts
    assert be.peak <= 4


@pytest.mark.modes("hy", "pc")
def test_garbage_from_one_does_not_slow_the_other(bed):
    sick = bed.fake("sick", **SHORT)
    sick.on["STAT"] = reply("abc")
    good = bed.fake("good", articles("a"))
    client = bed.proxy(sick, good, routing=ROUND).client()
    for _ in range(20):
        clock = Clock()
        assert client.code("STAT <a@x>") == "223"
        assert clock() < scaled(1)
