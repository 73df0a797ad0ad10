# SPDX-License-Identifier: BSD-2-Clause
"""Groups, pins and posting, as a hostile reader would break them."""

import pytest

from fake import Conn, Gate, numbered, reply, takes
from timing import ms, wait_until
from wire import article, articles, stuff


# --- the pin ------------------------------------------------------------------

@pytest.mark.modes("hy")
@pytest.mark.parametrize("command", ["GROUP local.other",
                                     "LISTGROUP local.other"])
def test_pin_lost_while_another_backend_is_asked(bed, command):
    """The session has a new one: it lost nothing."""
    gate = Gate()
    first = bed.fake(articles=articles("a"), max_connections=2)
    second = bed.fake(articles=articles("b"), max_connections=2,
                      groups={"local.other": numbered(["<b@x>"], 7)})
    answer = {"GROUP": Conn.on_GROUP, "LISTGROUP": Conn.on_LISTGROUP}
    verb = command.split()[0]
    second.on[verb] = lambda c, line: (gate.wait(c), answer[verb](c, line))
    proxy = bed.proxy(first, second)
    client = proxy.reader()
    client.say(command)
    second.wait_seen(1, verb)
    first.close_all()
    proxy.wait_log(r"backend=%s .*reason=" % first.name)
    gate.open()
    assert client.line().startswith("211 1 7 7")
    if verb == "LISTGROUP":
        client.block()
    assert client.ask("STAT") == "223 7 <b@x>"


@pytest.mark.modes("hy")
def test_pin_at_a_higher_tier_is_asked_first(bed):
    """Numbers of one server are not those of the next."""
    low, high = bed.mirrors(1, 50)
    low.options["tier"], high.options["tier"] = 0, 1
    high.groups["local.high"] = numbered(["<c@x>"], 70)
    client = bed.proxy(low, high).reader("local.high")
    assert low.asked("GROUP") == ["GROUP local.high"]
    before = len(low.seen)
    client.say("STAT", "STAT <c@x>", "GROUP local.test", "STAT <b@x>")
    assert [client.line() for _ in range(4)] == [
        "223 70 <c@x>", "223 70 <c@x>", "211 3 50 52 local.test",
        "223 51 <b@x>"]
    assert len(low.seen) == before


@pytest.mark.modes("hy", "st")
def test_what_was_packed_behind_the_answer_to_keepalive(bed):
    """The client's command had not been sent yet, so it is no answer to it."""
    gate = Gate()
    be = bed.fake(articles=articles("a"), pipeline_depth=1, keepalive=ms(300))
    be.on["DATE"] = lambda c, line: (gate.wait(c), c.say("111 1", "111 2"))
    client = bed.proxy(be).reader()
    be.wait_seen(1, "DATE")
    client.say("HELP", "DATE")
    assert client.line()[:3] == "100" and client.block()
    gate.open()
    assert client.rest()[:3] == b"400"
    assert len(be.asked("DATE")) == 1


# --- posting ---------------------------------------------------------------------

@pytest.mark.parametrize("end", [b"x\n.\n", b"x\n.\r\n", b"x\r\n.\n", b".\n"])
def test_commands_inside_an_article(bed, end):
    """A server that takes a bare LF for a line end runs them: the answers must
    find nobody."""
    gate = Gate()

    def until_a_dot(conn, line):
        conn.say("340 go on")
        while conn.read_line() != ".":
            pass
        conn.say("240 thank you")

    be = bed.fake(articles=articles("a"), posting="yes", max_connections=2)
    be.on["POST"] = until_a_dot
    be.on["XLATE"] = lambda c, line: (gate.wait(c), c.say("430 no"))
    proxy = bed.proxy(be)
    poster = proxy.client()
    assert poster.code("POST") == "340"
    poster.send(end + b"XLATE\r\n.\r\n")
    assert poster.line()[:3] == "240"
    be.wait_seen(1, "XLATE")
    poster.close()
    reader = proxy.client()
    reader.say("STAT <a@x>")
    assert reader.line() == "223 0 <a@x>"
    gate.open()
    assert not set(be.conns_of("POST")) & set(be.conns_of("STAT"))


def test_client_gone_before_the_go_ahead_is_no_fault_of_the_server(bed):
    gate = Gate()
    be = bed.fake(articles=articles("a"), posting="yes", max_connections=2)
    be.on["POST"] = lambda c, line: (gate.wait(), takes()(c, line))
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("POST")
    be.wait_seen(1, "POST")
    client.reset()
    proxy.wait_log("end=client-reset")
    gate.open()
    wait_until(lambda: be.held == 0 and be.halves, what="the end of it")
    proxy.stop()
    assert proxy.counts(be.name)["failures"] == 0
    assert not proxy.log_contains("reason=garbage")


@pytest.mark.modes("hy")
def test_post_needs_a_login_at_the_pin_only(bed):
    """480 to POST speaks of posting, not of the connection: another backend
    takes the article, and the pin stays."""
    first, second = bed.mirrors(1, 101, posting="yes")
    first.on["POST"] = reply("480 no right to post")
    client = bed.proxy(first, second).client()
    assert client.code("GROUP local.test") == "211"
    assert client.code("POST") == "340"
    client.send(b"From: a@x\r\n\r\nx\r\n.\r\n")
    assert client.code("STAT 1") == "240"
    assert client.line()[:3] == "223"
    assert len(second.posted) == 1 and not first.posted
