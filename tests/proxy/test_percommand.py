# SPDX-License-Identifier: BSD-2-Clause
"""Per-command, and what the proxy answers by itself: in the
modes per-command and hybrid, in stateful where it is no question of routing.

DATE, LIST, NEWGROUPS, NEWNEWS byte-exact  test_block_is_byte_exact, test_date
HELP by the proxy                          test_help_*
GROUP -> 500, ARTICLE 5 -> 503             test_needs_a_group_*,
                                           test_number_or_nothing_*
XFOO -> 500                                test_unknown_verb_*
two backends: both are used                test_both_backends_are_used
max_connections 1, A idles, B is served    test_idle_client_holds_nothing
connections are used again                 test_connections_are_used_again
CAPABILITIES, MODE                         test_capabilities_*, test_mode_*
bad arguments                              test_bad_arguments
"""

import pytest

from fake import Gate, reply
from wire import articles

BLOCKS = [
    ("LIST", "215"), ("LIST ACTIVE", "215"), ("LIST ACTIVE local.*", "215"),
    ("LIST ACTIVE.TIMES", "215"), ("LIST NEWSGROUPS", "215"),
    ("LIST NEWSGROUPS local.*,!local.x", "215"),
    ("LIST OVERVIEW.FMT", "215"), ("LIST HEADERS", "215"),
    ("LIST HEADERS MSGID", "215"), ("LIST DISTRIB.PATS", "215"),
    ("LIST COUNTS", "215"), ("LIST MOTD", "215"),
    ("LIST SUBSCRIPTIONS", "215"), ("LIST DISTRIBUTIONS", "215"),
    ("LIST MODERATORS", "215"),
    ("NEWGROUPS 19990624 000000 GMT", "231"),
    ("NEWGROUPS 990624 000000", "231"),
    ("NEWNEWS local.* 19990624 000000 GMT", "230"),
    ("OVER <a@x>", "224"), ("HDR Subject <a@x>", "225"),
    ("HDR :bytes <a@x>", "225"), ("XHDR Subject <a@x>", "221")]

DATA = b"first\ttab\r\n..\r\n..stuffed\r\n\xff\xfe 8-bit\r\n\r\nlast  \r\n.\r\n"


@pytest.mark.parametrize("command,code", BLOCKS)
def test_block_is_byte_exact(bed, command, code):
    be = bed.fake()
    be.on[command.split()[0]] = reply(code + " words\twith  blanks ", DATA)
    client = bed.proxy(be).client()
    status, block = client.fetch(command)
    assert status == code + " words\twith  blanks "
    assert block == DATA
    assert be.seen == [command]
    client.fence()


def test_list_refused_by_the_backend_is_passed_on(bed):
    be = bed.fake()
    be.on["LIST"] = reply("503 not kept here")
    client = bed.proxy(be).client()
    assert client.code("LIST MOTD") == "503"
    assert client.code("DATE") == "111"


def test_date(bed):
    be = bed.fake()
    be.on["DATE"] = reply("111 19990623135624")
    client = bed.proxy(be).client()
    assert client.ask("DATE") == "111 19990623135624"
    client.fence()


def test_help_is_the_proxys_own(bed):
    be = bed.fake()
    client = bed.proxy(be).client()
    status, block = client.fetch("HELP")
    assert status.startswith("100 ") and b"ARTICLE" in block.upper()
    assert all(len(line) <= 512 for line in block.split(b"\n"))
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


@pytest.mark.modes("pc")
@pytest.mark.parametrize("command", [
    "GROUP local.test", "LISTGROUP", "LISTGROUP local.test",
    "LISTGROUP local.test 1-5", "NEXT", "LAST", "XPAT Subject 1-5 *",
    "XPAT Subject <a@x> *"])
def test_needs_a_group_500_and_goes_on(bed, command):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code(command) == "500"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


@pytest.mark.modes("pc")
@pytest.mark.parametrize("command", [
    "ARTICLE 5", "ARTICLE", "HEAD 5", "HEAD", "BODY 5", "BODY", "STAT 5",
    "STAT", "OVER 1-5", "OVER 1-", "OVER 5", "OVER", "XOVER 1-5", "XOVER",
    "HDR Subject 1-5", "HDR Subject", "XHDR Subject 1-5", "XHDR Subject"])
def test_number_or_nothing_503_and_goes_on(bed, command):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code(command) == "503"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


@pytest.mark.modes("pc")
@pytest.mark.parametrize("command", [
    "XFOO", "XFOO a b c", "GET / HTTP/1.1", "EHLO x", "XYZZY <a@x>",
    "STATS <a@x>", "ART <a@x>", "XREPLIC x", "SLAVEX"])
def test_unknown_verb_500_and_no_backend_sees_it(bed, command):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code(command) == "500"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


@pytest.mark.parametrize("command", [
    "STAT <a@x> <b@x>", "ARTICLE x", "STAT <>", "STAT a@x",
    "BODY <a@x> 5", "MODE", "MODE FOO", "HDR", "XHDR",
    "NEWNEWS", "NEWNEWS *", "NEWGROUPS", "DATE x", "OVER <a@x> 3",
    "STAT <" + "x" * 260 + "@x>"])
def test_bad_arguments(bed, command):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code(command) == "501"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


def test_longest_message_id_goes_through(bed):
    msgid = "<" + "x" * 246 + "@x>"      # 250 octets (RFC 3977, 3.6)
    be = bed.fake(articles=articles("x" * 246))
    client = bed.proxy(be).client()
    assert client.ask("STAT " + msgid) == "223 0 " + msgid


@pytest.mark.modes("hy", "pc")
def test_both_backends_are_used(bed):
    one, two = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("a"))
    proxy = bed.proxy(one, two)
    for _ in range(20):
        assert proxy.client().code("STAT <a@x>") == "223"
    assert one.seen and two.seen
    assert len(one.seen) + len(two.seen) == 20


@pytest.mark.modes("hy", "pc")
def test_one_session_uses_both_backends(bed):
    one, two = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("a"))
    client = bed.proxy(one, two).client()
    for _ in range(20):
        assert client.code("STAT <a@x>") == "223"
    assert one.seen and two.seen


@pytest.mark.modes("hy", "pc")
def test_idle_client_holds_nothing(bed):
    be = bed.fake(articles=articles("a"), max_connections=1)
    proxy = bed.proxy(be)
    first, second = proxy.client(), proxy.client()
    for _ in range(3):
        assert first.code("STAT <a@x>") == "223"
        assert second.code("STAT <a@x>") == "223"
    assert be.accepts == 1


@pytest.mark.modes("hy", "pc")
def test_half_a_command_holds_nothing(bed):
    be = bed.fake(articles=articles("a"), max_connections=1)
    proxy = bed.proxy(be)
    first, second = proxy.client(), proxy.client()
    first.send("STAT <a@")
    assert second.code("STAT <a@x>") == "223"
    first.send("x>\r\n")
    assert first.line() == "223 0 <a@x>"


def test_connections_are_used_again(bed):
    be = bed.fake(articles=articles("a", size=3000))
    proxy = bed.proxy(be)
    for n in range(1, 11):
        client = proxy.client()
        client.fetch("BODY <a@x>")
        assert client.code("STAT <none@x>") == "430"
        client.close()
        proxy.wait_log(r"\bend=", n)      # what it kept is given back
    assert be.accepts == 1


@pytest.mark.modes("hy", "pc")
def test_a_full_pool_is_waited_for(bed):
    be, gate = bed.fake(articles=articles("a"), max_connections=1), Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be)
    first, second = proxy.client(), proxy.client()
    first.say("BODY <a@x>")
    be.wait_seen(1, "BODY")
    second.say("STAT <a@x>")
    gate.open()
    assert first.line() == "222 0 <a@x>"
    first.block()
    assert second.line() == "223 0 <a@x>"
    assert be.peak == 1


def capabilities(client):
    status, block = client.fetch("CAPABILITIES")
    assert status.startswith("101 ")
    rows = block.decode().split("\r\n")[:-2]
    return rows, {row.split()[0]: row.split()[1:] for row in rows}


def test_capabilities_are_the_proxys_own(bed):
    be = bed.fake()
    be.capabilities.append("XSECRET-FEATURE")
    rows, words = capabilities(bed.proxy(be).client())
    assert rows[0] == "VERSION 2"
    assert "XSECRET-FEATURE" not in words
    assert len(words) == len(rows), "a label is listed twice"


def test_capabilities_tell_the_truth(bed, mode):
    _, words = capabilities(bed.proxy(bed.fake()).client())
    for untrue in ("POST", "IHAVE", "STREAMING", "STARTTLS", "MODE-READER",
                   "COMPRESS", "AUTHINFO", "SASL", "XFEATURE-COMPRESS"):
        assert untrue not in words
    assert ("READER" in words) == (mode != "pc")
    assert words.get("OVER", ["MSGID"]) == ["MSGID"]


def test_capabilities_take_an_argument(bed):
    client = bed.proxy(bed.fake()).client()
    assert client.fetch("CAPABILITIES AUTOUPDATE")[0][:3] == "101"


def test_mode_reader_as_the_greeting(bed):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code("MODE READER") == client.greeting[:3] == "201"
    assert be.accepts == 0


def test_mode_stream_501(bed):
    client = bed.proxy(bed.fake()).client()
    assert client.code("MODE STREAM") == "501"
    assert client.code("DATE") == "111"


def test_authinfo_without_users_502(bed):
    be = bed.fake()
    client = bed.proxy(be).client()
    for command in ("AUTHINFO USER x", "AUTHINFO PASS x",
                    "AUTHINFO SASL PLAIN"):
        assert client.code(command) == "502"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]
