# SPDX-License-Identifier: BSD-2-Clause
"""Login, and the login at backends.

before login everything but the listed -> 480  test_before_login_*
USER, DATE -> 480, PASS -> 281                 test_user_date_pass
last USER wins                                 test_last_user_wins
PASS first -> 482                              test_pass_first_482
any AUTHINFO after success -> 502              test_authinfo_after_success
wrong user = wrong password, same time         test_wrong_user_*
password with blanks, UTF-8, 8-bit             test_odd_password, test_hashed_*
A's login does nothing for B                   test_login_of_one_*
10 failures, then right -> 281                 test_ten_failures_*
AUTHINFO never reaches a backend               test_no_login_of_a_client_*
CAPABILITIES before, after, without            test_capabilities_*
other forms -> 501                             test_other_forms
login_timeout                                  test_login_timeout
login at backends (nntpmux(8))                 test_backend_*
"""

import statistics

import pytest

from client import to_bytes
from everywhere import IN_THE_CLEAR
from sick import refuses_login
from timing import Clock, ms, scaled, wait_until
from wire import articles, stuff

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

USERS = {"alice": {"password_plain": "secret"},
         "bob": {"password_plain": "other"}}

# All of them are hashes of "pass word".
HASHES = {
    "sha512crypt":
        "$6$rounds=1000$saltsalt$nrkbTG/TULo0bJv7dJR0HxGm.iGVxIXV8bUe"
        "HRggjctOWeNYyrq6B6CWaV8zLK/K8.e4xVoDwEJXHPmiHieC8.",
    "sha256crypt":
        "$5$rounds=1000$saltsalt$BwFs8EoqCrZHYXOW69nf9xHXYvWfUhtK.7e4"
        "5TEkuWC",
    "yescrypt":
        "$y$j75$saltsaltsaltsalt$bP4ROZNNOONkXQZR4jnIZg1/XgckZkMJiQlF"
        "tpVp3W9",
    "bcrypt": "$2b$05$abcdefghijklmnopqrstuuIt/9/tGzLcigNq/.RWIDjeEVR30RSf.",
}

# 200,000 rounds: some 100 ms.
SLOW_HASH = ("$6$rounds=200000$saltsalt$qInzRtZZc4c4uiqUVoZIRzAH.K2Zy"
             "J67tK3wzQy3H0S2iRnkMmWGkriyNjMXz04eIiaHSmPH4pyevLE.9Bqop0")


@pytest.fixture
def guarded(bed):
    """A backend, and a proxy before it that wants a login."""
    be = bed.fake(articles=articles("a"))
    return be, bed.proxy(be, users=USERS)


@pytest.mark.modes("hy", "pc", "st")
@pytest.mark.parametrize("command", [
    "ARTICLE <a@x>", "STAT <a@x>", "HEAD <a@x>", "BODY <a@x>", "STAT 5",
    "STAT", "OVER <a@x>", "XOVER 1-5", "HDR Subject <a@x>", "XHDR Subject 1",
    "DATE", "LIST", "LIST ACTIVE", "GROUP local.test", "LISTGROUP", "NEXT",
    "LAST", "NEWGROUPS 20240101 000000", "NEWNEWS * 20240101 000000",
    "POST", "IHAVE <a@x>", "CHECK <a@x>", "XPAT Subject 1 *"])
def test_before_login_480_and_no_backend_sees_it(guarded, command):
    be, proxy = guarded
    client = proxy.client()
    assert client.code(command) == "480"
    client.fence()
    assert be.seen == []


@pytest.mark.parametrize("command,code", [
    ("CAPABILITIES", "101"), ("MODE READER", "201"), ("HELP", "100"),
    ("QUIT", "205")])
def test_before_login_these_are_answered(guarded, command, code):
    client = guarded[1].client()
    assert client.code(command) == code


def test_before_login_takethis_480_and_its_article_is_eaten(guarded):
    be, proxy = guarded
    client = proxy.client()
    client.send(b"TAKETHIS <y@x>\r\n" + stuff(b"H: 1\r\n\r\nDATE\r\n")
                + b"MODE READER\r\n")
    client.expect(480, 201)
    assert be.seen == []


def test_before_login_nothing_is_prefetched(guarded):
    be, proxy = guarded
    client = proxy.client()
    client.say("STAT <a@x>", "AUTHINFO USER alice", "STAT <a@x>",
               "AUTHINFO PASS wrong", "STAT <a@x>")
    client.expect(480, 381, 480, 481, 480)
    assert be.seen == []


def test_user_date_pass(guarded):
    client = guarded[1].client()
    assert client.code("AUTHINFO USER alice") == "381"
    assert client.code("DATE") == "480"
    assert client.code("AUTHINFO PASS secret") == "281"
    assert client.code("DATE") == "111"


def test_verbs_of_a_login_in_any_case(guarded):
    client = guarded[1].client()
    assert client.code("authinfo user alice") == "381"
    assert client.code("AuthInfo Pass secret") == "281"


def test_names_and_passwords_in_their_case(guarded):
    proxy = guarded[1]
    assert proxy.client().login("Alice", "secret") == "481"
    assert proxy.client().login("alice", "Secret") == "481"
    assert proxy.client().login("alice", "secre") == "481"
    assert proxy.client().login("alice", "secrets") == "481"


def test_last_user_wins(guarded):
    client = guarded[1].client()
    assert client.code("AUTHINFO USER alice") == "381"
    assert client.code("AUTHINFO USER bob") == "381"
    assert client.code("AUTHINFO PASS secret") == "481"
    assert client.code("AUTHINFO USER alice") == "381"
    assert client.code("AUTHINFO USER bob") == "381"
    assert client.code("AUTHINFO PASS other") == "281"


def test_pass_first_482(guarded):
    client = guarded[1].client()
    assert client.code("AUTHINFO PASS secret") == "482"
    assert client.login("alice", "secret") == "281"


@pytest.mark.parametrize("command", [
    "AUTHINFO USER alice", "AUTHINFO PASS secret", "AUTHINFO USER bob",
    "AUTHINFO SASL PLAIN AGFsaWNlAHNlY3JldA=="])
def test_authinfo_after_success(guarded, command):
    client = guarded[1].client()
    assert client.login("alice", "secret") == "281"
    assert client.code(command) == "502"
    assert client.code("DATE") == "111"


@pytest.mark.parametrize("command", [
    "AUTHINFO", "AUTHINFO USER", "AUTHINFO PASS", "AUTHINFO GENERIC x",
    "AUTHINFO SIMPLE", "AUTHINFO FOO bar"])
def test_other_forms(guarded, command):
    be, proxy = guarded
    client = proxy.client()
    assert client.code(command) == "501"
    assert client.code("DATE") == "480"


def test_wrong_user_and_wrong_password_get_the_same_answer(bed):
    users = {"alice": {"password": HASHES["sha512crypt"]}}
    proxy = bed.proxy(bed.fake(), users=users)
    answers = set()
    for name in "alice", "nobody":
        client = proxy.client()
        first = client.ask("AUTHINFO USER " + name)
        answers.add((first, client.ask("AUTHINFO PASS wrong")))
    assert len(answers) == 1
    assert answers.pop()[1].startswith("481 ")


def test_wrong_user_and_wrong_password_take_the_same_time(bed):
    users = {"alice": {"password": SLOW_HASH}}
    proxy = bed.proxy(bed.fake(), users=users)
    times = {"alice": [], "nobody": []}
    for _ in range(3):
        for name, values in times.items():
            client = proxy.client()
            client.ask("AUTHINFO USER " + name)
            clock = Clock()
            assert client.code("AUTHINFO PASS wrong") == "481"
            values.append(clock())
    known, unknown = map(statistics.median, times.values())
    assert known / 2 < unknown < known * 2, times


@pytest.mark.parametrize("password", [
    "two words", "many   blanks in it", "p\u00e4ssw\u00f6rd \u20ac",
    b"8-bit \xff\xfe\x80", "a#b", "a=b", "\"quoted\"", "[x]", "\\n", "%s%n",
    "x" * 150])
def test_odd_password(bed, password):
    raw = to_bytes(password)
    text = b"\n".join([
        b"[proxy]", b"threads = 1", b"[listen main]",
        b"address = 127.0.0.1:0", b"[user u]", b"password_plain = " + raw,
        b"[backend b]", b"address = " + bed.refusing().url.encode(), b""])
    client = bed.proxy(text=text).client()
    client.say(b"AUTHINFO USER u", b"AUTHINFO PASS " + raw + b"x",
               b"AUTHINFO USER u", b"AUTHINFO PASS " + raw)
    client.expect(381, 481, 381, 281)


def test_user_name_in_utf8(bed):
    users = {"m\u00fcller": {"password_plain": "x"}}
    proxy = bed.proxy(bed.fake(), users=users)
    assert proxy.client().login("m\u00fcller", "x") == "281"
    assert proxy.client().login("muller", "x") == "481"


@pytest.mark.parametrize("kind", HASHES)
def test_hashed_password(bed, kind):
    users = {"alice": {"password": HASHES[kind]}}
    proxy = bed.proxy(bed.fake(), users=users)
    client = proxy.client()
    assert client.login("alice", "pass  word") == "481"
    assert client.login("alice", "pass word") == "281"
    assert client.code("DATE") == "111"
    assert proxy.client().login("alice", HASHES[kind]) == "481"


def test_hashed_password_many_at_once(bed):
    users = {"alice": {"password": HASHES["sha512crypt"]}}
    proxy = bed.proxy(bed.fake(), users=users)
    clients = [proxy.client() for _ in range(30)]
    for i, client in enumerate(clients):
        client.say("AUTHINFO USER alice",
                   "AUTHINFO PASS " + ("pass word" if i % 2 else "wrong"))
    for i, client in enumerate(clients):
        client.expect(381, 281 if i % 2 else 481)


def test_client_gone_while_its_password_is_checked(bed):
    users = {"alice": {"password": SLOW_HASH}}
    proxy = bed.proxy(bed.fake(), users=users)
    for _ in range(4):
        client = proxy.client()
        client.say("AUTHINFO USER alice", "AUTHINFO PASS pass word")
        client.expect(381)
        client.reset()
    assert proxy.client().login("alice", "pass word") == "281"


def test_password_check_stops_nobody_else(bed):
    users = {"alice": {"password": SLOW_HASH},
             "bob": {"password_plain": "other"}}
    proxy = bed.proxy(bed.fake(), users=users, proxy={"threads": 1})
    slow, quick = proxy.client(), proxy.client()
    slow.say("AUTHINFO USER alice", "AUTHINFO PASS wrong")
    slow.expect(381)
    clock = Clock()
    for _ in range(10):
        quick.fence()
    ten = clock()
    slow.expect(481)
    assert ten < clock(), "a worker waited for the check"


def test_right_password_is_remembered(bed):
    """A download tool opens many connections: one check is enough, but only
    of what was right."""
    users = {"alice": {"password": SLOW_HASH}}
    proxy = bed.proxy(bed.fake(), users=users)

    def log_in(name, password):
        client, clock = proxy.client(), Clock()
        code = client.login(name, password)
        return code, clock()
    code, first = log_in("alice", "pass word")
    assert code == "281"
    clock = Clock()
    for _ in range(50):
        assert log_in("alice", "pass word")[0] == "281"
    assert clock() < 25 * first
    for name, password in (("alice", "pass wor"), ("alice", "pass word "),
                           ("bob", "pass word")):
        code, took = log_in(name, password)
        assert code == "481" and took > first / 8


def test_flood_of_wrong_passwords(bed):
    """1,000 from one address, under way at the same time: others log in, and
    are served."""
    hashed = ("$6$saltsalt$cc1KsgmlKYtCcnNH8.sv7Fe8mca8fAso5fHlNrb1VZa5WYQ."
              "L3ChTcx06ID.LoaXZAf9CZNraK43XCp7LxKHl1")
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, users={"alice": {"password": hashed},
                                 "bob": {"password": SLOW_HASH}})
    inside = proxy.client(source=("127.0.0.3", 0))
    assert inside.login("alice", "pass word") == "281"
    flood = [proxy.client() for _ in range(1000)]
    for client in flood:
        client.say("AUTHINFO USER alice", "AUTHINFO PASS wrong")
    other, clock = proxy.client(source=("127.0.0.2", 0)), Clock()
    assert other.login("bob", "pass word") == "281"
    assert clock() < scaled(2)
    took = []
    for _ in range(20):
        clock = Clock()
        assert inside.code("STAT <a@x>") == "223"
        took.append(clock())
    assert sorted(took)[15] < scaled(0.05), took
    flood[-1].expect(381)
    assert not flood[-1].buf
    flood[-1].sock.setblocking(False)
    with pytest.raises(BlockingIOError):    # they are still under way
        flood[-1].sock.recv(1)
    for client in flood:
        client.reset()


def test_flood_from_a_whole_network(bed):
    """Each from another address of one IPv6 /64: they have one turn together,
    as an IPv4 address has."""
    proxy = bed.proxy(bed.fake(), users={"bob": {"password": SLOW_HASH}},
                      listen={"proxy_protocol": "require",
                              "proxy_protocol_from": "127.0.0.1",
                              **IN_THE_CLEAR})

    def come(address):
        client = proxy.client(greet=False)
        client.say("PROXY TCP6 %s 2001:db8::9 4000 119" % address)
        client.line()
        return client
    flood = [come("2001:db8:1::%x" % i) for i in range(1, 51)]
    other = come("2001:db8:2::1")
    for client in flood:
        client.say("AUTHINFO USER alice", "AUTHINFO PASS wrong")
    for client in flood:
        client.expect(381)
    assert other.login("bob", "pass word") == "281"
    assert proxy.log().count("login failed") < 25
    for client in flood:
        client.reset()


def test_users_of_a_file(bed):
    """As htpasswd -B writes it; beside a [user] section."""
    path = bed.ini("# ours\ncarol:%s\ndave:%s\n" % (
        HASHES["bcrypt"].replace("$2b$", "$2y$"), HASHES["yescrypt"]),
        "users")
    path.chmod(0o600)
    proxy = bed.proxy(bed.fake(), users=USERS, proxy={"users_file": path})
    for name in "carol", "dave":
        assert proxy.client().login(name, "pass word") == "281"
        assert proxy.client().login(name, "pass") == "481"
    assert proxy.client().login("alice", "secret") == "281"
    assert proxy.client().login("# ours", "secret") == "481"


def test_users_of_a_file_alone(bed):
    path = bed.ini("carol:%s\n" % HASHES["sha512crypt"], "users")
    client = bed.proxy(bed.fake(), proxy={"users_file": path}).client()
    assert client.code("DATE") == "480"
    assert client.login("carol", "pass word") == "281"


def test_login_of_one_does_nothing_for_another(guarded):
    proxy = guarded[1]
    one, two = proxy.client(), proxy.client()
    assert one.login("alice", "secret") == "281"
    assert one.code("STAT <a@x>") == "223"
    assert two.code("STAT <a@x>") == "480"
    assert two.code("AUTHINFO PASS secret") == "482"
    assert one.code("STAT <a@x>") == "223"


def test_login_ends_with_the_connection(guarded):
    proxy = guarded[1]
    one = proxy.client()
    assert one.login("alice", "secret") == "281"
    one.close()
    assert proxy.client().code("DATE") == "480"


def test_ten_failures_then_right(guarded):
    proxy = guarded[1]
    client = proxy.client()
    for _ in range(10):
        assert client.login("alice", "wrong") == "481"
    assert client.login("alice", "secret") == "281"


def test_no_login_of_a_client_reaches_a_backend(bed):
    be = bed.fake(articles=articles("a"), login=("account", "key"),
                  username="account", password="key")
    proxy = bed.proxy(be, users=USERS)
    client = proxy.client()
    assert client.login("alice", "wrong") == "481"
    assert client.login("alice", "secret") == "281"
    assert client.code("AUTHINFO USER alice") == "502"
    assert client.code("STAT <a@x>") == "223"
    text = "\n".join(be.all_lines())
    assert "AUTHINFO USER account" in text
    for word in "alice", "secret", "wrong":
        assert word not in text


def words(client):
    rows = client.fetch("CAPABILITIES")[1].decode().split("\r\n")[:-2]
    assert rows[0] == "VERSION 2"
    return {row.split()[0]: row.split()[1:] for row in rows}


def test_capabilities_before_and_after_login(guarded):
    client = guarded[1].client()
    assert words(client)["AUTHINFO"] == ["USER", "SASL"]
    assert words(client)["SASL"] == ["PLAIN"]
    assert client.login("alice", "secret") == "281"
    assert "AUTHINFO" not in words(client)
    assert words(client)["SASL"] == ["PLAIN"]


def test_capabilities_without_login(bed):
    client = bed.proxy(bed.fake()).client()
    assert "AUTHINFO" not in words(client) and "SASL" not in words(client)


def test_login_timeout(bed):
    proxy = bed.proxy(bed.fake(), users=USERS,
                      proxy={"login_timeout": "300ms"})
    silent, done = proxy.client(), proxy.client()
    assert done.login("alice", "secret") == "281"
    assert silent.rest()[:3] in (b"", b"400")
    assert done.code("DATE") == "111"


def test_login_timeout_does_not_run_while_the_answer_is_held(bed):
    """Or a right password would be of no use behind many wrong ones."""
    proxy = bed.proxy(bed.fake(), users=USERS,
                      proxy={"login_timeout": "1s"})
    for _ in range(12):
        proxy.client().say("AUTHINFO USER alice", "AUTHINFO PASS wrong")
    wait_until(lambda: proxy.log().count("login failed") == 12)
    assert proxy.client().login("alice", "secret") == "281"


def test_login_timeout_is_not_put_off_by_talking(bed):
    proxy = bed.proxy(bed.fake(), users=USERS,
                      proxy={"login_timeout": "300ms"})
    client, clock = proxy.client(), Clock()
    try:
        while clock() < 10:
            client.fence()
    except (AssertionError, OSError):
        pass
    assert clock() < 10, "an unknown client stays by talking"


# --- the proxy's own login at a backend --------------------------------------

ACCOUNT = {"username": "account", "password": "the key"}


def test_backend_login_user_and_pass(bed):
    be = bed.fake(articles=articles("a"), login=("account", "the key"),
                  **ACCOUNT)
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"


def test_backend_login_281_directly_after_user(bed):
    be = bed.fake(articles=articles("a"), login=("account", None), **ACCOUNT)
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"
    assert not any("PASS" in line for line in be.all_lines())


def test_backend_login_once_for_each_connection(bed):
    be = bed.fake(articles=articles("a"), login=("account", "the key"),
                  **ACCOUNT)
    client = bed.proxy(be).client()
    for _ in range(5):
        assert client.code("STAT <a@x>") == "223"
    assert sum("PASS" in line for line in be.all_lines()) == be.accepts == 1


def test_backend_password_from_a_file(bed):
    bed.ini("the key\n", "key")
    be = bed.fake(articles=articles("a"), login=("account", "the key"),
                  username="account", password_file=bed.tmp / "key")
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"


def test_backend_password_with_a_semicolon_from_a_file(bed):
    bed.ini(b"a ; b\xff\n", "key")
    be = bed.fake(articles=articles("a"), login=("account", "a ; b\xff"),
                  username="account", password_file=bed.tmp / "key")
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"


def test_backend_that_wants_no_login_gets_none(bed):
    be = bed.fake(articles=articles("a"))
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"
    assert not any("AUTHINFO" in line for line in be.all_lines())


def test_backend_that_knows_no_mode_reader(bed):
    be = bed.fake(articles=articles("a"))
    be.on["MODE"] = lambda c, line: c.say("500 what")
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"


def test_backend_mode_reader_after_480(bed):
    be = bed.fake(articles=articles("a"), login=("account", "the key"),
                  **ACCOUNT)
    be.on["MODE"] = lambda c, line: c.say(
        "200 reader" if c.logged_in else "480 log in first")
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"


def test_backend_greeting_201_is_fine(bed):
    be = bed.fake(articles=articles("a"), greeting=b"201 no posting\r\n")
    assert bed.proxy(be).client().code("STAT <a@x>") == "223"


@pytest.mark.parametrize("after", ["USER", "PASS"])
@pytest.mark.parametrize("code", [481, 482, 502])
def test_backend_refuses_login_others_serve(bed, code, after):
    bad = bed.fake(login=("account", "the key"), **ACCOUNT)
    bad.script = refuses_login(code, after)
    good = bed.fake(articles=articles("a"))
    proxy = bed.proxy(bad, good, routing={"strategy": "round-robin"})
    for _ in range(4):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert bad.seen == []


def test_backend_login_words_do_not_reach_the_client(bed):
    bad = bed.fake(login=("account", "the key"), **ACCOUNT)
    bad.script = refuses_login(481)
    client = bed.proxy(bad, proxy={"wait_timeout": ms(300),
                                   "command_timeout": ms(600)}).client()
    answer = client.ask("STAT <a@x>")
    assert answer[:3] == "400" and "account" not in answer
    client.at_end()
