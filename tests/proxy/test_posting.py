# SPDX-License-Identifier: BSD-2-Clause
"""Refusals: POST and IHAVE, in every mode.
See also test_posting_slots.py and test_posting_lost.py.

POST -> 440, then LIST works              test_nobody_takes_articles_*
340, large and dot-stuffed, 240/441       test_article_*, test_large_article
greeting, user posting=no                 test_greeting_*, test_user_*
the first that takes it                   test_next_backend_*, test_all_*
IHAVE 335/235, 435, 436, 437              test_ihave_*
pipelined, commands behind the article    test_post_behind_*, test_commands_*
back-pressure                             test_backend_that_stops_reading
TAKETHIS                                  test_takethis_*
"""

import threading

import pytest

from fake import Gate, reply, takes
from posting import WHOLE, post, posted, poster
from timing import SLOW, ms, scaled
from wire import lines, stuff

SHORT = {"replacement_cooldown": "50ms", "connect_timeout": ms(300),
         "response_timeout": ms(500)}
FAST = {"wait_timeout": ms(600), "command_timeout": ms(900)}


# --- nobody takes articles ---------------------------------------------------

@pytest.mark.parametrize("command,code", [("POST", "440"),
                                          ("IHAVE <new@x>", "500")])
def test_nobody_takes_articles_and_the_session_goes_on(bed, command, code):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.greeting[:3] == "201"
    assert client.code(command) == code
    assert client.fetch("LIST")[0][:3] == "215"
    client.say(command, "DATE", command)
    client.expect(code, 111, code)
    assert be.seen == ["LIST", "DATE"]


@pytest.mark.parametrize("command", ["POST x", "IHAVE", "IHAVE x",
                                     "IHAVE <a@x> b"])
def test_bad_arguments_501(bed, command):
    be = poster(bed)
    client = bed.proxy(be).client()
    assert client.code(command) == "501"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


def test_greeting_200_with_a_posting_backend(bed):
    client = bed.proxy(bed.fake(), poster(bed)).client()
    assert client.greeting[:3] == "200"
    assert client.code("MODE READER") == "200"


def test_greeting_of_each_listener(bed):
    no, yes = bed.fake("no"), bed.fake("yes", posting="yes")
    proxy = bed.proxy(no, yes, listeners=2, listen={"backends": "no"},
                      sections={"listen second": {"address": "127.0.0.1:0",
                                                  "backends": "yes"}})
    client = proxy.client()
    assert client.greeting[:3] == client.code("MODE READER") == "201"
    assert client.code("POST") == "440"
    client = proxy.client("second")
    assert client.greeting[:3] == client.code("MODE READER") == "200"
    assert post(client) == "240"
    assert posted(yes) == [WHOLE] and no.seen == []


USERS = {"alice": {"password_plain": "a"},
         "bob": {"password_plain": "b", "posting": "no"}}


def test_user_without_posting(bed):
    be = poster(bed)
    proxy = bed.proxy(be, users=USERS)
    alice, bob = proxy.client(), proxy.client()
    assert alice.greeting[:3] == bob.greeting[:3] == "200", "after login"
    assert alice.code("POST") == bob.code("POST") == "480"
    assert alice.login("alice", "a") == bob.login("bob", "b") == "281"
    assert alice.code("MODE READER") == "200"
    assert bob.code("MODE READER") == "201"
    assert bob.code("POST") == "440"
    assert bob.code("IHAVE <new@x>") == "500"
    assert be.seen == []
    assert post(alice) == "240"
    assert post(alice, command="IHAVE <other@x>") == "235"
    assert bob.code("DATE") == "111"
    assert posted(be) == [WHOLE, WHOLE]


def test_user_none_may_post_greeting_201(bed):
    proxy = bed.proxy(poster(bed), users={"bob": USERS["bob"]})
    assert proxy.client().greeting[:3] == "201"


# --- an article --------------------------------------------------------------

ARTICLES = {
    "dots": stuff(b"H: 1\r\n\r\n.\r\n..\r\n...\r\n.x\r\n"),
    "empty": b".\r\n",
    "one empty line": b"\r\n.\r\n",
    "no body": b"H: 1\r\n.\r\n",
    "commands": b"H: 1\r\n\r\nQUIT\r\nDATE\r\nPOST\r\n.\r\n",
    "8-bit and NUL": b"H: \xff\0\r\n\r\n\0\0\r\n\xfe\r\n.\r\n",
    "unstuffed": b".x\r\n.y z\r\n.\r\n",
    "bare CR and LF": b"a\rb\nc\n.\nd\r.\re\r\r\n.\r\r\n.\r\n",
    "LF dot CRLF": b"x\n.\r\ny\r\n.\r\n",
    "long lines": b"x" * 200000 + b"\r\n." + b"." * 100000 + b"\r\n.\r\n",
}
# What some servers take for an end, so the connection is not trusted then.
LONE_DOTS = ("bare CR and LF", "LF dot CRLF")


@pytest.mark.parametrize("kind", ARTICLES)
def test_article_is_byte_identical(bed, kind):
    be = poster(bed)
    be.on["POST"] = takes(last="240  thank\tyou <n@x>")
    client = bed.proxy(be).client()
    for _ in range(2):
        assert client.code("POST") == "340"
        client.send(ARTICLES[kind])
        assert client.line() == "240  thank\tyou <n@x>"
    client.fence()
    assert posted(be) == [ARTICLES[kind]] * 2
    assert be.asked("POST") == ["POST", "POST"]
    if kind not in LONE_DOTS:
        assert be.accepts == 1


def test_article_can_be_read_again(bed):
    be = poster(bed)
    client = bed.proxy(be).client()
    assert post(client) == "240"
    assert client.fetch("ARTICLE <new@x>") == ("220 0 <new@x>", WHOLE)


@pytest.mark.parametrize("answer", ["240", "240 ok", "441 not that one",
                                    "441"])
def test_article_and_the_last_answer(bed, answer):
    be = poster(bed)
    be.on["POST"] = takes(last=answer)
    client = bed.proxy(be).client()
    for _ in range(2):
        assert client.code("POST") == "340"
        client.send(WHOLE)
        assert client.line() == answer
    client.fence()
    assert be.accepts == 1 and posted(be) == [WHOLE] * 2


def test_article_split_at_every_byte(bed):
    be = poster(bed)
    client = bed.proxy(be).client()
    whole = stuff(b"H: 1\r\n\r\n..\r\n.\r\n\r\nx\r\n")
    for at in range(1, len(whole)):
        assert client.code("POST") == "340"
        client.send(whole[:at])
        client.send(whole[at:])
        client.expect(240)
    client.fence()
    assert posted(be) == [whole] * (len(whole) - 1)


def test_article_one_byte_at_a_time(bed):
    be = poster(bed)
    client = bed.proxy(be).client()
    assert client.code("POST") == "340"
    for i in range(len(WHOLE)):
        client.send(WHOLE[i:i + 1])
    client.expect(240)
    client.fence()
    assert posted(be) == [WHOLE]


def test_article_in_the_write_of_the_command(bed):
    """Not allowed, but no reason to lose one (RFC 3977, 3.5)."""
    be = poster(bed)
    client = bed.proxy(be).client()
    client.send(b"POST\r\n" + WHOLE + b"IHAVE <n@x>\r\n" + WHOLE + b"DATE\r\n")
    client.expect(340, 240, 335, 235, 111)
    assert posted(be) == [WHOLE, WHOLE]


def test_go_ahead_is_not_given_early(bed):
    """The backend's, not the proxy's."""
    be, gate = poster(bed), Gate()
    be.on["POST"] = lambda c, line: (gate.wait(c), takes()(c, line))
    client = bed.proxy(be).client()
    client.say("POST")
    be.wait_seen(1, "POST")
    client.sock.settimeout(0.1)
    with pytest.raises(AssertionError):
        client.fill()
    client.sock.settimeout(scaled(15))
    gate.open()
    client.expect(340)
    client.send(WHOLE)
    client.expect(240)


BIG = 20 << 20


def test_large_article(bed):
    be = poster(bed)
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    whole = stuff(b"Message-ID: <big@x>\r\n\r\n" + lines(BIG, 5))
    before = proxy.rss()
    assert client.code("POST") == "340"
    client.send(whole + b"DATE\r\n")
    client.expect(240, 111)
    assert posted(be) == [whole]
    assert proxy.rss() - before < (4 << 20 if SLOW == 1 else 64 << 20)
    assert client.fetch("ARTICLE <big@x>")[1] == whole


def test_backend_that_stops_reading(bed):
    """Then the client is not read either, and memory does not grow."""
    be, gate = poster(bed), Gate()
    be.on["POST"] = takes()

    def slow(conn, line):
        conn.say("340 send it")
        gate.wait(conn)
        conn.take_article()
        conn.say("240 thank you")

    be.on["POST"] = slow
    proxy = bed.proxy(be)
    client, other = proxy.client(), proxy.client()
    assert other.code("STAT <a@x>") == "223"
    before = proxy.rss()
    assert client.code("POST") == "340"
    whole = stuff(b"H: 1\r\n\r\n" + lines(BIG, 6))
    sender = threading.Thread(target=lambda: client.send(whole))
    sender.start()
    for _ in range(100):
        if SLOW == 1 and bed.mode != "st":
            assert other.code("STAT <a@x>") == "223"
        other.fence()
    assert proxy.rss() - before < (4 << 20 if SLOW == 1 else 64 << 20)
    assert sender.is_alive(), "the proxy took all of it"
    gate.open()
    client.expect(240)
    sender.join()
    assert posted(be) == [whole]


# --- which backend -----------------------------------------------------------

REFUSALS = {
    "440": reply("440 no posting"), "480": reply("480 log in"),
    "500": reply("500 what"), "503": reply("503 no"), "502": reply("502 no"),
    "400": reply("400 later"), "403": reply("403 broken"),
    "garbage": reply("abc"), "close": lambda c, line: c.close(),
    "reset": lambda c, line: c.reset(), "silent": lambda c, line: c.hang()}


def test_only_posting_backends_are_asked(bed):
    fakes = [bed.fake(), poster(bed), bed.fake(), poster(bed)]
    proxy = bed.proxy(*fakes)
    for _ in range(6):
        assert post(proxy.client()) == "240"
    assert fakes[0].asked("POST") == fakes[2].asked("POST") == []
    assert posted(*fakes) == [WHOLE] * 6


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("command,last", [("POST", "240"),
                                          ("IHAVE <new@x>", "235")])
@pytest.mark.parametrize("kind", REFUSALS)
def test_next_backend_when_the_first_refuses(bed, kind, command, last):
    one, two = poster(bed, **SHORT), poster(bed, **SHORT)
    for be in one, two:
        other = two if be is one else one

        def play(conn, line, other=other):
            if other.asked(line.split()[0]):
                takes(*(("340 go", "240 ok") if last == "240"
                        else ("335 go", "235 ok")))(conn, line)
            else:
                REFUSALS[kind](conn, line)

        be.on[command.split()[0]] = play
    client = bed.proxy(one, two).client()
    assert post(client, command=command) == last
    client.fence()
    assert posted(one, two) == [WHOLE]
    verb = command.split()[0]
    assert one.asked(verb) and two.asked(verb)


@pytest.mark.parametrize("command,refusal,code", [
    ("POST", "440", "440"), ("POST", "500", "440"),
    ("IHAVE <new@x>", "500", "500")])
def test_all_refuse_and_the_session_goes_on(bed, command, refusal, code):
    fakes = [poster(bed), poster(bed)]
    for be in fakes:
        be.on[command.split()[0]] = REFUSALS[refusal]
    client = bed.proxy(*fakes).client()
    assert client.code(command) == code
    assert client.code("DATE") == "111"
    assert client.code("STAT <a@x>") == "223"


@pytest.mark.parametrize("kind", ["down", "400", "close", "silent", "garbage"])
def test_nobody_can_be_asked_400_and_close(bed, kind):
    be = poster(bed, **SHORT)
    be.down() if kind == "down" else be.on.update(POST=REFUSALS[kind])
    client = bed.proxy(be, proxy=FAST).client()
    assert client.code("POST") == "400"
    client.at_end()


@pytest.mark.modes("hy", "pc")
def test_one_refuses_and_the_other_is_down_is_no_440(bed):
    one, two = poster(bed, **SHORT), poster(bed, **SHORT)
    one.on["POST"] = reply("440 no posting")
    two.down()
    client = bed.proxy(one, two, proxy=FAST).client()
    assert client.code("POST") == "400"
    client.at_end()


# --- IHAVE -------------------------------------------------------------------

@pytest.mark.parametrize("last", ["235 ok", "436 later", "437 never"])
def test_ihave_and_the_last_answer(bed, last):
    be = poster(bed)
    be.on["IHAVE"] = takes("335 go", last)
    client = bed.proxy(be).client()
    for _ in range(2):
        assert client.code("IHAVE <new@x>") == "335"
        client.send(WHOLE)
        assert client.line() == last
    client.fence()
    assert posted(be) == [WHOLE] * 2 and be.accepts == 1
    assert be.asked("IHAVE") == ["IHAVE <new@x>"] * 2


@pytest.mark.parametrize("answer", ["435 have it", "436 later"])
def test_ihave_not_wanted_is_final(bed, answer):
    fakes = [poster(bed), poster(bed)]
    for be in fakes:
        be.on["IHAVE"] = reply(answer)
    client = bed.proxy(*fakes).client()
    assert client.ask("IHAVE <new@x>") == answer
    client.fence()
    assert sum(len(be.asked("IHAVE")) for be in fakes) == 1
    assert client.code("DATE") == "111"


# --- other commands around it ------------------------------------------------

def test_post_behind_others_in_one_write(bed):
    be = poster(bed)
    client = bed.proxy(be).client()
    for _ in range(3):
        client.say("STAT <a@x>", "BODY <a@x>", "HELP", "POST")
        client.expect(223, 222)
        client.block()
        client.expect(100)
        client.block()
        client.expect(340)
        client.send(WHOLE + b"DATE\r\nSTAT <new@x>\r\nPOST\r\n")
        client.expect(240, 111, 223, 340)
        client.send(WHOLE)
        client.expect(240)
    assert posted(be) == [WHOLE] * 6


def test_post_behind_a_slow_one(bed):
    be, gate = poster(bed), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    client = bed.proxy(be).client()
    client.say("STAT <a@x>", "POST")
    be.wait_seen(1, "STAT")
    gate.open()
    client.expect(223, 340)
    client.send(WHOLE)
    client.expect(240)


def test_commands_behind_the_article_split_anywhere(bed):
    client = bed.proxy(poster(bed)).client()
    whole = b"x\r\n.\r\nDATE\r\nHEL"
    for at in range(1, len(whole)):
        assert client.code("POST") == "340"
        client.send(whole[:at])
        client.send(whole[at:])
        client.expect(240, 111)
        client.say("P")
        client.expect(100)
        client.block()


def test_commands_behind_the_article_wait_for_its_answer(bed):
    be, gate = poster(bed), Gate()
    be.on["POST"] = takes(last=lambda c: (gate.wait(c), c.say("441 no")))
    client = bed.proxy(be).client()
    assert client.code("POST") == "340"
    client.send(WHOLE + b"DATE\r\nSTAT <a@x>\r\nQUIT\r\nDATE\r\n")
    be.wait_posted()
    assert be.asked("DATE") == be.asked("STAT") == []
    gate.open()
    client.expect(441, 111, 223, 205)
    client.at_end()


def test_refused_post_and_what_was_written_behind_it(bed):
    """Without a go-ahead they are commands."""
    client = bed.proxy(bed.fake()).client()
    client.say("POST", "DATE", "IHAVE <n@x>", "HELP")
    client.expect(440, 111, 500, 100)


def test_half_closed_behind_the_article(bed):
    be = poster(bed)
    client = bed.proxy(be).client()
    assert client.code("POST") == "340"
    client.send(WHOLE + b"DATE\r\n")
    client.half_close()
    client.expect(240, 111)
    client.at_end()
    assert posted(be) == [WHOLE]


@pytest.mark.parametrize("pinned", [False, True])
def test_takethis_is_eaten_where_posting_is(bed, pinned):
    be = poster(bed)
    client = bed.proxy(be).client()
    if pinned and bed.mode != "pc":
        assert client.code("GROUP local.test") == "211"
    before = be.seen
    client.send((b"TAKETHIS <y@x>\r\n" + WHOLE) * 2 + b"CHECK <y@x>\r\n")
    client.expect(500, 500, 500)
    client.fence()
    assert be.seen == before and posted(be) == []
