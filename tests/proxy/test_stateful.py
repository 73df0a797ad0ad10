# SPDX-License-Identifier: BSD-2-Clause
"""Mode stateful: one client, one connection.

one connection for everything             test_one_connection_*
its 430 and 411 are final                 test_final_*
no reserve; 403, and the session goes on  test_slot_*
which backend                             test_pinned_at_*
lost                                      test_lost_*
what needs no backend does not pin        test_these_do_not_pin
"""

import pytest

from fake import Conn, Gate, numbered, reply
from timing import Clock, ms, scaled, wait_until
from wire import articles, body, stuff

pytestmark = pytest.mark.modes("st")

SHORT = {"replacement_cooldown": "50ms", "connect_timeout": ms(300),
         "response_timeout": ms(500)}
FAST = {"wait_timeout": ms(600), "command_timeout": ms(900)}
ROUND = {"strategy": "round-robin"}
COMMANDS = [("STAT <a@x>", "223"), ("BODY <a@x>", "222"), ("DATE", "111"),
            ("LIST", "215"), ("OVER <a@x>", "224"), ("XFOO", "250"),
            ("HDR Subject <a@x>", "225"), ("GROUP local.test", "211"),
            ("NEWGROUPS 20240101 000000", "231"), ("STAT 1", "223"),
            ("LISTGROUP", "211"), ("XOVER 1-", "224"),
            ("NEWNEWS * 20240101 000000", "230"), ("STAT <none@x>", "430")]


def ask_all(client):
    for command, code in COMMANDS:
        assert client.code(command) == code, command
        if code in ("222", "215", "224", "225", "231", "230") \
                or command == "LISTGROUP":
            client.block()


@pytest.mark.parametrize("first", [command for command, _ in COMMANDS
                                   if command not in ("STAT 1", "LISTGROUP",
                                                      "XOVER 1-")])
def test_one_connection_from_the_first_command_on(bed, first):
    fakes = bed.mirrors(1, 1, 1)
    for be in fakes:
        be.on["XFOO"] = reply("250 done")
    client = bed.proxy(*fakes, routing=ROUND).client()
    if client.ask(first)[:3] in ("222", "215", "224", "225", "231", "230"):
        client.block()
    ask_all(client)
    ask_all(client)
    assert sorted(be.accepts for be in fakes) == [0, 0, 1]


def test_one_connection_for_each_client(bed):
    be = bed.mirrors(1)[0]
    proxy = bed.proxy(be)
    clients = [proxy.client() for _ in range(5)]
    for _ in range(3):
        for client in clients:
            assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert be.accepts == 5
    assert [len([line for line in c.lines if line.startswith("STAT")])
            for c in be.conns] == [3] * 5


def test_one_connection_is_used_again_by_the_next_client(bed):
    be = bed.mirrors(1, max_connections=1)[0]
    proxy = bed.proxy(be)
    for _ in range(5):
        client = proxy.client()
        wait_until(lambda: client.code("STAT <a@x>") == "223", what="a slot")
        assert client.code("GROUP local.test") == "211"
        assert client.ask("STAT <a@x>") == "223 1 <a@x>"
        assert client.code("QUIT") == "205"
        client.at_end()
    assert be.accepts == 1


def test_one_connection_but_no_group_of_the_last_client(bed):
    be = bed.mirrors(7, max_connections=1)[0]
    proxy = bed.proxy(be)
    former = proxy.reader()
    assert former.code("QUIT") == "205"
    former.at_end()
    client = proxy.client()
    wait_until(lambda: client.code("DATE") == "111", what="a slot")
    for command in ("STAT", "NEXT", "STAT 7", "LISTGROUP", "OVER 7-",
                    "XPAT Subject 7- *"):
        assert client.code(command) == "412"
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert client.fetch("OVER <a@x>")[1].startswith(b"0\t")
    assert client.fetch("XHDR Subject <a@x>")[1].startswith(b"0 ")
    assert be.accepts == 1 and be.conns[0].group == "local.test"


def test_one_connection_pipelined(bed):
    names = ["n%d" % n for n in range(40)]
    fakes = [bed.fake(articles=articles(*names, size=3000)) for _ in range(2)]
    client = bed.proxy(*fakes).client()
    client.say(*("BODY <%s@x>" % name for name in names))
    for name in names:
        msgid = "<%s@x>" % name
        assert client.line() == "222 0 " + msgid
        assert client.block() == stuff(body(fakes[0].articles[msgid]))
    client.fence()
    assert sorted(be.accepts for be in fakes) == [0, 1]


def test_one_connection_is_pipelined_to_the_backend(bed):
    be, waiting = bed.mirrors(1, pipeline_depth=4)[0], []

    def four(conn):
        conn.answer(conn.serve_login())
        waiting.extend(conn.read_lines(4))
        for line in waiting:
            conn.answer(line)
        conn.serve_commands()

    be.script = four
    client = bed.proxy(be).client()
    assert client.code("DATE") == "111"
    client.say(*["STAT <a@x>"] * 4)
    client.expect(*[223] * 4)
    assert waiting == ["STAT <a@x>"] * 4


# --- its answer is final -----------------------------------------------------

@pytest.mark.parametrize("command", ["STAT", "BODY", "OVER", "HDR Subject"])
@pytest.mark.parametrize("pinned", [False, True])
def test_final_430(bed, command, pinned):
    one, two = bed.fake(), bed.fake(articles=articles("a"))
    client = bed.proxy(one, two, routing={"group_affinity": "first"}).client()
    if pinned:
        assert client.code("GROUP local.test") == "211"
    else:
        client.ask("DATE")
    pin, other = (one, two) if one.seen else (two, one)
    pin.articles.pop("<a@x>", None)
    other.articles.update(articles("a"))
    for _ in range(2):
        assert client.code(command + " <a@x>") == "430"
    assert other.seen == []


def test_final_411(bed):
    fakes = [bed.fake(groups={"local.own": numbered(["<a@x>"])}),
             bed.fake(groups={"local.own": numbered(["<a@x>"])})]
    client = bed.proxy(*fakes).client()
    assert client.code("DATE") == "111"
    pin, other = fakes if fakes[0].seen else fakes[::-1]
    other.groups["local.other"] = numbered(["<a@x>"])
    assert client.code("GROUP local.other") == "411"
    assert client.code("GROUP local.own") == "211"
    assert other.seen == []


@pytest.mark.parametrize("code", [500, 503])
def test_final_refusal(bed, code):
    fakes = bed.mirrors(1, 1)
    for be in fakes:
        be.on["HDR"] = reply("%d what" % code)
    client = bed.proxy(*fakes).client()
    assert client.code("DATE") == "111"
    for _ in range(3):
        assert client.code("HDR Subject <a@x>") == "503"
    assert client.code("STAT <a@x>") == "223"
    assert sorted(be.accepts for be in fakes) == [0, 1]


# --- slots -------------------------------------------------------------------

def test_slot_no_reserve(bed):
    be = bed.mirrors(1, max_connections=3)[0]
    proxy = bed.proxy(be)
    clients = [proxy.client() for _ in range(3)]
    for client in clients:
        assert client.code("DATE") == "111"
    late = proxy.client()
    for command in ("DATE", "STAT <a@x>", "GROUP local.test", "XFOO", "LIST"):
        answer = late.ask(command)
        assert answer[:3] == "403"
        for word in "too many", "limit", "connections", "threads", "exceed":
            assert word not in answer.lower()
    assert late.code("STAT 1") == "412"
    late.fence()
    assert be.peak == 3
    clients[0].close()
    wait_until(lambda: late.code("DATE") == "111", what="the slot")
    assert be.accepts == 3


def test_slot_at_another_backend(bed):
    fakes = bed.mirrors(1, 1, 1, max_connections=1)
    proxy = bed.proxy(*fakes)
    clients = [proxy.client() for _ in range(4)]
    codes = [client.code("STAT <a@x>") for client in clients]
    assert codes == ["223"] * 3 + ["403"]
    assert [be.accepts for be in fakes] == [1, 1, 1]


@pytest.mark.parametrize("end", ["quit", "close", "reset", "in flight",
                                 "unknown"])
def test_slot_comes_back(bed, end):
    be = bed.mirrors(1, max_connections=1, replacement_cooldown="10ms")[0]
    be.on["XFOO"] = reply("250 done")
    proxy = bed.proxy(be)
    for _ in range(10):
        client = proxy.client()
        wait_until(lambda: client.code("STAT <a@x>") == "223", what="a slot")
        if end == "quit":
            assert client.code("QUIT") == "205"
        elif end == "in flight":
            client.say(*["BODY <a@x>"] * 10)
        elif end == "unknown":
            assert client.code("XFOO") == "250"
        if end == "reset":
            client.reset()
        client.close()
    assert be.peak == 1
    proxy.stop()
    proxy.assert_at_rest()


@pytest.mark.parametrize("command", ["HELP", "CAPABILITIES", "MODE READER",
                                     "STAT 1", "NEXT", "POST", "", "QUIT",
                                     "TAKETHIS", "COMPRESS DEFLATE"])
def test_these_do_not_pin(bed, command):
    be = bed.mirrors(1, max_connections=1)[0]
    proxy = bed.proxy(be)
    client = proxy.client()
    if command == "TAKETHIS":
        client.send("TAKETHIS <y@x>\r\nx\r\n.\r\n")
        client.expect(500)
    elif client.code(command) in ("100", "101"):
        client.block()
    assert proxy.client().code("STAT <a@x>") == "223"


# --- which backend -----------------------------------------------------------

@pytest.mark.parametrize("kind", ["down", "400", "silent", "close"])
def test_pinned_at_one_that_works(bed, kind):
    sick, good = bed.mirrors(1, 1, **SHORT)
    if kind == "down":
        sick.down()
    else:
        sick.script = {"400": lambda c: c.say("400 later"),
                       "silent": lambda c: c.hang(),
                       "close": Conn.close}[kind]
    proxy = bed.proxy(sick, good)
    for _ in range(3):
        client = proxy.client()
        assert client.code("STAT <a@x>") == "223"
        assert client.code("DATE") == "111"
    assert good.accepts == 3


def test_pinned_at_one_of_the_lowest_tier(bed):
    spare, one = bed.mirrors(1, 101)
    spare.options["tier"] = 1
    proxy = bed.proxy(spare, one)
    for _ in range(4):
        client = proxy.client()
        assert client.code("DATE") == "111"
    assert spare.accepts == 0


def test_nobody_can_be_asked_400_and_close(bed):
    client = bed.proxy(bed.refusing(), bed.refusing(), proxy=FAST).client()
    assert client.code("DATE") == "400"
    client.at_end()


# --- lost --------------------------------------------------------------------

@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
@pytest.mark.parametrize("command", ["DATE", "GROUP local.test", "STAT <a@x>"])
def test_lost_between_commands_400_at_once(bed, how, command):
    be = bed.mirrors(1, **SHORT)[0]
    proxy = bed.proxy(be)
    client, fresh = proxy.client(), proxy.client()
    assert client.ask(command)[0] in "12"
    clock = Clock()
    be.close_all(how)
    assert client.line()[:3] == "400"
    client.at_end()
    assert clock() < scaled(2)
    assert fresh.code("STAT <a@x>") == "223"


@pytest.mark.parametrize("data", [b"400 idle too long\r\n", b"x"])
def test_lost_by_unsolicited_bytes(bed, data):
    be = bed.mirrors(1, **SHORT)[0]
    client = bed.proxy(be).client()
    assert client.code("STAT <a@x>") == "223"
    be.say_all(data)
    assert client.line()[:3] == "400"
    client.at_end()
    be.wait_held(0)


@pytest.mark.parametrize("how", ["close", "silent", "garbage", "stale"])
def test_lost_with_a_command_in_flight(bed, how):
    fakes = bed.mirrors(1, 1, **SHORT)
    client = bed.proxy(*fakes).client()
    assert client.code("DATE") == "111"
    for be in fakes:
        be.on["STAT"] = {"close": lambda c, line: c.close(),
                         "silent": lambda c, line: c.hang(),
                         "stale": reply("223 0 <other@x>"),
                         "garbage": reply("abc")}[how]
    client.say("STAT <a@x>", "DATE")
    assert client.line()[:3] == "400"
    client.at_end()
    assert sum(len(be.asked("STAT")) for be in fakes) == 1


def test_stale_connection_of_the_pool_is_invisible(bed):
    be = bed.mirrors(1, max_connections=1)[0]
    proxy = bed.proxy(be)
    for n in range(1, 5):
        client = proxy.client()
        wait_until(lambda: client.code("STAT <a@x>") == "223", what="a slot")
        assert be.accepts == n
        assert client.code("QUIT") == "205"
        client.at_end()
        be.close_all()


def test_keepalive_for_who_has_no_group_too(bed):
    be = bed.mirrors(1, keepalive=ms(50), idle_timeout=ms(100))[0]
    client = bed.proxy(be).client()
    assert client.code("STAT <a@x>") == "223"
    be.wait_seen(4, "DATE")
    client.fence()
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert be.accepts == 1


def test_slow_reader_stops_only_its_own_backend_connection(bed):
    be, gate = bed.mirrors(1)[0], Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be)
    slow, quick = proxy.client(), proxy.client()
    slow.say("BODY <a@x>")
    be.wait_seen(1, "BODY")
    for _ in range(10):
        assert quick.code("STAT <a@x>") == "223"
    gate.open()
    slow.expect(222)
