# SPDX-License-Identifier: BSD-2-Clause
"""What the log says, and what it never says (nntpmux(8)).

one line per session end     test_session_*
statistics                   test_statistics_*
secrets never                test_no_secret_*
target, level, format, USR1  test_target_*, test_level_*, test_format_json,
                             test_usr1_*
"""

import json
import re
import signal

import pytest

from fake import Gate
from sick import refuses_login
from timing import ms, wait_until
from wire import articles, body, stuff

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

USERS = {"alice": {"password_plain": "xyzzy-plain"}}


def session_line(proxy, client):
    """The line about the end of this client's session."""
    port = client.sock.getsockname()[1]
    client.close()
    found = proxy.wait_log(r"^.*127\.0\.0\.1:%d\b.*commands=.*$" % port)
    return found.group(0)


def end_quit(client):
    client.ask("QUIT")
    client.close()


def end_eof(client):
    client.half_close()


def end_reset(client):
    client.reset()


@pytest.mark.parametrize("end,reason", [
    (end_quit, "quit"), (end_eof, "client-eof"), (end_reset, "client-reset")])
def test_session_end_is_one_line_with_its_reason(bed, end, reason):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    client = proxy.client()
    port = client.sock.getsockname()[1]
    assert client.code("STAT <a@x>") == "223"
    end(client)
    line = proxy.wait_log(r"^.*127\.0\.0\.1:%d\b.*commands=.*$"
                          % port).group(0)
    assert reason in line
    proxy.client().fence()
    assert len(re.findall(r"127\.0\.0\.1:%d\b.*commands=" % port,
                          proxy.log())) == 1


def test_session_line_counts_commands_and_bytes(bed):
    be = bed.fake(articles=articles("a", size=10000))
    proxy = bed.proxy(be)
    client = proxy.client()
    client.fetch("BODY <a@x>")
    client.ask("STAT <none@x>")
    client.ask("QUIT")
    client.at_end()
    line = session_line(proxy, client)
    numbers = [int(n) for n in re.findall(r"\d+", line)]
    sent = len("BODY <a@x>\r\nSTAT <none@x>\r\nQUIT\r\n")
    assert re.search(r"\bcommands=3\b", line)
    assert client.received in numbers, (client.received, line)
    assert sent in numbers, (sent, line)


def test_session_line_tells_how_long(bed):
    proxy = bed.proxy(bed.fake())
    client = proxy.client()
    client.ask("QUIT")
    assert re.search(r"\bduration=\d+\.\d+s\b", session_line(proxy, client))


def test_session_line_for_a_cut_answer(bed):
    be = bed.fake("sick", replacement_cooldown="50ms")
    be.on["BODY"] = lambda c, line: (c.send(b"222 0 <a@x>\r\nx"), c.close())
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("BODY <a@x>")
    client.rest()
    assert re.search(r"\bcut\b", session_line(proxy, client))
    proxy.wait_log(r"\bsick\b")


def test_session_line_for_a_shutdown(bed):
    proxy = bed.proxy(bed.fake())
    client = proxy.client()
    proxy.signal()
    assert client.line()[:3] == "400"
    line = session_line(proxy, client)
    assert proxy.wait_end() == 0
    assert "shutdown" in line


def test_session_line_for_a_login_timeout(bed):
    proxy = bed.proxy(bed.fake(), users=USERS,
                      proxy={"login_timeout": "200ms"})
    client = proxy.client()
    client.rest()
    assert "login-timeout" in session_line(proxy, client)


def test_session_line_names_the_user(bed):
    proxy = bed.proxy(bed.fake(), users=USERS)
    client = proxy.client()
    assert client.login("alice", "xyzzy-plain") == "281"
    client.ask("QUIT")
    assert "alice" in session_line(proxy, client)


def test_refused_clients_are_logged(bed):
    proxy = bed.proxy(bed.fake(), listen={"deny": "127.0.0.1"})
    # By TLS it is closed without a handshake.
    proxy.client(greet=False, secure=None).rest()
    proxy.wait_log("end=address-refused")


# --- statistics --------------------------------------------------------------

def test_statistics_at_the_end(bed):
    be = bed.fake("primary", articles("a"))
    proxy = bed.proxy(be)
    client = proxy.client()
    client.fetch("BODY <a@x>")
    assert client.code("STAT <none@x>") == "430"
    proxy.stop()
    counts = proxy.counts("primary")
    assert counts["commands"] == 2 and counts["misses"] == 1
    assert counts["failures"] == 0
    assert counts["bytes"] >= len(stuff(body(be.articles["<a@x>"])))
    assert set(counts) >= {"idle", "lent", "connecting", "closing", "cooling",
                           "waiting", "pending"}
    proxy.assert_at_rest()


def test_statistics_each_interval(bed):
    be, gate = bed.fake("primary", max_connections=1), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.say("430 no"))
    proxy = bed.proxy(be, log={"stats_interval": "100ms"})
    one, two = proxy.client(), proxy.client()
    one.say("STAT <a@x>")
    be.wait_seen(1)
    two.say("STAT <a@x>")
    wait_until(lambda: "lent=" in proxy.log()
               and proxy.counts("primary")["lent"] == 1
               and proxy.counts("primary")["waiting"] == 1,
               what="the busy pool in the log")
    gate.open()
    one.expect(430)
    two.expect(430)
    wait_until(lambda: proxy.counts("primary")["idle"] == 1
               and not any(proxy.counts("primary")[key] for key in
                           ("lent", "waiting", "pending", "connecting")),
               what="the pool at rest in the log")


def test_statistics_count_failures(bed):
    sick = bed.refusing("sick")
    proxy = bed.proxy(sick, bed.fake("good", articles("a")),
                      routing={"strategy": "round-robin"})
    for _ in range(2):
        assert proxy.client().code("STAT <a@x>") == "223"
    proxy.stop()
    assert proxy.counts("sick")["failures"] >= 1
    assert proxy.counts("good")["failures"] == 0


def test_statistics_can_be_off(bed):
    be = bed.fake("primary", articles("a"))
    proxy = bed.proxy(be, log={"stats_interval": "0"})
    for _ in range(50):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert "lent=" not in proxy.log()


# --- secrets -----------------------------------------------------------------

def test_no_secret_at_the_lowest_level(bed):
    be = bed.fake(articles=articles("a"), login=("account", "xyzzy-key"),
                  username="account", password="xyzzy-key")
    proxy = bed.proxy(be, users=USERS, log={"level": "trace"})
    client = proxy.client()
    client.say("AUTHINFO USER alice", "AUTHINFO PASS xyzzy-wrong",
               "AUTHINFO PASS xyzzy-first", "authinfo pass  xyzzy-two blanks",
               "AUTHINFO SASL PLAIN xyzzy-sasl", "AUTHINFO GENERIC xyzzy-gen",
               "AUTHINFO SIMPLE xyzzy-simple")
    client.expect(381, 481)
    for _ in range(5):
        assert client.line()[0] in "45"
    assert client.login("alice", "xyzzy-plain") == "281"
    assert client.code("AUTHINFO PASS xyzzy-again") == "502"
    assert client.code("STAT <a@x>") == "223"
    proxy.stop()
    assert "xyzzy" not in proxy.log()


def test_no_secret_when_a_backend_repeats_it(bed):
    be = bed.fake("sick", username="account", password="xyzzy-key")
    be.script = refuses_login("481 wrong: xyzzy-key")
    proxy = bed.proxy(be, log={"level": "trace"},
                      proxy={"wait_timeout": ms(300)})
    client = proxy.client()
    assert "xyzzy" not in client.ask("STAT <a@x>")
    proxy.stop()
    assert "xyzzy" not in proxy.log()


def test_no_secret_in_the_arguments(bed):
    be = bed.fake(login=("account", "xyzzy-key"), username="account",
                  password="xyzzy-key")
    proxy = bed.proxy(be, users=USERS)
    with open("/proc/%d/cmdline" % proxy.pid) as f:
        assert "xyzzy" not in f.read()


def test_control_characters_cannot_forge_a_line(bed):
    be = bed.fake("sick")
    be.on["STAT"] = lambda c, line: c.send(
        b"400 \x1b[31mred\x07 forged-line\r\n")
    proxy = bed.proxy(be, log={"level": "trace"},
                      proxy={"wait_timeout": ms(300)})
    client = proxy.client()
    client.send(b"XFOO \x1b[2J\r\n")
    client.line()
    client.ask("STAT <a@x>")
    proxy.stop()
    assert "\x1b" not in proxy.log() and "\x07" not in proxy.log()


# --- where and how -----------------------------------------------------------

def test_target_file_and_usr1(bed):
    path = bed.tmp / "nntpmux.log"
    proxy = bed.proxy(bed.fake(), log={"target": "file:%s" % path},
                      listen={"address": "unix:%s" % (bed.tmp / "s")},
                      ready=False)
    proxy.wait_socket(bed.tmp / "s")
    path.rename(bed.tmp / "old")
    proxy.signal(signal.SIGUSR1)
    wait_until(path.exists, what="a new file")
    client = proxy.client()
    client.ask("QUIT")
    client.close()
    wait_until(lambda: "quit" in path.read_text(), what="a line")
    assert "quit" not in (bed.tmp / "old").read_text()
    proxy.signal()
    assert proxy.wait_end() == 0


def test_usr1_without_a_file_does_no_harm(bed):
    proxy = bed.proxy(bed.fake())
    proxy.signal(signal.SIGUSR1)
    proxy.client().fence()


def test_target_that_cannot_be_opened(bed):
    done = bed.run("-l", "127.0.0.1:0", "-b", "nntp://127.0.0.1:9",
                   "-s", "log.target=file:/nonexistent/log")
    assert done.returncode in (1, 78) and "/nonexistent/log" in done.stderr


def test_level_error_says_nothing_of_sessions(bed):
    proxy = bed.proxy(bed.fake(articles=articles("a")),
                      listen={"address": "unix:%s" % (bed.tmp / "s")},
                      log={"level": "error"}, ready=False)
    proxy.wait_socket(bed.tmp / "s")
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    client.ask("QUIT")
    client.at_end()
    client.close()
    proxy.signal()
    assert proxy.wait_end() == 0
    assert proxy.log() == ""


@pytest.mark.parametrize("args,wanted", [(["-v"], True), ([], False)])
def test_level_option_verbose(bed, args, wanted):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, args=args)
    assert proxy.client().code("STAT <a@x>") == "223"
    proxy.stop()
    quiet = len(proxy.log().splitlines())
    assert bool(re.search(r"\bdebug\b", proxy.log())) == wanted, quiet


def test_format_json(bed):
    be = bed.fake("primary", articles("a"))
    proxy = bed.proxy(be, log={"format": "json"},
                      listen={"address": "unix:%s" % (bed.tmp / "s")},
                      ready=False)
    proxy.wait_socket(bed.tmp / "s")
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    client.send(b"\"\\\xff\x01\r\n")
    client.line()
    client.close()
    proxy.signal()
    assert proxy.wait_end() == 0
    rows = [json.loads(line) for line in proxy.log().splitlines()]
    assert rows and all({"time", "level", "msg"} <= set(row)
                        for row in rows)
