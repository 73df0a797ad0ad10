# SPDX-License-Identifier: BSD-2-Clause
"""Articles.

ARTICLE/BODY/HEAD byte-identical            test_block_is_byte_identical,
                                            test_a_large_article
223 to ARTICLE, comma, 222 to ARTICLE       test_odd_status_is_framed_right
status line before the block is complete    test_status_line_is_streamed
220-223 with another message-id             test_other_message_id_*
terminator split, one byte per packet       test_terminator_split_*,
                                            test_one_byte_per_packet
status line split; code without text        test_status_line_split_*,
                                            test_code_without_text
XHDR answered 221                           test_xhdr_221_is_a_block
stale second response                       test_stale_*
no status line, endless line, 100 kB        test_garbage_*
backend dies inside the block               test_cut_block_*
client dies inside the block                test_client_gone_*
"""

import pytest

from fake import Conn, Gate, reply
from timing import ms, wait_until
from wire import END, article, articles, body, head, lines, noise, stuff

FAST = {"wait_timeout": ms(600), "command_timeout": ms(900)}

TEXTS = {
    "plain": b"hello\r\nworld\r\n",
    "stuffed": b".\r\n..\r\n...\r\n.x\r\n",
    "empty": b"",
    "empty line": b"\r\n",
    "no last line end": b"abc\r\n.\r\ndef\r\n",
    "8-bit": bytes(c for c in range(128, 256)) + b"\r\n",
    "nul": b"\0\0\r\n\0.\r\n.\0\r\n",
    "1 MB line": noise(1 << 20) + b"\r\n",
    "1 MB of dots": b"." * (1 << 20) + b"\r\n",
    "64 KiB edges": noise(65534 - 200, 1) + b"\r\n" + noise(65536, 2)
                    + b"\r\n.\r\n" + noise(131072, 3) + b"\r\n",
    "many lines": lines(700000, 4),
}

# Bytes that no correct server sends, but which are framed all the same.
RAW = {
    "unstuffed dot": b".x\r\n" + END,
    "two dots and text": b"..x\r\n..\r\n" + END,
    "bare LF": b"a\nb\n.\nc\r\n" + END,
    "bare CR": b"a\rb\r.\rc\r\n" + END,
    "CR before CRLF": b"a\r\r\n.\r\r\n" + END,
    "dot and bare LF": b"x\r\n.\ny\r\n" + END,
    "LF dot CRLF": b"x\n.\r\ny\r\n" + END,
}


@pytest.mark.parametrize("verb", ["ARTICLE", "HEAD", "BODY"])
@pytest.mark.parametrize("kind", TEXTS)
def test_block_is_byte_identical(bed, kind, verb):
    whole = article("<a@x>", TEXTS[kind])
    want = {"ARTICLE": whole, "HEAD": head(whole), "BODY": body(whole)}[verb]
    be = bed.fake(articles={"<a@x>": whole})
    client = bed.proxy(be).client()
    assert client.fetch(verb + " <a@x>")[1] == stuff(want)
    client.fence()


@pytest.mark.parametrize("kind", RAW)
def test_bytes_of_a_careless_server_are_unchanged(bed, kind):
    be = bed.fake()
    be.on["BODY"] = reply("222 0 <a@x>", RAW[kind])
    client = bed.proxy(be).client()
    client.say("BODY <a@x>")
    assert client.line() == "222 0 <a@x>"
    assert client.exactly(len(RAW[kind])) == RAW[kind]
    client.fence()


def test_a_large_article(bed):
    wire = lines(1 << 20, 5).replace(b"\r\n.", b"\r\n..") * 50
    be = bed.fake()
    be.on["BODY"] = reply("222 0 <a@x>", b"x" + wire + END)
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("BODY <a@x>") == "222"
    assert client.block() == b"x" + wire + END
    client.fence()


def test_status_line_text_is_unchanged(bed):
    be = bed.fake()
    be.on["STAT"] = reply(b"223 0 <a@x>  it's\there \xff \r\n")
    client = bed.proxy(be).client()
    client.say("STAT <a@x>")
    assert client.raw_line() == b"223 0 <a@x>  it's\there \xff \r\n"


@pytest.mark.parametrize("command,answer", [
    ("ARTICLE <a@x>", b"223 0 <a@x>\r\n"),
    ("ARTICLE <a@x>", b"220, 0 <a@x>\r\nH: 1\r\n\r\nx\r\n.\r\n"),
    ("BODY <a@x>", b"220, 0 <a@x>\r\nH: 1\r\n\r\nx\r\n.\r\n"),
    ("BODY <a@x>", b"222, 0 <a@x>\r\nx\r\n.\r\n"),
    ("ARTICLE <a@x>", b"222 0 <a@x>\r\nx\r\n.\r\n"),
    ("ARTICLE <a@x>", b"221 0 <a@x>\r\nH: 1\r\n.\r\n"),
    ("BODY <a@x>", b"223 0 <a@x>\r\n"),
    ("HEAD <a@x>", b"220 0 <a@x>\r\nH: 1\r\n\r\nx\r\n.\r\n"),
    ("ARTICLE <a@x>", b"220 0 <a@x> article\r\nH: 1\r\n\r\n.\r\n"),
    ("BODY <a@x>", b"222 <a@x>\r\nx\r\n.\r\n"),
    ("BODY <a@x>", b"222 body follows\r\nx\r\n.\r\n")])
def test_odd_status_is_framed_right(bed, command, answer):
    be = bed.fake(max_connections=1)
    be.on[command.split()[0]] = reply(answer)
    client = bed.proxy(be).client()
    client.say(command)
    assert client.exactly(len(answer)) == answer
    client.fence()
    assert client.code("DATE") == "111"


def test_status_line_is_streamed(bed):
    be, gate = bed.fake(), Gate()

    def slow(conn, line):
        conn.send(b"222 0 <a@x>\r\n")
        gate.wait(conn)
        conn.send(b"x\r\n.\r\n")

    be.on["BODY"] = slow
    client = bed.proxy(be).client()
    assert client.ask("BODY <a@x>") == "222 0 <a@x>"
    gate.open()
    assert client.block() == b"x\r\n.\r\n"


def test_block_is_streamed(bed):
    be, gates = bed.fake(), [Gate() for _ in range(5)]

    def slow(conn, line):
        conn.send(b"222 0 <a@x>\r\n")
        for gate in gates:
            gate.wait(conn)
            conn.send(b"line\r\n")
        conn.send(END)

    be.on["BODY"] = slow
    client = bed.proxy(be).client()
    assert client.ask("BODY <a@x>") == "222 0 <a@x>"
    for gate in gates:
        gate.open()
        assert client.line() == "line"
    assert client.line() == "."


OTHER_ID = [("ARTICLE", b"220 0 <b@x>\r\nwrong\r\n.\r\n"),
            ("HEAD", b"221 0 <b@x>\r\nwrong\r\n.\r\n"),
            ("BODY", b"222 0 <b@x>\r\nwrong\r\n.\r\n"),
            ("STAT", b"223 0 <b@x>\r\n"),
            ("STAT", b"223 0 <A@x>\r\n"),
            ("BODY", b"222, 0 <b@x>\r\nwrong\r\n.\r\n")]


@pytest.mark.parametrize("verb,answer", OTHER_ID)
def test_other_message_id_is_not_forwarded(bed, verb, answer):
    bad = bed.fake(tier=0, max_connections=1, replacement_cooldown="50ms")
    bad.on[verb] = reply(answer)
    client = bed.proxy(bad, proxy=FAST).client()
    assert client.code(verb + " <a@x>") == "400"
    client.at_end()
    bad.wait_held(0)


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("verb,answer", OTHER_ID)
def test_other_message_id_another_backend_answers(bed, verb, answer):
    good = bed.fake(articles=articles("a"), weight=1)
    bad = bed.fake(max_connections=1, replacement_cooldown="50ms")
    bad.on[verb] = reply(answer)
    proxy = bed.proxy(bad, good, routing={"strategy": "round-robin"})
    for _ in range(4):
        client = proxy.client()
        status = client.ask(verb + " <a@x>")
        assert status[0] == "2" and status[4:] == "0 <a@x>"
        if verb != "STAT":
            assert b"wrong" not in client.block()
        client.fence()
    assert bad.seen, "the lying backend was never asked"
    assert len(bad.seen) == bad.accepts, "a lying connection was used again"


STATUS = b"222 0 <a@x>\r\n"
TAIL = b"end\r\n.\r\n"


@pytest.mark.parametrize("at", range(1, len(TAIL)))
def test_terminator_split_at_every_byte(bed, at):
    be = bed.fake()
    be.on["BODY"] = lambda c, line: (
        c.send(STATUS), c.wait_read(), c.send_split(TAIL, at))
    client = bed.proxy(be).client()
    for _ in range(2):
        assert client.ask("BODY <a@x>") + "\r\n" == STATUS.decode()
        assert client.block() == TAIL
    client.fence()


@pytest.mark.parametrize("at", range(1, len(TAIL)))
def test_terminator_split_behind_much(bed, at):
    data = lines(300000, 6).replace(b"\r\n.", b"\r\n..")[1:]
    be = bed.fake()
    be.on["BODY"] = lambda c, line: c.send_split(
        STATUS + data + TAIL, len(STATUS + data) + at)
    client = bed.proxy(be).client()
    client.ask("BODY <a@x>")
    assert client.block() == data + TAIL
    client.fence()


@pytest.mark.parametrize("at", range(len(STATUS) + 1, len(STATUS) + 3))
def test_empty_block_split_at_every_byte(bed, at):
    be = bed.fake()
    be.on["BODY"] = lambda c, line: c.send_split(STATUS + END, at)
    client = bed.proxy(be).client()
    client.ask("BODY <a@x>")
    assert client.block() == END
    client.fence()


def test_what_looks_like_an_end_split_at_every_byte(bed):
    data = b"\r\n..\r\n.x\r\n\r\n..\r\n\n.\r\r\n.\nx\r\n" + END
    be = bed.fake()
    cut = []
    be.on["BODY"] = lambda c, line: c.send_split(STATUS + data, *cut)
    client = bed.proxy(be).client()
    for at in range(len(STATUS), len(STATUS + data)):
        cut[:] = [at, at + 1]
        assert client.code("BODY <a@x>") == "222"
        assert client.exactly(len(data)) == data
    client.fence()
    assert be.accepts == 1


def test_one_byte_per_packet(bed):
    whole = article("<a@x>", b".\r\n..\r\nx\r\n")
    answer = b"220 0 <a@x>\r\n" + stuff(whole)
    be = bed.fake(stall_timeout="5m")   # it may be slow
    be.on["ARTICLE"] = lambda c, line: c.trickle(answer)
    client = bed.proxy(be).client()
    for _ in range(2):
        client.say("ARTICLE <a@x>")
        assert client.exactly(len(answer)) == answer
    client.fence()


def test_status_line_split_over_packets(bed):
    be = bed.fake()
    cut = []
    be.on["BODY"] = lambda c, line: c.send_split(STATUS + b"x\r\n.\r\n", *cut)
    client = bed.proxy(be).client()
    for at in range(1, len(STATUS) + 1):
        cut[:] = [at]
        assert client.ask("BODY <a@x>") == "222 0 <a@x>"
        assert client.block() == b"x\r\n.\r\n"
    client.fence()


@pytest.mark.parametrize("answer", [b"223\r\n", b"223 \r\n", b"430\r\n",
                                    b"223\n", b"223 0 <a@x>\n"])
def test_code_without_text(bed, answer):
    be = bed.fake()
    be.on["STAT"] = reply(answer)
    client = bed.proxy(be).client()
    client.say("STAT <a@x>")
    assert client.raw_line()[:3] == answer[:3]
    client.fence()
    assert be.accepts == 1


def test_xhdr_221_is_a_block(bed):
    be = bed.fake()
    be.on["XHDR"] = reply("221 Subject fields follow", b"0 x\r\n.\r\n")
    client = bed.proxy(be).client()
    assert client.fetch("XHDR Subject <a@x>") \
        == ("221 Subject fields follow", b"0 x\r\n.\r\n")
    client.fence()


STALE = [
    ("BODY", b"222 0 <a@x>\r\nx\r\n.\r\n", b"222 0 <s@x>\r\nstale\r\n.\r\n"),
    ("BODY", b"222 0 <a@x>\r\nx\r\n.\r\n", b"x"),
    ("ARTICLE", b"220 0 <a@x>\r\nx\r\n.\r\n", b"430 stale\r\n"),
    ("STAT", b"223 0 <a@x>\r\n", b"223 0 <s@x>\r\n"),
    ("STAT", b"430 no\r\n", b"223 0 <s@x>\r\n"),
    ("STAT", b"430 no\r\n", b"430 stale\r\n"),
    ("DATE", b"111 20240101000000\r\n", b"111 19990101000000\r\n")]


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("verb,first,second", STALE)
def test_stale_response_is_never_forwarded(bed, verb, first, second):
    be = bed.fake(max_connections=1, replacement_cooldown="50ms")
    be.on[verb] = reply(first + second)
    client = bed.proxy(be).client()
    command = verb if verb == "DATE" else verb + " <a@x>"
    for _ in range(3):
        client.say(command)
        if first.startswith(b"430"):
            assert client.line()[:3] == "430"
        else:
            assert client.exactly(len(first)) == first
        client.fence()
    used = [sum(line.startswith(verb) for line in c.lines) for c in be.conns]
    assert used == [1, 1, 1], "a lying connection was used again"


@pytest.mark.modes("hy", "pc")
def test_stale_response_a_moment_later(bed):
    be = bed.fake(max_connections=1, replacement_cooldown="50ms",
                  articles=articles("a", "b"))
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    be.conns[0].send(b"223 0 <b@x>\r\n")
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert client.ask("STAT <b@x>") == "223 0 <b@x>"
    client.fence()
    assert be.accepts == 2


GARBAGE = {
    "not a status line": lambda c, line: c.send(b"abc\r\n"),
    "empty line": lambda c, line: c.send(b"\r\n"),
    "two digits": lambda c, line: c.send(b"22\r\n"),
    "four digits": lambda c, line: c.send(b"2230 0 <a@x>\r\n"),
    "code 000": lambda c, line: c.send(b"000 x\r\n"),
    "code 999": lambda c, line: c.send(b"999 x\r\n"),
    "blank first": lambda c, line: c.send(b" 223 0 <a@x>\r\n"),
    "wrong code": lambda c, line: c.send(b"281 welcome\r\n"),
    "wants more": lambda c, line: c.send(b"340 send it\r\n"),
    "NUL": lambda c, line: c.send(b"2\x0023 0 <a@x>\r\n"),
    "100 kB": lambda c, line: c.send(b"223 " + b"x" * 100000 + b"\r\n"),
    "no end": lambda c, line: (c.send(b"223 " + b"x" * 100000), c.hang()),
    "no code, no end": lambda c, line: (c.send(b"x" * 100000), c.hang()),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_alone_400_and_close(bed, kind):
    be = bed.fake(replacement_cooldown="50ms", response_timeout=ms(300))
    be.on["STAT"] = GARBAGE[kind]
    client = bed.proxy(be, proxy=FAST).client()
    assert client.code("STAT <a@x>") == "400"
    client.at_end()
    be.wait_held(0)


@pytest.mark.modes("hy", "pc")
@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_another_backend_answers(bed, kind):
    bad = bed.fake(replacement_cooldown="50ms", response_timeout=ms(300))
    good = bed.fake(articles=articles("a"))
    bad.on["STAT"] = GARBAGE[kind]
    proxy = bed.proxy(bad, good, routing={"strategy": "round-robin"})
    for _ in range(2):
        assert proxy.client().ask("STAT <a@x>") == "223 0 <a@x>"
    assert bad.seen


CUT = b"222 0 <a@x>\r\nfirst\r\nsecond\r\n..third\r\n.\r\n"


@pytest.mark.parametrize("how", [Conn.close, Conn.reset],
                         ids=["close", "reset"])
@pytest.mark.parametrize("at", [13, 14, 18, 19, 20, 28, 30, len(CUT) - 3,
                                len(CUT) - 2, len(CUT) - 1])
def test_cut_block_looks_cut(bed, at, how):
    bad = bed.fake(replacement_cooldown="50ms")
    bad.on["BODY"] = lambda c, line: (c.send(CUT[:at]), c.wait_read(),
                                      how(c))
    client = bed.proxy(bad).client()
    client.say("BODY <a@x>")
    got = client.rest()
    assert CUT.startswith(got) and got != CUT, got
    assert len(got) >= 13


def test_cut_block_ends_the_pipeline(bed):
    be = bed.fake(articles=articles("b"), replacement_cooldown="50ms",
                  max_connections=2)
    be.on["BODY"] = lambda c, line: (c.send(CUT[:20]), c.wait_read(),
                                     c.close())
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("BODY <a@x>", "STAT <b@x>", "DATE")
    assert CUT.startswith(client.rest())
    assert proxy.client().code("STAT <b@x>") == "223"


def test_cut_block_of_one_client_is_not_anothers(bed):
    be = bed.fake(articles=articles("b", size=100000), max_connections=2,
                  replacement_cooldown="50ms")
    gate = Gate()

    def die(conn, line):
        if "<a@x>" in line:
            conn.send(CUT[:20])
            gate.wait(conn)
            conn.close()
        else:
            conn.on_BODY(line)

    be.on["BODY"] = die
    proxy = bed.proxy(be)
    one, two = proxy.client(), proxy.client()
    assert one.code("BODY <a@x>") == "222"
    for _ in range(3):
        assert two.fetch("BODY <b@x>")[1] == stuff(body(be.articles["<b@x>"]))
    gate.open()
    assert one.rest() == CUT[13:20]
    two.fence()


def test_cut_block_of_a_list(bed):
    be = bed.fake(replacement_cooldown="50ms")
    be.on["LIST"] = lambda c, line: (c.send(b"215 list\r\nlocal"),
                                     c.wait_read(), c.close())
    client = bed.proxy(be).client()
    client.say("LIST")
    assert client.rest() == b"215 list\r\nlocal"


def ask_next(proxy, command):
    """The answer to the next client.  In stateful mode the slot of who is
    gone may be free a moment later."""
    def answer():
        got = proxy.client().ask(command)
        return got[:3] != "403" and got

    return wait_until(answer, what="a slot")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_gone_little_left_is_drained(bed, how):
    be, gate = bed.fake(articles=articles("b"), max_connections=1), Gate()

    def slow(conn, line):
        conn.send(STATUS + b"x\r\n" * 1000)
        gate.wait(conn)
        conn.send(b"y\r\n" * 1000 + END)

    be.on["BODY"] = slow
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("BODY <a@x>") == "222"
    getattr(client, how)()
    gate.open()
    assert ask_next(proxy, "STAT <b@x>") == "223 0 <b@x>"
    assert be.accepts == 1, "a connection was thrown away for 6 kB"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_gone_much_left_is_not_read(bed, how):
    be = bed.fake(articles=articles("b"), max_connections=1,
                  replacement_cooldown="50ms")
    piece = lines(1 << 20).replace(b"\r\n.", b"\r\n..")[1:]
    be.on["BODY"] = lambda c, line: (
        c.send(STATUS), [c.send(piece) for _ in range(200)], c.send(END))
    proxy = bed.proxy(be, proxy={"drain_limit": "256K"})
    client = proxy.client()
    assert client.code("BODY <a@x>") == "222"
    getattr(client, how)()
    assert ask_next(proxy, "STAT <b@x>") == "223 0 <b@x>"
    assert be.accepts == 2


@pytest.mark.parametrize("how", ["close", "reset"])
def test_client_gone_and_the_backend_says_no_more(bed, how):
    """A close alone may be half of one, so then stall_timeout decides."""
    be = bed.fake(articles=articles("b"), max_connections=1,
                  replacement_cooldown="50ms",
                  stall_timeout=ms(500) if how == "close" else "10m")
    be.on["BODY"] = lambda c, line: (c.send(STATUS + b"x\r\n"), c.hang())
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("BODY <a@x>") == "222"
    getattr(client, how)()
    assert ask_next(proxy, "STAT <b@x>") == "223 0 <b@x>"
    assert be.accepts == 2


def test_client_gone_before_the_answer(bed):
    be, gate = bed.fake(articles=articles("a", "b"), max_connections=1), \
        Gate()
    be.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say("BODY <a@x>")
    be.wait_seen(1)
    client.close()
    gate.open()
    assert ask_next(proxy, "STAT <b@x>") == "223 0 <b@x>"
    other = proxy.clients[-1]
    assert other.fetch("HEAD <b@x>")[1] == stuff(head(be.articles["<b@x>"]))
    wait_until(lambda: be.held == 1, what="one connection")


def test_slow_client_holds_no_memory(bed):
    be = bed.fake(articles=articles("b"))
    piece = lines(1 << 20).replace(b"\r\n.", b"\r\n..")[1:]
    be.on["BODY"] = lambda c, line: (
        c.send(STATUS), [c.send(piece) for _ in range(64)], c.send(END))
    proxy = bed.proxy(be)
    client = proxy.client(rcvbuf=16384)
    other = proxy.client()
    assert other.code("STAT <b@x>") == "223"
    before = proxy.rss()
    assert client.code("BODY <a@x>") == "222"
    for _ in range(50):
        assert other.code("STAT <b@x>") == "223"
    assert proxy.rss() - before < 16 << 20
    assert client.block() == piece * 64 + END
