# SPDX-License-Identifier: BSD-2-Clause
"""A machine, or just the proxy, that stood still finds deadlines that are over,
along with all that has come meanwhile: what has come is in time.

a response, the rest of a block                     test_answer_*, test_rest_*
who waits for a connection                          test_waiter_*
an article being posted, an unfinished line         test_posted_*, test_line_*
a login                                             test_password_*
the look-up of a name                               test_name_*
what has not come is late all the same              test_silence_*
"""

import pytest

from fake import Gate
from names import Named, SlowName
from posting import WHOLE, posted, poster
from timing import Clock, ms, scaled
from wire import article, articles, body, lines, stuff

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

# Of hunter2.
SLOW_HASH = ("$6$rounds=40000$saltsalt$HZVfnFPwo1E967EIPo3dkvil/5chEyvtbudvUN00"
             "8e7dQ0l3YZQXXPuUt07BgU.MTbsOKvb1PCP.2zILeIJw01")
STRICT = {"health": {"unhealthy_threshold": 1}}
# Deadlines, and longer than each of them, in seconds.
SHORT, PAST = ms(1000), 2


def gated(be, verb, before=b"", after=None):
    """The answer comes when the gate is open; gone: it has been sent."""
    gate, gone = Gate(), Gate()

    def play(conn, line):
        conn.send(before)
        gate.wait(conn)
        if after is None:
            getattr(conn, "on_" + verb)(line)
        else:
            conn.send(after)
        gone.open()
    be.on[verb] = play
    return gate, gone


def come_meanwhile(proxy, gate, gone):
    with proxy.stopped(PAST):
        gate.open()
        gone.wait()


def assert_blameless(proxy):
    assert "breaker=open" not in proxy.log()
    assert "phase=" not in proxy.log()


def test_answer_is_in_time(bed):
    be = bed.fake(articles=articles("a"), response_timeout=SHORT)
    other = bed.fake(articles=articles("a"), tier=1)
    gate, gone = gated(be, "STAT")
    proxy = bed.proxy(be, other, sections=STRICT)
    client = proxy.client()
    client.say("STAT <a@x>")
    be.wait_seen(1, "STAT")
    come_meanwhile(proxy, gate, gone)
    assert client.line().startswith("223")
    assert other.asked("STAT") == []
    assert_blameless(proxy)


@pytest.mark.parametrize("size", [1000, 700000])
def test_rest_is_in_time(bed, size):
    """It is no cut, so nobody is asked to go on."""
    whole = article("<a@x>", lines(size))
    data = stuff(body(whole))
    be = bed.fake(articles=articles("a"), stall_timeout=SHORT)
    other = bed.fake(articles=articles("a"), tier=1)
    status = b"222 0 <a@x>\r\n"
    gate, gone = gated(be, "BODY", status + data[:500], data[500:])
    proxy = bed.proxy(be, other, sections=STRICT)
    client = proxy.client()
    client.say("BODY <a@x>")
    assert client.line().startswith("222")
    with proxy.stopped(PAST):
        gate.open()
    assert client.exactly(len(data)) == data
    client.fence()
    assert other.asked("BODY") == []
    assert_blameless(proxy)


def test_waiter_gets_what_was_given_back(bed):
    be = bed.fake(articles=articles("a"), max_connections=1,
                  response_timeout="30s")
    gate, gone = gated(be, "BODY")
    proxy = bed.proxy(be, proxy={"wait_timeout": SHORT})
    one, two = proxy.client(), proxy.client()
    one.say("BODY <a@x>")
    be.wait_seen(1, "BODY")
    two.say("MODE READER", "STAT <a@x>")
    assert two.line()[:3] in ("200", "201")     # and the other one waits
    come_meanwhile(proxy, gate, gone)
    assert two.line().startswith("223")
    assert one.line().startswith("222")


def test_posted_is_in_time(bed):
    be = poster(bed)
    proxy = bed.proxy(be, proxy={"client_stall_timeout": SHORT})
    client = proxy.client()
    assert client.ask("POST").startswith("340")
    client.send(WHOLE[:20])
    with proxy.stopped(PAST):
        client.send(WHOLE[20:])
    assert client.line().startswith("240")
    assert len(posted(be)) == 1


def test_line_is_in_time(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, proxy={"client_stall_timeout": SHORT})
    client = proxy.client()
    client.send(b"STAT <a")
    with proxy.stopped(PAST):
        client.send(b"@x>\r\n")
    assert client.line().startswith("223")


def test_password_is_in_time(bed):
    be = bed.fake(articles=articles("a"))
    # Some 20 ms of a thread that stood still as well.
    proxy = bed.proxy(be, users={"joe": {"password": SLOW_HASH}},
                      proxy={"login_timeout": SHORT})
    client = proxy.client()
    with proxy.stopped(PAST):
        client.say("AUTHINFO USER joe", "AUTHINFO PASS hunter2")
    assert client.line().startswith("381")
    assert client.line().startswith("281")


def test_name_is_in_time(bed, monkeypatch):
    """It is found when the time to connect is over, and that has not begun."""
    name = SlowName(bed, monkeypatch, 1)
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(
        Named("slow", "slow.test:%d" % be.address[1], connect_timeout=SHORT),
        env=name.env, proxy={"sandbox": "no"}, sections=STRICT)
    client = proxy.client()
    client.say("STAT <a@x>")
    name.wait_asked()
    with proxy.stopped(PAST):
        pass
    assert client.line().startswith("223")
    assert_blameless(proxy)


def test_silence_is_late_all_the_same(bed):
    be = bed.fake(articles=articles("a"), response_timeout=SHORT)
    be.on["STAT"] = lambda c, line: c.hang()
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("STAT <a@x>")
    be.wait_seen(1, "STAT")
    with proxy.stopped(PAST):
        pass
    clock = Clock()
    assert client.line().startswith("400")
    assert clock() < scaled(2)
