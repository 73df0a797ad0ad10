# SPDX-License-Identifier: BSD-2-Clause
"""Retry and tiers, for the modes per-command and
hybrid; tier_down and tier_full are in test_health.py.

430 at A, article at B                  test_miss_then_hit, test_only_the_last_*
ten clients at once                     test_ten_clients_at_once
asked at most once; one of a group      test_each_is_asked_once, test_group_*
all 430 -> one 430                      test_all_miss_one_430
430 and unreachable -> 400              test_miss_and_unreachable_is_no_miss
420, 423, 451 count as 430              test_counts_as_a_miss
400, 480, 502, 403 are neither          test_trouble_*
500 to STAT                             test_unsupported_*
tiers                                   test_tiers_*, test_tier_*
one tier black-holed                    test_black_holed_tier_*
pooled connection died while idle       test_died_while_idle_*, test_all_stale_*
backend drops the first connections     test_first_connections_are_dropped
"""

import threading

import pytest

from fake import Conn, Gate, reply
from sick import dies_after
from timing import Clock, ms, scaled, wait_until
from wire import articles, body, stuff

pytestmark = pytest.mark.modes("hy", "pc")

FAST = {"wait_timeout": ms(500), "command_timeout": ms(900)}
ROUND = {"strategy": "round-robin"}
VERBS = [("ARTICLE", "220"), ("HEAD", "221"), ("BODY", "222"),
         ("STAT", "223"), ("OVER", "224"), ("HDR Subject", "225"),
         ("XHDR Subject", "221")]


def asked_in_all(fakes):
    return [len(be.seen) for be in fakes]


@pytest.mark.parametrize("command,code", VERBS)
def test_miss_then_hit(bed, command, code):
    empty, full = bed.fake(), bed.fake(articles=articles("a"))
    proxy = bed.proxy(empty, full, routing=ROUND)
    for _ in range(2):
        client = proxy.client()
        assert client.code(command + " <a@x>") == code
        if code != "223":
            client.block()
        client.fence()
    assert empty.seen and len(full.seen) == 2


def test_miss_then_hit_through_the_same_session(bed):
    empty, full = bed.fake(), bed.fake(articles=articles("a", size=9999))
    client = bed.proxy(empty, full).client()
    for _ in range(20):
        assert client.fetch("BODY <a@x>")[1] \
            == stuff(body(full.articles["<a@x>"]))


def nine(bed, **options):
    """Nine backends, of which only the ninth has the article."""
    return [bed.fake(**options) for _ in range(8)] \
        + [bed.fake(articles=articles("a", size=5000), **options)]


def test_only_the_last_of_nine_has_it(bed):
    fakes = nine(bed)
    client = bed.proxy(*fakes).client()
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert max(asked_in_all(fakes)) == 1
    assert client.fetch("BODY <a@x>")[0] == "222 0 <a@x>"
    assert max(asked_in_all(fakes)) == 2


def test_ten_clients_at_once(bed):
    fakes = nine(bed, max_connections=1)
    proxy = bed.proxy(*fakes)
    clients = [proxy.client() for _ in range(10)]
    want = stuff(body(fakes[8].articles["<a@x>"]))
    for client in clients:
        client.say("BODY <a@x>", "STAT <none@x>")
    for client in clients:
        assert client.line() == "222 0 <a@x>"
        assert client.block() == want
        assert client.line()[:3] == "430"
        client.fence()
    assert max(be.peak for be in fakes) == 1


def test_each_is_asked_once(bed):
    fakes = [bed.fake() for _ in range(5)]
    client = bed.proxy(*fakes).client()
    for n in range(1, 6):
        assert client.code("STAT <a@x>") == "430"
        assert asked_in_all(fakes) == [n] * 5


@pytest.mark.parametrize("command", [command for command, _ in VERBS])
def test_all_miss_one_430(bed, command):
    fakes = [bed.fake(), bed.fake(), bed.fake()]
    client = bed.proxy(*fakes).client()
    assert client.code(command + " <a@x>") == "430"
    client.fence()
    assert asked_in_all(fakes) == [1, 1, 1]


def test_group_speaks_with_one_voice(bed):
    same = [bed.fake(group="farm"), bed.fake(group="farm"),
            bed.fake(group="farm")]
    other = [bed.fake(group="else"), bed.fake()]
    client = bed.proxy(*same, *other).client()
    for n in range(1, 4):
        assert client.code("STAT <a@x>") == "430"
        assert sum(asked_in_all(same)) == n
        assert asked_in_all(other) == [n, n]


def test_group_over_tiers(bed):
    one = bed.fake(group="farm", tier=0)
    two = bed.fake(group="farm", tier=1, articles=articles("a"))
    client = bed.proxy(one, two).client()
    assert client.code("STAT <a@x>") == "430"
    assert asked_in_all([one, two]) == [1, 0]


def test_group_member_that_cannot_be_asked_says_nothing(bed):
    up = bed.fake(group="farm", articles=articles("a"))
    proxy = bed.proxy(bed.refusing(group="farm"), up)
    for _ in range(4):
        assert proxy.client().code("STAT <a@x>") == "223"


@pytest.mark.parametrize("command", ["STAT <a@x>", "BODY <a@x>"])
def test_miss_and_unreachable_is_no_miss(bed, command):
    proxy = bed.proxy(bed.fake(), bed.refusing(), proxy=FAST)
    for _ in range(2):
        client = proxy.client()
        assert client.code(command) == "400"
        client.at_end()


def test_miss_and_silent_is_no_miss(bed):
    silent = bed.fake(response_timeout=ms(200), replacement_cooldown="50ms")
    silent.on["STAT"] = lambda c, line: c.hang()
    client = bed.proxy(bed.fake(), silent, proxy=FAST).client()
    assert client.code("STAT <a@x>") == "400"
    client.at_end()


@pytest.mark.parametrize("code", [420, 423, 451, 430])
def test_counts_as_a_miss(bed, code):
    odd = bed.fake()
    odd.on["STAT"] = reply("%d no" % code)
    full = bed.fake(articles=articles("a"))
    proxy = bed.proxy(odd, full, routing=ROUND)
    for _ in range(2):
        assert proxy.client().code("STAT <a@x>") == "223"
    client = proxy.client()
    assert client.code("STAT <none@x>") == "430"
    assert odd.accepts == 1, "a miss is no reason to hang up"


@pytest.mark.parametrize("command,code", [
    (command, code) for command in ("STAT <a@x>", "DATE")
    for code in (400, 403, 480, 502, 401, 481, 483)] + [("STAT <a@x>", 599)])
def test_trouble_is_not_passed_on(bed, command, code):
    sick = bed.fake(replacement_cooldown="50ms")
    sick.on[command.split()[0]] = reply("%d private words" % code)
    full = bed.fake(articles=articles("a"))
    proxy = bed.proxy(sick, full, routing=ROUND)
    for _ in range(4):
        assert proxy.client().code(command)[0] in "12"
    assert sick.seen


@pytest.mark.parametrize("code", [400, 403, 480, 502])
def test_trouble_everywhere_400_and_close(bed, code):
    sick = [bed.fake(replacement_cooldown="50ms") for _ in range(2)]
    for be in sick:
        be.on["STAT"] = reply("%d private words" % code)
    client = bed.proxy(*sick, proxy=FAST).client()
    answer = client.ask("STAT <a@x>")
    assert answer[:3] == "400" and "private" not in answer
    client.at_end()


@pytest.mark.parametrize("code", [400, 403, 480, 502])
def test_trouble_and_miss_is_no_miss(bed, code):
    sick = bed.fake(replacement_cooldown="50ms")
    sick.on["STAT"] = reply("%d private words" % code)
    client = bed.proxy(sick, bed.fake(), proxy=FAST).client()
    assert client.code("STAT <a@x>") == "400"


def test_unsupported_is_not_asked_again(bed):
    old = bed.fake(articles=articles("a"))
    old.on["STAT"] = reply("500 what")
    new = bed.fake(articles=articles("a"))
    proxy = bed.proxy(old, new, routing=ROUND)
    for _ in range(6):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert len(old.asked("STAT")) == 1
    for _ in range(4):
        assert proxy.client().code("HEAD <a@x>") == "221"
    assert old.asked("HEAD"), "only STAT is not supported"


def test_503_is_not_passed_on(bed):
    old = bed.fake()
    old.on["STAT"] = reply("503 not here")
    proxy = bed.proxy(old, bed.fake(articles=articles("a")), routing=ROUND)
    for _ in range(4):
        assert proxy.client().code("STAT <a@x>") == "223"


def test_unsupported_by_one_and_missed_by_the_other(bed):
    old = bed.fake()
    old.on["STAT"] = reply("500 what")
    client = bed.proxy(old, bed.fake()).client()
    for _ in range(3):
        assert client.code("STAT <a@x>") == "430"
    assert len(old.asked("STAT")) == 1


def test_unsupported_by_all_503(bed):
    fakes = [bed.fake(), bed.fake()]
    for be in fakes:
        be.on["STAT"] = reply("500 what")
    client = bed.proxy(*fakes).client()
    for _ in range(3):
        assert client.code("STAT <a@x>") == "503"
    assert [len(be.asked("STAT")) for be in fakes] == [1, 1]
    assert client.code("DATE") == "111"


def test_miss_once_does_not_mean_miss_for_ever(bed):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code("STAT <a@x>") == "430"
    be.articles.update(articles("a"))
    assert client.code("STAT <a@x>") == "223"


# --- tiers -------------------------------------------------------------------

def tiers(bed, one, two, three):
    """Tiers 0, 0, 1; an argument is the answer to STAT, or a function."""
    fakes = [bed.fake(tier=tier, replacement_cooldown="50ms",
                      response_timeout=ms(200)) for tier in (0, 0, 1)]
    for be, answer in zip(fakes, (one, two, three)):
        be.on["STAT"] = reply(answer) if isinstance(answer, bytes) else answer
    return fakes


HIT, MISS = b"223 0 <a@x>\r\n", b"430 no\r\n"


@pytest.mark.parametrize("answers", [(MISS, HIT), (HIT, MISS)])
def test_tiers_a_hit_in_the_first(bed, answers):
    fakes = tiers(bed, *answers, HIT)
    proxy = bed.proxy(*fakes)
    for _ in range(6):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert fakes[2].accepts == 0 or fakes[2].seen == []


def test_tiers_the_second_after_misses(bed):
    fakes = tiers(bed, MISS, MISS, HIT)
    client = bed.proxy(*fakes).client()
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert asked_in_all(fakes) == [1, 1, 1]


def test_tiers_all_miss(bed):
    fakes = tiers(bed, MISS, MISS, MISS)
    client = bed.proxy(*fakes).client()
    assert client.code("STAT <a@x>") == "430"
    assert asked_in_all(fakes) == [1, 1, 1]


@pytest.mark.parametrize("sick", [
    b"abc\r\n", b"400 no\r\n", lambda c, line: c.close(),
    lambda c, line: c.reset(), lambda c, line: c.hang()],
    ids=["garbage", "400", "close", "reset", "silent"])
@pytest.mark.parametrize("other", [None, MISS], ids=["both", "one"])
def test_tiers_the_second_sees_nothing_when_the_first_is_sick(bed, sick,
                                                              other):
    fakes = tiers(bed, sick, other or sick, HIT)
    client = bed.proxy(*fakes, proxy=FAST).client()
    assert client.code("STAT <a@x>") == "400"
    client.at_end()
    assert fakes[2].seen == []


def test_tier_down_fails_for_every_command(bed):
    spare = bed.fake(articles=articles("a"), tier=1)
    proxy = bed.proxy(bed.refusing(tier=0), spare, proxy=FAST)
    for command in "STAT <a@x>", "BODY <a@x>", "DATE", "LIST":
        client = proxy.client()
        assert client.code(command) == "400"
        client.at_end()
    assert spare.seen == []


def test_tier_full_waits(bed):
    busy, gate = bed.fake(articles=articles("a"), max_connections=1), Gate()
    spare = bed.fake(articles=articles("a"), tier=1)
    busy.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(busy, spare)
    one, two = proxy.client(), proxy.client()
    one.say("BODY <a@x>")
    busy.wait_seen(1)
    two.say("STAT <a@x>")
    gate.open()
    assert one.line() == "222 0 <a@x>"
    assert two.line() == "223 0 <a@x>"
    assert spare.seen == []


def test_tier_430_needs_one_from_every_tier(bed):
    proxy = bed.proxy(bed.fake(tier=0), bed.refusing(tier=5), proxy=FAST)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "400"
    client.at_end()


def test_tiers_need_no_order_in_the_file(bed):
    last = bed.fake(articles=articles("a"), tier=7)
    middle = bed.fake(articles=articles("a"), tier=3)
    first = bed.fake(tier=0)
    client = bed.proxy(last, middle, first).client()
    assert client.code("STAT <a@x>") == "223"
    assert asked_in_all([first, middle, last]) == [1, 1, 0]


@pytest.mark.parametrize("tier", [0, 1])
def test_black_holed_tier_is_answered_in_time(bed, tier):
    full = bed.fake(articles=articles("a"), tier=1 - tier)
    proxy = bed.proxy(bed.black_hole(tier=tier), full, proxy=FAST)
    client, clock = proxy.client(), Clock()
    assert client.code("STAT <a@x>") == ("223" if tier else "400")
    assert clock() < scaled(2)


# --- connections that died ---------------------------------------------------

@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_died_while_idle_is_invisible(bed, how):
    be = bed.fake(articles=articles("a"), max_connections=1)
    client = bed.proxy(be).client()
    for n in range(1, 5):
        assert client.ask("STAT <a@x>") == "223 0 <a@x>"
        assert be.accepts == n
        be.close_all(how)


@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_died_in_the_hands_of_a_command_is_invisible(bed, how):
    be = bed.fake(articles=articles("a"), max_connections=2,
                  replacement_cooldown="50ms")

    def one_only(conn):
        conn.answer(conn.serve_login())
        conn.read_line()
        how(conn)

    be.script = [one_only, one_only, None]
    client = bed.proxy(be).client()
    for _ in range(6):
        assert client.ask("STAT <a@x>") == "223 0 <a@x>"


def dies_behind_its_answer(bed, how):
    """A proxy with one connection that serves one STAT and ends, both in the
    same moment, when go() is called: then the proxy goes on."""
    be, gate = bed.fake(articles=articles("a"), max_connections=1,
                        replacement_cooldown="50ms"), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line), how(c))
    proxy = bed.proxy(be, proxy={"threads": 1}, log={
        "level": "debug", "stats_interval": ms(100)})

    def go(meanwhile=lambda: None):
        be.wait_seen(1, "STAT")
        with proxy.stopped():
            gate.open()
            be.wait_held(0)
            del be.on["STAT"]
            meanwhile()
    return be, proxy, go


def check_not_asked(be, proxy, *clients):
    for client in clients:
        assert client.line() == "223 0 <a@x>"
    assert be.accepts == 2
    if be.secure:
        return      # TLS has read the end with the answer: it is not pooled
    assert proxy.log_contains("pooled connection is dead")
    assert not proxy.log_contains("reason=backend")


@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_died_behind_its_answer_is_not_asked(bed, how):
    """What becomes idle and is taken again in one turn of the loop: that its
    end has come by then no event has told of yet."""
    be, proxy, go = dies_behind_its_answer(bed, how)
    first, second = proxy.client(), proxy.client()
    first.say("STAT <a@x>")
    go(lambda: second.say("STAT <a@x>"))
    check_not_asked(be, proxy, first, second)


@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_died_on_its_way_to_a_waiter_is_not_asked(bed, how):
    be, proxy, go = dies_behind_its_answer(bed, how)
    first, second = proxy.client(), proxy.client()
    first.say("STAT <a@x>")
    be.wait_seen(1, "STAT")
    second.say("STAT <a@x>")
    proxy.wait_log("backend=%s .*waiting=1" % be.name)
    go()
    check_not_asked(be, proxy, first, second)


def test_died_while_idle_needs_no_other_backend(bed):
    be = bed.fake(articles=articles("a"), max_connections=1)
    other = bed.fake(articles=articles("a"), tier=1)
    client = bed.proxy(be, other).client()
    for _ in range(3):
        assert client.code("STAT <a@x>") == "223"
        be.close_all()
    assert other.seen == []


def test_all_stale_at_once_is_invisible(bed):
    be, gate = bed.fake(articles=articles("a")), Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be)
    clients = [proxy.client() for _ in range(10)]
    for client in clients:
        client.say("BODY <a@x>")
    be.wait_seen(10, "BODY")
    gate.open()
    for client in clients:
        assert client.line() == "222 0 <a@x>"
        client.block()
    assert be.held == 10
    be.close_all()
    for client in clients:
        client.say("STAT <a@x>")
    for client in clients:
        assert client.line() == "223 0 <a@x>"
    assert be.peak <= 10


def test_first_connections_are_dropped(bed):
    be = bed.fake(articles=articles("a"), replacement_cooldown="50ms")
    be.script = [dies_after(0), dies_after(0), None]
    client = bed.proxy(be).client()
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"


def test_first_connections_are_dropped_before_the_greeting(bed):
    be = bed.fake(articles=articles("a"), replacement_cooldown="50ms")
    be.script = [Conn.close, Conn.close, None]
    proxy = bed.proxy(be)
    wait_until(lambda: proxy.client().code("STAT <a@x>") == "223",
               what="an answer")


def test_connections_die_under_many_clients(bed):
    be = bed.fake(articles=articles("a"), max_connections=4,
                  replacement_cooldown="20ms")
    proxy = bed.proxy(be)
    wrong, stop = [], threading.Event()

    def ask(client):
        while not stop.is_set():
            if client.code("STAT <a@x>") != "223":
                wrong.append(client)
                return

    jobs = [threading.Thread(target=ask, args=(proxy.client(),))
            for _ in range(3)]
    for job in jobs:
        job.start()
    for _ in range(20):
        be.wait_seen(len(be.seen) + 20)
        next(conn for conn in be.conns if conn.is_held()).close()
    stop.set()
    for job in jobs:
        job.join()
    assert not wrong
    assert be.accepts > 1 and be.peak <= 4
