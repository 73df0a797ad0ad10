# SPDX-License-Identifier: BSD-2-Clause
"""Groups: the life of a pinned session of hybrid mode.

XFOO                                       test_unknown_verb_*
pinned backend lost                        test_lost_*
XOVER and gone: not re-used dirty          test_gone_*
keepalive                                  test_keepalive_*
the slots of all who ended                 test_slots_come_back
"""

import pytest

from fake import Conn, Gate, reply
from timing import Clock, ms, scaled, wait_until
from wire import END, articles

pytestmark = pytest.mark.modes("hy")

FAST = {"wait_timeout": ms(600), "command_timeout": ms(900)}
SHORT = {"replacement_cooldown": "50ms", "connect_timeout": ms(300),
         "response_timeout": ms(500)}


# --- verbs that nobody knows -------------------------------------------------

def test_unknown_verb_is_forwarded(bed):
    be = bed.mirrors(7)[0]
    be.on["XFOO"] = reply("250  it\tis done ")
    client = bed.proxy(be).reader()
    assert client.ask("XFOO a  <b@x> 5") == "250  it\tis done "
    assert client.ask("STAT") == "223 7 <a@x>"
    assert be.asked("XFOO") == ["XFOO a  <b@x> 5"]
    assert be.accepts == 1


@pytest.mark.parametrize("code", [100, 101, 215, 218, 220, 221, 222, 224, 225,
                                  230, 231, 282, 288])
def test_unknown_verb_a_block_by_its_code(bed, code):
    be = bed.mirrors(7)[0]
    be.on["XFOO"] = reply("%d x" % code, b"..\r\nrow\r\n.\r\n")
    client = bed.proxy(be).client()
    for _ in range(2):
        assert client.fetch("XFOO")[1] == b"..\r\nrow\r\n.\r\n"
        client.fence()


@pytest.mark.parametrize("code", [111, 200, 205, 211, 223, 235, 250, 281, 290,
                                  400, 411, 430, 501, 500, 503])
def test_unknown_verb_a_line_by_its_code(bed, code):
    be = bed.mirrors(7)[0]
    be.on["XFOO"] = reply("%d x" % code)
    client = bed.proxy(be).client()
    assert client.ask("XFOO") == "%d x" % code
    client.fence()


@pytest.mark.parametrize("code", [335, 340, 381, 383])
def test_unknown_verb_that_wants_more_is_no_conversation(bed, code):
    be = bed.mirrors(7, **SHORT)[0]
    be.on["XFOO"] = reply("%d more" % code)
    proxy = bed.proxy(be, proxy=FAST)
    client = proxy.client()
    client.say("XFOO")
    assert client.line()[:1] in "45"
    be.wait_held(0)
    proxy.reader()


def test_unknown_verb_goes_alone(bed):
    be, alone = bed.mirrors(7)[0], []

    def look(conn, line):
        conn.pace(0.1)
        alone.append(not conn.has_more())
        conn.say("250 done")

    be.on["XFOO"] = look
    client = bed.proxy(be).client()
    for _ in range(3):
        client.say("GROUP local.test", "STAT", "XFOO", "STAT", "XFOO",
                   "STAT <a@x>")
        client.expect(211, 223, 250, 223, 250, 223)
    assert alone == [True] * 6


@pytest.mark.parametrize("before", [[], ["GROUP local.test"]])
def test_unknown_verb_its_connection_is_not_used_again(bed, before):
    be = bed.mirrors(7)[0]
    be.on["XFOO"] = reply("250 done")
    proxy = bed.proxy(be)
    for n in range(1, 4):
        client = proxy.client()
        for command in before:
            assert client.code(command) == "211"
        assert client.code("XFOO") == "250"
        assert client.code("XFOO") == "250"
        assert be.accepts == n
        client.close()
        wait_until(lambda: be.conns[-1].quit, what="QUIT at the backend")
        be.wait_held(0)


def test_unknown_verb_gets_a_connection_without_a_group(bed):
    """Both connections had one, and there are no more than two."""
    be = bed.mirrors(7, max_connections=2)[0]
    be.on["XFOO"] = lambda c, line: c.say("250 %s" % c.group)
    proxy = bed.proxy(be, routing={"stateful_reserve": 0})
    readers = [proxy.reader() for _ in range(2)]
    for client in readers:
        assert client.code("QUIT") == "205"
        client.at_end()
    client = proxy.client()
    assert client.ask("XFOO") == "250 None", "another session's group"
    assert client.code("STAT") == "412"
    assert be.peak == 2


def test_unknown_verb_gets_a_connection_without_a_group_by_turns(bed):
    be = bed.mirrors(7)[0]
    be.on["XFOO"] = lambda c, line: c.say("250 %s" % c.group)
    proxy = bed.proxy(be)
    for _ in range(4):
        reader = proxy.reader()
        assert reader.ask("XFOO") == "250 local.test"
        reader.close()
        reader = proxy.reader()
        reader.close()
        client = proxy.client()
        assert client.ask("XFOO") == "250 None"
        client.close()


def test_unknown_verb_prefers_the_first_as_group_does(bed):
    one, two = bed.mirrors(1, 101)
    for be in one, two:
        be.on["XFOO"] = reply("250 done")
    client = bed.proxy(one, two).client()
    assert client.code("XFOO") == "250"
    assert client.ask("GROUP local.test") == "211 3 1 3 local.test"
    assert two.seen == []


# --- only at the pin ---------------------------------------------------------

@pytest.mark.parametrize("command", [
    "LIST", "LIST NEWSGROUPS", "DATE", "NEWGROUPS 20240101 000000",
    "NEWNEWS * 20240101 000000"])
@pytest.mark.parametrize("code", [500, 503])
def test_refused_by_the_pin_503(bed, command, code):
    one, two = bed.mirrors(1, 101)
    one.on[command.split()[0]] = reply("%d not here" % code)
    client = bed.proxy(one, two).reader()
    assert client.code(command) == "503"
    assert client.ask("STAT") == "223 1 <a@x>"
    assert two.seen == []


def test_pins_stay_apart(bed):
    one, two = bed.mirrors(1, 101, max_connections=2)
    proxy = bed.proxy(one, two)
    first, second = proxy.reader(), proxy.reader()
    for _ in range(3):
        assert first.ask("STAT") == "223 1 <a@x>"
        assert second.ask("STAT") == "223 101 <a@x>"
        assert first.ask("DATE")[:3] == second.ask("DATE")[:3] == "111"
    assert len(one.asked("DATE")) == len(two.asked("DATE")) == 3


# --- a pinned connection that is lost ----------------------------------------

@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_lost_between_commands_400_at_once(bed, how):
    be = bed.mirrors(1, max_connections=2, **SHORT)[0]
    proxy = bed.proxy(be)
    client = proxy.reader()
    clock = Clock()
    be.close_all(how)
    assert client.line()[:3] == "400"
    client.at_end()
    assert clock() < scaled(2)
    wait_until(lambda: proxy.client().code("GROUP local.test") == "211",
               what="the slot to be free")


@pytest.mark.parametrize("data", [b"400 idle too long\r\n", b"x",
                                  b"223 1 <stale@x>\r\n"])
def test_lost_by_unsolicited_bytes(bed, data):
    be = bed.mirrors(1, **SHORT)[0]
    client = bed.proxy(be).reader()
    be.say_all(data)
    assert client.line()[:3] == "400"
    client.at_end()
    be.wait_held(0)


@pytest.mark.parametrize("command", ["STAT 1", "NEXT", "OVER 1-", "LIST",
                                     "STAT <a@x>", "GROUP local.test", "DATE"])
@pytest.mark.parametrize("how", ["close", "reset", "silent", "garbage"])
def test_lost_with_a_command_in_flight(bed, command, how):
    one, two = bed.mirrors(1, 101, **SHORT)
    proxy = bed.proxy(one, two)
    client = proxy.reader()
    one.on[command.split()[0]] = {
        "close": lambda c, line: c.close(), "reset": lambda c, line: c.reset(),
        "silent": lambda c, line: c.hang(), "garbage": reply("abc")}[how]
    client.say(command)
    assert client.line()[:3] == "400"
    client.at_end()
    one.wait_held(0)


def test_lost_in_a_pipeline(bed):
    be = bed.mirrors(1, **SHORT)[0]
    be.on["NEXT"] = lambda c, line: c.close()
    proxy = bed.proxy(be)
    client = proxy.reader()
    client.say("STAT 1", "STAT 2", "NEXT", "STAT 3", "HELP", "DATE")
    client.expect(223, 223, 400)
    client.at_end()


@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_lost_inside_a_block(bed, how):
    be = bed.mirrors(1, max_connections=2, **SHORT)[0]
    be.on["XOVER"] = lambda c, line: (c.send(b"224 rows\r\n1\tx\r\n2"),
                                      c.wait_read(), how(c))
    proxy = bed.proxy(be)
    client = proxy.reader()
    client.say("XOVER 1-", "STAT 1")
    assert client.rest() == b"224 rows\r\n1\tx\r\n2"
    wait_until(lambda: proxy.client().code("GROUP local.test") == "211",
               what="the slot to be free")


def test_silent_inside_a_block(bed):
    be = bed.mirrors(1, stall_timeout=ms(300), **SHORT)[0]
    be.on["XOVER"] = lambda c, line: (c.send(b"224 rows\r\n1\tx\r\n"),
                                      c.hang())
    client = bed.proxy(be).reader()
    client.say("XOVER 1-")
    assert client.rest() == b"224 rows\r\n1\tx\r\n"
    be.wait_held(0)


def test_lost_for_one_is_not_lost_for_all(bed):
    be = bed.mirrors(1, **SHORT)[0]
    proxy = bed.proxy(be)
    one, two = proxy.reader(), proxy.reader()
    be.conns[0].close()
    got = [client.ask("STAT")[:3] for client in (two, one)]
    assert sorted(got) == ["223", "400"]


# --- a client that is gone ---------------------------------------------------

@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("much", [False, True], ids=["little", "much"])
def test_gone_inside_an_overview(bed, how, much):
    """The next one gets an answer to its own question, from the same
    connection if the rest was little."""
    be = bed.mirrors(1, max_connections=2, replacement_cooldown="50ms")[0]
    gate = Gate()
    row = b"1\tx\r\n223 0 <s@x>\r\n224 x\r\n"
    piece = row * 50000

    def rows(conn, line):
        conn.send(b"224 rows\r\n" + row)
        gate.wait(conn)
        for _ in range(40 if much else 0):
            conn.send(piece)
        conn.send(row + END)

    be.on["XOVER"] = rows
    proxy = bed.proxy(be, proxy={"drain_limit": "256K"},
                      routing={"stateful_reserve": 1})
    client = proxy.reader()
    client.say("XOVER 1-1000000")
    client.expect(224)
    getattr(client, how)()
    gate.open()
    wait_until(lambda: proxy.client().code("GROUP local.test") == "211",
               what="the slot to be free")
    for _ in range(4):
        client = proxy.client()
        assert client.ask("STAT <a@x>") == "223 0 <a@x>"
        assert client.ask("STAT <b@x>") == "223 0 <b@x>"
        client.fence()
    assert be.conns[0].is_held() != much
    assert be.peak <= 2


def test_gone_before_the_answer(bed):
    be, gate = bed.mirrors(1, max_connections=2)[0], Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    proxy = bed.proxy(be)
    client = proxy.reader()
    client.say("STAT 2", "STAT 3", "NEXT")
    be.wait_seen(2)
    client.close()
    gate.open()
    for _ in range(4):
        assert proxy.client().ask("STAT <a@x>") == "223 0 <a@x>"


@pytest.mark.parametrize("how", ["quit", "close", "reset", "half_close"])
def test_clean_connection_is_used_again(bed, how):
    be = bed.mirrors(1)[0]
    proxy = bed.proxy(be)
    for _ in range(5):
        client = proxy.reader()
        client.say("STAT 2", "ARTICLE 3", "OVER 1-", "NEXT")
        client.expect(223, 220)
        client.block()
        client.expect(224)
        client.block()
        client.expect(421)
        if how == "quit":
            assert client.code("QUIT") == "205"
        else:
            getattr(client, how)()
        client.close()
        wait_until(lambda: proxy.client().code("STAT <a@x>") == "223")
    assert be.accepts <= 2
    assert be.all_lines().count("QUIT") == 0


# --- keepalive ---------------------------------------------------------------

def test_keepalive_speaks_for_an_idle_reader(bed):
    be = bed.mirrors(7, keepalive=ms(50), idle_timeout=ms(100),
                     max_lifetime=ms(100))[0]
    client = bed.proxy(be).reader()
    for n in (3, 6):
        be.wait_seen(n, "DATE")
        client.fence()
        assert client.ask("STAT") == "223 7 <a@x>"
    assert be.accepts == 1
    assert client.ask("DATE") == "111 20240101000000"
    client.fence()


def test_keepalive_for_a_server_that_drops_the_idle(bed):
    """It drops after three times the keepalive, whoever says nothing."""
    def drops(conn):
        conn.sock.settimeout(scaled(0.6))
        conn.serve()

    be = bed.mirrors(7, keepalive=ms(200))[0]
    be.script = drops
    client, clock = bed.proxy(be).reader(), Clock()
    wait_until(lambda: clock() > scaled(2), what="a thinking reader")
    assert client.ask("NEXT") == "223 8 <b@x>"


@pytest.mark.parametrize("answer", ["111 20240101000000", "500 what",
                                    "503 no", "501 syntax"])
def test_keepalive_the_answer_is_swallowed(bed, answer):
    be = bed.mirrors(7, keepalive=ms(50))[0]
    client = bed.proxy(be).reader()
    be.on["DATE"] = reply(answer)
    be.wait_seen(4, "DATE")
    client.fence()
    assert client.ask("STAT") == "223 7 <a@x>"


def test_keepalive_and_a_command_at_the_same_time(bed):
    be, gate = bed.mirrors(7, keepalive=ms(50))[0], Gate()
    be.on["DATE"] = lambda c, line: (gate.wait(c), c.say("111 19990101000000"))
    client = bed.proxy(be).reader()
    be.wait_seen(1, "DATE")
    client.say("STAT", "NEXT", "STAT <a@x>", "OVER 9")
    gate.open()
    client.expect(223)
    assert client.line() == "223 8 <b@x>"
    client.expect(223, 224)
    client.block()
    client.fence()


def test_keepalive_and_the_end_at_the_same_time(bed):
    be, gate = bed.mirrors(7, keepalive=ms(50), max_connections=2)[0], Gate()
    be.on["DATE"] = lambda c, line: (gate.wait(c), c.say("111 19990101000000"))
    proxy = bed.proxy(be)
    client = proxy.reader()
    be.wait_seen(1, "DATE")
    client.close()
    gate.open()
    be.on.clear()
    wait_until(lambda: proxy.client().code("GROUP local.test") == "211",
               what="the slot to be free")
    assert proxy.client().ask("STAT <a@x>") == "223 0 <a@x>"


def test_keepalive_unanswered_is_a_loss(bed):
    be = bed.mirrors(7, keepalive=ms(50), **SHORT)[0]
    be.on["DATE"] = lambda c, line: c.hang()
    client = bed.proxy(be).reader()
    assert client.line()[:3] == "400"
    client.at_end()


def test_keepalive_not_while_a_command_is_in_flight(bed):
    be, gate = bed.mirrors(7, keepalive=ms(50))[0], Gate()
    client = bed.proxy(be).reader()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    client.say("STAT")
    be.wait_seen(1, "STAT")
    clock = Clock()
    wait_until(lambda: clock() > scaled(0.3), what="six keepalives")
    assert not be.conns[0].has_more()
    gate.open()
    client.expect(223)


def test_keepalive_of_nobody(bed):
    """Who is not pinned has no connection to keep."""
    be, other = bed.mirrors(1, 101, keepalive=ms(50))
    proxy = bed.proxy(be, other)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    proxy.reader()
    be.wait_seen(4, "DATE")
    assert other.asked("DATE") == []


# --- all slots come back -----------------------------------------------------

ENDS = {
    "quit": lambda c: c.code("QUIT"), "close": lambda c: None,
    "reset": lambda c: c.reset(),
    "in flight": lambda c: c.say("STAT 1", "OVER 1-", "NEXT"),
    "unknown": lambda c: c.code("XFOO"),
    "half a line": lambda c: c.send("STAT"),
    "moved": lambda c: c.code("GROUP local.other"),
    "elsewhere": lambda c: c.code("STAT <none@x>"),
    "lost": lambda c: c.say("LAST"),
    "post": lambda c: c.code("POST"),
}


@pytest.mark.parametrize("kind", ENDS)
def test_slots_come_back(bed, kind):
    """Twelve times with one slot; the counts are looked at in the end."""
    one = bed.mirrors(1, max_connections=2, posting="yes",
                      replacement_cooldown="10ms")[0]
    two = bed.fake("two", articles("d"), groups={"local.other": {1: "<d@x>"}},
                   max_connections=2)
    one.on["LAST"] = lambda c, line: c.close()
    proxy = bed.proxy(one, two)
    for _ in range(12):
        client = proxy.client()
        wait_until(lambda: client.code("GROUP local.test") == "211",
                   what="a slot")
        ENDS[kind](client)
        client.close()
    wait_until(lambda: proxy.client().code("GROUP local.test") == "211",
               what="the last slot")
    proxy.stop()
    proxy.assert_at_rest()


def test_term_pinned_idle_client_gets_400_at_once(bed):
    proxy = bed.proxy(bed.mirrors(1)[0])
    client, clock = proxy.reader(), Clock()
    proxy.signal()
    assert client.line()[:3] == "400"
    client.at_end()
    client.close()
    assert proxy.wait_end() == 0
    assert clock() < scaled(3)
