# SPDX-License-Identifier: BSD-2-Clause
"""Sick backends: packets are dropped, in a network namespace
(netns.py; needs root).  A silent peer on loopback still acknowledges; here
nobody does.

SYN dropped: counted, backed off, others serve   test_syn_*
within the time-outs, and back by itself
packets dropped on a connection that was there   test_idle_*, test_command_*,
                                                 test_block_*, test_pinned_*
for a moment only: nothing is lost               test_moment_*
a client that is cut off                         test_client_*
TERM in time                                     test_shutdown_*
"""

import pytest

from fake import Gate
from netns import FAR, NEAR, Net
from timing import LIMIT, Clock, ms, scaled, wait_until
from wire import articles, body, lines, stuff

BOTH = pytest.mark.modes("hy", "pc")
FAST = {"wait_timeout": ms(600), "command_timeout": ms(900)}
ROUND = {"strategy": "round-robin"}
SHORT = {"connect_timeout": ms(300), "response_timeout": ms(300),
         "stall_timeout": ms(400), "replacement_cooldown": "50ms"}


class Nets:
    """The bed, with one backend at the other end of a cable."""

    def __init__(self, bed):
        self.bed, self.net = bed, Net()

    def sick(self, names=("a",), **options):
        with self.net.far():
            return self.bed.fake("sick", articles(*names, size=300000),
                                 host=FAR, **{**SHORT, **options})

    def good(self, names=("a",), **options):
        with self.net.near():
            return self.bed.fake("good", articles(*names, size=300000),
                                 **options)

    def proxy(self, *backends, **options):
        with self.net.near():
            return self.bed.proxy(*backends, **options)

    def client(self, proxy, **options):
        with self.net.near():
            return proxy.client(**options)


@pytest.fixture
def nets(bed):
    nets = Nets(bed)
    yield nets
    nets.net.close()


def code_in(client, command, seconds):
    """The code of the answer, which comes within so many seconds."""
    clock = Clock()
    code = client.code(command)
    assert clock() < scaled(seconds)
    return code


def until_open(nets, proxy):
    clock = Clock()
    while not proxy.log_contains("backend=sick breaker=open phase="):
        assert code_in(nets.client(proxy), "STAT <a@x>", 1) == "223"
        assert clock() < LIMIT, "its breaker does not open"


def test_the_cable(nets):
    """The tool: bytes pass, none pass, and what was lost is sent again."""
    be = nets.sick(response_timeout="60s")
    proxy = nets.proxy(be)
    client = nets.client(proxy)
    assert client.code("STAT <a@x>") == "223"
    nets.net.drop()
    client.say("STAT <a@x>")
    clock = Clock()
    wait_until(lambda: clock() > 0.5, what="a while")
    assert len(be.asked("STAT")) == 1
    nets.net.restore()
    assert client.line() == "223 0 <a@x>"
    assert be.accepts == 1


@BOTH
def test_syn_dropped_others_serve_and_it_comes_back(nets):
    sick, good = nets.sick(), nets.good()
    nets.net.drop()
    proxy = nets.proxy(sick, good, routing=ROUND, proxy=FAST)
    until_open(nets, proxy)
    for _ in range(50):
        assert code_in(nets.client(proxy), "STAT <a@x>", 0.1) == "223"
    assert sick.accepts == 0
    nets.net.restore()
    proxy.wait_log("backend=sick breaker=closed")
    for _ in range(2):
        assert nets.client(proxy).code("STAT <a@x>") == "223"
    assert sick.asked("STAT")


def test_syn_dropped_alone_400_in_time(nets):
    sick = nets.sick()
    nets.net.drop()
    proxy = nets.proxy(sick, proxy=FAST)
    for _ in range(2):
        client = nets.client(proxy)
        assert code_in(client, "STAT <a@x>", 1.5) == "400"
        client.at_end()


@BOTH
def test_idle_connection_is_cut_off(nets):
    """It looks well; the command that gets it is answered by another."""
    sick, good = nets.sick(), nets.good(tier=1)
    proxy = nets.proxy(sick, good, routing={"tier_down": "spill"})
    assert nets.client(proxy).code("STAT <a@x>") == "223"
    nets.net.drop()
    assert code_in(nets.client(proxy), "STAT <a@x>", 3) == "223"
    assert good.asked("STAT")


@BOTH
def test_command_under_way(nets):
    sick, good = nets.sick(), nets.good()
    gate = Gate()
    sick.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    proxy = nets.proxy(sick, good, routing=ROUND)
    clients = [nets.client(proxy) for _ in range(2)]
    for client in clients:
        client.say("STAT <a@x>")
    sick.wait_seen(1, "STAT")
    nets.net.drop()
    gate.open()
    for client in clients:
        assert client.line() == "223 0 <a@x>"


def block_cut_off(nets, *others, **options):
    """A client whose BODY is cut off after 1000 bytes, and the whole one."""
    sick = nets.sick(**options)
    data, gate = stuff(body(sick.articles["<a@x>"])), Gate()
    sick.on["BODY"] = lambda c, line: (
        c.send(b"222 0 <a@x>\r\n" + data[:1000]), gate.wait(c),
        c.send(data[1000:]))
    proxy = nets.proxy(sick, *others)
    client = nets.client(proxy)
    assert client.code("BODY <a@x>") == "222"
    assert client.exactly(1000) == data[:1000]
    nets.net.drop()
    gate.open()
    return client, data


@BOTH
def test_block_is_mended(nets):
    client, data = block_cut_off(nets, nets.good(tier=1), tier=0)
    assert client.block() == data[1000:]
    client.fence()


def test_block_is_cut(nets):
    client, data = block_cut_off(nets)
    clock = Clock()
    assert client.rest() == b""
    assert clock() < scaled(3)


@pytest.mark.modes("hy", "st")
def test_pinned_reader_is_told(nets):
    sick = nets.sick()
    proxy = nets.proxy(sick)
    client = nets.client(proxy)
    assert client.code("GROUP local.test") == "211"
    nets.net.drop()
    assert code_in(client, "STAT 1", 3) == "400"
    client.at_end()


@pytest.mark.parametrize("at", [0, 1000])
def test_moment_loses_nothing(nets, at):
    """Shorter than the time-outs: what was lost is sent again."""
    sick = nets.sick(response_timeout=ms(5000), stall_timeout=ms(5000))
    data, gate = stuff(body(sick.articles["<a@x>"])), Gate()
    raw = b"222 0 <a@x>\r\n" + data
    sick.on["BODY"] = lambda c, line: (c.send(raw[:at]), gate.wait(c),
                                       c.send(raw[at:]))
    client = nets.client(nets.proxy(sick))
    client.say("BODY <a@x>")
    sick.wait_seen(1, "BODY")
    nets.net.drop()
    gate.open()
    clock = Clock()
    wait_until(lambda: clock() > 0.5, what="a moment")
    nets.net.restore()
    assert client.line() == "222 0 <a@x>"
    assert client.block() == data
    assert sick.accepts == 1


@BOTH
def test_client_is_cut_off(nets):
    """The backend connection that it held is free for others."""
    good = nets.good(names=("a", "b"), max_connections=1,
                     replacement_cooldown="50ms")
    piece = lines(1 << 20).replace(b"\r\n.", b"\r\n..")[1:]
    good.on["BODY"] = lambda c, line: (
        c.send(b"222 0 <a@x>\r\n"), [c.send(piece) for _ in range(100)])
    proxy = nets.proxy(good, listen={"address": NEAR + ":0"},
                       proxy={"client_stall_timeout": ms(500)})
    with nets.net.far():
        client = proxy.client()
    client.say("BODY <a@x>")
    client.exactly(1000)
    nets.net.drop()
    with nets.net.near():
        assert proxy.client().code("STAT <b@x>") == "223"
    proxy.wait_log("end=client-stall")


def test_shutdown_in_time(nets):
    sick = nets.sick(response_timeout="60s")
    proxy = nets.proxy(sick, proxy={"shutdown_timeout": ms(1000)})
    idle, busy = nets.client(proxy), nets.client(proxy)
    assert idle.code("STAT <a@x>") == "223"
    nets.net.drop()
    busy.say("STAT <a@x>")
    proxy.signal()
    clock = Clock()
    assert proxy.wait_end() == 0
    assert clock() < scaled(3)
