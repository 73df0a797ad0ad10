# SPDX-License-Identifier: BSD-2-Clause
"""HUP: what users and accounts may do follows the configuration.

places of a user                          test_places_*
its backends, with new places in the file test_backends_*
its rate, and that of a backend           test_rate_*
its quota and its end                     test_quota_*, test_end_*
the quota of a backend, by its name       test_backend_quota_*
users_file, state_dir                     test_users_file_*, test_state_dir_*
"""

import contextlib
import random
import re
import threading
from base64 import b64encode

import pytest

from fake import reply
from test_quotas import account, spend, state, used     # noqa: F401
from test_rates import RATE, Reader, assert_rate, inside
from timing import wait_until
from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

SIZE = 3000


def user(**keys):
    return {"alice": {"password_plain": "secret", **keys},
            "bob": {"password_plain": "other"}}


def ask_to_log_in(proxy):
    """A client whose right password is not answered yet."""
    client = proxy.client()
    assert client.code("AUTHINFO USER alice") == "381"
    client.say("AUTHINFO PASS secret")
    return client


# --- places

def test_places_more_serve_who_waits(bed):
    proxy = bed.proxy(bed.fake(articles=articles("a")),
                      users=user(max_connections=1), log={"level": "trace"})
    first, second = inside(proxy), ask_to_log_in(proxy)
    proxy.wait_log("login 2 -> 3")
    assert proxy.reload(users=user(max_connections=2))
    second.expect(281)
    assert first.code("STAT <a@x>") == second.code("STAT <a@x>") == "223"


def test_places_fewer_let_nobody_in(bed):
    """Who is there stays."""
    few = user(max_connections=1, over_limit="refuse")
    proxy = bed.proxy(bed.fake(articles=articles("a")), users=user())
    first, second = inside(proxy), inside(proxy)
    assert proxy.reload(users=few)
    assert first.code("STAT <a@x>") == second.code("STAT <a@x>") == "223"
    assert proxy.client().login("alice", "secret") == "481"
    first.close()
    proxy.wait_log("user=alice end=")
    assert proxy.client().login("alice", "secret") == "481"
    second.close()
    wait_until(lambda: proxy.client().login("alice", "secret") == "281",
               what="the last one has left")


def test_places_of_a_user_who_is_gone(bed):
    """Who waits for one is answered, who has one is told the end. Their workers
    learn of it one after the other, yet nobody gets the place between."""
    proxy = bed.proxy(bed.fake(), users=user(max_connections=1),
                      proxy={"threads": 4}, log={"level": "trace"})
    first, second = inside(proxy), ask_to_log_in(proxy)
    proxy.wait_log("login 2 -> 3")
    users = user()
    del users["alice"]
    assert proxy.reload(users=users)
    second.expect(481)
    assert second.login("bob", "other") == "281"
    first.expect(400)
    first.at_end()


def test_places_are_free_when_nobody_has_to_log_in(bed):
    proxy = bed.proxy(bed.fake(articles=articles("a")),
                      users=user(max_connections=1))
    first = inside(proxy)
    assert proxy.reload(users={})
    assert first.code("STAT <a@x>") == "223"
    assert proxy.reload(users=user(max_connections=1))
    assert first.code("STAT <a@x>") == "480"
    assert first.code("AUTHINFO PASS secret") == "482"
    assert proxy.client().login("alice", "secret") == "281"


SASL = b64encode(b"\0alice\0secret")
PIECES = [line + b"\r\n" for line in (
    b"AUTHINFO USER alice", b"AUTHINFO PASS secret", b"AUTHINFO PASS wrong",
    b"AUTHINFO USER bob", b"AUTHINFO PASS other", b"AUTHINFO SASL PLAIN",
    b"AUTHINFO SASL PLAIN " + SASL, SASL, b"*", b"=", b"", b"A" * 1500,
    b"AUTHINFO SASL LOGIN", b"AUTHINFO", b"STAT <a@x>", b"BODY <a@x>",
    b"CAPABILITIES", b"GROUP misc.test", b"QUIT", b"STARTTLS",
    b"TAKETHIS <q@x>\r\nx\r\n.")]


def misbehave(proxy, chance, is_over):
    """Says anything about logins, and leaves at any moment."""
    while not is_over():
        client = proxy.client(greet=False)
        with contextlib.suppress(OSError):
            for _ in range(chance.randrange(1, 5)):
                client.send(b"".join(chance.choices(
                    PIECES, k=chance.randrange(1, 12))))
                client.sock.settimeout(chance.choice((0.01, 0.2)))
                client.sock.recv(chance.choice((1, 100, 1 << 16)))
        if chance.random() < 0.3:
            client.reset()
        client.close()


def test_places_whatever_clients_do(bed):
    """While the configuration changes all the time: in the end all places are
    there again, and none more."""
    users = {"alice": {"password_plain": "secret", "max_connections": 3,
                       "rate": "1M"},
             "bob": {"password_plain": "other", "max_connections": 2,
                     "over_limit": "refuse", "quota": "1G"}}
    changed = [users, {"alice": users["alice"]}, {"bob": users["bob"]}, {},
               {**users, "alice": {**users["alice"], "rate": "10K",
                                   "max_connections": 1}}]
    proxy = bed.proxy(bed.fake(articles=articles("a"), max_connections=8),
                      users=users, proxy={"threads": 3},
                      log={"level": "trace"})
    over = threading.Event()
    threads = [threading.Thread(target=misbehave, args=(
        proxy, random.Random(n), over.is_set)) for n in range(8)]
    for thread in threads:
        thread.start()
    for n in range(60):
        assert proxy.reload(users=changed[n % 5])
    over.set()
    for thread in threads:
        thread.join()
    assert proxy.reload(users=users)
    wait_until(lambda: len(re.findall("session 0 -> ", proxy.log()))
               == len(re.findall(" end=", proxy.log())), what="all are gone")
    inside = [(name, proxy.client()) for name in
              ("alice", "alice", "alice", "bob", "bob")]
    for name, client in inside:
        assert client.login(name, users[name]["password_plain"]) == "281"
    assert proxy.client().login("bob", "other") == "481"
    for _, client in inside:
        assert client.code("STAT <a@x>") == "223"


# --- backends

def test_backends_of_a_user(bed):
    one, two = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("b"))
    proxy = bed.proxy(one, two, users=user(backends="be0"))
    client = inside(proxy)
    assert client.code("STAT <a@x>") == "223"
    assert client.code("STAT <b@x>") == "430"
    assert proxy.reload(users=user(backends="be1"))
    assert client.code("STAT <a@x>") == "430"
    assert client.code("STAT <b@x>") == "223"
    assert one.all_lines().count("STAT <b@x>") == 1     # before


def test_backends_have_other_places_in_the_file(bed):
    """What a user may use goes by names, for who is there and who comes."""
    one, two, new = (bed.fake(articles=articles(name)) for name in "abc")
    proxy = bed.proxy(one, two, users=user(backends="be1"))
    client = inside(proxy)
    assert proxy.reload(new, two, one)
    for reader in client, inside(proxy):
        assert reader.code("STAT <b@x>") == "223"
        assert reader.code("STAT <a@x>") == "430"
        assert reader.code("STAT <c@x>") == "430"


def test_backends_to_post_at_have_other_places(bed):
    """Whether anybody may post is told before the login."""
    one, two = bed.fake(), bed.fake(posting="yes")
    users = {"alice": {"password_plain": "secret", "backends": "be1"}}
    proxy = bed.proxy(one, two, users=users)
    assert proxy.client().greeting[:3] == "200"
    assert proxy.reload(two, one)
    assert proxy.client().greeting[:3] == "200"
    users["alice"]["backends"] = "be0"
    assert proxy.reload(users=users)
    assert proxy.client().greeting[:3] == "201"


def test_backends_of_the_listener_stay(bed):
    one, two = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("b"))
    proxy = bed.proxy(one, two, users=user(), listen={"backends": "be0"})
    client = inside(proxy)
    assert proxy.reload(users=user(backends="be0 be1"))
    assert client.code("STAT <b@x>") == "430"
    assert proxy.reload(listen={})
    assert client.code("STAT <b@x>") == "223"


def test_backends_without_the_one_of_a_group(bed):
    one, two = bed.fake(), bed.fake()
    for be in one, two:
        be.on["GROUP"] = reply("211 1 1 1 local.test")
    proxy = bed.proxy(one, two, users=user(backends="be0"))
    client = inside(proxy)
    assert client.code("GROUP local.test") == "211"
    assert proxy.reload(users=user(backends="be1"))
    client.expect(400)
    client.at_end()


# --- rates

@pytest.mark.parametrize("before, after", [(2 * RATE, RATE),
                                           (RATE // 8, RATE)])
def test_rate_of_a_user(bed, before, after):
    be = bed.fake(articles=articles("a", size=700000), max_connections=10)
    proxy = bed.proxy(be, users=user(rate=before))
    readers = [Reader(inside(proxy)) for _ in range(4)]
    assert proxy.reload(users=user(rate=after))
    assert_rate(readers, after)
    for reader in readers:
        reader.end()


def test_rate_by_mistake(bed):
    """At a byte per second each waits for minutes for what all of them have
    been told, and that was "281 welcome"; another rate counts from now on."""
    be = bed.fake(articles=articles("a", size=SIZE), max_connections=10)
    proxy = bed.proxy(be, users=user(rate="1"))
    held = [inside(proxy) for _ in range(10)]
    for client in held:
        client.say("BODY <a@x>")
    assert proxy.reload(users=user(rate="1M"))
    for client in held:
        client.expect(222)
    assert inside(proxy).code("STAT <a@x>") == "223"


def test_rate_of_a_backend(bed):
    be = bed.fake(articles=articles("a", size=700000), max_connections=10,
                  rate=RATE // 8)
    proxy = bed.proxy(be)
    readers = [Reader(proxy.client()) for _ in range(4)]
    be.options["rate"] = RATE
    assert proxy.reload(be)
    assert_rate(readers, RATE)
    for reader in readers:
        reader.end()


# --- quotas and ends of users

def test_quota_of_a_user(bed):
    be = bed.fake(articles=articles("a", size=SIZE))
    proxy = bed.proxy(be, users=user(quota="1M"))
    client = inside(proxy)
    client.fetch("BODY <a@x>")
    assert proxy.reload(users=user(quota=SIZE))
    assert client.code("STAT <a@x>") == "400"
    client.at_end()
    assert proxy.client().login("alice", "secret") == "481"
    assert proxy.reload(users=user(quota="1M"))
    assert inside(proxy).code("STAT <a@x>") == "223"


def test_end_of_a_user(bed):
    proxy = bed.proxy(bed.fake(articles=articles("a")), users=user())
    client = inside(proxy)
    assert proxy.reload(users=user(expires="2020-01-01"))
    assert client.code("STAT <a@x>") == "400"
    assert proxy.client().login("alice", "secret") == "481"
    assert proxy.reload(users=user(expires="2999-01-01"))
    assert inside(proxy).code("STAT <a@x>") == "223"


# --- quotas of backends

def test_backend_quota_is_filled_up(bed, state):        # noqa: F811
    be = account(bed, quota=2 * SIZE)
    proxy = bed.proxy(be, proxy={"state_dir": state})
    client = spend(proxy, be.name)
    assert client.code("STAT <a@x>") == "403"
    be.options["quota"] = "1M"
    assert proxy.reload(be)
    assert client.code("STAT <a@x>") == "223"
    proxy.wait_log("backend=be0 quota: less than 100%")


def test_backend_quota_goes_by_the_name(bed, state):    # noqa: F811
    """The same account, but what it has used is another's."""
    be = account(bed, quota=2 * SIZE)
    proxy = bed.proxy(be, proxy={"state_dir": state})
    client = spend(proxy, "be0")
    be.name = "other"
    assert proxy.reload(be)
    assert client.code("STAT <a@x>") == "223"
    be.name = "be0"
    assert proxy.reload(be)
    assert client.code("STAT <a@x>") == "403"
    proxy.stop()
    assert sorted(used(state)) == ["backend be0", "backend other"]
    assert used(state)["backend other"] < used(state)["backend be0"]


def test_backend_quota_of_one_that_comes(bed, state):   # noqa: F811
    (state / "quotas").write_text(
        "nntpmux quotas 1\nbackend be1 2000000\nend 1\n")
    old, new = bed.fake(), account(bed, quota="1M")
    proxy = bed.proxy(old, proxy={"state_dir": state})
    client = proxy.client()
    assert proxy.reload(old, new)
    assert client.code("STAT <a@x>") == "430"
    assert new.all_lines() == []


# --- files

def test_users_file_is_read_again(bed):
    path = bed.tmp / "users"
    path.write_text("")
    path.chmod(0o600)
    keys = {"threads": 2, "users_file": str(path)}
    proxy = bed.proxy(bed.fake(articles=articles("a")), users=user(),
                      proxy=keys)
    assert proxy.client().login("carol", "secret") == "481"
    # sha256crypt of "secret", 1000 rounds
    path.write_text("carol:$5$rounds=1000$saltsalt$"
                    "eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2\n")
    assert proxy.hang_up()
    carol = proxy.client()
    assert carol.login("carol", "secret") == "281"
    path.write_text("carol\n")
    assert not proxy.hang_up()
    assert proxy.log_contains(r"error .*users:1: must be name:hash")
    assert carol.code("STAT <a@x>") == "223"
    path.write_text("")
    assert proxy.hang_up()
    carol.expect(400)


def test_state_dir_needs_a_restart(bed, state):         # noqa: F811
    proxy = bed.proxy(bed.fake(quota="1M"), proxy={"state_dir": state})
    (bed.tmp / "else").mkdir()
    assert proxy.reload(proxy={"state_dir": bed.tmp / "else"})
    assert proxy.log_contains("state_dir needs a restart: it stays %s" % state)
    proxy.stop()
    assert list((bed.tmp / "else").iterdir()) == []
