# SPDX-License-Identifier: BSD-2-Clause
"""What a reading of the core found; each test failed when it was written.

commands that were read wait for ever      test_commands_behind_*
the rest of an over-long TAKETHIS line     test_rest_of_an_over_long_takethis_*
one 503 is no verdict on the verb          test_one_503_*
TERM while a client sends an article       test_term_inside_takethis
a second TERM while names are resolved     test_second_term_* (sanitizers only)
a name that resolves slowly                test_slow_name_*
clients take all descriptors               test_clients_leave_descriptors_*
the log: secrets, forged fields            test_log_*
"""

import re
import resource

import pytest

from everywhere import IN_THE_CLEAR
from fake import Gate, Gone, queued_at_peer, reply
from names import Named, SlowName
from timing import LIMIT, Clock, scaled, wait_until
from wire import articles, body, stuff

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

# Of "pw"; a check takes a second or more.
SLOW_HASH = ("$6$rounds=3000000$abcdefgh$F8EemOM6LSUrWt2h9WwR2f/7s11b0bIh4."
             "ffwdLBt1BqKITbU3Nz6POfvpeqKl0bgQdJIbYSFhs9tS5LOYKYz0")


# --- commands that were read and are never taken -----------------------------

def test_commands_behind_local_answers(bed):
    """More answers of the proxy's own than it keeps for a client."""
    client = bed.proxy(bed.fake()).client()
    client.say(*["HELP"] * 400)
    for _ in range(400):
        assert client.line()[:3] == "100"
        client.block()
    client.fence()


@pytest.mark.parametrize("depth, where", [(1, "tcp"), (4, "unix")])
def test_commands_behind_articles(bed, depth, where):
    """Every answer ends while the client has a lot to take."""
    be = bed.fake(articles=articles("a", size=250000))
    listen = {"address": "unix:%s" % (bed.tmp / "s")} if where == "unix" \
        else {}
    proxy = bed.proxy(be, proxy={"pipeline_depth": depth}, listen=listen)
    client = proxy.client(rcvbuf=4096 if where == "tcp" else None)
    client.say(*["BODY <a@x>"] * 60)
    be.wait_seen(3 * depth if where == "tcp" else 1)
    for _ in range(60):
        assert client.line()[:3] == "222"
        assert client.block() == stuff(body(be.articles["<a@x>"]))
    client.fence()


# --- TAKETHIS ----------------------------------------------------------------

def say_over_long_takethis(client):
    """The start of the line is read on its own; its end is still to come."""
    client.send("TAKETHIS <" + "x" * 700)
    wait_until(lambda: not queued_at_peer(client.sock),
               what="the proxy to read")


def test_rest_of_an_over_long_takethis_line(bed):
    """The line behind the article is a command."""
    client = bed.proxy(bed.fake()).client()
    say_over_long_takethis(client)
    client.send("y>\r\nSubject: x\r\n\r\ntext\r\n.\r\n")
    client.say("HELP")
    assert client.line()[:3] in ("500", "501")
    assert client.line()[:3] == "100"


def test_rest_of_an_over_long_takethis_is_a_dot(bed):
    """It is not the end of the article."""
    client = bed.proxy(bed.fake()).client()
    say_over_long_takethis(client)
    client.send(".\r\nSubject: x\r\n\r\nDATE\r\nDATE\r\n.\r\n")
    client.say("HELP")
    assert client.line()[:3] in ("500", "501")
    assert client.line()[:3] == "100"


def test_term_inside_takethis(bed):
    """No answer is in flight: nothing to wait for."""
    proxy = bed.proxy(bed.fake())
    client = proxy.client()
    client.send("TAKETHIS <a@x>\r\nSubject: x\r\n")
    wait_until(lambda: not queued_at_peer(client.sock),
               what="the proxy to read")
    clock = Clock()
    proxy.signal()
    assert proxy.wait_end() == 0
    assert clock() < scaled(6)


# --- what a backend said once ------------------------------------------------

def test_one_503_is_no_verdict_on_the_verb(bed):
    """An idle time-out of old servers that crossed a command."""
    be = bed.fake(articles=articles("a", "b"))
    other = bed.fake(tier=1)
    answers = ["503 Timeout after 180 seconds, closing connection"]

    def stat(conn, line):
        if answers:
            conn.say(answers.pop())
            raise Gone
        conn.on_STAT(line)

    be.on["STAT"] = stat
    proxy = bed.proxy(be, other)
    proxy.client().ask("STAT <a@x>")
    assert proxy.client().ask("STAT <b@x>") == "223 0 <b@x>"


# --- the end -----------------------------------------------------------------

def test_second_term_while_a_connection_is_made(bed):
    """A worker may still resolve a name while a slow password is checked.
    Only a sanitizer sees the fault every time."""
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, users={"alice": {"password": SLOW_HASH}}, sections={
        "backend " + be.name: {"address": "localhost:%d" % be.address[1]}})
    first, second = proxy.client(), proxy.client()
    assert first.login("alice", "pw") == "281"
    gate = Gate()
    be.on["STAT"] = lambda conn, line: gate.wait(conn)
    first.say("STAT <a@x>")
    be.wait_seen(1, "STAT")
    second.say("AUTHINFO USER alice", "AUTHINFO PASS pw")
    assert second.line()[:3] == "381"
    proxy.signal()
    proxy.wait_log("shutting down")
    proxy.signal()
    be.close_all()
    assert proxy.wait_end(scaled(20)) == 0


# --- one sick backend and another --------------------------------------------

def test_slow_name_stops_nobody_else(bed, monkeypatch):
    """A name server that does not answer for one backend's name."""
    name = SlowName(bed, monkeypatch, 20)
    be = bed.fake("real", articles=articles("a"))
    proxy = bed.proxy(
        Named("slow", "slow.test:119"),
        Named("good", "localhost:%d" % be.address[1]),
        backend={"connect_timeout": "3s"}, listen={"backends": "good"},
        proxy={"threads": 2, "sandbox": "no"},
        sections={"listen slow": {"address": "127.0.0.1:0",
                                  "backends": "slow"}},
        listeners=2, env=name.env)
    proxy.client("slow").say("STAT <a@x>")
    name.wait_asked()
    assert proxy.client().ask("STAT <a@x>") == "223 0 <a@x>"


def test_clients_leave_descriptors_for_backends(bed):
    """A hard limit below what max_clients needs."""
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, limits=(resource.RLIMIT_NOFILE, (128, 128)),
                      listen=IN_THE_CLEAR)
    client = proxy.client()
    for _ in range(150):
        proxy.client(greet=False)
    wait_until(lambda: proxy.fds() > 120 or proxy.log_contains(
        "accepting pauses|server-full"), LIMIT, "the clients to be taken")
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"


# --- the log -----------------------------------------------------------------

def test_log_hides_the_password_in_what_a_backend_says(bed):
    be = bed.fake(articles=articles("a"), login=("u", "hunter2"),
                  username="u", password="hunter2")
    be.on["STAT"] = reply("502 account u:hunter2 is locked")
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "400"
    proxy.wait_log("reason=trouble")
    assert "hunter2" not in proxy.log()


def test_log_takes_no_fields_from_a_user_name(bed):
    proxy = bed.proxy(bed.fake(), users={"alice": {"password_plain": "x"}})
    name = "bob client=192.0.2.1:5 login failed user=eve"
    assert proxy.client().login(name, "y") == "481"
    line = proxy.wait_log("login failed.*")[0]
    assert not re.search(r" client=192\.0\.2\.1", line)
