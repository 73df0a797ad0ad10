# SPDX-License-Identifier: BSD-2-Clause
"""Sick backends: an article that is cut is mended.

BODY, ARTICLE behind its header, at every byte      test_cut_anywhere_*
inside the header                                   test_cut_in_the_header
at random bytes of large ones                       test_many_large_ones
another article under the same id                   test_different_*
a miss, a third                                     test_miss_*,
                                                    test_nobody_has_it
the second is sick too                              test_second_*,
                                                    test_all_are_cut
stall                                               test_stall_*
no connection free                                  test_waits_for_*,
                                                    test_no_connection_*
commands behind it                                  test_pipelined_*
a slow client, one that leaves, a shutdown          test_slow_client,
                                                    test_client_gone_*,
                                                    test_shutdown_*
resume = no, exact; stateful mode                   test_no_*, test_exact_*
pinned sessions                                     test_pinned_*
"""

import os
import random

import pytest

from fake import Conn, Gate, reply
from timing import Clock, ms, scaled, wait_until
from wire import article, articles, body, head, lines, noise, stuff

BOTH = pytest.mark.modes("hy", "pc")
TEXT = b".\r\n\r\nhello\r\n..\r\nlast\r\n"
CODE = {"ARTICLE": 220, "BODY": 222}
# A server that breaks off each article is not left alone.
PATIENT = {"health": {"unhealthy_threshold": 1000}}
QUICK = {"replacement_cooldown": "20ms"}


def status(verb, msgid="<a@x>"):
    return b"%d 0 %s\r\n" % (CODE[verb], msgid.encode())


def block(verb, whole):
    return stuff(body(whole) if verb == "BODY" else whole)


def cuts(verb, data, how=Conn.close):
    """Plays so much of an answer, then is lost."""
    def play(conn, line):
        conn.send(status(verb, line.split()[1]) + data)
        conn.wait_read()
        how(conn)
    return play


def is_lost(be, verb, data, how=Conn.close):
    be.on[verb] = cuts(verb, data, how)


def two(bed, one, other=None, **options):
    """A fake that will be cut, one that goes on, and a proxy that asks them
    in this order; both have the same articles, numbered apart."""
    first = bed.fake(articles=one, tier=0, **QUICK)
    second = bed.fake(articles=other if other is not None else one, tier=1,
                      first=100, **QUICK)
    options.setdefault("sections", PATIENT)
    return first, second, bed.proxy(first, second, **options)


def whole_article(path="one", text=TEXT):
    return article("<a@x>", text, Path=path, Xref=path + " local.test:7")


def assert_cut(client, command, verb, start):
    """The client got start, and an end without a terminator."""
    client.say(command)
    got = client.rest()
    assert got == status(verb) + start


# --- mended

@BOTH
@pytest.mark.parametrize("verb", ["BODY", "ARTICLE"])
@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
def test_cut_anywhere_behind_the_header(bed, verb, how):
    one, other = whole_article("one"), whole_article("two!one")
    first, second, proxy = two(bed, {"<a@x>": one}, {"<a@x>": other})
    data = block(verb, one)
    start = len(data) - len(stuff(TEXT))
    assert data.endswith(stuff(TEXT))
    for at in range(start, len(data)):
        is_lost(first, verb, data[:at], how)
        client = proxy.client()
        assert client.fetch(verb + " <a@x>")[1] == data, at
        client.fence()
        client.close()
    assert len(second.asked(verb)) == len(data) - start
    proxy.wait_log(r"mended <a@x> backend=be1 after=be0 offset=\d+",
                   len(data) - start)
    proxy.stop()
    assert proxy.counts("be1")["mends"] == len(data) - start
    assert proxy.counts("be0")["mends"] == 0


@BOTH
def test_cut_in_the_header(bed):
    one = whole_article()
    first, second, proxy = two(bed, {"<a@x>": one})
    for at in range(len(head(one)) + 2):
        is_lost(first, "ARTICLE", one[:at])
        assert_cut(proxy.client(), "ARTICLE <a@x>", "ARTICLE", one[:at])
    assert not second.asked("ARTICLE")


@BOTH
def test_many_large_ones(bed):
    """NNTPMUX_MENDS of them, 700 kB each, cut at random bytes."""
    count, chance = int(os.environ.get("NNTPMUX_MENDS", "40")), \
        random.Random(7)
    names = articles("a", "b", "c", size=700000)
    first, second, proxy = two(bed, names)
    for _ in range(count):
        msgid, verb = chance.choice(list(names)), \
            chance.choice(["BODY", "ARTICLE"])
        data = block(verb, names[msgid])
        low = 0 if verb == "BODY" else len(head(names[msgid])) + 2
        is_lost(first, verb, data[:chance.randrange(low, len(data))],
                chance.choice([Conn.close, Conn.reset]))
        client = proxy.client()
        got_status, got = client.fetch("%s %s" % (verb, msgid))
        assert got_status.encode() + b"\r\n" == status(verb, msgid)
        assert got == data
        client.fence()
        client.close()
    # What a reset threw away unread may make a cut in the header of it.
    assert len(second.seen) >= count * 0.99


@BOTH
def test_status_line_is_the_first_ones(bed):
    one = whole_article()
    first, second, proxy = two(bed, {"<a@x>": one})
    first.on["BODY"] = lambda c, line: (
        c.send(b"222 0 <a@x> here it comes\r\n.."), c.wait_read(), c.close())
    second.on["BODY"] = reply(b"222 5 <a@x> from me\r\n", block("BODY", one))
    client = proxy.client()
    assert client.fetch("BODY <a@x>") \
        == ("222 0 <a@x> here it comes", block("BODY", one))


@BOTH
def test_second_is_cut_too(bed):
    one = whole_article()
    data = block("BODY", one)
    first, second, third = [bed.fake(articles={"<a@x>": one}, tier=n, **QUICK)
                            for n in range(3)]
    proxy = bed.proxy(first, second, third, sections=PATIENT)
    for at in range(len(data)):
        for later in (0, at // 2, at, (at + len(data)) // 2):
            is_lost(first, "BODY", data[:at])
            is_lost(second, "BODY", data[:later])
            client = proxy.client()
            assert client.fetch("BODY <a@x>")[1] == data, (at, later)
            client.close()


@BOTH
def test_all_are_cut(bed):
    one = whole_article()
    data = block("BODY", one)
    first, second, proxy = two(bed, {"<a@x>": one})
    is_lost(first, "BODY", data[:5])
    is_lost(second, "BODY", data[:9])
    assert_cut(proxy.client(), "BODY <a@x>", "BODY", data[:9])


# --- another article

@BOTH
@pytest.mark.parametrize("verb", ["BODY", "ARTICLE"])
def test_different_at_each_byte(bed, verb):
    """One octet differs: before the cut nothing more is sent, behind it
    nobody can know."""
    text = noise(40) + b"\r\n"
    one = whole_article("one", text)
    first, second, proxy = two(bed, {"<a@x>": one})
    data = block(verb, one)
    start = len(data) - len(stuff(text))
    for at in range(start, start + 40, 5):
        for wrong in range(start, start + 40, 3):
            other = bytearray(data)
            other[wrong] = ord("x") if data[wrong] != ord("x") else ord("y")
            is_lost(first, verb, data[:at])
            second.on[verb] = reply(status(verb)[:-2] + b" two\r\n",
                                    bytes(other))
            client = proxy.client()
            if wrong < at:
                assert_cut(client, verb + " <a@x>", verb, data[:at])
            else:
                assert client.fetch(verb + " <a@x>")[1] == other
            client.close()
    proxy.wait_log("backend=be1 has another article than backend=be0 as"
                   " <a@x>")


@BOTH
@pytest.mark.parametrize("name", ["Subject", "From", "Date", "Newsgroups",
                                  "Message-ID"])
def test_different_header_cut_behind_it(bed, name):
    """Nothing of the text is there to be compared."""
    one = whole_article("one")
    other = one.replace(b"\r\n%s: " % name.encode(),
                        b"\r\n%s: 2" % name.encode()) \
        if name != "Message-ID" else one.replace(b"<a@x>", b"<b@x>", 1)
    assert other != one
    first, second, proxy = two(bed, {"<a@x>": one}, {"<a@x>": other})
    data = block("ARTICLE", one)
    start = len(data) - len(stuff(TEXT))
    for at in start, start + 1, len(data) - 1:
        is_lost(first, "ARTICLE", data[:at])
        assert_cut(proxy.client(), "ARTICLE <a@x>", "ARTICLE", data[:at])


@BOTH
@pytest.mark.parametrize("verb", ["BODY", "ARTICLE"])
def test_different_shorter(bed, verb):
    one = whole_article("one", lines(5000))
    first, second, proxy = two(bed, {"<a@x>": one})
    data = block(verb, one)
    # The cut is in the 37th line.
    for n in 0, 1, 20, 35:
        text = b"".join(lines(5000).splitlines(True)[:n])
        is_lost(first, verb, data[:4800])
        second.articles["<a@x>"] = whole_article("two", text)
        assert_cut(proxy.client(), verb + " <a@x>", verb, data[:4800])
    second.on["ARTICLE"] = reply(status("ARTICLE"), b"Path: x\r\n.\r\n")
    second.on["BODY"] = reply(status("BODY"), b".\r\n")
    assert_cut(proxy.client(), verb + " <a@x>", verb, data[:4800])


@BOTH
def test_different_the_proxy_goes_on(bed):
    """A second backend with another article loses nothing by it."""
    one = whole_article("one")
    first, second, proxy = two(bed, {"<a@x>": one},
                               {"<a@x>": whole_article("one", b"other\r\n"),
                                **articles("b")})
    is_lost(first, "BODY", b".")
    client = proxy.client()
    client.say("BODY <a@x>", "STAT <b@x>", "DATE")
    assert client.rest() == status("BODY") + b"."
    client = proxy.client()
    assert client.code("STAT <b@x>") == "223"
    client.fence()


# --- others are asked

@BOTH
def test_miss_then_a_third(bed):
    one = whole_article()
    data = block("BODY", one)
    first, second, third = [bed.fake(articles={"<a@x>": one}, tier=n, **QUICK)
                            for n in range(3)]
    second.articles.clear()
    proxy = bed.proxy(first, second, third, sections=PATIENT)
    is_lost(first, "BODY", data[:7])
    assert proxy.client().fetch("BODY <a@x>")[1] == data
    assert len(first.asked("BODY")) == len(second.asked("BODY")) \
        == len(third.asked("BODY")) == 1
    proxy.stop()
    assert proxy.counts("be1")["misses"] == 1
    assert proxy.counts("be2")["mends"] == 1


@BOTH
def test_miss_of_its_group(bed):
    one = whole_article()
    data = block("BODY", one)
    first = bed.fake(articles={"<a@x>": one}, tier=0, **QUICK)
    others = [bed.fake(tier=1, group="spool", **QUICK) for _ in range(2)]
    proxy = bed.proxy(first, *others)
    is_lost(first, "BODY", data[:7])
    assert_cut(proxy.client(), "BODY <a@x>", "BODY", data[:7])
    assert len(others[0].seen) + len(others[1].seen) == 1


@BOTH
def test_nobody_has_it(bed):
    one = whole_article()
    data = block("BODY", one)
    first, second, proxy = two(bed, {"<a@x>": one}, {})
    is_lost(first, "BODY", data[:7])
    clock = Clock()
    assert_cut(proxy.client(), "BODY <a@x>", "BODY", data[:7])
    assert clock() < scaled(5)
    assert len(second.asked("BODY")) == 1
    assert len(first.asked("BODY")) == 1
    proxy.wait_log(r"not mended <a@x> offset=7 ")


@BOTH
@pytest.mark.parametrize("answer", [
    b"220 0 <a@x>\r\nx: y\r\n\r\nx\r\n.\r\n", b"223 0 <a@x>\r\n",
    b"222 0 <b@x>\r\nx\r\n.\r\n", b"400 no\r\n", b"502 no\r\n", b"403 no\r\n",
    b"500 what\r\n", b"abc\r\n", b"281 welcome\r\n"])
def test_second_answers_something_else(bed, answer):
    one = whole_article()
    data = block("BODY", one)
    first, second, third = [bed.fake(articles={"<a@x>": one}, tier=n, **QUICK)
                            for n in (0, 1, 1)]
    proxy = bed.proxy(first, second, third,
                      routing={"strategy": "round-robin"})
    second.on["BODY"] = reply(answer)
    for _ in range(4):
        is_lost(first, "BODY", data[:7])
        client = proxy.client()
        assert client.fetch("BODY <a@x>")[1] == data
        client.fence()
        client.close()
    assert second.asked("BODY")


@BOTH
def test_second_dies_without_an_answer(bed):
    one = whole_article()
    data = block("BODY", one)
    first, second, proxy = two(bed, {"<a@x>": one})
    is_lost(first, "BODY", data[:7])
    second.on["BODY"] = lambda conn, line: conn.reset()
    clock = Clock()
    assert_cut(proxy.client(), "BODY <a@x>", "BODY", data[:7])
    assert clock() < scaled(10)
    assert second.asked("BODY")


@BOTH
def test_second_cannot_be_reached(bed):
    one = whole_article()
    data = block("BODY", one)
    first = bed.fake(articles={"<a@x>": one}, **QUICK)
    gone = bed.refusing(tier=1, **QUICK)
    proxy = bed.proxy(first, gone)
    is_lost(first, "BODY", data[:7])
    clock = Clock()
    assert_cut(proxy.client(), "BODY <a@x>", "BODY", data[:7])
    assert clock() < scaled(10)


@BOTH
@pytest.mark.parametrize("at", [0, 3, 7, 12])
def test_second_stalls_and_a_third_goes_on(bed, at):
    one = whole_article()
    data = block("BODY", one)
    first, second, third = [
        bed.fake(articles={"<a@x>": one}, tier=n, stall_timeout=ms(300),
                 **QUICK) for n in range(3)]
    proxy = bed.proxy(first, second, third, sections=PATIENT)
    is_lost(first, "BODY", data[:7])
    is_lost(second, "BODY", data[:at], Conn.hang)
    client = proxy.client()
    assert client.fetch("BODY <a@x>")[1] == data
    assert len(third.asked("BODY")) == 1


@BOTH
@pytest.mark.parametrize("verb", ["BODY", "ARTICLE"])
@pytest.mark.parametrize("at", [300, 200000])
def test_stall_is_mended(bed, verb, at):
    one = whole_article("one", lines(300000))
    first, second, proxy = two(bed, {"<a@x>": one},
                               backend={"stall_timeout": ms(300)})
    data = block(verb, one)
    is_lost(first, verb, data[:at], Conn.hang)
    client = proxy.client()
    assert client.fetch(verb + " <a@x>")[1] == data
    client.fence()


@BOTH
def test_stall_by_single_bytes_is_mended(bed):
    """Never silent, and less than 1 KiB in stall_timeout."""
    one = whole_article("one", lines(30000))
    first, second, proxy = two(bed, {"<a@x>": one},
                               backend={"stall_timeout": ms(300)})
    data = block("BODY", one)

    def drip(conn, line):
        conn.send(status("BODY"))
        for at in range(len(data)):
            conn.send(data[at:at + 1])
            conn.pace(0.02)

    first.on["BODY"] = drip
    assert proxy.client().fetch("BODY <a@x>")[1] == data
    assert second.asked("BODY")


@BOTH
def test_waits_for_a_connection(bed):
    """All connections of the other backend are busy for a while."""
    one = whole_article()
    data = block("BODY", one)
    first = bed.fake(articles={"<a@x>": one}, **QUICK)
    second = bed.fake(articles={"<a@x>": one, **articles("b")}, tier=1,
                      max_connections=1, **QUICK)
    gate = Gate()
    second.on["STAT"] = lambda conn, line: (gate.wait(conn),
                                            conn.on_STAT(line))
    proxy = bed.proxy(first, second)
    other = proxy.client()
    other.say("STAT <b@x>")
    second.wait_seen(1)
    is_lost(first, "BODY", data[:7])
    client = proxy.client()
    client.say("BODY <a@x>")
    assert client.exactly(len(status("BODY")) + 7) == status("BODY") + data[:7]
    first.wait_held(0)
    gate.open()
    assert client.block() == data[7:]
    other.expect(223)
    assert second.accepts == 1


@BOTH
def test_no_connection_comes_free(bed):
    one = whole_article()
    data = block("BODY", one)
    first = bed.fake(articles={"<a@x>": one}, **QUICK)
    second = bed.fake(articles={"<a@x>": one, **articles("b")}, tier=1,
                      max_connections=1, **QUICK)
    gate = Gate()
    second.on["STAT"] = lambda conn, line: (gate.wait(conn),
                                            conn.on_STAT(line))
    proxy = bed.proxy(first, second, proxy={"wait_timeout": ms(500)})
    other = proxy.client()
    other.say("STAT <b@x>")
    second.wait_seen(1)
    is_lost(first, "BODY", data[:7])
    clock = Clock()
    assert_cut(proxy.client(), "BODY <a@x>", "BODY", data[:7])
    assert clock() < scaled(5)
    gate.open()
    other.expect(223)
    assert not second.asked("BODY")


@BOTH
def test_second_is_silent(bed):
    one = whole_article()
    data = block("BODY", one)
    first, second, proxy = two(bed, {"<a@x>": one, **articles("b")},
                               proxy={"command_timeout": ms(900)})
    is_lost(first, "BODY", data[:7])
    second.on["BODY"] = lambda conn, line: conn.hang()
    clock = Clock()
    client = proxy.client()
    client.say("BODY <a@x>", "STAT <b@x>")
    assert client.rest() == status("BODY") + data[:7]
    assert clock() < scaled(5)
    assert second.asked("BODY")
    assert proxy.client().code("STAT <b@x>") == "223"


# --- what else the client does

@BOTH
@pytest.mark.parametrize("at", [0, 7, 20])
def test_pipelined_commands_behind(bed, at):
    names = {"<a@x>": whole_article(), **articles("b", "c", size=100000)}
    first, second, proxy = two(bed, names)
    data = block("BODY", names["<a@x>"])

    def play(conn, line):
        if "<a@x>" in line:
            cuts("BODY", data[:at])(conn, line)
        else:
            conn.on_BODY(line)

    first.on["BODY"] = play
    client = proxy.client()
    for _ in range(3):
        client.say("BODY <a@x>", "BODY <b@x>", "STAT <c@x>", "BODY <none@x>",
                   "BODY <a@x>", "BODY <c@x>", "DATE")
        for msgid in "<a@x>", "<b@x>":
            assert client.line()[:3] == "222"
            assert client.block() == block("BODY", names[msgid])
        client.expect(223, 430)
        for msgid in "<a@x>", "<c@x>":
            assert client.line()[:3] == "222"
            assert client.block() == block("BODY", names[msgid])
        client.expect(111)
    client.fence()


@BOTH
def test_slow_client(bed):
    """It takes nothing for longer than the second would need, and loses
    nothing; the second is not read for it either."""
    one = whole_article("one", lines(4 << 20))
    data = block("BODY", one)
    first, second, proxy = two(bed, {"<a@x>": one},
                               backend={"stall_timeout": ms(400)})
    first.on["BODY"] = lambda c, line: (c.send(status("BODY")
                                               + data[:2 << 20]), c.close())
    client = proxy.client(rcvbuf=16384)
    assert client.code("BODY <a@x>") == "222"
    first.wait_seen(1)
    clock = Clock()
    wait_until(lambda: clock() > scaled(1.2), what="a slow client")
    assert client.block() == data
    client.fence()


@BOTH
def test_client_gone_while_it_is_mended(bed):
    one = whole_article("one", lines(50000))
    data = block("BODY", one)
    first, second, proxy = two(bed, {"<a@x>": one, **articles("b")},
                               backend={"max_connections": 1})
    gates = [Gate() for _ in range(3)]
    second.on["BODY"] = lambda c, line: (
        gates[0].wait(c), c.send(status("BODY")), gates[1].wait(c),
        c.send(data[:20]), gates[2].wait(c), c.send(data[20:]))
    for open_n in range(3):
        for gate in gates:
            gate.event.clear()
        is_lost(first, "BODY", data[:1000])
        client = proxy.client()
        client.say("BODY <a@x>")
        second.wait_seen(2 * open_n + 1)
        for gate in gates[:open_n]:
            gate.open()
        client.reset()
        proxy.wait_log("end=client-reset", open_n + 1)
        for gate in gates:
            gate.open()
        first.on["STAT"] = reply("430 no")
        assert proxy.client().code("STAT <b@x>") == "223"
    assert second.accepts == 1


@BOTH
def test_shutdown_ends_a_mend_first(bed):
    one = whole_article()
    data = block("BODY", one)
    first, second, proxy = two(bed, {"<a@x>": one})
    gate = Gate()
    is_lost(first, "BODY", data[:9])
    second.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    client = proxy.client()
    client.say("BODY <a@x>")
    second.wait_seen(1)
    proxy.signal()
    proxy.wait_log("shut|stop|end")
    gate.open()
    assert client.rest().startswith(status("BODY") + data + b"400 ")
    assert proxy.wait_end() == 0


# --- not mended

@pytest.mark.parametrize("verb", ["BODY", "ARTICLE"])
def test_no_resume(bed, verb):
    one = whole_article()
    data = block(verb, one)
    first, second, proxy = two(bed, {"<a@x>": one},
                               routing={"resume": "no"})
    is_lost(first, verb, data[:-4])
    assert_cut(proxy.client(), verb + " <a@x>", verb, data[:-4])
    assert not second.asked(verb)


@BOTH
def test_exact_mends(bed):
    one = whole_article()
    data = block("BODY", one)
    first, second, proxy = two(bed, {"<a@x>": one},
                               routing={"resume": "exact"})
    is_lost(first, "BODY", data[:-4])
    assert proxy.client().fetch("BODY <a@x>")[1] == data


@pytest.mark.modes("st")
@pytest.mark.parametrize("verb", ["BODY", "ARTICLE"])
@pytest.mark.parametrize("before", [0, 1])
def test_no_mend_in_stateful_mode(bed, verb, before):
    one = whole_article()
    data = block(verb, one)
    first, second, proxy = two(bed, {"<a@x>": one})
    is_lost(first, verb, data[:-4])
    client = proxy.client()
    for _ in range(before):
        assert client.code("STAT <a@x>") == "223"
    assert_cut(client, verb + " <a@x>", verb, data[:-4])
    assert not second.seen


@BOTH
@pytest.mark.parametrize("verb,code,data", [
    ("HEAD", 221, b"Subject: x\r\nFrom: y"),
    ("XHDR", 221, b"0 some"),
    ("OVER", 224, b"0\tabout")])
def test_no_mend_of_other_answers(bed, verb, code, data):
    first, second, proxy = two(bed, articles("a"))
    answer = b"%d 0 <a@x>\r\n" % code + data
    first.on[verb] = lambda c, line: (c.send(answer), c.wait_read(),
                                      c.close())
    client = proxy.client()
    client.say(verb + (" Subject" if verb == "XHDR" else "") + " <a@x>")
    assert client.rest() == answer
    assert not second.asked(verb)


# --- pinned sessions

@pytest.mark.modes("hy")
def test_pinned_cut_on_the_pin(bed):
    """The article is mended; the group is lost with the connection."""
    one = whole_article()
    first, second, proxy = two(bed, {"<a@x>": one})
    data = block("BODY", one)
    client = proxy.reader()
    is_lost(first, "BODY", data[:7])
    client.say("BODY <a@x>")
    assert client.line()[:3] == "222"
    assert client.block() == data
    assert client.line()[:3] == "400"
    client.at_end()


@pytest.mark.modes("hy")
def test_pinned_cut_elsewhere(bed):
    """The pin lacks it, the second is cut, a third goes on; the session
    keeps its group, and what was asked behind it is answered there."""
    one = whole_article()
    data = block("BODY", one)
    first = bed.fake(articles=articles("b"), **QUICK)
    second, third = [bed.fake(articles={"<a@x>": one}, tier=n, groups={},
                              **QUICK) for n in (1, 2)]
    proxy = bed.proxy(first, second, third, sections=PATIENT)
    client = proxy.reader()
    is_lost(second, "BODY", data[:7])
    client.say("BODY <a@x>", "STAT <b@x>", "STAT", "BODY <b@x>")
    assert client.line()[:3] == "222"
    assert client.block() == data
    assert client.line() == "223 1 <b@x>"
    assert client.line() == "223 1 <b@x>"
    assert client.line()[:3] == "222"
    assert client.block() == block("BODY", first.articles["<b@x>"])
    client.fence()


@pytest.mark.modes("hy")
def test_pinned_by_number_is_not_mended(bed):
    """Numbers mean nothing elsewhere."""
    one = whole_article()
    first, second, proxy = two(bed, {"<a@x>": one})
    data = block("BODY", one)
    client = proxy.reader()
    first.on["BODY"] = lambda c, line: (
        c.send(b"222 1 <a@x>\r\n" + data[:7]), c.wait_read(), c.close())
    client.say("BODY 1")
    assert client.rest() == b"222 1 <a@x>\r\n" + data[:7]
    assert not second.asked("BODY")
