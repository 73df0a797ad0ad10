# SPDX-License-Identifier: BSD-2-Clause
"""Balancing, and which connection is taken.

round-robin 0,1,2,0,1,2           test_round_robin
weighted 1:2:3                    test_weighted_*
least-loaded fills by ratio       test_least_loaded_*
never more than max_connections   test_never_more_sockets_*
queue_mode                        test_queue_mode
a listener's backends             test_listener_*
"""

import contextlib
import threading

import pytest

from fake import Gate
from timing import wait_until
from wire import articles

pytestmark = pytest.mark.modes("hy", "pc")


def order_of(fakes, client, n):
    """Which of the fakes answered each of n commands."""
    out = []
    for _ in range(n):
        before = [len(be.seen) for be in fakes]
        assert client.code("STAT <a@x>") == "223"
        after = [len(be.seen) for be in fakes]
        out.append([b - a for a, b in zip(before, after)].index(1))
    return out


def fakes_of(bed, n, **options):
    return [bed.fake(articles=articles("a"), **options) for _ in range(n)]


def test_round_robin(bed):
    fakes = fakes_of(bed, 3)
    proxy = bed.proxy(*fakes, routing={"strategy": "round-robin"})
    assert order_of(fakes, proxy.client(), 9) == [0, 1, 2] * 3


def test_round_robin_over_many_clients(bed):
    fakes = fakes_of(bed, 3)
    proxy = bed.proxy(*fakes, routing={"strategy": "round-robin"})
    got = [order_of(fakes, proxy.client(), 1)[0] for _ in range(6)]
    assert got == [0, 1, 2] * 2


def weighted(bed):
    fakes = fakes_of(bed, 3)
    for be, weight in zip(fakes, (1, 2, 3)):
        be.options["weight"] = weight
    return fakes, bed.proxy(*fakes,
                            routing={"strategy": "weighted-round-robin"})


def test_weighted_600_commands(bed):
    fakes, proxy = weighted(bed)
    client = proxy.client()
    for _ in range(600):
        assert client.code("STAT <a@x>") == "223"
    assert [len(be.seen) for be in fakes] == [100, 200, 300]


def test_weighted_is_smooth(bed):
    fakes, proxy = weighted(bed)
    order = order_of(fakes, proxy.client(), 60)
    for at in range(0, 60, 6):
        assert sorted(order[at:at + 6]) == [0, 1, 1, 2, 2, 2]
    assert all(len(set(order[i:i + 3])) > 1 for i in range(58)), order


def test_weight_is_max_connections_unless_set(bed):
    fakes = fakes_of(bed, 2)
    fakes[0].options["max_connections"] = 2
    fakes[1].options["max_connections"] = 6
    proxy = bed.proxy(*fakes, routing={"strategy": "weighted-round-robin"})
    client = proxy.client()
    for _ in range(80):
        assert client.code("STAT <a@x>") == "223"
    assert [len(be.seen) for be in fakes] == [20, 60]


def test_least_loaded_fills_by_ratio(bed):
    fakes, gate = fakes_of(bed, 2), Gate()
    for be, most in zip(fakes, (10, 40)):
        be.options["max_connections"] = most
        be.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    proxy = bed.proxy(*fakes)
    clients = [proxy.client() for _ in range(25)]
    for n, client in enumerate(clients):
        client.say("STAT <a@x>")
        wait_both(fakes, n + 1)
    assert [len(be.seen) for be in fakes] == [5, 20]
    gate.open()
    for client in clients:
        client.expect(223)
    assert (fakes[0].peak, fakes[1].peak) == (5, 20)


def wait_both(fakes, n):
    wait_until(lambda: sum(len(be.seen) for be in fakes) >= n,
               what="%d commands" % n)


def test_least_loaded_ties_rotate(bed):
    fakes = fakes_of(bed, 3)
    order = order_of(fakes, bed.proxy(*fakes).client(), 9)
    assert [order.count(i) for i in range(3)] == [3, 3, 3]


def test_least_loaded_avoids_the_busy_one(bed):
    fakes, gate = fakes_of(bed, 2), Gate()
    for be in fakes:
        be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(*fakes)
    busy = proxy.client()
    busy.say("BODY <a@x>")
    wait_both(fakes, 1)
    holder = 0 if fakes[0].seen else 1
    assert set(order_of(fakes, proxy.client(), 6)) == {1 - holder}
    gate.open()
    busy.expect(222)


@pytest.mark.parametrize("most", [1, 3])
def test_never_more_sockets_than_max_connections(bed, most):
    fakes = fakes_of(bed, 2, max_connections=most,
                     replacement_cooldown="10ms")
    proxy = bed.proxy(*fakes)

    def churn(seed):
        for n in range(12):
            client = proxy.client()
            client.say("STAT <a@x>", "BODY <a@x>", "STAT <none@x>")
            if (n + seed) % 3 == 0:
                client.reset()
                continue
            with contextlib.suppress(AssertionError):   # may be cut
                client.expect(223, 222)
                client.block()
                client.expect(430)
            client.close()

    jobs = [threading.Thread(target=churn, args=(i,)) for i in range(10)]
    for job in jobs:
        job.start()
    while any(job.is_alive() for job in jobs):
        for be in fakes:
            assert be.held <= most
            if be.accepts % 5 == 4:
                be.close_all()
        jobs[0].join(0.01)
    assert max(be.peak for be in fakes) <= most


def test_never_more_sockets_when_connections_keep_dying(bed):
    be = bed.fake(articles=articles("a"), max_connections=2,
                  replacement_cooldown="10ms")
    be.script = lambda c: (c.answer(c.serve_login()), c.close())
    proxy = bed.proxy(be)
    clients = [proxy.client() for _ in range(8)]
    for _ in range(3):
        for client in clients:
            client.say("STAT <a@x>")
        for client in clients:
            client.expect(223)
    assert be.peak <= 2


@pytest.mark.modes("hy")
@pytest.mark.parametrize("order", ["lifo", "fifo"])
def test_queue_mode(bed, order):
    be, gate = bed.fake(articles=articles("a"), max_connections=3,
                        queue_mode=order), Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be, proxy={"threads": 1})
    clients = [proxy.client() for _ in range(3)]
    for client in clients:
        client.say("BODY <a@x>")
    be.wait_seen(3, "BODY")
    gate.open()
    for client in clients:
        client.expect(222)
        client.block()
        client.fence()
    for _ in range(6):
        clients[0].ask("STAT <a@x>")
    used = [sum(line.startswith("STAT") for line in c.lines)
            for c in be.conns]
    assert sorted(used) == ([0, 0, 6] if order == "lifo" else [2, 2, 2])


@pytest.mark.modes("hy")
def test_listener_may_use_some_backends_only(bed):
    one, two = bed.fake("one", articles("a")), bed.fake("two", articles("a"))
    proxy = bed.proxy(one, two, listeners=3, listen={"backends": "one"},
                      sections={"listen second": {"address": "127.0.0.1:0",
                                                  "backends": "two"},
                                "listen both": {"address": "127.0.0.1:0",
                                                "backends": "one, two"}})
    for _ in range(4):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert (len(one.seen), len(two.seen)) == (4, 0)
    for _ in range(4):
        assert proxy.client("second").code("STAT <a@x>") == "223"
    assert (len(one.seen), len(two.seen)) == (4, 4)
    for _ in range(4):
        assert proxy.client("both").code("STAT <a@x>") == "223"
    assert (len(one.seen), len(two.seen)) == (6, 6)


@pytest.mark.modes("hy")
def test_listener_430_of_its_own_backends(bed):
    one, two = bed.fake("one"), bed.fake("two", articles("a"))
    proxy = bed.proxy(one, two, listen={"backends": "one"})
    assert proxy.client().code("STAT <a@x>") == "430"
    assert two.seen == []
