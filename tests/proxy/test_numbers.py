# SPDX-License-Identifier: BSD-2-Clause
"""The proxy knows whose group a connection has: an article number of another
session's group becomes 0 (RFC 3977, 6.2.1.2).

a connection that had a group              test_no_number_of_another_*
status line, first word of the row         test_number_is_hidden_*
"""

import pytest

from fake import reply
from wire import END, articles

pytestmark = pytest.mark.modes("hy")


# --- nothing of one session reaches another ----------------------------------

BY_ID = [("ARTICLE <b@x>", "220 0 <b@x>"), ("HEAD <b@x>", "221 0 <b@x>"),
         ("BODY <b@x>", "222 0 <b@x>"), ("STAT <b@x>", "223 0 <b@x>")]
ROWS = [("OVER <b@x>", b"0\tabout <b@x>\t"), ("XOVER <b@x>", b"0\tabout"),
        ("HDR Subject <b@x>", b"0 about <b@x>\r\n"),
        ("XHDR Subject <b@x>", b"0 about <b@x>\r\n")]


def had_a_group(bed, **options):
    """One connection, which a former session used with a group."""
    be = bed.mirrors(7, max_connections=1, **options)[0]
    proxy = bed.proxy(be, routing={"stateful_reserve": 0})
    former = proxy.reader()
    assert former.code("QUIT") == "205"
    former.at_end()
    return be, proxy


def test_no_number_of_another_session(bed):
    be, proxy = had_a_group(bed)
    client = proxy.client()
    for command, answer in BY_ID:
        assert client.ask(command) == answer
        if command[0] != "S":
            assert client.block()[-3:] == END
    for command, start in ROWS:
        assert client.fetch(command)[1].startswith(start)
    assert be.accepts == 1 and be.conns[0].group == "local.test"


def test_no_number_of_another_session_from_another_backend(bed):
    """The pinned session asks elsewhere, where one was pinned as well."""
    one = bed.fake("one", articles("a"))
    two = bed.fake("two", articles("b"), groups={"local.two": {50: "<b@x>"}})
    proxy = bed.proxy(one, two)
    former = proxy.reader("local.two")
    assert former.code("QUIT") == "205"
    former.at_end()
    client = proxy.reader()
    for command, answer in BY_ID:
        assert client.ask(command) == answer
        if command[0] != "S":
            client.block()
    for command, start in ROWS:
        assert client.fetch(command)[1].startswith(start)
    assert two.accepts == 1


def test_no_number_of_another_session_one_pinned_one_not(bed):
    _, proxy = had_a_group(bed)
    client = proxy.client()
    for _ in range(3):
        assert client.ask("STAT <b@x>") == "223 0 <b@x>"
        reader = proxy.reader()
        assert reader.ask("STAT <b@x>") == "223 8 <b@x>"
        reader.close()


ANSWERS = [
    ("STAT", b"223 %s <b@x>\r\n", b""),
    ("STAT", b"223 %s <b@x> status follows\r\n", b""),
    ("STAT", b"223  %s\t<b@x>  x \r\n", b""),
    ("BODY", b"222 %s <b@x>\r\n", b"7 body\r\n..\r\n.\r\n"),
    ("BODY", b"222, %s <b@x>\r\n", b"7\r\n.\r\n"),
    ("ARTICLE", b"220 %s <b@x>\r\n", b"7: x\r\n\r\n7\r\n.\r\n")]


@pytest.mark.parametrize("number", [b"0", b"1", b"42", b"999999999999999999",
                                    b"18446744073709551615", b"007"])
@pytest.mark.parametrize("verb,status,block", ANSWERS)
def test_number_is_hidden_in_the_status_line(bed, verb, status, block, number):
    be = bed.mirrors(1)[0]
    be.on[verb] = reply(status % number + block)
    client = bed.proxy(be).client()
    client.say(verb + " <b@x>")
    want = status % b"0" + block
    assert client.exactly(len(want)) == want
    client.fence()
    assert be.accepts == 1


@pytest.mark.parametrize("verb,code", [("OVER <b@x>", 224),
                                       ("XOVER <b@x>", 224),
                                       ("HDR Subject <b@x>", 225),
                                       ("HDR Subject <b@x>", 221),
                                       ("XHDR Subject <b@x>", 221),
                                       ("XHDR Subject <b@x>", 225)])
@pytest.mark.parametrize("block,want", [
    (b"42\tx\r\n.\r\n", b"0\tx\r\n.\r\n"), (b"42 x 42\r\n.\r\n",
                                            b"0 x 42\r\n.\r\n"),
    (b"999999999999999999 x\r\n.\r\n", b"0 x\r\n.\r\n"),
    (b"42\r\n.\r\n", b"0\r\n.\r\n"), (b"0 x\r\n.\r\n", b"0 x\r\n.\r\n"),
    (b"<b@x> x\r\n.\r\n", b"<b@x> x\r\n.\r\n"), (b".\r\n", b".\r\n"),
    (b"..42 x\r\n.\r\n", b"..42 x\r\n.\r\n"),
    (b"007 \xff\0x\r\n.\r\n", b"0 \xff\0x\r\n.\r\n")])
def test_number_is_hidden_in_the_row(bed, verb, code, block, want):
    be = bed.mirrors(1)[0]
    be.on[verb.split()[0]] = reply("%d rows 42 42" % code, block)
    client = bed.proxy(be).client()
    client.say(verb)
    assert client.line()[:3] == str(code)
    assert client.exactly(len(want)) == want
    client.fence()
    assert be.accepts == 1


SPLIT = [("STAT <b@x>", b"223 4217 <b@x>\r\n", b"223 0 <b@x>\r\n"),
         ("BODY <b@x>", b"222 4217 <b@x> x\r\n42 a\r\n.\r\n",
          b"222 0 <b@x> x\r\n42 a\r\n.\r\n"),
         ("OVER <b@x>", b"224 12 x\r\n4217\ta\tb\r\n.\r\n",
          b"224 12 x\r\n0\ta\tb\r\n.\r\n"),
         ("XHDR Subject <b@x>", b"221 x\r\n999999999999999999 y\r\n.\r\n",
          b"221 x\r\n0 y\r\n.\r\n")]


@pytest.mark.parametrize("command,answer,want", SPLIT)
def test_number_is_hidden_split_at_every_byte(bed, command, answer, want):
    be, cut = bed.mirrors(1)[0], []
    be.on[command.split()[0]] = lambda c, line: c.send_split(answer, *cut)
    client = bed.proxy(be).client()
    for at in range(1, len(answer)):
        cut[:] = [at]
        client.say(command)
        assert client.exactly(len(want)) == want, at
    client.fence()
    assert be.accepts == 1


@pytest.mark.parametrize("command,answer,want", SPLIT)
def test_number_is_hidden_one_byte_per_packet(bed, command, answer, want):
    be = bed.mirrors(1)[0]
    be.on[command.split()[0]] = lambda c, line: c.trickle(answer)
    client = bed.proxy(be).client()
    client.say(command, command)
    assert client.exactly(2 * len(want)) == want * 2
    client.fence()


def test_number_is_hidden_in_a_pipeline(bed):
    be, proxy = had_a_group(bed)
    client = proxy.client()
    client.say(*[command for command, _ in BY_ID + ROWS] * 3)
    for _ in range(3):
        for command, answer in BY_ID:
            assert client.line() == answer
            if command[0] != "S":
                client.block()
        for command, start in ROWS:
            client.line()
            assert client.block().startswith(start)
    client.fence()
