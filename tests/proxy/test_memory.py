# SPDX-License-Identifier: BSD-2-Clause
"""Sizes and wake-ups. A sanitizer build is many
times larger, so these run only when asked for (-m size), on a release build.
"""

import pytest

from timing import Clock, wait_until
from wire import articles

pytestmark = [pytest.mark.size, pytest.mark.modes("hy")]

CLIENTS = 5000
PER_CLIENT = 2048


def test_five_thousand_idle_clients(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, proxy={"max_clients": CLIENTS + 100})
    # The first ones pay for what is there once: buffers, connections.
    for _ in range(20):
        client = proxy.client()
        assert client.code("STAT <a@x>") == "223"
    before = proxy.rss()
    for _ in range(CLIENTS):
        client = proxy.client()
        assert client.code("STAT <a@x>") == "223"
    used = (proxy.rss() - before) / CLIENTS
    print("%.0f bytes for each of %d idle clients" % (used, CLIENTS))
    assert used <= PER_CLIENT


def test_a_hundred_idle_clients_cost_nothing(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, log={"stats_interval": "60s"})
    for _ in range(100):
        assert proxy.client().code("STAT <a@x>") == "223"
    settle = Clock()
    wait_until(lambda: settle() > 1, what="the last answer to be over")
    ticks, wakeups, clock = proxy.ticks(), proxy.wakeups(), Clock()
    wait_until(lambda: clock() > 30, timeout=60, what="30 seconds")
    ticks, wakeups = proxy.ticks() - ticks, proxy.wakeups() - wakeups
    print("%d ticks, %.1f wake-ups a second" % (ticks, wakeups / 30))
    assert ticks <= 1
    assert wakeups <= 5 * 30
