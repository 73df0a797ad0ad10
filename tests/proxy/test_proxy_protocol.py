# SPDX-License-Identifier: BSD-2-Clause
"""The PROXY protocol: a load balancer before us says who the client is.

versions 1 and 2, any split           test_header_*
only from proxy_protocol_from         test_from_*
allow, deny, limits, log see it       test_true_address_*
no header, wrong, late, cut           test_without_*, test_wrong_*, test_late_*
the balancer speaks for itself        test_itself_*
the end of the server                 test_term_*
mistakes in the configuration         test_config_*
"""

import re
import select
import socket
import struct

import pytest

from client import Client
from everywhere import IN_THE_CLEAR
from timing import Clock, scaled, wait_until
from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

V2 = b"\r\n\r\n\0\r\nQUIT\n"
# The header comes before any handshake; one behind it: test_tls_client.py.
KEYS = {"proxy_protocol": "require", "proxy_protocol_from": "127.0.0.1",
        **IN_THE_CLEAR}


def v1(source="192.0.2.7", port=40000):
    family, to = ("TCP6", "2001:db8::9") if ":" in source \
        else ("TCP4", "192.0.2.9")
    return ("PROXY %s %s %s %d 119\r\n" % (family, source, to, port)).encode()


def v2(source="192.0.2.7", port=40000, command=1, more=b""):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    place = socket.inet_pton(family, source)
    body = place + place + struct.pack(">HH", port, 119) + more
    return V2 + bytes([0x20 + command, 0x21 if ":" in source else 0x11]) \
        + struct.pack(">H", len(body)) + body


def start(bed, *backends, listen=None, **options):
    return bed.proxy(*(backends or [bed.fake(articles=articles("a"))]),
                     listen={**KEYS, **(listen or {})}, **options)


def come(proxy, header, **options):
    """A client that is greeted behind this header."""
    client = proxy.client(greet=False, **options)
    client.send(header)
    client.greeting = client.line()
    return client


def speaks(client, limit):
    """Within so many seconds: octets, or its end."""
    return bool(select.select([client.sock], [], [], limit)[0])


def ended(proxy, pattern):
    return proxy.wait_log(r"client=(\S+) .*?end=%s\b" % pattern).group(1)


# --- the header ------------------------------------------------------------------

@pytest.mark.parametrize("header,source", [
    (v1(), "192.0.2.7:40000"), (v1("2001:db8::7"), "[2001:db8::7]:40000"),
    (v2(), "192.0.2.7:40000"), (v2("2001:db8::7"), "[2001:db8::7]:40000"),
    (v2(more=b"\3\0\4abcd" * 500), "192.0.2.7:40000")])
def test_header_is_taken_and_the_session_is_as_any(bed, header, source):
    proxy = start(bed)
    client = come(proxy, header)
    assert client.greeting[:3] == "201"
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert client.code("QUIT") == "205"
    client.at_end()
    assert ended(proxy, "quit") == source


@pytest.mark.parametrize("header", [v1(), v2("2001:db8::7", more=b"\1\0\1x")])
def test_header_one_octet_at_a_time(bed, header):
    proxy = start(bed)
    client = proxy.client(greet=False)
    for i in range(len(header) - 1):
        client.send(header[i:i + 1])
    assert not speaks(client, 0.2), "greeted before the end of the header"
    client.send(header[-1:])
    assert client.line()[:3] == "201"
    client.fence()


@pytest.mark.parametrize("header", [v1(), v2()])
def test_header_and_commands_in_one_write(bed, header):
    proxy = start(bed)
    client = come(proxy, header + b"STAT <a@x>\r\nQUIT\r\n")
    assert client.greeting[:3] == "201"
    assert client.line() == "223 0 <a@x>"
    assert client.line()[:3] == "205"


def test_header_a_second_one_is_a_command(bed):
    """Nobody can say again who he is."""
    proxy = start(bed)
    client = come(proxy, v1())
    client.send(v1("192.0.2.8"))
    assert client.line()[:3] in ("500", "501")
    assert client.code("QUIT") == "205"
    assert ended(proxy, "quit") == "192.0.2.7:40000"


def test_header_where_none_is_wanted_is_a_command(bed):
    proxy = bed.proxy(bed.fake())
    client = proxy.client()
    client.send(v1())
    assert client.line()[:3] in ("500", "501")
    assert client.code("QUIT") == "205"
    assert ended(proxy, "quit").startswith("127.0.0.1:")


def test_header_waiting_costs_others_nothing(bed):
    proxy = start(bed)
    waiting = [proxy.client(greet=False) for _ in range(50)]
    for client in waiting[:25]:
        client.send(v1()[:20])
    client = come(proxy, v1())
    ticks, clock = proxy.ticks(), Clock()
    while clock() < 1:
        assert client.code("STAT <a@x>") == "223"
    for other in waiting:
        other.close()
    proxy.wait_log("end=proxy-lost", n=50)
    assert proxy.ticks() - ticks < scaled(150), "a busy loop"


# --- who may send it ---------------------------------------------------------------

@pytest.mark.parametrize("header", [b"", v1(), v2()])
def test_from_elsewhere_is_refused(bed, header):
    """Whatever it says: a forged header is not believed."""
    proxy = start(bed)
    client = proxy.client(greet=False, source=("127.0.0.2", 0))
    client.send(header)
    assert client.line()[:3] == "502"
    assert ended(proxy, "address-refused").startswith("127.0.0.2:")
    assert "192.0.2.7" not in proxy.log()


def test_from_a_network(bed):
    proxy = start(bed, listen={"proxy_protocol_from": "10.0.0.0/8 127.0.0.0/8"})
    come(proxy, v1(), source=("127.0.0.9", 0)).fence()


def test_from_a_unix_socket(bed):
    """Its permissions say who may."""
    proxy = bed.proxy(bed.fake(), listen={
        "address": "unix:%s" % (bed.tmp / "sock"),
        "proxy_protocol": "require", "deny": "192.0.2.8", **IN_THE_CLEAR})
    client = come(proxy, v2())
    assert client.greeting[:3] == "201"
    assert come(proxy, v2("192.0.2.8")).greeting[:3] == "502"
    assert client.code("QUIT") == "205"
    assert ended(proxy, "quit") == "192.0.2.7:40000"


# --- what goes by the true address ----------------------------------------------

def test_true_address_allow_and_deny(bed):
    proxy = start(bed, listen={"allow": "192.0.2.0/24", "deny": "192.0.2.8"})
    come(proxy, v1("192.0.2.7")).fence()
    for source in "192.0.2.8", "198.51.100.1", "2001:db8::1":
        client = come(proxy, v2(source, port=41000))
        assert client.greeting[:3] == "502"
        client.at_end()
        proxy.wait_log(r"client=\[?%s\]?:41000 end=address-refused"
                       % re.escape(source))


def test_true_address_limit_per_address(bed):
    proxy = start(bed, proxy={"max_clients_per_address": 2})
    first, second = come(proxy, v1()), come(proxy, v2())
    assert come(proxy, v1()).greeting[:3] == "400"
    assert come(proxy, v1("192.0.2.8")).greeting[:3] == "201"
    first.fence()
    second.close()
    wait_until(lambda: come(proxy, v1()).greeting[:3] == "201",
               what="the place of the one that left")


def test_true_address_waiting_ones_hold_no_place_of_it(bed):
    proxy = start(bed, proxy={"max_clients_per_address": 1})
    for _ in range(5):
        proxy.client(greet=False).send(v1()[:10])
    come(proxy, v1()).fence()


def test_true_address_slows_failed_logins(bed):
    """One behind the balancer who guesses does not slow down the others."""
    proxy = start(bed, users={"joe": {"password_plain": "right"}})
    guesser = come(proxy, v1("192.0.2.7"))
    for _ in range(9):
        assert guesser.code("AUTHINFO USER joe") == "381"
        assert guesser.code("AUTHINFO PASS wrong") == "481"
    other, clock = come(proxy, v1("192.0.2.8")), Clock()
    assert other.code("AUTHINFO USER joe") == "381"
    assert other.code("AUTHINFO PASS right") == "281"
    assert clock() < scaled(0.5)


def test_waiting_clients_count_as_clients(bed):
    proxy = start(bed, proxy={"max_clients": 3})
    waiting = [proxy.client(greet=False) for _ in range(3)]
    full = proxy.client(greet=False)
    assert full.line()[:3] == "400"
    waiting[0].close()
    wait_until(lambda: come(proxy, v1()).greeting[:3] == "201",
               what="a place")


# --- no header, a wrong one ------------------------------------------------------

@pytest.mark.parametrize("data", [
    b"QUIT\r\n", b"MODE READER\r\nQUIT\r\n", b"\0",
    b"PROXY TCP4 192.0.2.7\r\n", b"PROXY TCP4 a b 1 2\r\n",
    b"PROXY UNKNOWN " + b"x" * 200, b"PROXY UNKNOWN\n",
    V2 + b"\x31\x11\0\0", V2 + b"\x21\x11\xff\xff", V2 + b"\x21\x12\0\x0c"
    + b"\0" * 12])
def test_wrong_header_is_the_end_without_a_word(bed, data):
    proxy = start(bed)
    client = proxy.client(greet=False)
    client.send(data)
    assert client.rest() == b""
    assert ended(proxy, "proxy-header").startswith("127.0.0.1:")
    come(proxy, v1()).fence()


def test_late_header(bed):
    """Octets that come now and then don't put it off."""
    proxy = start(bed)
    silent, slow = [proxy.client(greet=False) for _ in range(2)]
    clock = Clock()
    for octet in v1()[:20]:
        slow.send(bytes([octet]))
        if speaks(silent, 0.5):
            break
    assert silent.rest() == b""
    assert slow.rest() == b""
    assert clock() < scaled(12)
    proxy.wait_log("end=proxy-timeout", n=2)


@pytest.mark.parametrize("close", [Client.close, Client.reset,
                                   Client.half_close])
@pytest.mark.parametrize("header", [b"", v1()[:30], v2()[:14]])
def test_cut_header(bed, header, close):
    proxy = start(bed)
    client = proxy.client(greet=False)
    client.send(header)
    close(client)
    assert ended(proxy, "proxy-lost").startswith("127.0.0.1:")


# --- the balancer itself ---------------------------------------------------------

@pytest.mark.parametrize("header", [
    b"PROXY UNKNOWN\r\n", V2 + b"\x20\0\0\0", v2(command=0),
    V2 + b"\x21\0\0\0"])
def test_itself_is_greeted_under_its_own_address(bed, header):
    proxy = start(bed)
    client = come(proxy, header)
    assert client.greeting[:3] == "201"
    assert client.code("QUIT") == "205"
    assert ended(proxy, "quit").startswith("127.0.0.1:")


def test_itself_needs_to_be_allowed(bed):
    proxy = start(bed, listen={"allow": "192.0.2.0/24"})
    assert come(proxy, v2(command=0)).greeting[:3] == "502"


# --- the end ----------------------------------------------------------------------

def test_term_while_headers_are_awaited(bed):
    proxy = start(bed)
    waiting, client = proxy.client(greet=False), come(proxy, v1())
    waiting.send(v1()[:9])
    client.fence()
    proxy.signal()
    assert waiting.line()[:3] == "400"
    assert client.line()[:3] == "400"
    assert proxy.wait_end() == 0


# --- a reload --------------------------------------------------------------------

def test_reload_while_headers_are_awaited(bed):
    """Who may come in is asked of the configuration as it is then."""
    proxy = start(bed)
    waiting = [proxy.client(greet=False) for _ in range(2)]
    for client in waiting:
        client.send(v1()[:9])
    come(proxy, v1()).fence()
    assert proxy.reload(listen={**KEYS, "deny": "192.0.2.8"})
    waiting[0].send(v1("192.0.2.8")[9:])
    assert waiting[0].line()[:3] == "502"
    waiting[1].send(v1()[9:])
    assert waiting[1].line()[:3] == "201"
    waiting[1].fence()


def test_reload_without_the_listener(bed):
    proxy = start(bed, sections={"listen other": {"address": "127.0.0.1:0",
                                                  **KEYS}}, listeners=2)
    client = proxy.client("other", greet=False)
    client.send(v1()[:9])
    come(proxy, v1()).fence()
    assert proxy.reload(sections={})
    client.send(v1()[9:])
    assert client.line()[:3] == "400"
    client.at_end()


# --- configuration ---------------------------------------------------------------

def check(bed, *args, **listen):
    path = bed.ini({"listen main": {"address": "127.0.0.1:8119", **listen},
                    "backend b": {"address": "h"}})
    return bed.run("-t", "-c", path, *args)


def test_config_from_is_needed(bed):
    done = check(bed, proxy_protocol="require", allow="10.0.0.0/8")
    assert done.returncode == 78
    assert re.search(r"nntpmux\.ini:\d+: .*proxy_protocol_from", done.stderr)


def test_config_from_alone_means_nothing(bed):
    done = check(bed, proxy_protocol_from="10.0.0.1")
    assert done.returncode == 0 and "warning" in done.stderr
    assert check(bed, "-s", "proxy.strict=yes",
                 proxy_protocol_from="10.0.0.1").returncode == 78


def test_config_open_to_everybody_behind_the_balancer(bed):
    """The listener itself is on loopback, its clients are not."""
    done = check(bed, proxy_protocol="require",
                 proxy_protocol_from="127.0.0.1")
    assert done.returncode == 0 and "everybody" in done.stderr
    done = check(bed, proxy_protocol="require", allow="10.0.0.0/8",
                 proxy_protocol_from="127.0.0.1")
    assert done.returncode == 0 and not done.stderr


def test_config_unix_has_permissions_instead(bed):
    done = check(bed, address="unix:/tmp/sock", proxy_protocol="require",
                 proxy_protocol_from="127.0.0.1")
    assert done.returncode == 78
