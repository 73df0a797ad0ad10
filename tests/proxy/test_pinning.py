# SPDX-License-Identifier: BSD-2-Clause
"""Groups, pinning, the reserve and other
backends: hybrid mode.  See also test_pinned.py (the life of a pinned session),
test_numbers.py and test_groups.py.

LIST, DATE, ... don't pin                  test_these_do_not_pin
the reserve                                test_reserve_*
403, and the session goes on               test_no_slot_*
the first in file order, every time        test_affinity_*
411 at the first, 211 at the second        test_411_*
the pin moves                              test_pin_*
BODY <id> elsewhere, pin kept              test_by_message_id_*
"""

import pytest

from fake import Gate, reply
from timing import ms, wait_until
from wire import articles, body, stuff

pytestmark = pytest.mark.modes("hy")

FAST = {"wait_timeout": ms(600), "command_timeout": ms(900)}
SHORT = {"replacement_cooldown": "50ms", "connect_timeout": ms(300),
         "response_timeout": ms(500)}
NO_SLOT = "403"


# --- who is pinned, and the reserve ------------------------------------------

UNPINNED = ["LIST", "LIST ACTIVE", "LIST NEWSGROUPS", "LIST OVERVIEW.FMT",
            "DATE", "HELP", "NEWNEWS * 20240101 000000",
            "NEWGROUPS 20240101 000000", "MODE READER", "CAPABILITIES",
            "STAT <a@x>", "BODY <a@x>", "OVER <a@x>", "HDR Subject <a@x>",
            "NEXT", "STAT 1", "OVER 1-", "XPAT Subject 1- *", "LISTGROUP",
            "POST", "GROUP local.none", "TAKETHIS"]


@pytest.mark.parametrize("command", UNPINNED)
def test_these_do_not_pin(bed, command):
    """There is one slot, and another client gets it."""
    proxy = bed.proxy(bed.mirrors(1, max_connections=2)[0])
    client = proxy.client()
    if command == "TAKETHIS":
        client.send("TAKETHIS <y@x>\r\nx\r\n.\r\n")
        assert client.line()[:3] == "500"
    elif client.code(command)[0] in "12" and command not in (
            "DATE", "MODE READER", "STAT <a@x>"):
        client.block()
    proxy.reader()
    client.fence()
    assert client.code("GROUP local.test") == NO_SLOT


@pytest.mark.parametrize("command", [
    "GROUP local.test", "LISTGROUP local.test", "LISTGROUP local.test 2-",
    "XFOO"])
def test_these_pin(bed, command):
    be = bed.mirrors(1, max_connections=2)[0]
    be.on["XFOO"] = reply("250 done")
    proxy = bed.proxy(be)
    client = proxy.client()
    if client.ask(command)[:3] == "211" and command[0] == "L":
        client.block()
    other = proxy.client()
    assert other.code("GROUP local.test") == NO_SLOT
    client.close()
    wait_until(lambda: other.code("GROUP local.test") == "211",
               what="the slot")


def test_reserve_serves_others(bed):
    be = bed.mirrors(1, max_connections=2)[0]
    proxy = bed.proxy(be)
    reader = proxy.reader()
    for _ in range(3):
        client = proxy.client()
        for _ in range(5):
            assert client.ask("STAT <a@x>") == "223 0 <a@x>"
        assert client.fetch("BODY <a@x>")[0] == "222 0 <a@x>"
    assert reader.ask("STAT") == "223 1 <a@x>"
    assert be.peak == 2


@pytest.mark.parametrize("most,reserve,slots", [
    (1, None, 0), (2, None, 1), (5, None, 4), (5, 3, 2), (3, 0, 3),
    (2, 2, 0), (1, 0, 1)])
def test_reserve_and_slots(bed, most, reserve, slots):
    be = bed.mirrors(1, max_connections=most)[0]
    proxy = bed.proxy(be, routing=None if reserve is None else
                      {"stateful_reserve": reserve})
    readers = [proxy.reader() for _ in range(slots)]
    late = proxy.client()
    for _ in range(2):
        assert late.code("GROUP local.test") == NO_SLOT
    if slots < most:
        assert late.ask("STAT <a@x>") == "223 0 <a@x>"
    for client in readers:
        assert client.ask("STAT") == "223 1 <a@x>"
    assert be.peak <= most


def test_no_slot_and_the_session_goes_on(bed):
    be = bed.mirrors(1, max_connections=1)[0]
    client = bed.proxy(be).client()
    answer = client.ask("GROUP local.test")
    assert answer[:3] == NO_SLOT
    for word in "too many", "limit", "connections", "threads", "exceed":
        assert word not in answer.lower()
    assert client.code("LISTGROUP local.test") == NO_SLOT
    assert client.code("STAT 1") == "412"
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert client.code("XFOO") == NO_SLOT
    assert client.code("DATE") == "111"
    assert client.code("QUIT") == "205"
    client.at_end()
    assert be.seen == ["STAT <a@x>", "DATE"]


def test_no_slot_in_a_pipeline(bed):
    client = bed.proxy(bed.mirrors(1, max_connections=1)[0]).client()
    client.say("STAT <a@x>", "GROUP local.test", "STAT 1", "DATE",
               "GROUP local.test", "STAT <b@x>")
    client.expect(223, 403, 412, 111, 403, 223)


def test_slot_waits_for_a_connection(bed):
    """There is a slot, but everybody is busy: it is waited for."""
    be, gate = bed.mirrors(1, max_connections=2)[0], Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be)
    busy = [proxy.client() for _ in range(2)]
    for client in busy:
        client.say("BODY <a@x>")
    be.wait_seen(2, "BODY")
    reader = proxy.client()
    reader.say("GROUP local.test", "STAT")
    gate.open()
    for client in busy:
        client.expect(222)
        client.block()
    reader.expect(211, 223)


def test_slot_waits_only_so_long(bed):
    be, gate = bed.mirrors(1, max_connections=2)[0], Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be, proxy={"wait_timeout": "300ms"})
    busy = [proxy.client() for _ in range(2)]
    for client in busy:
        client.say("BODY <a@x>")
    be.wait_seen(2, "BODY")
    late = proxy.client()
    assert late.code("GROUP local.test") == "400"
    late.at_end()
    gate.open()
    for client in busy:
        client.expect(222)
        client.block()
    proxy.reader()


# --- which backend -----------------------------------------------------------

def selected_at(client):
    """The first number of the group says which backend it is."""
    status = client.ask("GROUP local.test")
    assert status[:3] == "211", status
    return int(status.split()[2])


@pytest.mark.parametrize("command", [
    "GROUP local.test", "LISTGROUP local.test", "LIST", "LIST COUNTS",
    "LIST OVERVIEW.FMT", "NEWGROUPS 20240101 000000",
    "NEWNEWS * 20240101 000000"])
def test_affinity_the_first_every_time(bed, command):
    fakes = bed.mirrors(1, 101, 201)
    proxy = bed.proxy(*fakes)
    for _ in range(6):
        client = proxy.client()
        assert client.code("STAT <a@x>") == "223"
        assert client.ask(command)[0] == "2"
        client.close()
    verb = command.split()[0]
    assert [len(be.asked(verb)) for be in fakes] == [6, 0, 0]


def test_affinity_lowest_tier_before_file_order(bed):
    spare, first, second = bed.mirrors(1, 101, 201)
    spare.options["tier"] = 1
    proxy = bed.proxy(spare, first, second)
    assert [selected_at(proxy.client()) for _ in range(3)] == [101] * 3


def test_affinity_any_spreads(bed):
    proxy = bed.proxy(*bed.mirrors(1, 101, 201), routing={
        "group_affinity": "any", "strategy": "round-robin"})
    assert sorted(selected_at(proxy.client()) for _ in range(6)) \
        == [1, 1, 101, 101, 201, 201]


def test_affinity_for_the_listeners_backends(bed):
    fakes = bed.mirrors(1, 101)
    proxy = bed.proxy(*fakes, listen={"backends": fakes[1].name})
    assert selected_at(proxy.client()) == 101


@pytest.mark.parametrize("command", ["GROUP local.test", "LIST"])
def test_affinity_the_first_is_down(bed, command):
    one, two = bed.mirrors(1, 101, **SHORT)
    one.down()
    proxy = bed.proxy(one, two)
    for _ in range(3):
        assert proxy.client().ask(command)[0] == "2"
    assert len(two.seen) == 3
    if command.startswith("GROUP"):
        proxy.wait_log("(?i)%s.*group|group.*%s" % (two.name, two.name))
    one.up()
    wait_until(lambda: proxy.client().ask(command) and one.seen,
               what="the first to be used again")


@pytest.mark.parametrize("kind", ["silent", "400", "garbage"])
def test_affinity_the_first_is_sick(bed, kind):
    one, two = bed.mirrors(1, 101, **SHORT)
    one.on["GROUP"] = {"silent": lambda c, line: c.hang(),
                       "400": reply("400 later"),
                       "garbage": reply("abc")}[kind]
    proxy = bed.proxy(one, two)
    for _ in range(2):
        assert selected_at(proxy.client()) == 101
    assert one.seen


def test_affinity_the_first_is_full(bed):
    fakes = bed.mirrors(1, 101, 201, max_connections=3)
    proxy = bed.proxy(*fakes)
    clients = [proxy.client() for _ in range(6)]
    assert [selected_at(client) for client in clients] \
        == [1, 1, 101, 101, 201, 201]
    assert proxy.client().code("GROUP local.test") == NO_SLOT
    proxy.wait_log("(?i)%s.*group|group.*%s" % (fakes[1].name, fakes[1].name))
    clients[0].close()
    wait_until(lambda: fakes[0].held < 2 or proxy.log_contains("client-eof"),
               what="the first client's end")
    assert selected_at(proxy.client()) == 1


# --- 411, and the pin that moves ---------------------------------------------

def two_with_a_group_each(bed, **options):
    """local.both is at both, the others at one of them."""
    one = bed.fake("one", articles("a", "b"), groups={
        "local.both": {1: "<a@x>"}, "local.one": {5: "<b@x>"}}, **options)
    two = bed.fake("two", articles("a", "c"), groups={
        "local.both": {101: "<a@x>"}, "local.two": {105: "<c@x>"}}, **options)
    return one, two


def test_411_at_the_first_211_at_the_second(bed):
    one, two = two_with_a_group_each(bed)
    proxy = bed.proxy(one, two)
    for _ in range(3):
        client = proxy.client()
        assert client.ask("GROUP local.two") == "211 1 105 105 local.two"
        assert client.ask("STAT") == "223 105 <c@x>"
        assert client.fetch("LISTGROUP local.two")[1] == b"105\r\n.\r\n"
    assert one.asked("GROUP") == ["GROUP local.two"] * 3
    assert one.asked("STAT") == []


@pytest.mark.parametrize("command", ["GROUP local.none",
                                     "LISTGROUP local.none 1-"])
def test_411_only_when_all_said_so(bed, command):
    fakes = bed.mirrors(1, 101, 201)
    client = bed.proxy(*fakes).client()
    for n in range(1, 3):
        assert client.code(command) == "411"
        assert [len(be.seen) for be in fakes] == [n] * 3
    client.fence()
    assert client.code("GROUP local.test") == "211"


def test_411_over_tiers(bed):
    one, two = two_with_a_group_each(bed)
    two.options["tier"] = 3
    client = bed.proxy(one, two).client()
    assert client.code("GROUP local.two") == "211"
    assert client.code("GROUP local.none") == "411"


@pytest.mark.parametrize("kind", ["down", "400", "silent"])
def test_411_and_unreachable_is_no_411(bed, kind):
    one, two = two_with_a_group_each(bed, **SHORT)
    if kind == "down":
        two.down()
    two.on["GROUP"] = {"400": reply("400 later"), "down": None,
                       "silent": lambda c, line: c.hang()}[kind]
    client = bed.proxy(one, two, proxy=FAST).client()
    assert client.code("GROUP local.two") == "400"
    client.at_end()


def test_411_and_no_slot_is_no_411(bed):
    one, two = two_with_a_group_each(bed)
    two.options["max_connections"] = 2
    proxy = bed.proxy(one, two)
    reader, client = proxy.reader("local.two"), proxy.client()
    assert client.code("GROUP local.two") == NO_SLOT
    assert client.code("STAT 1") == "412"
    assert client.ask("GROUP local.both") == "211 1 1 1 local.both"
    reader.fence()


def test_411_without_those_that_never_have_a_slot(bed):
    """One connection is the reserve: no group is ever read there, unless it
    is so everywhere (test_no_slot_and_the_session_goes_on)."""
    one, two = two_with_a_group_each(bed)
    two.options["max_connections"] = 1
    client = bed.proxy(one, two).client()
    assert client.code("GROUP local.two") == "411"
    assert client.ask("GROUP local.both") == "211 1 1 1 local.both"
    assert two.seen == []


def test_pin_moves_for_a_group_that_is_elsewhere(bed):
    one, two = two_with_a_group_each(bed, max_connections=2)
    proxy = bed.proxy(one, two)
    client = proxy.client()
    for _ in range(3):
        assert client.code("GROUP local.one") == "211"
        assert client.ask("STAT") == "223 5 <b@x>"
        assert client.code("GROUP local.two") == "211"
        assert client.ask("STAT") == "223 105 <c@x>"
        assert client.ask("GROUP local.both") == "211 1 101 101 local.both", \
            "the pin stays where it is"
    # One slot each: that of the first is free again.
    assert proxy.reader("local.one").ask("STAT") == "223 5 <b@x>"
    assert one.accepts <= 2 and two.accepts == 1


def test_pin_stays_when_nobody_has_the_group(bed):
    one, two = two_with_a_group_each(bed, max_connections=2)
    proxy = bed.proxy(one, two)
    client = proxy.reader("local.one")
    for _ in range(3):
        assert client.code("GROUP local.none") == "411"
        assert client.ask("STAT") == "223 5 <b@x>"
    assert proxy.reader("local.two").ask("STAT") == "223 105 <c@x>"
    assert one.accepts == 1


def test_pin_stays_when_the_other_has_no_slot(bed):
    one, two = two_with_a_group_each(bed, max_connections=2)
    proxy = bed.proxy(one, two)
    other = proxy.reader("local.two")
    client = proxy.reader("local.one")
    assert client.code("GROUP local.two") == NO_SLOT
    assert client.ask("STAT") == "223 5 <b@x>"
    assert other.ask("STAT") == "223 105 <c@x>"


def test_pin_moves_in_a_pipeline(bed):
    one, two = two_with_a_group_each(bed)
    client = bed.proxy(one, two).client()
    for _ in range(3):
        client.say("GROUP local.one", "STAT", "GROUP local.two", "STAT",
                   "GROUP local.none", "STAT", "STAT <b@x>", "LISTGROUP")
        client.expect(211)
        assert client.line() == "223 5 <b@x>"
        client.expect(211)
        assert client.line() == "223 105 <c@x>"
        client.expect(411)
        assert client.line() == "223 105 <c@x>"
        assert client.line() == "223 0 <b@x>"
        client.expect(211)
        assert client.block() == b"105\r\n.\r\n"


# --- by message-id in a pinned session ---------------------------------------

@pytest.mark.parametrize("command,code", [
    ("ARTICLE", 220), ("HEAD", 221), ("BODY", 222), ("STAT", 223),
    ("OVER", 224), ("HDR Subject", 225), ("XHDR Subject", 221)])
def test_by_message_id_another_has_it(bed, command, code):
    one = bed.fake("one", articles("a"))
    two = bed.fake("two", articles("b"), first=50)
    client = bed.proxy(one, two).reader()
    for _ in range(2):
        status = client.ask(command + " <b@x>")
        assert status[:3] == str(code)
        if code < 224 and command != "XHDR Subject":
            assert status.split()[1:] == ["0", "<b@x>"]
        if code != 223:
            client.block()
        assert client.ask("STAT") == "223 1 <a@x>", "the pin is lost"
    assert one.accepts == 1 and one.asked(command.split()[0])


def test_by_message_id_the_pin_first(bed):
    one, two = bed.mirrors(1, 101)
    client = bed.proxy(one, two).reader()
    for _ in range(6):
        assert client.ask("STAT <b@x>") == "223 2 <b@x>"
    assert two.seen == [] and one.accepts == 1


def test_by_message_id_nobody_has_it(bed):
    one, two = bed.mirrors(1, 101)
    client = bed.proxy(one, two).reader()
    for n in range(1, 4):
        assert client.code("BODY <none@x>") == "430"
        assert len(one.asked("BODY")) == len(two.asked("BODY")) == n
    assert client.ask("STAT") == "223 1 <a@x>"


def test_by_message_id_in_a_pipeline(bed):
    one = bed.fake("one", articles("a", "b", size=9000))
    two = bed.fake("two", articles("c", "d", size=9000), first=50)
    client = bed.proxy(one, two).reader()
    for _ in range(5):
        client.say("BODY <c@x>", "STAT 2", "BODY <b@x>", "BODY <none@x>",
                   "NEXT", "BODY <d@x>", "STAT 1", "OVER <c@x>", "STAT")
        assert client.line() == "222 0 <c@x>"
        assert client.block() == stuff(body(two.articles["<c@x>"]))
        assert client.line() == "223 2 <b@x>"
        assert client.line() == "222 2 <b@x>"
        assert client.block() == stuff(body(one.articles["<b@x>"]))
        client.expect(430, 421)
        assert client.line() == "222 0 <d@x>"
        assert client.block() == stuff(body(two.articles["<d@x>"]))
        assert client.line() == "223 1 <a@x>"
        client.expect(224)
        assert client.block().startswith(b"0\t")
        assert client.line() == "223 1 <a@x>"
    assert one.accepts == 1


def test_by_message_id_the_other_cannot_be_asked(bed):
    one, two = bed.mirrors(1, 101, **SHORT)
    two.down()
    client = bed.proxy(one, two, proxy=FAST).reader()
    assert client.code("STAT <none@x>") == "400"
    client.at_end()
