# SPDX-License-Identifier: BSD-2-Clause
"""Refusals: POST and IHAVE need a slot and a
connection that posts, in every mode.

slots                                     test_slot_*
the connection is clean afterwards        test_connection_is_used_again
at the pin, or elsewhere                  test_pinned_*
a stateful session's own backend only     test_stateful_*
"""

import threading

import pytest

from fake import reply, takes
from posting import WHOLE, post, posted, poster
from timing import ms, wait_until
from wire import stuff


# --- slots -------------------------------------------------------------------

@pytest.mark.modes("hy", "pc")
def test_slot_of_the_only_connection_is_the_reserve(bed):
    """So nobody will ever post there, and the greeting says so."""
    be = poster(bed, max_connections=1)
    client = bed.proxy(be).client()
    assert client.greeting[:3] == client.code("MODE READER") == "201"
    assert client.code("POST") == "440"
    assert client.code("IHAVE <n@x>") == "500"
    assert client.code("STAT <a@x>") == "223"
    assert posted(be) == []


@pytest.mark.modes("hy", "pc")
def test_slot_held_by_another_poster(bed):
    be = poster(bed, max_connections=2)
    proxy = bed.proxy(be)
    one, two = proxy.client(), proxy.client()
    assert one.code("POST") == "340"
    assert two.code("POST") == "403"
    assert two.ask("STAT <a@x>") == "223 0 <a@x>"
    one.send(WHOLE)
    one.expect(240)
    assert post(two) == "240"
    assert posted(be) == [WHOLE] * 2 and be.peak <= 2


@pytest.mark.modes("hy")
def test_slot_held_by_a_reader(bed):
    be = poster(bed, max_connections=2)
    proxy = bed.proxy(be)
    reader, client = proxy.reader(), proxy.client()
    assert client.code("POST") == "403"
    assert client.code("DATE") == "111"
    assert post(reader) == "240"
    assert reader.ask("STAT")[:3] == "223"
    reader.close()
    wait_until(lambda: post(client) == "240", what="the slot")


@pytest.mark.modes("hy")
def test_slot_at_another_posting_backend(bed):
    one, two = poster(bed, max_connections=2), poster(bed, max_connections=2)
    proxy = bed.proxy(one, two)
    readers = [proxy.reader()]
    assert post(proxy.client()) == "240"
    assert posted(two) == [WHOLE]
    readers.append(proxy.reader())
    assert proxy.client().code("POST") == "403"


@pytest.mark.modes("st")
def test_slot_of_the_only_connection_in_stateful_mode(bed):
    be = poster(bed, max_connections=1)
    proxy = bed.proxy(be)
    client = proxy.client()
    assert post(client) == "240"
    assert client.code("STAT <a@x>") == "223"
    assert proxy.client().code("POST") == "403"


def test_slot_comes_back_after_each_article(bed):
    be = poster(bed, max_connections=2)
    be.on["POST"] = takes(last="441 no")
    proxy = bed.proxy(be)
    client = proxy.client()
    for _ in range(20):
        assert post(client) == "441"
    client.close()
    proxy.stop()
    proxy.assert_at_rest()


@pytest.mark.modes("hy", "pc")
def test_connection_is_used_again(bed):
    be = poster(bed)
    proxy = bed.proxy(be)
    for _ in range(5):
        client = proxy.client()
        assert post(client) == "240"
        assert client.code("STAT <a@x>") == "223"
        client.close()
    assert be.accepts == 1


@pytest.mark.modes("hy", "pc")
def test_many_posters_at_once(bed):
    fakes = [poster(bed, max_connections=4) for _ in range(2)]
    proxy = bed.proxy(*fakes)
    whole = ["H: %d\r\n\r\n.%s\r\n" % (n, "x" * 5000) for n in range(40)]

    def work(mine):
        client = proxy.client()
        for text in mine:
            wait_until(lambda: post(client, stuff(text.encode())) == "240",
                       what="a slot")

    jobs = [threading.Thread(target=work, args=(whole[n::8],))
            for n in range(8)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert sorted(posted(*fakes)) == sorted(stuff(t.encode()) for t in whole)
    assert max(be.peak for be in fakes) <= 4


# --- a pinned session --------------------------------------------------------

@pytest.mark.modes("hy", "st")
def test_pinned_where_posting_is(bed):
    be = poster(bed)
    proxy = bed.proxy(be, poster(bed))
    client = proxy.reader()
    assert client.ask("STAT 1") == "223 1 <a@x>"
    for _ in range(3):
        assert post(client) == "240"
        assert client.ask("STAT") == "223 1 <a@x>"
    assert posted(be) == [WHOLE] * 3 and be.accepts == 1


@pytest.mark.modes("hy")
def test_pinned_where_no_posting_is(bed):
    one, two = bed.mirrors(1, 101)
    two.options["posting"] = "yes"
    client = bed.proxy(one, two).reader()
    for _ in range(3):
        assert post(client) == "240"
        assert client.ask("STAT") == "223 1 <a@x>", "the pin is lost"
    assert posted(one, two) == posted(two) == [WHOLE] * 3
    assert one.asked("POST") == []
    assert (one.accepts, two.accepts) == (1, 1)


@pytest.mark.modes("st")
def test_stateful_pinned_where_no_posting_is(bed):
    """Its backend is the only one, and that takes no articles."""
    one, two = bed.mirrors(1, 101, max_connections=1)
    two.options["posting"] = "yes"
    proxy = bed.proxy(one, two)
    clients = [proxy.client() for _ in range(2)]
    for client in clients:
        assert client.code("DATE") == "111"
    assert sorted(post(client) for client in clients) == ["240", "440"]
    for client in clients:
        assert client.code("DATE") == "111"
    assert posted(two) == [WHOLE] and one.asked("POST") == []


@pytest.mark.modes("hy")
def test_pinned_and_refused_by_the_pin(bed):
    one, two = poster(bed), poster(bed)
    one.on["POST"] = reply("440 no")
    client = bed.proxy(one, two).reader()
    assert post(client) == "240"
    assert posted(two) == [WHOLE] and one.asked("POST") == ["POST"]
    assert client.ask("STAT") == "223 1 <a@x>"


@pytest.mark.modes("hy", "st")
def test_pinned_in_one_write(bed):
    client = bed.proxy(poster(bed)).client()
    client.say("GROUP local.test", "STAT", "POST")
    client.expect(211, 223, 340)
    client.send(WHOLE + b"STAT\r\nGROUP local.test\r\nNEXT\r\nDATE\r\n")
    client.expect(240, 223)
    assert client.line() == "211 2 1 2 local.test"
    assert client.line() == "223 2 <new@x>"
    client.expect(111)


@pytest.mark.modes("hy", "st")
def test_pinned_and_keepalive(bed):
    """No DATE in an article, however long it takes."""
    be = poster(bed, keepalive=ms(50))
    client = bed.proxy(be).reader()
    be.wait_seen(1, "DATE")
    assert client.code("POST") == "340"
    for part in WHOLE[:10], WHOLE[10:]:
        be.conns[0].pace(0.2)
        client.send(part)
    client.expect(240)
    assert posted(be) == [WHOLE]
    be.wait_seen(len(be.asked("DATE")) + 1 + len(be.asked("POST"))
                 + len(be.asked("GROUP")))
    client.fence()
