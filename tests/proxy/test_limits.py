# SPDX-License-Identifier: BSD-2-Clause
"""What one client, or one address, may take.

max_clients_per_address             test_address_*
failed logins are slowed down       test_login_*
memory per client bounded           test_memory_*
a line that was begun               test_line_*
10 unknown commands in a row        test_unknown_*
"""

import contextlib
import re
import select
import socket
import threading

import pytest

from client import Client
from everywhere import IN_THE_CLEAR
from fake import Gate, reply
from timing import SLOW, Clock, ms, scaled, wait_until
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


def two_places(bed, listen=None):
    return bed.proxy(bed.fake(articles=articles("a")),
                     proxy={"max_clients_per_address": 2},
                     listen={**IN_THE_CLEAR, **(listen or {})})


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


# --- 10 unknown commands in a row ---------------------------------------------

UNKNOWN = 10


def dropped(client, n=UNKNOWN, code=500):
    """n answers, then 400 and the end."""
    client.expect(*[code] * n)
    last = client.line()
    assert last[:4] == "400 "
    assert not any(word in last.lower() for word in FORBIDDEN)
    client.at_end()


REQUEST = (b"GET / HTTP/1.1\r\nHost: news.example.com\r\nUser-Agent: probe/1\r\n"
           b"Accept: */*\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\n"
           b"Cache-Control: no-cache\r\nPragma: no-cache\r\nDNT: 1\r\n"
           b"Cookie: a=b\r\nConnection: keep-alive\r\n\r\n")
LETTER = (b"EHLO probe\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n"
          b"From: a\r\nTo: b\r\nSubject: x\r\nhello\r\n.\r\nRSET\r\n")


@pytest.mark.modes("hy", "pc", "st")
@pytest.mark.parametrize("probe", [REQUEST, LETTER], ids=["web", "mail"])
def test_unknown_probe_is_dropped(bed, probe):
    proxy = bed.proxy(bed.fake())
    client = proxy.client()
    client.send(probe)
    dropped(client)
    proxy.wait_log(r"client=127\.0\.0\.1:\d+ .* end=unknown-commands ")


@pytest.mark.modes("pc")
def test_unknown_and_no_backend_is_asked(bed):
    be = bed.fake()
    client = bed.proxy(be).client()
    client.send(REQUEST)
    dropped(client)
    assert be.accepts == 0


def test_unknown_one_by_one(bed):
    client = bed.proxy(bed.fake()).client()
    for i in range(UNKNOWN):
        assert client.code("XFOO %d" % i) == "500"
    assert client.line()[:4] == "400 "
    client.at_end()


@pytest.mark.modes("hy", "pc", "st")
def test_unknown_nine_and_a_known_one(bed):
    client = bed.proxy(bed.fake(articles=articles("a"))).client()
    for known, code in [("DATE", 111), ("MODE READER", 201),
                        ("STAT <a@x>", 223), ("STAT <none@x>", 430),
                        ("LIST NOSUCH", 501), ("CHECK <a@x>", 500)]:
        client.say(*["XFOO"] * (UNKNOWN - 1), known)
        client.expect(*[500] * (UNKNOWN - 1), code)


@pytest.mark.modes("hy", "pc", "st")
def test_unknown_what_stands_behind_is_not_run(bed):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    client.say(*["XFOO"] * UNKNOWN, "STAT <a@x>", "DATE")
    dropped(client)
    assert be.asked("STAT") == []


@pytest.mark.modes("hy", "st")
def test_unknown_here_but_not_to_the_backend(bed):
    be = bed.fake()
    be.on["XFOO"] = reply("290 done")
    client = bed.proxy(be).client()
    for _ in range(3 * UNKNOWN):
        assert client.code("XFOO") == "290"
    # Nor do they stand between those that count and the count's end.
    client.say(*["XBAR"] * (UNKNOWN - 1), "XFOO", *["XBAR"] * UNKNOWN)
    client.expect(*[500] * (UNKNOWN - 1), 290)
    dropped(client)


@pytest.mark.modes("hy", "st")
def test_unknown_refused_by_the_backend_otherwise(bed):
    be = bed.fake()
    be.on["XFOO"] = reply("502 not for you")
    client = bed.proxy(be).client()
    client.say(*["XFOO"] * (2 * UNKNOWN))
    client.expect(*[502] * (2 * UNKNOWN))


def test_unknown_in_a_group(bed):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).reader()
    client.say(*["XFOO"] * UNKNOWN)
    dropped(client)
    be.wait_held(0)


@pytest.mark.modes("hy", "pc", "st")
def test_unknown_before_the_login(bed):
    be = bed.fake()
    client = bed.proxy(be, users={"u": {"password_plain": "x"}}).client()
    client.say(*["XFOO"] * UNKNOWN, "DATE")
    dropped(client, code=480)
    assert be.accepts == 0


def test_unknown_long_lines_count(bed):
    client = bed.proxy(bed.fake()).client()
    client.say(*["Cookie: " + "x" * 2000] * UNKNOWN)
    dropped(client, code=501)


def test_unknown_empty_lines_do_not_count(bed):
    client = bed.proxy(bed.fake()).client()
    client.say(*[""] * (2 * UNKNOWN))
    client.expect(*[501] * (2 * UNKNOWN))
    client.say(*["XFOO", ""] * UNKNOWN)
    client.expect(*[500, 501] * (UNKNOWN - 1), 500)
    assert client.line()[:4] == "400 "
    client.at_end()


# --- a line that was begun ----------------------------------------------------

def impatient(bed, *backends, stall=300):
    return bed.proxy(*backends, proxy={"client_stall_timeout": ms(stall)})


@pytest.mark.parametrize("start", ["S", "DATE", "DATE\r", "x" * 2000,
                                   "DATE\r\nDATE\r\nDA"])
def test_line_without_an_end(bed, start):
    proxy = impatient(bed, bed.fake())
    quiet, client, clock = proxy.client(), proxy.client(), Clock()
    client.send(start)
    client.rest()
    assert scaled(0.3) <= clock() < scaled(5)
    proxy.wait_log(r"client=127\.0\.0\.1:\d+ .* end=line-unfinished ")
    assert quiet.code("DATE") == "111"


def test_line_byte_by_byte(bed):
    proxy = impatient(bed, bed.fake())
    client = proxy.client()

    def drip():
        with contextlib.suppress(OSError):
            client.send("X")
        return proxy.log_contains("end=line-unfinished")
    wait_until(drip, timeout=5, what="the end of a client that drips")


def test_line_behind_a_slow_answer(bed):
    """Its time begins when the answer is there."""
    be = bed.fake()
    gate = Gate()
    be.on["DATE"] = lambda c, line: (gate.wait(), c.say("111 20260101000000"))
    proxy = impatient(bed, be)
    client, late = proxy.client(), proxy.client()
    client.send("DATE\r\nHE")
    late.send("HE")
    late.at_end()
    gate.open()
    client.send("LP\r\n")
    client.expect(111, 100)


@pytest.mark.modes("hy", "pc", "st")
def test_line_idle_clients_have_more_time(bed):
    proxy = impatient(bed, bed.fake(articles=articles("a")))
    clients, late = [proxy.client() for _ in range(3)], proxy.client()
    assert clients[1].code("STAT <a@x>") == "223"
    clients[2].send("\r\n")
    clients[2].expect(501)
    late.send("HE")
    late.at_end()
    for client in clients:
        assert client.code("DATE") == "111"


# --- failed logins are slowed down --------------------------------------------

USERS = {"alice": {"password_plain": "secret"}}
OTHER = ("127.0.0.2", 0)
CLOCK_STEP = 0.01       # the proxy looks at its clock once per turn

# 200,000 rounds: some 100 ms. Of "pass word".
SLOW_HASH = ("$6$rounds=200000$saltsalt$qInzRtZZc4c4uiqUVoZIRzAH.K2Zy"
             "J67tK3wzQy3H0S2iRnkMmWGkriyNjMXz04eIiaHSmPH4pyevLE.9Bqop0")


def guarded(bed, **options):
    return bed.proxy(bed.fake(articles=articles("a")), users=USERS, **options)


def say_password(client, password):
    """Its answer is still to come."""
    assert client.code("AUTHINFO USER alice") == "381"
    client.say("AUTHINFO PASS " + password)


def offend(proxy, n=12):
    """So many wrong passwords at once; their answers are still to come."""
    clients = [proxy.client() for _ in range(n)]
    for client in clients:
        say_password(client, "wrong")
    proxy.wait_log("login failed", n=n)
    return clients


def leave_at_once(proxy):
    """Not by half, which would be waiting for the answers."""
    for client in proxy.clients:
        client.reset()


def is_answered(client):
    return bool(select.select([client.sock], [], [], 0)[0])


def test_login_failures_slow_down_more_and_more(bed):
    client, times = guarded(bed).client(), []
    for _ in range(9):
        assert client.code("AUTHINFO USER alice") == "381"
        clock = Clock()
        assert client.code("AUTHINFO PASS wrong") == "481"
        times.append(clock())
    for i, seconds in enumerate(times[1:]):
        assert seconds >= 0.005 * 2 ** i - CLOCK_STEP, times
    assert times[0] < times[-1], times


def test_login_right_one_waits_too_but_is_right(bed):
    proxy = guarded(bed)
    bad = offend(proxy)
    client, clock = proxy.client(), Clock()
    assert client.login("alice", "secret") == "281"
    assert 4 - CLOCK_STEP <= clock() < 4 + scaled(2)
    assert client.code("STAT <a@x>") == "223"
    for other in bad:
        other.expect(481)


def test_login_another_address_does_not_wait(bed):
    proxy = guarded(bed)
    offend(proxy)
    waiting = proxy.client()
    say_password(waiting, "secret")
    for _ in range(5):
        client = proxy.client(source=OTHER)
        assert client.login("alice", "secret") == "281"
        assert client.code("STAT <a@x>") == "223"
    assert not is_answered(waiting)
    leave_at_once(proxy)


def test_login_the_worker_does_not_wait(bed):
    proxy = guarded(bed, proxy={"threads": 1})
    offend(proxy)
    waiting, talking = proxy.client(), proxy.client()
    say_password(waiting, "secret")
    for _ in range(5):
        talking.fence()
    assert not is_answered(waiting)
    leave_at_once(proxy)


def test_login_counted_over_all_workers(bed):
    proxy = guarded(bed, proxy={"threads": 4})
    offend(proxy)
    waiting = [proxy.client() for _ in range(8)]
    for client in waiting:
        say_password(client, "secret")
    fence = proxy.client(source=OTHER)
    assert fence.login("alice", "secret") == "281"
    assert not any(is_answered(client) for client in waiting)
    leave_at_once(proxy)


def test_login_commands_behind_it_wait(bed):
    proxy = guarded(bed)
    offend(proxy, n=6)
    client = proxy.client()
    client.say("AUTHINFO USER alice", "AUTHINFO PASS secret", "STAT <a@x>",
               "DATE", "QUIT")
    client.expect(381, 281, 223, 111, 205)
    client.at_end()


def test_login_who_leaves_meanwhile_costs_nothing(bed):
    proxy = guarded(bed)
    proxy.client().fence()
    before = proxy.fds()
    clients = offend(proxy)
    clock = Clock()
    for client in clients:
        client.reset()
    wait_until(lambda: proxy.fds() <= before, what="the descriptors back")
    assert clock() < 4, "they were held to the end"


def test_login_of_unix_clients_is_not_slowed_down(bed):
    proxy = guarded(bed, listen={"address": "unix:%s" % (bed.tmp / "s")})
    client, clock = proxy.client(), Clock()
    for _ in range(14):
        assert client.login("alice", "wrong") == "481"
    assert clock() < 4


def test_login_term_does_not_wait_for_held_answers(bed):
    proxy = guarded(bed, proxy={"shutdown_timeout": "300ms"})
    offend(proxy)
    client = proxy.client()
    say_password(client, "secret")
    clock = Clock()
    proxy.signal()
    assert proxy.wait_end() == 0
    assert clock() < 3.5


def test_login_checks_of_the_gone_are_left_out(bed):
    proxy = bed.proxy(bed.fake(), users={"alice": {"password": SLOW_HASH}})
    clock = Clock()
    assert proxy.client().login("alice", "pass word") == "281"
    one = clock()
    clients = [proxy.client() for _ in range(100)]
    for client in clients:
        say_password(client, "pass word")
    for client in clients:
        client.reset()
    clock = Clock()
    assert proxy.client().login("alice", "pass word") == "281"
    assert clock() < 20 * one, "it came after checks for nobody"


# --- memory -------------------------------------------------------------------

CROWD = 24
PIECE = b"x" * (64 << 10)
# A sanitizer does not give at once to others what was freed.
KEPT_BACK = 0 if SLOW == 1 else 320 << 20
UNITS = {"K": 1 << 10, "M": 1 << 20}


def bounds(bed, proxy):
    """What -T says: bytes in all, clients, bytes of each, connections, bytes
    of each, bytes of the rest."""
    done = bed.run("-T", "-c", proxy.ini_path)
    assert done.returncode == 0, done.stderr
    text = re.sub(r"\s*\n; ", " ", done.stdout)
    found = re.search(r"Memory: never more than (\d+M). That is (\d+) clients"
                      r" of at most (\d+K), (\d+) connections to backends of at"
                      r" most (\d+K), and (\d+M) for all else;", text)
    assert found, done.stdout
    return [int(word.rstrip("KM")) * UNITS.get(word[-1], 1)
            for word in found.groups()]


def test_memory_bound_is_the_sum_and_a_comment(bed):
    be = bed.fake(max_connections=7)
    proxy = bed.proxy(be, proxy={"max_clients": 123})
    total, clients, client, conns, conn, rest = bounds(bed, proxy)
    assert (clients, conns) == (123, 7)
    assert abs(total - clients * client - conns * conn - rest) \
        < 3 << 20, "it does not add up"
    dump = bed.run("-T", "-c", proxy.ini_path).stdout
    again = bed.run("-t", "-c", bed.ini(dump, "again.ini"))
    assert again.returncode == 0, again.stderr


def test_memory_bound_grows_with_the_depth(bed):
    be = bed.fake()
    few, many = [bounds(bed, bed.proxy(be, proxy={"pipeline_depth": n}))
                 for n in (1, 1024)]
    assert few[2] < many[2] and few[0] < many[0]


def flood(conn, status):
    """As much as the proxy takes, and then it is asked no more."""
    conn.send(status)
    conn.sock.settimeout(scaled(0.3))
    with contextlib.suppress(socket.timeout):
        while True:
            conn.sock.sendall(PIECE)
    conn.flooded.open()
    conn.close()


def crowd_that_reads_nothing(proxy, be, end):
    gates = []

    def body(conn, line):
        conn.flooded = Gate()
        gates.append(conn.flooded)
        flood(conn, b"222 0 <a@x>\r\n")

    be.on["BODY"] = body
    for _ in range(CROWD):
        proxy.client(rcvbuf=4096).say("BODY <a@x>", *["HELP"] * 100)
    wait_until(lambda: len(gates) == CROWD, what="all to be asked")
    return [gate.wait for gate in gates]


def crowd_that_asks_only(proxy, be, end):
    def ask():
        client = proxy.client(rcvbuf=4096)
        client.sock.settimeout(scaled(0.3))
        with contextlib.suppress(socket.timeout):
            while True:
                client.sock.sendall(b"HELP\r\n" * 10000)
    asking = [threading.Thread(target=ask) for _ in range(CROWD)]
    for thread in asking:
        thread.start()
    return [thread.join for thread in asking]


def crowd_that_posts(proxy, be, end):
    be.on["POST"] = lambda c, line: (c.say("340 go on"), end.wait(c), c.close())

    def post():
        client = proxy.client()
        assert client.code("POST") == "340"
        client.sock.settimeout(scaled(0.3))
        with contextlib.suppress(socket.timeout):
            while True:
                client.sock.sendall(PIECE)
    posting = [threading.Thread(target=post) for _ in range(CROWD)]
    for thread in posting:
        thread.start()
    return [thread.join for thread in posting]


@pytest.mark.modes("hy", "st")
@pytest.mark.parametrize("relay", ["copy", "splice"])
@pytest.mark.parametrize("crowd", [crowd_that_reads_nothing,
                                   crowd_that_asks_only, crowd_that_posts])
def test_memory_of_a_hostile_crowd(bed, crowd, relay):
    be = bed.fake(max_connections=CROWD + 1, posting="yes")
    proxy = bed.proxy(be, proxy={"threads": 2, "relay": relay})
    proxy.client().fence()
    before = proxy.rss()
    end = Gate()
    for wait in crowd(proxy, be, end):
        wait()
    used = (proxy.rss() - before) / CROWD
    end.open()
    leave_at_once(proxy)
    _, _, client, _, conn, _ = bounds(bed, proxy)
    print("%d of at most %d bytes" % (used, client + conn))
    assert used <= client + conn + KEPT_BACK / CROWD
    # What is spliced is in a pipe, or stays where it comes from.
    if crowd is crowd_that_reads_nothing and relay == "copy":
        assert used >= (client + conn) / 16, "the bound means nothing"
