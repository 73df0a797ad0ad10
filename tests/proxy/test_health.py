# SPDX-License-Identifier: BSD-2-Clause
"""Sick backends: the health check, the breaker, and pools
that heed a provider's limit; "Retry and tiers": tier_down, tier_full.

asked when quiet, not under traffic       test_check_*
counted, backed off, others serve         test_opens_*
after the threshold it is tried only by   test_open_*
  the health check; it comes back
the phase and the words in the log        test_log_*
all of them down: the next probe, 2 s     test_all_open_*
502 connection limit -> fewer for a while test_limit_*
restart under load                        test_restart_*
tier_down and tier_full as set            test_tier_*
"""

import threading

import pytest

from fake import Gate, reply
from sick import greets, refuses_login, silent
from timing import LIMIT, Clock, ms, scaled, wait_until
from wire import articles

pytestmark = pytest.mark.modes("hy")

ROUND = {"strategy": "round-robin"}
QUICK = {"replacement_cooldown": "0"}
OPEN = r"backend=%s breaker=open phase="


def health(interval="300ms", **more):
    return {"health": {"interval": interval, **more}}


def ask_until_open(proxy, client, code="223"):
    """Commands until the backend called sick is left alone."""
    clock = Clock()
    while not proxy.log_contains(OPEN % "sick"):
        assert client.code("STAT <a@x>") == code
        assert clock() < LIMIT, "its breaker does not open"


def dates(be):
    return len(be.asked("DATE"))


# --- checks ------------------------------------------------------------------

def test_check_when_quiet(bed):
    be = bed.fake()
    bed.proxy(be, sections=health())
    be.wait_seen(2, "DATE")
    assert be.seen == ["DATE"] * len(be.seen)
    assert be.accepts == 1, "it is given back, and used again"


def test_check_not_before_an_interval(bed):
    be, clock = bed.fake(articles=articles("a")), Clock()
    proxy = bed.proxy(be, sections=health("2s"))
    be.wait_accepts(1)
    assert clock() > 2
    be.wait_seen(1, "DATE")
    assert proxy.client().code("STAT <a@x>") == "223"
    assert be.accepts == 1


def test_check_not_under_traffic(bed):
    be, clock = bed.fake(articles=articles("a")), Clock()
    proxy = bed.proxy(be, sections=health("1s"))
    client = proxy.client()
    while clock() < 3:
        assert client.code("STAT <a@x>") == "223"
        client.fence()
    assert dates(be) == 0
    be.wait_seen(1, "DATE")


def test_check_misses_are_traffic(bed):
    be, clock = bed.fake(), Clock()
    client = bed.proxy(be, sections=health("1s")).client()
    while clock() < 2.5:
        assert client.code("STAT <a@x>") == "430"
        client.fence()
    assert dates(be) == 0


@pytest.mark.parametrize("interval", ["0", "1h"])
def test_check_off(bed, interval):
    be, clock = bed.fake(), Clock()
    bed.proxy(be, sections=health(interval))
    wait_until(lambda: clock() > 1.5, what="a while")
    assert be.accepts == 0


def test_check_falls_back_on_help(bed):
    be = bed.fake()
    be.on["DATE"] = reply("500 what")
    be.on["HELP"] = lambda c, line: c.send_split(
        b"100 help\r\nnone\r\n..\r\n.\r\n", 3, 11, 14, 19, 21)
    proxy = bed.proxy(be, sections=health())
    be.wait_seen(3, "HELP")
    assert dates(be) == 1, "what it does not know is not asked again"
    assert be.accepts == 1
    assert not proxy.log_contains("breaker=")


def test_check_falls_back_on_stat(bed):
    be = bed.fake()
    be.on["DATE"] = be.on["HELP"] = reply("500 what")
    proxy = bed.proxy(be, sections=health())
    be.wait_seen(3, "STAT")
    assert [len(be.asked(verb)) for verb in ("DATE", "HELP")] == [1, 1]
    assert be.accepts == 1
    assert not proxy.log_contains("breaker=")


def test_check_never_waits_for_a_connection(bed):
    be, gate = bed.fake(articles=articles("a"), max_connections=1), Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be, sections=health("100ms"))
    one, two, clock = proxy.client(), proxy.client(), Clock()
    one.say("BODY <a@x>")
    be.wait_seen(1, "BODY")
    asked = dates(be)
    two.say("STAT <a@x>")
    wait_until(lambda: clock() > 1.5, what="a check to be due")
    gate.open()
    assert one.line()[:3] == "222"
    assert two.line()[:3] == "223"
    assert be.seen[asked:asked + 2] == ["BODY <a@x>", "STAT <a@x>"]
    assert be.peak == 1


def test_check_keeps_no_connection_alive(bed):
    be = bed.fake(idle_timeout="1500ms")
    bed.proxy(be, sections=health("100ms"))
    wait_until(lambda: be.accepts > 1, what="another connection")
    first = be.conns[0]
    wait_until(lambda: first.quit, what="QUIT")
    assert "DATE" in first.lines
    assert be.held <= 2


def test_check_finds_out_before_a_client_does(bed):
    sick, good = bed.fake("sick", articles("a")), bed.fake("good",
                                                           articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND,
                      sections=health("100ms", unhealthy_threshold=1))
    sick.wait_seen(1, "DATE")
    sick.down()
    proxy.wait_log(OPEN % "sick")
    for _ in range(6):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert not sick.asked("STAT")


@pytest.mark.parametrize("answer", ["400 no", "480 log in", "502 no", "abc"])
def test_check_answers_that_are_none(bed, answer):
    be = bed.fake(**QUICK)
    be.on["DATE"] = reply(answer)
    proxy = bed.proxy(be, sections=health("100ms", unhealthy_threshold=2))
    proxy.wait_log(OPEN % be.name + "check")


def test_check_timeout(bed):
    be = bed.fake(**QUICK)
    be.on["DATE"] = lambda c, line: c.hang()
    proxy = bed.proxy(be, sections=health("100ms", timeout=ms(200),
                                          unhealthy_threshold=1))
    proxy.wait_log(OPEN % be.name + "check reason=response-timeout")


# --- the breaker -------------------------------------------------------------

GARBAGE = {"garbage": reply("abc"), "close": lambda c, line: c.close(),
           "502": reply("502 not now"), "silent": lambda c, line: c.hang(),
           "other article": reply("223 0 <other@x>")}


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("threshold", [1, 3])
def test_opens_at_the_threshold(bed, kind, threshold):
    """DATE fails too, or a check would close it again."""
    sick = bed.fake("sick", articles("a"), response_timeout=ms(100), **QUICK)
    sick.on["STAT"] = GARBAGE[kind]
    sick.on["DATE"] = reply("400 not now")
    good = bed.fake("good", articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND,
                      sections=health(unhealthy_threshold=threshold,
                                      interval="0"))
    for n in range(1, 20):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert len(sick.asked("STAT")) == threshold
    proxy.wait_log(OPEN % "sick")


def test_opens_not_when_answers_are_between(bed):
    sick = bed.fake("sick", articles("a"), **QUICK)
    sick.on["STAT"] = reply("abc")
    good = bed.fake("good", articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND, sections=health("0"))
    client = proxy.client()
    while len(sick.asked("STAT")) < 8:
        assert client.code("STAT <a@x>") == "223"
        for _ in range(2):
            assert client.code("HEAD <none@x>") == "430"
    assert not proxy.log_contains("breaker=")


def test_opens_not_for_misses(bed):
    be = bed.fake()
    proxy = bed.proxy(be, sections=health(unhealthy_threshold=1))
    for code in 430, 420, 423, 451:
        be.on["STAT"] = reply("%d no" % code)
        for _ in range(4):
            assert proxy.client().code("STAT <a@x>") == "430"
    assert not proxy.log_contains("breaker=")


def test_opens_not_for_pooled_connections_that_died(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, sections=health(unhealthy_threshold=1))
    client = proxy.client()
    for _ in range(6):
        assert client.code("STAT <a@x>") == "223"
        be.close_all()
    assert not proxy.log_contains("breaker=")


def test_opens_not_for_connections_lost_together(bed):
    """A backend is restarted: that is one failure, not ten."""
    be, gate = bed.fake(articles=articles("a"), **QUICK), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.close())
    proxy = bed.proxy(be)
    clients = [proxy.client() for _ in range(10)]
    for client in clients:
        client.say("STAT <a@x>")
    be.wait_seen(10, "STAT")
    be.on.clear()
    gate.open()
    for client in clients:
        assert client.line() == "223 0 <a@x>"
    assert len(be.asked("STAT")) == 20
    assert not proxy.log_contains("breaker=")


def quiet_death(bed, **options):
    return bed.fake("sick", articles("a"), connect_timeout=ms(150),
                    **QUICK, **options)


def time_of_stat(client):
    clock = Clock()
    assert client.code("STAT <a@x>") == "223"
    return clock()


def assert_nobody_waits(times):
    """One of three would, in turn; a busy machine makes few of them slow."""
    assert sorted(times)[len(times) * 9 // 10] < scaled(0.1), sorted(times)


@pytest.mark.modes("hy", "pc")
def test_open_one_of_three_sees_probes_only(bed):
    """It accepts and says nothing: each attempt is seen there."""
    hole = quiet_death(bed)
    hole.script = silent
    good = [bed.fake("good%d" % n, articles("a")) for n in range(2)]
    proxy = bed.proxy(hole, *good, routing=ROUND)
    client = proxy.client()
    ask_until_open(proxy, client)
    before, clock, times = hole.accepts, Clock(), []
    while clock() < 2:
        times.append(time_of_stat(client))
    assert hole.all_lines() == []
    assert len(times) > 50
    assert_nobody_waits(times)
    # 250 ms at the least, then 500, then 1000
    assert hole.accepts - before <= 4
    assert hole.peak <= 2


def test_open_black_hole_holds_nobody(bed):
    hole = bed.black_hole("sick", connect_timeout=ms(150), **QUICK)
    good = [bed.fake("good%d" % n, articles("a")) for n in range(2)]
    proxy = bed.proxy(hole, *good, routing=ROUND)
    client = proxy.client()
    ask_until_open(proxy, client)
    assert_nobody_waits([time_of_stat(client) for _ in range(100)])


def test_open_probes_back_off(bed):
    """About half a second, then twice as long each time."""
    be = quiet_death(bed)
    be.script = greets("400 go away")
    proxy = bed.proxy(be, sections=health("100ms"))
    proxy.wait_log(OPEN % "sick")
    before, clock = be.accepts, Clock()
    proxy.wait_log("breaker=open still", 3)
    assert clock() > 0.25 + 0.5 + 1
    assert be.accepts - before <= 3 + 1


@pytest.mark.modes("hy", "pc")
def test_open_and_back_by_itself(bed):
    sick, good = quiet_death(bed), bed.fake("good", articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND)
    sick.down()
    client = proxy.client()
    ask_until_open(proxy, client)
    sick.up()
    proxy.wait_log("backend=sick breaker=closed")
    assert sick.seen == ["DATE"], "a probe brought it back, and no client"
    for _ in range(2):
        assert client.code("STAT <a@x>") == "223"
    assert sick.asked("STAT")
    assert len(proxy.log().split("breaker=closed")) == 2


def test_open_until_healthy_threshold(bed):
    sick, good = quiet_death(bed), bed.fake("good", articles("a"))
    proxy = bed.proxy(sick, good, routing=ROUND,
                      sections=health("0", healthy_threshold=3))
    sick.down()
    client = proxy.client()
    ask_until_open(proxy, client)
    sick.up()
    proxy.wait_log("backend=sick breaker=closed")
    assert sick.seen == ["DATE"] * 3


def test_open_makes_no_miss(bed):
    sick, empty = bed.refusing("sick", **QUICK), bed.fake("empty")
    proxy = bed.proxy(sick, empty, proxy={"wait_timeout": ms(300)})
    while not proxy.log_contains(OPEN % "sick"):
        client, clock = proxy.client(), Clock()
        assert client.code("STAT <a@x>") == "400"
        assert clock() < scaled(3)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "400"
    client.at_end()
    client = proxy.client()
    assert client.code("GROUP none.such") == "400"


def test_open_group_goes_to_the_next(bed):
    first, second = bed.mirrors(1, 101, **QUICK)
    proxy = bed.proxy(first, second, sections=health("100ms"))
    assert proxy.client().ask("GROUP local.test") == "211 3 1 3 local.test"
    first.down()
    proxy.wait_log(OPEN % first.name)
    for _ in range(3):
        assert proxy.client().ask("GROUP local.test") \
            == "211 3 101 103 local.test"
    assert proxy.log_contains("backend=%s serves GROUP, those before it are"
                              " down or full" % second.name)
    first.up()
    proxy.wait_log("backend=%s breaker=closed" % first.name)
    assert proxy.client().ask("GROUP local.test") == "211 3 1 3 local.test"


def test_open_pinned_sessions_go_on(bed):
    """The server takes no new connections, but keeps what it has."""
    be = bed.fake("sick", articles("a"), **QUICK)
    be.script = [None, greets("400 go away")]
    other = bed.fake("other", articles("a"))
    proxy = bed.proxy(be, other)
    reader = proxy.reader()
    ask_until_open(proxy, proxy.client())
    assert reader.code("STAT 1") == "223"
    assert be.asked("STAT") == ["STAT 1"]


# --- the log -----------------------------------------------------------------

class Nowhere:
    """A backend whose name does not resolve (RFC 6761)."""

    def __init__(self, **options):
        self.name, self.options = "sick", options
        self.url, self.errors = "news.invalid:119", []

    def stop(self):
        pass


def playing(script=None, **on):
    def make(bed):
        options = {"username": "u", "password": "hunter2"} \
            if on.pop("login", False) else {}
        be = bed.fake("sick", articles("a"), connect_timeout=ms(300),
                      response_timeout=ms(200), stall_timeout=ms(200),
                      **QUICK, **options)
        be.script, be.on = script, dict(on)
        return be
    return make


def stalls(conn, line):
    conn.send(b"222 0 <a@x>\r\nhalf of")
    conn.hang()


PHASES = {
    "resolve reason=resolve-failed":
        lambda bed: bed.add(Nowhere(connect_timeout=ms(300), **QUICK)),
    "connect reason=connect-failed":
        lambda bed: bed.refusing("sick", **QUICK),
    "greeting reason=refused .*: 502 you have not paid":
        playing(greets("502 you have not paid")),
    "greeting reason=setup-timeout": playing(silent),
    "mode-reader reason=refused .*: 502 no": playing(MODE=reply("502 no")),
    "login reason=refused .*: 481 no": playing(refuses_login(481),
                                               login=True),
    "response reason=response-timeout":
        playing(BODY=lambda c, line: c.hang()),
    "response reason=trouble .*: 502 private": playing(
        BODY=reply("502 private")),
    "block reason=stall": playing(BODY=stalls),
}


@pytest.mark.parametrize("words", PHASES)
def test_log_names_the_phase(bed, words):
    proxy = bed.proxy(PHASES[words](bed), proxy={"command_timeout": ms(900)},
                      sections=health("0", unhealthy_threshold=1))
    client = proxy.client()
    client.say("BODY <a@x>")
    client.rest()
    proxy.wait_log(OPEN % "sick" + words)


def test_log_masks_secrets(bed):
    be = bed.fake("sick", username="u", password="hunter2", **QUICK)
    be.login = ("u", "other")
    be.on["AUTHINFO"] = lambda c, line: c.say(
        "381 more" if "USER" in line else "481 no such password: hunter2")
    proxy = bed.proxy(be, sections=health("0", unhealthy_threshold=1))
    assert proxy.client().code("STAT <a@x>") == "400"
    proxy.wait_log(OPEN % "sick" + r"login reason=refused .*: 481 no such "
                   r"password: \*\*\*\*")
    assert "hunter2" not in proxy.log()


def test_log_of_numbers_shows_breaker_and_limit(bed):
    up, down = bed.fake("up", max_connections=7), bed.refusing("down")
    proxy = bed.proxy(up, down, log={"stats_interval": "100ms"},
                      sections=health("100ms"))
    proxy.wait_log("stats backend=up breaker=closed limit=7 ")
    proxy.wait_log("stats backend=down breaker=open limit=10 ")


# --- all of them are down ----------------------------------------------------

def all_open(bed, be):
    proxy = bed.proxy(be, sections=health("0", unhealthy_threshold=1),
                      proxy={"wait_timeout": "20s"})
    client = proxy.client()
    client.say("STAT <a@x>")
    proxy.wait_log(OPEN % be.name)
    return proxy, client


def test_all_open_a_command_waits_for_the_next_probe(bed):
    be = quiet_death(bed)
    be.script = [greets("400 later"), None]
    proxy, client = all_open(bed, be)
    assert client.line() == "223 0 <a@x>"
    assert be.accepts == 2


def test_all_open_400_after_two_seconds(bed):
    be = bed.refusing(**QUICK)
    proxy, client = all_open(bed, be)
    client.rest()
    client, clock = proxy.client(), Clock()
    assert client.code("STAT <a@x>") == "400"
    assert 1.5 < clock() < scaled(3)
    client.at_end()


# --- a provider's limit ------------------------------------------------------

class Provider:
    """Has so many connections for us, and no more."""

    def __init__(self, most, words="502 Too Many Connections, go away"):
        self.most, self.words, self.refused = most, words, 0
        self.lock, self.n = threading.Lock(), 0

    def __call__(self, conn):
        with self.lock:
            self.n += 1
            is_welcome = self.n <= self.most
        try:
            if is_welcome:
                conn.serve()
            else:
                self.refused += 1
                conn.say(self.words)
        finally:
            with self.lock:
                self.n -= 1


def crowd(proxy, n, times=20):
    """So many clients at once, so many commands each."""
    clients = [proxy.client() for _ in range(n)]
    for client in clients:
        client.say(*["STAT <a@x>"] * times)
    for client in clients:
        for _ in range(times):
            assert client.line() == "223 0 <a@x>"


@pytest.mark.parametrize("words", [
    "502 Too Many Connections, go away", "400 session LIMIT reached",
    "502 threads exceeded"])
def test_limit_shrinks_the_pool(bed, words):
    few = bed.fake("few", articles("a"), max_connections=8)
    few.script = provider = Provider(2, words)
    few.on["STAT"] = lambda c, line: (c.pace(0.005), c.on_STAT(line))
    proxy = bed.proxy(few, sections=health("1h"))
    crowd(proxy, 8)
    proxy.wait_log("backend=few limit=2: ")
    refused = provider.refused
    crowd(proxy, 8)
    assert provider.refused == refused, "it is not asked again and again"
    assert not proxy.log_contains("breaker=")


def test_limit_grows_back_by_one(bed):
    few = bed.fake("few", articles("a"), max_connections=6)
    few.script = provider = Provider(2)
    few.on["STAT"] = lambda c, line: (c.pace(0.005), c.on_STAT(line))
    proxy = bed.proxy(few, sections=health("300ms"))
    crowd(proxy, 6)
    proxy.wait_log("backend=few limit=2: less")
    provider.most = 6
    for limit in 3, 4, 5, 6:
        proxy.wait_log("backend=few limit=%d: more" % limit)
    crowd(proxy, 6, 40)
    assert few.peak <= 6
    assert not proxy.log_contains("limit=7")


def test_limit_never_below_one(bed):
    few = bed.fake("few", articles("a"), max_connections=4, **QUICK)
    few.script = provider = Provider(0)
    proxy = bed.proxy(few, sections=health("1h"))
    assert proxy.client().code("STAT <a@x>") == "400"
    proxy.wait_log("backend=few limit=1: ")
    provider.most = 1
    wait_until(lambda: proxy.client().code("STAT <a@x>") == "223",
               what="the one to be used")
    crowd(proxy, 3)
    assert few.peak == 1


def test_limit_told_in_an_answer(bed):
    few = bed.fake("few", articles("a"), max_connections=4)
    few.script, gate = Provider(4), Gate()

    def stat(conn, line):
        if conn.n < 3:
            gate.wait(conn)
            conn.on_STAT(line)
        else:
            conn.say("400 connection limit exceeded")

    few.on["STAT"] = stat
    proxy = bed.proxy(few, sections=health("1h"))
    clients = []
    for n in range(1, 5):
        clients.append(proxy.client())
        clients[-1].say("STAT <a@x>")
        few.wait_seen(n)
    proxy.wait_log("backend=few limit=3: ")
    gate.open()
    for client in clients:
        assert client.line() == "223 0 <a@x>"
    assert few.accepts == 4


def test_limit_is_not_in_other_words(bed):
    be = bed.fake("few", articles("a"), max_connections=4, **QUICK)
    be.script = greets("502 you have not paid")
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "400"
    assert not proxy.log_contains("limit=")


# --- restart -----------------------------------------------------------------

def test_restart_of_the_only_backend(bed):
    """Only STAT, which can be asked again: nobody notices, no storm."""
    be = bed.fake(articles=articles("a"), max_connections=4,
                  replacement_cooldown="50ms")
    proxy = bed.proxy(be)
    wrong, stop = [], threading.Event()

    def ask(client):
        while not stop.is_set():
            answer = client.ask("STAT <a@x>")
            if answer != "223 0 <a@x>":
                wrong.append(answer)
                return

    jobs = [threading.Thread(target=ask, args=(proxy.client(),))
            for _ in range(8)]
    for job in jobs:
        job.start()
    for _ in range(3):
        be.wait_seen(len(be.seen) + 20)
        be.down()
        be.up()
    be.wait_seen(len(be.seen) + 20)
    stop.set()
    for job in jobs:
        job.join()
    assert not wrong
    assert be.peak <= 4
    assert be.accepts <= 4 * 10


# --- tiers -------------------------------------------------------------------

DOWN = ("fail", "spill")
FULL = ("wait", "spill")
FAST = {"wait_timeout": ms(500), "command_timeout": ms(900)}


def routing(down, full):
    return {"tier_down": down, "tier_full": full}


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("full", FULL)
@pytest.mark.parametrize("down", DOWN)
@pytest.mark.parametrize("sick", ["refuses", "garbage"])
def test_tier_down(bed, down, full, sick):
    if sick == "refuses":
        first = bed.refusing(tier=0, **QUICK)
    else:
        first = bed.fake(tier=0, **QUICK)
        for verb in "STAT", "BODY", "DATE", "LIST":
            first.on[verb] = reply("abc")
    spare = bed.fake("spare", articles("a"), tier=1)
    proxy = bed.proxy(first, spare, proxy=FAST, routing=routing(down, full))
    for command, code in (("STAT <a@x>", "223"), ("BODY <a@x>", "222"),
                          ("DATE", "111"), ("LIST", "215")):
        for _ in range(2):
            client = proxy.client()
            assert client.code(command) == (code if down == "spill"
                                            else "400")
    assert bool(spare.seen) == (down == "spill")


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("full", FULL)
@pytest.mark.parametrize("down", DOWN)
def test_tier_full(bed, down, full):
    first, gate = bed.fake("first", articles("a"), max_connections=1), Gate()
    first.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    spare = bed.fake("spare", articles("a"), tier=1)
    proxy = bed.proxy(first, spare, routing=routing(down, full))
    one, two = proxy.client(), proxy.client()
    one.say("BODY <a@x>")
    first.wait_seen(1, "BODY")
    two.say("STAT <a@x>")
    if full == "spill":
        assert two.line() == "223 0 <a@x>"
        assert spare.asked("STAT")
    gate.open()
    assert one.line() == "222 0 <a@x>"
    if full == "wait":
        assert two.line() == "223 0 <a@x>"
        assert spare.seen == []


@pytest.mark.parametrize("full", FULL)
@pytest.mark.parametrize("down", DOWN)
def test_tier_430_needs_one_from_every_tier(bed, down, full):
    """Whatever spills."""
    sick, empty = bed.refusing(tier=0, **QUICK), bed.fake("empty", tier=1)
    proxy = bed.proxy(sick, empty, proxy=FAST, routing=routing(down, full))
    for _ in range(4):
        client = proxy.client()
        assert client.code("STAT <a@x>") == "400"
        client.at_end()
    assert bool(empty.seen) == (down == "spill")


@pytest.mark.parametrize("full", FULL)
@pytest.mark.parametrize("down", DOWN)
def test_tier_430_when_the_last_is_down(bed, down, full):
    proxy = bed.proxy(bed.fake("empty"), bed.refusing(tier=1, **QUICK),
                      proxy=FAST, routing=routing(down, full))
    assert proxy.client().code("STAT <a@x>") == "400"


EVERY = [("ARTICLE <a@x>", "220"), ("HEAD <a@x>", "221"),
         ("OVER <a@x>", "224"), ("HDR Subject <a@x>", "225"),
         ("NEWGROUPS 20240101 000000", "231"),
         ("NEWNEWS * 20240101 000000", "230"), ("GROUP local.test", "211"),
         ("LISTGROUP local.test", "211"), ("POST", "340")]


@pytest.mark.parametrize("down", DOWN)
@pytest.mark.parametrize("command,code", EVERY)
def test_tier_down_every_command(bed, down, command, code):
    first = bed.refusing(tier=0, posting="yes", **QUICK)
    spare = bed.fake("spare", articles("a"), tier=1, posting="yes")
    proxy = bed.proxy(first, spare, proxy=FAST, routing=routing(down, "wait"))
    assert proxy.client().code(command) == (code if down == "spill"
                                            else "400")
    assert bool(spare.seen) == (down == "spill")


@pytest.mark.parametrize("full", FULL)
@pytest.mark.parametrize("command,code", EVERY)
def test_tier_full_every_command(bed, full, command, code):
    """Two connections, both busy, and a slot is free."""
    first, gate = bed.fake("first", articles("a"), max_connections=2,
                           posting="yes"), Gate()
    first.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    spare = bed.fake("spare", articles("a"), tier=1, posting="yes")
    proxy = bed.proxy(first, spare, routing=routing("fail", full))
    busy = [proxy.client() for _ in range(2)]
    for client in busy:
        client.say("BODY <a@x>")
    first.wait_seen(2, "BODY")
    client = proxy.client()
    client.say(command)
    if full == "spill":
        assert client.line()[:3] == code
        assert spare.seen
    gate.open()
    if full == "wait":
        assert client.line()[:3] == code
        assert spare.seen == []


def test_tier_full_spills_and_misses_come_back(bed):
    """The spare lacks it: then the full one is waited for after all."""
    first, gate = bed.fake("first", articles("a"), max_connections=1), Gate()
    first.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    spare = bed.fake("spare", tier=1)
    proxy = bed.proxy(first, spare, routing=routing("fail", "spill"))
    one, two = proxy.client(), proxy.client()
    one.say("BODY <a@x>")
    first.wait_seen(1, "BODY")
    two.say("STAT <a@x>")
    spare.wait_seen(1, "STAT")
    gate.open()
    assert two.line() == "223 0 <a@x>"
    assert one.line() == "222 0 <a@x>"


def test_tier_down_one_of_two_is_enough(bed):
    """A tier with one that works is not down: its miss is waited for."""
    sick = bed.refusing(tier=0, **QUICK)
    good = bed.fake("good", articles("a"), tier=0)
    spare = bed.fake("spare", articles("a"), tier=1)
    proxy = bed.proxy(sick, good, spare, routing=routing("spill", "wait"))
    for _ in range(10):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert spare.seen == []


def test_tier_down_and_back(bed):
    first = quiet_death(bed, tier=0)
    spare = bed.fake("spare", articles("a"), tier=1)
    proxy = bed.proxy(first, spare, routing=routing("spill", "wait"))
    first.down()
    client = proxy.client()
    ask_until_open(proxy, client)
    clock = Clock()
    assert client.code("STAT <a@x>") == "223"
    assert clock() < scaled(0.2)
    first.up()
    proxy.wait_log("backend=sick breaker=closed")
    asked = len(spare.seen)
    for _ in range(4):
        assert client.code("STAT <a@x>") == "223"
    assert len(spare.seen) == asked and first.asked("STAT")
