# SPDX-License-Identifier: BSD-2-Clause
"""What one client, or one address, may take.

max_clients_per_address             test_address_*
"""

import pytest

from client import Client
from timing import wait_until
from wire import articles

# Nothing here depends on the mode, but what says so.
pytestmark = pytest.mark.modes("hy")

FORBIDDEN = ("too many", "limit", "connections", "threads", "exceed")


# --- max_clients_per_address --------------------------------------------------

def refused(proxy, **options):
    """A client that is greeted with 400 and sent away."""
    client = proxy.client(**options)
    assert client.greeting[:4] == "400 "
    assert not any(word in client.greeting.lower() for word in FORBIDDEN)
    client.at_end()


def two_places(bed, **options):
    return bed.proxy(bed.fake(articles=articles("a")),
                     proxy={"max_clients_per_address": 2}, **options)


def test_address_full_400_and_close(bed):
    proxy = two_places(bed)
    clients = [proxy.client(), proxy.client()]
    for _ in range(3):
        refused(proxy)
    for client in clients:
        assert client.code("STAT <a@x>") == "223"
    line = proxy.wait_log(r"client=127\.0\.0\.1:\d+ end=address-full .*", n=3)
    assert "max_clients_per_address" in line.group()


def test_address_full_another_is_not(bed):
    proxy = two_places(bed)
    for _ in range(2):
        proxy.client()
    refused(proxy)
    other = [proxy.client(source=("127.0.0.2", 0)) for _ in range(2)]
    refused(proxy, source=("127.0.0.2", 0))
    assert all(client.code("DATE") == "111" for client in other)


def test_address_place_is_free_after_quit_at_once(bed):
    proxy = two_places(bed)
    proxy.client()
    for _ in range(50):
        client = proxy.client()
        assert client.greeting[:1] == "2", client.greeting
        assert client.code("QUIT") == "205"
        client.at_end()
        # It has not closed its own side, and is no client any more.


def reset(client):
    client.reset()


def leave(client):
    client.close()


def leave_inside_a_line(client):
    client.send("STA")
    client.reset()


def half_close(client):
    client.half_close()
    client.at_end()


@pytest.mark.parametrize("how", [reset, leave, leave_inside_a_line,
                                 half_close])
def test_address_place_is_free_when_the_client_is_gone(bed, how):
    proxy = two_places(bed)
    stays = proxy.client()
    for _ in range(20):
        goes = proxy.client()
        assert goes.greeting[:1] == "2"
        refused(proxy)
        how(goes)
        wait_until(lambda: has_place(proxy), what="the place to be free")
    assert stays.code("DATE") == "111"
    # Free, and not twice.
    proxy.client()
    refused(proxy)


def has_place(proxy):
    client = Client(proxy.address)
    try:
        if client.greeting[:1] == "4":
            return False
        assert client.code("QUIT") == "205"
        client.at_end()
        return True
    finally:
        client.close()


def test_address_refused_ones_take_no_place(bed):
    proxy = two_places(bed)
    clients = [proxy.client(), proxy.client()]
    for _ in range(20):
        refused(proxy)
    clients.pop().close()
    wait_until(lambda: has_place(proxy), what="the place to be free")


def test_address_ipv6_by_64_bits(bed):
    """::1 is all there is here; what a /64 is, the unit test knows."""
    proxy = two_places(bed, listen={"address": "[::1]:0"})
    clients = [proxy.client(), proxy.client()]
    refused(proxy)
    assert all(client.code("DATE") == "111" for client in clients)


def test_address_ipv4_and_ipv6_listener_count_together(bed):
    proxy = two_places(bed, listen={"address": ":0"})
    port = proxy.address[1]
    clients = [Client(("127.0.0.1", port)) for _ in range(2)]
    proxy.clients += clients
    assert Client(("127.0.0.1", port)).greeting[:4] == "400 "


def test_address_unix_clients_are_not_counted(bed):
    proxy = two_places(bed, listen={"address": "unix:%s" % (bed.tmp / "s")})
    clients = [proxy.client() for _ in range(10)]
    assert all(client.code("DATE") == "111" for client in clients)


def test_address_zero_is_no_limit(bed):
    proxy = bed.proxy(bed.fake())
    clients = [proxy.client() for _ in range(50)]
    assert all(client.code("DATE") == "111" for client in clients)
