# SPDX-License-Identifier: BSD-2-Clause
"""Users: how many connections, until when, where to (nntpmux.ini(5)).

max_connections, over_limit = refuse      test_refuse_*
max_connections, over_limit = wait        test_wait_*
50 connections against 10 (issue)         test_fifty_*
a place is free when its client is gone   test_place_is_free_*
expires                                   test_expire*
backends                                  test_backends_*
"""

import threading
import time

import pytest

from fake import Gate
from timing import Clock, ms, scaled, wait_until
from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

# What makes download tools give a server up for long.
GIVING_UP = "too many", "limit", "connection", "thread", "exceed"


def user(**keys):
    return {"alice": {"password_plain": "secret", **keys},
            "bob": {"password_plain": "other"}}


def guarded(bed, proxy=None, **keys):
    return bed.proxy(bed.fake(articles=articles("a")), users=user(**keys),
                     proxy=proxy)


def ask_to_log_in(proxy):
    """A client whose right password is not answered yet."""
    client = proxy.client()
    assert client.code("AUTHINFO USER alice") == "381"
    client.say("AUTHINFO PASS secret")
    return client


def is_calm(line):
    return not any(word in line.lower() for word in GIVING_UP)


# --- refuse

def test_refuse_one_too_many(bed):
    proxy = guarded(bed, max_connections=2, over_limit="refuse")
    inside = [proxy.client() for _ in range(2)]
    for client in inside:
        assert client.login("alice", "secret") == "281"
    third = proxy.client()
    assert third.code("AUTHINFO USER alice") == "381"
    line = third.ask("AUTHINFO PASS secret")
    assert line.startswith("481 ") and is_calm(line), line
    assert third.code("DATE") == "480"
    proxy.wait_log(r"login refused user=alice reason=user-full")
    assert proxy.client().login("bob", "other") == "281"
    assert inside[0].code("DATE") == "111"


def test_refuse_says_nothing_to_a_wrong_password(bed):
    proxy = guarded(bed, max_connections=1, over_limit="refuse")
    assert proxy.client().login("alice", "secret") == "281"
    client = proxy.client()
    client.say("AUTHINFO USER alice", "AUTHINFO PASS wrong")
    assert client.line() == "381 password?"
    assert client.line() == "481 wrong name or password"


def test_refuse_the_session_may_log_in_as_another(bed):
    proxy = guarded(bed, max_connections=1, over_limit="refuse")
    assert proxy.client().login("alice", "secret") == "281"
    client = proxy.client()
    assert client.login("alice", "secret") == "481"
    assert client.login("bob", "other") == "281"


@pytest.mark.parametrize("how", ["QUIT", "close", "reset", "idle"])
def test_place_is_free_when_the_client_is_gone(bed, how):
    proxy = guarded(bed, max_connections=1, over_limit="refuse")
    for _ in range(3):
        client = proxy.client()
        wait_until(lambda: client.login("alice", "secret") == "281",
                   what="a place")
        if how == "QUIT":
            assert client.code("QUIT") == "205"
        elif how == "idle":
            client.half_close()
            client.at_end()
        else:
            getattr(client, how)()


# --- wait

def test_wait_for_a_place(bed):
    proxy = guarded(bed, max_connections=1)
    first = proxy.client()
    assert first.login("alice", "secret") == "281"
    second = ask_to_log_in(proxy)
    assert proxy.client().login("bob", "other") == "281"
    assert first.code("QUIT") == "205"
    assert second.line().startswith("281 ")
    assert second.code("DATE") == "111"


def test_wait_first_come_first_served(bed):
    proxy = guarded(bed, max_connections=1,
                    proxy={"login_timeout": "%ds" % scaled(60),
                           "threads": 1})
    inside = proxy.client()
    assert inside.login("alice", "secret") == "281"
    waiting = []
    for n in range(1, 6):
        waiting.append(ask_to_log_in(proxy))
        # It stands in the queue when others are answered after it.
        other = proxy.client()
        assert other.login("bob", "other") == "281"
        other.close()
    for client in waiting:
        inside.close()
        assert client.line().startswith("281 ")
        inside = client


def test_wait_who_leaves_makes_room_in_the_queue(bed):
    proxy = guarded(bed, max_connections=1)
    inside = proxy.client()
    assert inside.login("alice", "secret") == "281"
    gone, stays = ask_to_log_in(proxy), None
    assert proxy.client().login("bob", "other") == "281"
    stays = ask_to_log_in(proxy)
    gone.reset()
    inside.close()
    assert stays.line().startswith("281 ")


def test_wait_ends_with_login_timeout(bed):
    proxy = guarded(bed, max_connections=1,
                    proxy={"login_timeout": "%dms" % scaled(1500)})
    inside = proxy.client()
    assert inside.login("alice", "secret") == "281"
    clock = Clock()
    waiting = ask_to_log_in(proxy)
    line = waiting.line()
    assert line.startswith("400 ") and is_calm(line), line
    waiting.at_end()
    assert clock() > scaled(1.4)
    assert inside.code("DATE") == "111"
    proxy.wait_log(r"end=user-full ")
    inside.close()
    assert proxy.client().login("alice", "secret") == "281"


def test_wait_ends_with_a_word_for_each(bed):
    """Whatever else of the session is due at the same time."""
    proxy = guarded(bed, max_connections=1,
                    proxy={"threads": 1, "login_timeout": ms(1000)})
    inside = proxy.client()
    assert inside.login("alice", "secret") == "281"
    for waiting in [ask_to_log_in(proxy) for _ in range(60)]:
        assert waiting.line().startswith("400 ")
        waiting.at_end()


def test_wait_ends_at_once_with_the_server(bed):
    """The one inside may have its answer, and the place with it."""
    be, gate = bed.fake(), Gate()

    def wait(conn, line):
        gate.wait(conn)
        conn.say("223 0 <a@x>")
    be.on["STAT"] = wait
    proxy = bed.proxy(be, users=user(max_connections=1))
    inside = proxy.client()
    assert inside.login("alice", "secret") == "281"
    inside.say("STAT <a@x>")
    be.wait_seen()
    waiting = ask_to_log_in(proxy)
    assert proxy.client().login("bob", "other") == "281"
    proxy.signal()
    assert waiting.line().startswith("400 ")
    waiting.at_end()
    gate.open()
    assert inside.line().startswith("223 ")
    assert proxy.wait_end() == 0


def test_wait_does_not_begin_when_the_server_ends(bed):
    """Its password is found right when all others are told to go already: it
    is no reason to wait for one who has an answer to come."""
    be, gate = bed.fake(), Gate()

    def wait(conn, line):
        gate.wait(conn)
        conn.say("223 0 <a@x>")
    be.on["STAT"] = wait
    proxy = bed.proxy(be, users=user(max_connections=1),
                      log={"level": "trace"})
    inside = proxy.client()
    assert inside.login("alice", "secret") == "281"
    inside.say("STAT <a@x>")
    be.wait_seen()
    for _ in range(6):      # so that the next answers are held up
        assert proxy.client().login("bob", "wrong") == "481"
    waiting = ask_to_log_in(proxy)
    proxy.wait_log("login 1 -> 2", 8)
    proxy.signal()
    assert waiting.line().startswith("400 ")
    waiting.at_end()
    gate.open()
    assert inside.line().startswith("223 ")
    assert proxy.wait_end() == 0


def test_fifty_against_ten(bed):
    """A download tool with 50 connections: each comes in, never more than ten
    at a time, and nobody is turned away."""
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, users=user(max_connections=10))
    lock, counts = threading.Lock(), {"inside": 0, "most": 0, "done": 0}

    def download(client):
        assert client.login("alice", "secret") == "281"
        with lock:
            counts["inside"] += 1
            counts["most"] = max(counts["most"], counts["inside"])
        for _ in range(3):
            assert client.code("STAT <a@x>") == "223"
        with lock:
            counts["inside"] -= 1
            counts["done"] += 1
        assert client.code("QUIT") == "205"

    threads = [threading.Thread(target=download, args=(proxy.client(),))
               for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts["done"] == 50
    assert 1 < counts["most"] <= 10


def test_fifty_against_ten_refused(bed):
    proxy = guarded(bed, max_connections=10, over_limit="refuse")
    clients = [ask_to_log_in(proxy) for _ in range(50)]
    codes = [client.line()[:3] for client in clients]
    assert codes.count("281") == 10 and codes.count("481") == 40


# --- until when

def day(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ",
                         time.gmtime(time.time() + seconds))


def test_expired(bed):
    proxy = guarded(bed, expires=day(-1))
    client = proxy.client()
    assert client.code("AUTHINFO USER alice") == "381"
    line = client.ask("AUTHINFO PASS secret")
    assert line.startswith("481 ") and line != "481 wrong name or password"
    client = proxy.client()
    client.say("AUTHINFO USER alice", "AUTHINFO PASS wrong")
    client.line()
    assert client.line() == "481 wrong name or password"
    assert proxy.client().login("bob", "other") == "281"


def test_expires_while_logged_in(bed):
    proxy = guarded(bed, expires=day(scaled(3)))
    client = proxy.client()
    assert client.login("alice", "secret") == "281"
    assert client.code("DATE") == "111"
    ends = []

    def has_ended():
        ends.append(client.ask("DATE"))
        return ends[-1].startswith("400 ")
    wait_until(has_ended, what="the end of the user")
    client.at_end()
    assert all(line.startswith("111 ") for line in ends[:-1])
    assert proxy.client().login("alice", "secret") == "481"


# --- where to

def test_backends_of_a_user(bed):
    one, two = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("a", "b"))
    proxy = bed.proxy(one, two, users=user(backends=one.name))
    alice, bob = proxy.client(), proxy.client()
    assert alice.login("alice", "secret") == "281"
    assert bob.login("bob", "other") == "281"
    for _ in range(4):
        assert alice.code("STAT <a@x>") == "223"
    assert alice.code("STAT <b@x>") == "430"
    assert two.seen == []
    assert bob.code("STAT <b@x>") == "223"


def test_backends_of_a_user_and_the_listener(bed):
    """Only those that both may use; with none in common nothing is there."""
    one, two = (bed.fake(articles=articles("a")) for _ in range(2))
    proxy = bed.proxy(one, two, users=user(backends=one.name), listeners=2,
                      sections={"listen second": {
                          "address": "127.0.0.1:0", "backends": two.name}})
    assert "has no backend at [listen second]" in proxy.log()
    client = proxy.client("second")
    assert client.login("alice", "secret") == "281"
    assert client.code("STAT <a@x>") == "503"
    assert client.code("MODE READER") == "201"
    client.fence()
    assert one.seen == [] and two.seen == []


@pytest.mark.parametrize("posting,backends,code", [
    ("yes", "writable", "200"), ("no", "writable", "201"),
    ("yes", "readable", "201")])
def test_backends_of_a_user_and_posting(bed, posting, backends, code):
    """The greeting promises no more than any user can get."""
    readable = bed.fake("readable")
    writable = bed.fake("writable", posting="yes")
    proxy = bed.proxy(readable, writable, users={
        "alice": {"password_plain": "secret", "posting": posting,
                  "backends": backends}})
    client = proxy.client()
    assert client.greeting[:3] == code
    assert client.login("alice", "secret") == "281"
    assert client.code("MODE READER") == code


# --- mistakes

@pytest.mark.parametrize("keys,words", [
    ({"backends": "nowhere"}, "names backend nowhere, which is not there"),
    ({"expires": "2026-02-30"}, "expires = 2026-02-30: must be YYYY-MM-DD"),
    ({"expires": "tomorrow"}, "expires = tomorrow: must be"),
    ({"over_limit": "maybe"}, "over_limit = maybe: must be wait | refuse"),
    ({"max_connections": "-1"}, "max_connections = -1: must be"),
])
def test_mistakes_are_named(bed, keys, words):
    path = bed.ini({"backend a": {"address": "news.example.com"},
                    "user alice": {"password_plain": "x", **keys}})
    done = bed.run("-c", path, "-t")
    assert done.returncode == 78
    assert "%s:6: " % path in done.stderr and words in done.stderr
