# SPDX-License-Identifier: BSD-2-Clause
"""Greeting and basics.

exactly one greeting line           test_one_greeting_line_and_no_byte_more
a backend's greeting never leaks    test_no_greeting_of_a_backend_leaks
QUIT -> 205, end, in every state    test_quit_*
no QUIT reaches a pooled connection test_no_quit_reaches_a_pooled_connection
a client that vanishes              test_vanished_client_*
all backends down at start          test_all_backends_down_*
half-close                          test_half_closed_*
no artificial delay                 test_no_artificial_delay
case, blanks, tabs, bare LF         test_verbs_*, test_blanks_*, test_bare_lf
10 commands, none needs the next    test_each_command_is_answered_by_itself
"""

import statistics

import pytest

from fake import Gate
from timing import Clock, ms, scaled, wait_until
from wire import article, articles, body, stuff

USERS = {"alice": {"password_plain": "secret"}}


def test_one_greeting_line_and_no_byte_more(bed):
    client = bed.proxy(bed.fake()).client(greet=False)
    client.say("QUIT")
    lines = client.rest().split(b"\r\n")
    assert [line[:3] for line in lines] == [b"201", b"205", b""]


def test_greeting_comes_unasked(bed):
    client = bed.proxy(bed.fake()).client()
    assert client.greeting.startswith("201 ")


def test_greeting_text_can_be_set(bed):
    client = bed.proxy(bed.fake(), proxy={"greeting": "hello, you"}).client()
    assert client.greeting == "201 hello, you"


def test_no_greeting_of_a_backend_leaks(bed):
    be = bed.fake(articles=articles("a"), greeting=b"200 PRIVATE words\r\n")
    client = bed.proxy(be).client()
    assert "PRIVATE" not in client.greeting
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    client.say("DATE", "HELP", "QUIT")
    rest = client.rest()
    assert rest.startswith(b"111") and b"PRIVATE" not in rest


def state_fresh(client):
    pass


def state_after_answer(client):
    assert client.code("STAT <a@x>") == "223"


def state_after_block(client):
    client.fetch("BODY <a@x>")


def state_after_miss(client):
    assert client.code("STAT <none@x>") == "430"


def state_after_error(client):
    assert client.code("STAT x y z") == "501"


def state_after_unknown(client):
    assert client.code("XFOO") == "500"


def state_after_no_group(client):
    assert client.code("NEXT") in ("412", "500")


def state_after_group(client):
    assert client.code("GROUP local.test") in ("211", "500")


def state_after_overlong(client):
    assert client.code("STAT " + "x" * 600) == "501"


@pytest.mark.parametrize("state", [
    state_fresh, state_after_answer, state_after_block, state_after_miss,
    state_after_error, state_after_unknown, state_after_no_group,
    state_after_group, state_after_overlong])
def test_quit_in_every_state(bed, state):
    client = bed.proxy(bed.fake(articles=articles("a"))).client()
    state(client)
    assert client.code("QUIT") == "205"
    client.at_end()


@pytest.mark.parametrize("before", [
    [], ["AUTHINFO USER alice"], ["AUTHINFO USER alice", "DATE"],
    ["AUTHINFO USER alice", "AUTHINFO PASS wrong"],
    ["AUTHINFO USER alice", "AUTHINFO PASS secret"]])
def test_quit_before_during_and_after_login(bed, before):
    client = bed.proxy(bed.fake(), users=USERS).client()
    for command in before:
        client.ask(command)
    assert client.code("QUIT") == "205"
    client.at_end()


def test_quit_behind_answers_in_flight(bed):
    be = bed.fake(articles=articles("a", "b", size=20000))
    client = bed.proxy(be).client()
    client.say("BODY <a@x>", "BODY <b@x>", "QUIT")
    for msgid in "<a@x>", "<b@x>":
        assert client.line() == "222 0 " + msgid
        assert client.block() == stuff(body(be.articles[msgid]))
    client.expect(205)
    client.at_end()


def test_nothing_is_run_behind_quit(bed):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    client.say("DATE", "QUIT", "STAT <a@x>")
    client.expect(111, 205)
    client.at_end()
    assert be.seen == ["DATE"]


@pytest.mark.modes("hy", "pc")
def test_no_quit_reaches_a_pooled_connection(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    for _ in range(5):
        client = proxy.client()
        assert client.code("STAT <a@x>") == "223"
        assert client.code("QUIT") == "205"
        client.at_end()
    assert "QUIT" not in be.all_lines()
    assert be.accepts == 1


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("last", ["", "STAT <a@", "STAT <a@x>\r\n",
                                  "BODY <big@x>\r\n"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_vanished_client_disturbs_nobody(bed, last, how):
    be = bed.fake(articles=articles("a"), max_connections=2,
                  replacement_cooldown="50ms")
    be.articles["<big@x>"] = article("<big@x>", b"x" * 3000000 + b"\r\n")
    proxy = bed.proxy(be)
    stays = proxy.client()
    for _ in range(5):
        gone = proxy.client()
        gone.send(last)
        getattr(gone, how)()
        assert stays.ask("STAT <a@x>") == "223 0 <a@x>"
    assert proxy.client().ask("STAT <a@x>") == "223 0 <a@x>"


def test_vanished_client_frees_its_descriptor(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "223"
    before = proxy.fds()
    for client in [proxy.client() for _ in range(20)]:
        client.close()
    wait_until(lambda: proxy.fds() <= before, what="descriptors to be freed")


def test_all_backends_down_greeting_400_and_alive(bed):
    proxy = bed.proxy(bed.refusing("a"), bed.refusing("b"),
                      proxy={"wait_timeout": ms(500), "command_timeout": ms(900)})
    for _ in range(3):
        client = proxy.client()
        assert client.greeting.startswith("201 ")
        assert client.code("STAT <a@x>") == "400"
        client.at_end()
    assert proxy.client().code("HELP") == "100"


def test_backend_that_was_down_at_start_comes_up(bed):
    be = bed.fake(articles=articles("a"), replacement_cooldown="100ms")
    be.down()
    proxy = bed.proxy(be, proxy={"wait_timeout": ms(500),
                                 "command_timeout": ms(900)})
    client = proxy.client()
    assert client.code("STAT <a@x>") == "400"
    be.up()
    wait_until(lambda: proxy.client().code("STAT <a@x>") == "223",
               what="the backend to be used")


def test_half_closed_client_gets_every_answer(bed):
    be = bed.fake(articles=articles("a", "b", "c", size=200000),
                  max_connections=1)
    client = bed.proxy(be).client()
    client.say("BODY <a@x>", "STAT <none@x>", "BODY <b@x>", "BODY <c@x>",
               "DATE")
    client.half_close()
    for name in "a", "b", "c":
        assert client.line() == "222 0 <%s@x>" % name
        assert client.block() == stuff(body(be.articles["<%s@x>" % name]))
        if name == "a":
            client.expect(430)
    client.expect(111)
    client.at_end()


def test_half_closed_while_the_backend_thinks(bed):
    be, gate = bed.fake(), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.say("223 0 <a@x>"))
    client = bed.proxy(be).client()
    client.say("STAT <a@x>")
    be.wait_seen(1)
    client.half_close()
    gate.open()
    assert client.line() == "223 0 <a@x>"
    client.at_end()


def test_half_closed_without_a_command_is_closed(bed):
    client = bed.proxy(bed.fake()).client()
    client.half_close()
    client.at_end()


def test_half_closed_inside_a_line_is_closed(bed):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    client.send("STAT <a@x>\r\nSTAT <a@")
    client.half_close()
    assert client.line() == "223 0 <a@x>"
    client.at_end()
    assert be.seen == ["STAT <a@x>"]


def test_no_artificial_delay(bed):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    client.ask("STAT <a@x>")
    times = []
    for _ in range(300):
        clock = Clock()
        assert client.ask("STAT <a@x>") == "223 0 <a@x>"
        times.append(clock())
    assert statistics.median(times) < scaled(0.001)


@pytest.mark.parametrize("command,code", [
    ("stat <a@x>", "223"), ("StAt <a@x>", "223"), ("date", "111"),
    ("hElP", "100"), ("mode reader", "201"), ("Mode Reader", "201"),
    ("capabilities", "101"), ("list active", "215"),
    ("authinfo user x", "502"), ("post", "440"), ("check <a@x>", "500")])
def test_verbs_in_any_case(bed, command, code):
    client = bed.proxy(bed.fake(articles=articles("a"))).client()
    assert client.code(command) == code


@pytest.mark.parametrize("command,code", [
    ("STAT <a@x> ", "223"), ("STAT <a@x>\t", "223"),
    ("STAT <a@x> \t  ", "223"), ("STAT  <a@x>", "223"),
    ("STAT\t<a@x>", "223"), ("STAT \t <a@x>", "223"), ("DATE  ", "111"),
    ("HELP\t", "100"), ("MODE  READER ", "201"), ("CAPABILITIES ", "101")])
def test_blanks_and_tabs_are_tolerated(bed, command, code):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    assert client.code(command) == code


def test_bare_lf_is_a_line_end(bed):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    client.send("STAT <a@x>\nDATE\r\nSTAT <a@x>\n")
    client.expect(223, 111, 223)


def test_each_command_is_answered_by_itself(bed, mode):
    number, group = ("503", "500") if mode == "pc" else ("412", "411")
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    for command, code in (
            ("STAT <a@x>", "223"), ("MODE READER", "201"), ("DATE", "111"),
            ("XFOO", "500"), ("STAT <no@x>", "430"), ("GROUP x", group),
            ("AUTHINFO USER x", "502"), ("", "501"), ("POST", "440"),
            ("STAT 5", number)):
        assert client.code(command) == code
    for command, code in (
            ("HEAD <a@x>", "221"), ("HELP", "100"), ("LIST", "215"),
            ("BODY <a@x>", "222"), ("CAPABILITIES", "101"),
            ("ARTICLE <a@x>", "220"), ("NEWGROUPS 20240101 000000", "231"),
            ("OVER <a@x>", "224"), ("HDR Subject <a@x>", "225"),
            ("NEWNEWS * 20240101 000000", "230")):
        assert client.fetch(command)[0][:3] == code
