# SPDX-License-Identifier: BSD-2-Clause
"""AUTHINFO SASL PLAIN (RFC 4643, 2.4; nntpmux(8)).

good, with an initial response or a challenge     test_good_*
bad or given up -> 481                            test_bad_*, test_given_up
another mechanism -> 503                          test_other_mechanism
not base64 -> 504                                 test_not_base64
lines longer than 512                             test_long_*
after success, without users -> 502               test_502_*
"""

import base64

import pytest

from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

USERS = {"alice": {"password_plain": "secret"},
         "bob": {"password_plain": "two words"}}


def plain(name, password, identity=""):
    parts = [part if isinstance(part, bytes) else part.encode()
             for part in (identity, name, password)]
    return base64.b64encode(b"\0".join(parts)).decode()


GOOD = plain("alice", "secret")


@pytest.fixture
def guarded(bed):
    be = bed.fake(articles=articles("a"))
    return be, bed.proxy(be, users=USERS)


def assert_outside(client):
    assert client.code("DATE") == "480"


@pytest.mark.parametrize("response", [
    GOOD, plain("alice", "secret", "alice"), plain("bob", "two words")])
@pytest.mark.parametrize("command", [
    "AUTHINFO SASL PLAIN", "authinfo sasl plain", "AUTHINFO  SASL\tPLAIN "])
def test_good(guarded, command, response):
    be, proxy = guarded
    client = proxy.client()
    assert client.ask(command + " " + response).startswith("281 ")
    assert client.code("STAT <a@x>") == "223"
    client = proxy.client()
    assert client.ask(command) == "383 ="
    assert client.ask(response).startswith("281 ")
    assert client.code("STAT <a@x>") == "223"
    assert not any("SASL" in line or response in line
                   for line in be.all_lines())


def test_good_in_pieces(guarded):
    client = guarded[1].client()
    for octet in "AUTHINFO SASL PLAIN\r\n%s\r\nDATE\r\n" % GOOD:
        client.send(octet)
    client.expect(383, 281, 111)


def test_good_all_at_once(guarded):
    """What comes behind the command is the response, then commands."""
    client = guarded[1].client()
    client.say("DATE", "AUTHINFO SASL PLAIN", GOOD, "DATE", "STAT <a@x>")
    client.expect(480, 383, 281, 111, 223)
    client = guarded[1].client()
    client.say("AUTHINFO SASL PLAIN " + GOOD, "DATE")
    client.expect(281, 111)


def test_good_8_bit(bed):
    raw = "p\u00e4ss \u20ac".encode()
    proxy = bed.proxy(bed.fake(), text=b"\n".join([
        b"[proxy]", b"threads = 2", b"[listen main]", b"address = 127.0.0.1:0",
        b"[log]", b"stats_interval = 0", b"[user j\xc3\xb6rg]",
        b"password_plain = " + raw, b"[backend be0]",
        b"address = " + bed.servers[0].url.encode(), b""]))
    client = proxy.client()
    assert client.code("AUTHINFO SASL PLAIN "
                       + plain(b"j\xc3\xb6rg", raw)) == "281"


@pytest.mark.parametrize("response", [
    plain("alice", "wrong"), plain("nobody", "secret"), plain("", "secret"),
    plain("alice", ""), plain("alice", "secret", "bob"),
    plain("bob", "secret", "alice"), plain("alice", "secret\0"),
    plain("alice", "secret\0x"), base64.b64encode(b"alice").decode(),
    base64.b64encode(b"alice\0secret").decode(), "=",
    plain("a" * 600, "secret"), plain("alice", "s" * 600)])
def test_bad(guarded, response):
    client = guarded[1].client()
    line = client.ask("AUTHINFO SASL PLAIN " + response)
    assert line == "481 wrong name or password"
    assert client.ask("AUTHINFO SASL PLAIN") == "383 ="
    assert client.ask(response) == line
    assert_outside(client)
    assert client.code("AUTHINFO SASL PLAIN " + GOOD) == "281"


def test_given_up(guarded):
    client = guarded[1].client()
    assert client.ask("AUTHINFO SASL PLAIN") == "383 ="
    assert client.code("*") == "481"
    assert_outside(client)
    assert client.login("alice", "secret") == "281"


@pytest.mark.parametrize("mechanism", [
    "DIGEST-MD5", "CRAM-MD5", "EXTERNAL", "LOGIN", "ANONYMOUS", "PLAINX"])
def test_other_mechanism(guarded, mechanism):
    client = guarded[1].client()
    assert client.code("AUTHINFO SASL " + mechanism) == "503"
    assert client.code("AUTHINFO SASL %s %s" % (mechanism, GOOD)) == "503"
    assert_outside(client)


@pytest.mark.parametrize("response", [
    GOOD[:-1], GOOD + "=", GOOD + "A", GOOD.replace("A", "*", 1),
    "=" + GOOD, "====", "AAA=" + GOOD, "Zh==", GOOD.replace("=", "-")])
def test_not_base64(guarded, response):
    client = guarded[1].client()
    assert client.code("AUTHINFO SASL PLAIN " + response) == "504"
    assert client.ask("AUTHINFO SASL PLAIN") == "383 ="
    assert client.code(response) == "504"
    assert_outside(client)


@pytest.mark.parametrize("response", [
    "", " ", "HELLO", "STAT <a@x>", GOOD + " ", " " + GOOD, GOOD[:8] + " "
    + GOOD[8:], GOOD + "\0"])
def test_not_base64_as_a_response(guarded, response):
    """The line is nothing but the response, whatever it looks like."""
    be, proxy = guarded
    client = proxy.client()
    assert client.ask("AUTHINFO SASL PLAIN") == "383 ="
    client.send(response.encode() + b"\r\n")
    assert client.line()[:3] == "504"
    assert_outside(client)
    assert be.seen == []


@pytest.mark.parametrize("command", [
    "AUTHINFO SASL", "AUTHINFO SASL PLAIN %s %s" % (GOOD, GOOD)])
def test_wrong_arguments_501(guarded, command):
    assert guarded[1].client().code(command) == "501"


def test_long_enough_for_any_name_and_password(bed):
    """RFC 4616: 255 octets of each at least, in a line above 512."""
    name, password = "n" * 40, "p" * 496
    proxy = bed.proxy(bed.fake(),
                      users={name: {"password_plain": password}})
    response = plain(name, password, name)
    assert len(response) > 512
    assert proxy.client().code("AUTHINFO SASL PLAIN " + response) == "281"
    client = proxy.client()
    client.say("AUTHINFO SASL PLAIN", response)
    client.expect(383, 281)
    long = plain("x" * 255, "y" * 255, "x" * 255)
    assert proxy.client().code("AUTHINFO SASL PLAIN " + long) == "481"


def test_long_too_long(guarded):
    client = guarded[1].client()
    client.say("AUTHINFO SASL PLAIN " + "A" * 5000, "DATE")
    client.expect(501, 480)
    client.say("AUTHINFO SASL PLAIN", "A" * 5000, "DATE")
    client.expect(383, 501, 480)
    # Other lines are as short as ever, and so they are afterwards.
    client.say("X" * 511, "AUTHINFO SASL PLAIN", GOOD, "X" * 511)
    client.expect(501, 383, 281, 501)


def test_response_does_not_count_as_a_command(guarded):
    """Ten unknown ones in a row would end the session."""
    client = guarded[1].client()
    for _ in range(12):
        assert client.ask("AUTHINFO SASL PLAIN") == "383 ="
        assert client.code("XFOO!") == "504"
    assert_outside(client)


def test_failures_are_slowed_down_like_others(guarded):
    proxy = guarded[1]
    client = proxy.client()
    for _ in range(3):
        assert client.code("AUTHINFO SASL PLAIN "
                           + plain("alice", "wrong")) == "481"
    assert proxy.log_contains("login failed user=alice")
    assert "wrong" not in proxy.log() and GOOD not in proxy.log()


def test_502_after_success(guarded):
    client = guarded[1].client()
    assert client.code("AUTHINFO SASL PLAIN " + GOOD) == "281"
    for command in ("AUTHINFO SASL PLAIN " + GOOD, "AUTHINFO SASL PLAIN",
                    "AUTHINFO SASL FOO", "AUTHINFO USER alice"):
        assert client.code(command) == "502"
    assert client.code("DATE") == "111"


def test_502_without_users(bed):
    client = bed.proxy(bed.fake()).client()
    assert client.code("AUTHINFO SASL PLAIN " + GOOD) == "502"
    assert client.code("AUTHINFO SASL PLAIN") == "502"
    assert client.code("DATE") == "111"


def test_client_that_leaves_inside(guarded):
    proxy = guarded[1]
    for end in (lambda c: c.close(), lambda c: c.reset(),
                lambda c: c.half_close()):
        client = proxy.client()
        assert client.ask("AUTHINFO SASL PLAIN") == "383 ="
        client.send("AGFs")
        end(client)
    assert proxy.client().code("AUTHINFO SASL PLAIN " + GOOD) == "281"


def test_help_names_it_before_the_login(guarded):
    client = guarded[1].client()
    assert b"AUTHINFO SASL" in client.fetch("HELP")[1]
    assert client.code("AUTHINFO SASL PLAIN " + GOOD) == "281"
    assert b"AUTHINFO" not in client.fetch("HELP")[1]
