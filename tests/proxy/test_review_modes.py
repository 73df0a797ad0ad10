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
