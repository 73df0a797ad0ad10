# SPDX-License-Identifier: BSD-2-Clause
"""CAPABILITIES: asked of the backends, answered to the clients.

asked at the end of the set-up, once         test_asked_*
refused: announces nothing, is used          test_refused_*
sick at this question: one connection        test_sick_at_the_question_*
the log                                      test_logged_*
what all of the lowest tier announce         test_answer_*
nothing of a backend before the login        test_before_*
a pinned session's own backend               test_pinned_*
POST, IHAVE                                  test_posting_*
made known for a client that asks            test_unknown_*
"""

import pytest

from fake import Gate, reply
from sick import silent
from timing import ms
from wire import articles

hybrid = pytest.mark.modes("hy")
USERS = {"alice": {"password_plain": "secret"},
         "bob": {"password_plain": "hidden", "posting": "no"}}
QUICK = {"replacement_cooldown": "50ms", "connect_timeout": ms(300)}


def second_connection(proxy, be):
    """Has the backend serve one more client while another is served."""
    gate, busy, other = Gate(), proxy.client(), proxy.client()
    be.on["BODY"] = lambda conn, line: (gate.wait(conn), conn.on_BODY(line))
    busy.say("BODY <a@x>")
    be.wait_seen(1, "BODY")
    assert other.code("STAT <a@x>") == "223"
    gate.open()
    assert busy.line()[:3] == "222"
    busy.block()


def questions(be):
    return be.all_lines().count("CAPABILITIES")


# --- the question ------------------------------------------------------------

@hybrid
def test_asked_last_and_once(bed):
    be = bed.fake(articles=articles("a"), login=("u", "p"), username="u",
                  password="p")
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "223"
    assert be.conns[0].lines == ["MODE READER", "AUTHINFO USER u",
                                 "AUTHINFO PASS p", "CAPABILITIES",
                                 "STAT <a@x>"]
    second_connection(proxy, be)
    assert be.accepts == 2
    assert questions(be) == 1


@hybrid
def test_asked_without_a_login_and_after_a_late_mode_reader(bed):
    plain = bed.fake(articles=articles("a"))
    assert bed.proxy(plain).client().code("STAT <a@x>") == "223"
    assert plain.all_lines()[:2] == ["MODE READER", "CAPABILITIES"]
    late = bed.fake(articles=articles("a"), login=("u", None), username="u",
                    password="p")
    late.on["MODE"] = lambda conn, line: conn.say(
        "200 reader" if conn.logged_in else "480 first log in")
    assert bed.proxy(late).client().code("STAT <a@x>") == "223"
    assert late.all_lines()[:4] == ["MODE READER", "AUTHINFO USER u",
                                    "MODE READER", "CAPABILITIES"]


@hybrid
@pytest.mark.parametrize("status", [
    "500 what", "501 syntax", "480 log in", "502 no", "503 no", "400 not now",
    "403 broken", "202 extensions", "599"])
def test_refused_announces_nothing(bed, status):
    be = bed.fake(articles=articles("a"))
    be.on["CAPABILITIES"] = reply(status)
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "223"
    assert be.accepts == 1
    proxy.wait_log(r"backend=be0 announces nothing\s*$")
    second_connection(proxy, be)
    assert questions(be) == 1


# --- the block ---------------------------------------------------------------

LIST = b"VERSION 2\r\nREADER\r\nOVER MSGID\r\nLIST ACTIVE MOTD\r\n.\r\n"


@hybrid
def test_one_byte_in_each_packet(bed):
    be = bed.fake(articles=articles("a"))
    be.on["CAPABILITIES"] = lambda conn, line: conn.trickle(b"101\r\n" + LIST)
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "223"
    proxy.wait_log(r"backend=be0 announces VERSION 2, READER, OVER MSGID, "
                   r"LIST ACTIVE MOTD\s*$")
    assert be.accepts == 1


@hybrid
@pytest.mark.parametrize("block,words", [
    (b".\r\n", "nothing"),
    (b"\r\n \r\n..\r\n.x\r\n\xff\xfe\0\r\n* HDR\r\nHDR\r\n.\r\n", "HDR"),
    (b"hdr\nover\tmsgid extra\r\nover\n.\n", "OVER MSGID, HDR"),
    (b"IMPLEMENTATION " + b"x" * 900 + b"\r\nHDR\r\n.\r\n", "HDR"),
    (b"X-%d\r\n" * 199 + b"HDR\r\n.\r\n", "HDR")])
def test_odd_blocks_are_read(bed, block, words):
    be = bed.fake(articles=articles("a"))
    be.on["CAPABILITIES"] = reply("101 list", block)
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "223"
    proxy.wait_log(r"backend=be0 announces %s\s*$" % words)
    assert be.accepts == 1


SICK = [
    (lambda conn, line: conn.close(), "backend-eof"),
    (lambda conn, line: conn.hang(), "setup-timeout"),
    (reply("abc"), "garbage"),
    (reply(b"x" * 2000), "garbage"),
    (reply("101 list", LIST[:-5]), "setup-timeout"),
    (lambda conn, line: (conn.send(b"101\r\n" + LIST[:-3]), conn.close()),
     "backend-eof"),
    (reply("101 list", b"X\r\n" * 201 + b".\r\n"), "garbage"),
    (reply("101 list", b"LIST " + b"x " * 600 + b"\r\n.\r\n"), "garbage"),
    (reply("101 list", LIST + b"223 0 <stale@x>\r\n"), "unsolicited"),
    (reply("500 what\r\n500 what"), "unsolicited")]


@hybrid
@pytest.mark.parametrize("answer,reason", SICK)
def test_sick_at_the_question_costs_one_connection(bed, answer, reason):
    be = bed.fake(articles=articles("a"), **QUICK)
    be.on["CAPABILITIES"] = answer
    proxy = bed.proxy(be)
    assert proxy.client().ask("STAT <a@x>") == "223 0 <a@x>"
    proxy.wait_log(r"backend=be0 phase=capabilities reason=%s" % reason)
    assert be.accepts == 2
    assert questions(be) == 1
    second_connection(proxy, be)
    assert questions(be) == 1


@hybrid
def test_sick_at_the_question_without_end(bed):
    def endless(conn, line):
        conn.say("101 list")
        while True:
            conn.say("X-MORE")

    be = bed.fake(articles=articles("a"), **QUICK)
    be.on["CAPABILITIES"] = endless
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "223"
    proxy.wait_log(r"backend=be0 phase=capabilities reason=garbage")


@hybrid
def test_logged_when_it_is_known(bed):
    be = bed.fake(articles=articles("a"))
    be.capabilities += ["STARTTLS", "XSECRET a\x1b[m"]
    proxy = bed.proxy(be)
    assert proxy.client().code("STAT <a@x>") == "223"
    proxy.wait_log(r"backend=be0 announces VERSION 2, READER, OVER MSGID, "
                   r"HDR, LIST ACTIVE NEWSGROUPS OVERVIEW.FMT, STARTTLS\s*$")
    second_connection(proxy, be)
    assert proxy.log().count(" announces ") == 1
    assert "XSECRET" not in proxy.log()


# --- the answer --------------------------------------------------------------

FULL = ["VERSION 2", "READER", "IHAVE", "POST", "NEWNEWS", "HDR",
        "OVER MSGID", "XPAT", "LIST ACTIVE COUNTS MOTD"]


def capabilities(client):
    """{label: arguments} of the answer, without what is always in it."""
    status, block = client.fetch("CAPABILITIES")
    assert status.startswith("101 ")
    rows = block.decode().split("\r\n")[:-2]
    assert rows[0] == "VERSION 2"
    words = {row.split()[0]: set(row.split()[1:]) for row in rows}
    assert len(words) == len(rows), "a label is listed twice"
    assert "nntpmux" in words.pop("IMPLEMENTATION")
    del words["VERSION"]
    return words


def announced(mode, *rows):
    """What a client is told in this mode when these lines are true."""
    words = {row.split()[0]: set(row.split()[1:]) for row in rows}
    if mode != "pc":
        words["READER"] = set()
        words["LIST"] = words.get("LIST", set()) | {"ACTIVE", "NEWSGROUPS"}
    return words


def backend(bed, *rows, **options):
    """A server that announces these lines, known from the start."""
    be = bed.fake(articles=articles("a"), min_idle=1, **options)
    be.capabilities = ["VERSION 2", *rows]
    return be


def known(bed, *backends, **options):
    """A proxy that knows them all."""
    proxy = bed.proxy(*backends, **options)
    for be in backends:
        if not hasattr(be, "capabilities"):
            continue
        proxy.wait_log("backend=%s announces " % be.name)
    return proxy


def test_answer_of_one_backend(bed, mode):
    be = backend(bed, *FULL[1:], "STREAMING", "STARTTLS", "MODE-READER",
                 "COMPRESS DEFLATE", "AUTHINFO USER SASL", "SASL PLAIN",
                 "IMPLEMENTATION theirs", "XSECRET-FEATURE")
    client = known(bed, be).client()
    by_number = [] if mode == "pc" else ["XPAT"]
    assert capabilities(client) == announced(
        mode, "NEWNEWS", "HDR", "OVER MSGID", "LIST ACTIVE COUNTS MOTD",
        *by_number)


def test_answer_is_what_all_announce(bed, mode):
    some = backend(bed, "OVER MSGID", "HDR", "LIST ACTIVE COUNTS MOTD")
    other = backend(bed, "NEWNEWS", "HDR", "OVER MSGID", "LIST MOTD HEADERS")
    client = known(bed, some, other).client()
    assert capabilities(client) == announced(mode, "OVER MSGID", "HDR",
                                             "LIST MOTD")


def test_answer_over_without_msgid(bed, mode):
    some, other = backend(bed, "OVER MSGID"), backend(bed, "OVER")
    client = known(bed, some, other).client()
    rows = [] if mode == "pc" else ["OVER"]
    assert capabilities(client) == announced(mode, *rows)


def test_answer_of_the_lowest_tier(bed, mode):
    first = backend(bed, "HDR", "NEWNEWS")
    second = backend(bed, "OVER MSGID", "NEWNEWS", tier=1)
    client = known(bed, first, second).client()
    assert capabilities(client) == announced(mode, "HDR", "NEWNEWS")


def test_answer_of_the_listeners_backends(bed, mode):
    some, other = backend(bed, "HDR", "NEWNEWS"), backend(bed, "OVER MSGID")
    proxy = known(bed, some, other, listen={"backends": some.name},
                  sections={"listen other": {"address": "127.0.0.1:0",
                                             "backends": other.name}},
                  listeners=2)
    assert capabilities(proxy.client()) == announced(mode, "HDR", "NEWNEWS")
    assert capabilities(proxy.client("other")) == announced(mode,
                                                            "OVER MSGID")


def test_answer_before_a_server_without_capabilities(bed, mode):
    some, other = backend(bed, *FULL), backend(bed)
    other.on["CAPABILITIES"] = reply("500 what")
    client = known(bed, some, other).client()
    assert capabilities(client) == announced(mode)


BEFORE_LOGIN = "AUTHINFO USER SASL", "SASL PLAIN"


def test_before_and_after_the_login(bed, mode):
    be = backend(bed, "HDR", "IHAVE", "LIST MOTD", posting="yes")
    proxy = known(bed, be, users=USERS)
    client, other = proxy.client(), proxy.client()
    assert capabilities(client) == announced(mode, *BEFORE_LOGIN)
    assert client.login("alice", "secret") == "281"
    assert capabilities(client) == announced(mode, "HDR", "LIST MOTD", "POST",
                                             "IHAVE", "SASL PLAIN")
    assert capabilities(other) == announced(mode, *BEFORE_LOGIN)


def test_before_the_login_nobody_is_asked(bed, mode):
    be = bed.fake()
    client = bed.proxy(be, users=USERS).client()
    assert capabilities(client) == announced(mode, *BEFORE_LOGIN)
    assert be.accepts == 0


@hybrid
def test_pinned_by_a_group(bed, mode):
    first = backend(bed, "OVER", "HDR", "LIST COUNTS")
    second = backend(bed, "HDR", "NEWNEWS", "LIST MOTD")
    proxy = known(bed, first, second)
    client, other = proxy.client(), proxy.client()
    assert capabilities(client) == announced(mode, "HDR")
    assert client.code("GROUP local.test") == "211"
    assert first.asked("GROUP")
    assert capabilities(client) == announced(mode, "OVER", "HDR",
                                             "LIST COUNTS")
    assert capabilities(other) == announced(mode, "HDR")


@pytest.mark.modes("st")
def test_pinned_by_the_first_command(bed, mode):
    first, second = backend(bed, "OVER"), backend(bed, "HDR")
    client = known(bed, first, second).client()
    assert capabilities(client) == announced(mode)
    assert client.code("DATE") == "111"
    own = "OVER" if first.asked("DATE") else "HDR"
    assert capabilities(client) == announced(mode, own)


@hybrid
def test_pinned_by_what_was_sent_before(bed, mode):
    """What is true when it is the client's first command in flight."""
    own, other = backend(bed, "OVER"), backend(bed, "HDR")
    client = known(bed, own, other).client()
    client.say("GROUP local.test", "CAPABILITIES", "DATE")
    assert client.line()[:3] == "211"
    assert client.line()[:3] == "101"
    assert b"\r\nOVER\r\n" in client.block()
    client.expect("111")


def test_posting_needs_a_backend(bed, mode):
    client = known(bed, backend(bed, "POST", "IHAVE")).client()
    assert capabilities(client) == announced(mode)


def test_posting_at_any_tier(bed, mode):
    reading = backend(bed, "HDR")
    posting = backend(bed, "IHAVE", tier=1, posting="yes")
    client = known(bed, reading, posting).client()
    assert capabilities(client) == announced(mode, "HDR", "POST", "IHAVE")


def test_posting_ihave_as_all_that_post(bed, mode):
    some = backend(bed, "IHAVE", "POST", posting="yes")
    other = backend(bed, "POST", posting="yes")
    client = known(bed, some, other).client()
    assert capabilities(client) == announced(mode, "POST")


def test_posting_is_the_users(bed, mode):
    be = backend(bed, "IHAVE", posting="yes")
    proxy = known(bed, be, users=USERS)
    client = proxy.client()
    assert client.login("bob", "hidden") == "281"
    assert capabilities(client) == announced(mode, "SASL PLAIN")


def test_unknown_backends_are_made_known(bed, mode):
    first, second = bed.fake(), bed.fake()
    late = bed.fake(tier=1)
    first.capabilities = second.capabilities = FULL
    client = bed.proxy(first, second, late).client()
    by_number = [] if mode == "pc" else ["XPAT"]
    full = announced(mode, "NEWNEWS", "HDR", "OVER MSGID",
                     "LIST ACTIVE COUNTS MOTD", *by_number)
    assert capabilities(client) == full
    assert capabilities(client) == full
    assert (first.accepts, second.accepts, late.accepts) == (1, 1, 0)


def test_unknown_for_it_cannot_be_reached(bed, mode):
    """The others speak for it."""
    be = backend(bed, "HDR")
    client = known(bed, be, bed.refusing(), proxy={
        "wait_timeout": ms(600), "command_timeout": ms(2000)}).client()
    assert capabilities(client) == announced(mode, "HDR")
    client.fence()


def test_unknown_backend_that_is_silent(bed, mode):
    """It costs its time-out once, not the answer."""
    be = backend(bed, "HDR")
    mute = bed.fake(connect_timeout=ms(300))
    mute.script = silent
    client = bed.proxy(be, mute).client()
    assert capabilities(client) == announced(mode, "HDR")
    assert client.code("DATE") == "111"


def test_unknown_backends_are_at_work(bed, mode):
    """A backend that is busy with others is known by their connections."""
    be = bed.fake(articles=articles("a"), max_connections=1)
    gate = Gate()
    be.on["DATE"] = lambda conn, line: (gate.wait(conn), conn.on_DATE(line))
    proxy = bed.proxy(be)
    busy, client = proxy.client(), proxy.client()
    busy.say("DATE")
    be.wait_seen(1, "DATE")
    assert "HDR" in capabilities(client)
    gate.open()
    busy.expect("111")
    assert be.accepts == 1


def test_unknown_backend_whose_command_time_is_short(bed, mode):
    """The time is over: the answer is what is known then."""
    be = backend(bed, "HDR")
    mute = bed.fake(connect_timeout="5s")
    mute.script = silent
    client = bed.proxy(be, mute, proxy={
        "command_timeout": ms(600)}).client()
    assert capabilities(client) == announced(mode, "HDR")
