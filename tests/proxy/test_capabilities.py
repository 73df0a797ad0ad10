# SPDX-License-Identifier: BSD-2-Clause
"""CAPABILITIES: asked of the backends, answered to the clients.

asked at the end of the set-up, once         test_asked_*
refused: announces nothing, is used          test_refused_*
sick at this question: one connection        test_sick_at_the_question_*
the log                                      test_logged_*
"""

import pytest

from fake import Gate, reply
from timing import ms
from wire import articles

hybrid = pytest.mark.modes("hy")
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


# --- the question -------------------------------------------------------------

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


# --- the block ----------------------------------------------------------------

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
