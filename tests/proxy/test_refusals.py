# SPDX-License-Identifier: BSD-2-Clause
"""Refusals (what is posted:                  test_posting.py).

COMPRESS, XFEATURE, XZVER, XZHDR        test_framing_breakers_*
POST -> 440, then LIST works            test_post_440
IHAVE, CHECK refused                    test_feeding_is_refused
TAKETHIS, one answer, article eaten     test_takethis_*
512 octets accepted, 513 -> 501         test_512_octets, test_513_octets
1 MB without a line end                 test_endless_line_*
random bytes, NUL, 0xFF                 test_noise_*
STARTTLS not configured                 test_starttls_500
"""

import contextlib

import pytest

from timing import SLOW
from wire import articles, lines, noise, stuff

ROOM = 4 << 20 if SLOW == 1 else 64 << 20     # sanitizers keep freed memory


@pytest.mark.parametrize("command", [
    "COMPRESS DEFLATE", "XFEATURE COMPRESS GZIP",
    "XFEATURE COMPRESS GZIP TERMINATOR", "XZVER 1-5", "XZVER <a@x>",
    "XZHDR Subject 1-5", "XZHDR Subject <a@x>", "compress deflate"])
def test_framing_breakers_500_and_no_backend_sees_them(bed, command):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code(command) == "500"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


def test_post_440(bed):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code("POST") == "440"
    assert client.fetch("LIST")[0][:3] == "215"
    assert be.seen == ["LIST"]


@pytest.mark.parametrize("command", ["IHAVE <a@x>", "CHECK <a@x>"])
def test_feeding_is_refused(bed, command):
    be = bed.fake()
    client = bed.proxy(be).client()
    assert client.code(command) == "500"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


def test_starttls_500(bed):
    be = bed.fake()
    client = bed.proxy(be, listen={"tls": "no"}).client()
    assert client.code("STARTTLS") == "500"
    assert client.code("DATE") == "111"
    assert be.seen == ["DATE"]


BODY = b"Subject: x\r\n\r\nDATE\r\nSTAT <a@x>\r\nQUIT\r\n"


@pytest.mark.parametrize("block", [
    stuff(BODY), stuff(b""), stuff(b".\r\n..\r\nDATE\r\n"),
    stuff(b"TAKETHIS <y@x>\r\n"), stuff(b"Subject: x\r\n\r\n\r\n"),
    stuff(b"x" * 2000 + b"\r\n"), stuff(b"\xff\x00\r\n")],
    ids=["commands", "empty", "dots", "takethis", "blank", "long", "8bit"])
def test_takethis_article_is_eaten(bed, block):
    be = bed.fake()
    client = bed.proxy(be).client()
    client.send(b"TAKETHIS <y@x>\r\n" + block + b"DATE\r\n")
    client.expect(500, 111)
    client.fence()
    assert be.seen == ["DATE"]


def test_takethis_split_anywhere(bed):
    be = bed.fake()
    client = bed.proxy(be).client()
    whole = b"TAKETHIS <y@x>\r\n" + stuff(b"DATE\r\n") + b"MODE READER\r\n"
    for at in range(1, len(whole)):
        client.send(whole[:at])
        if at >= len(whole) - 13:
            client.expect(500)
            client.send(whole[at:])
        else:
            client.send(whole[at:])
            client.expect(500)
        client.expect(201)
    assert be.seen == []


def test_takethis_two_in_a_row(bed):
    client = bed.proxy(bed.fake()).client()
    client.send((b"TAKETHIS <y@x>\r\n" + stuff(BODY)) * 2 + b"DATE\r\n")
    client.expect(500, 500, 111)


def test_takethis_large_in_little_memory(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    client = proxy.client()
    client.ask("STAT <a@x>")
    before = proxy.rss()
    client.send(b"TAKETHIS <y@x>\r\n")
    piece = lines(1 << 20)
    for _ in range(20):
        client.send(b"".join(b"x" + line + b"\r\n"
                             for line in piece.split(b"\r\n")))
    client.send(b".\r\n")
    client.expect(500)
    assert proxy.rss() - before < ROOM
    client.fence()


def test_takethis_cut_short(bed):
    proxy = bed.proxy(bed.fake())
    client = proxy.client()
    client.send(b"TAKETHIS <y@x>\r\nDATE\r\n.")
    client.half_close()
    assert client.rest()[:3] in (b"", b"400")
    assert proxy.client().code("DATE") == "111"


def padded(command, octets):
    return command + " " * (octets - 2 - len(command)) + "\r\n"


def test_512_octets(bed):
    client = bed.proxy(bed.fake(articles=articles("a"))).client()
    client.send(padded("STAT <a@x>", 512))
    assert client.line() == "223 0 <a@x>"


@pytest.mark.parametrize("octets", [513, 514, 600, 1024, 5000, 70000])
def test_513_octets(bed, octets):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    client.send(padded("STAT <a@x>", octets) + "DATE\r\n")
    client.expect(501, 111)
    client.fence()
    assert be.seen == ["DATE"]


def test_513_octets_in_pieces(bed):
    client = bed.proxy(bed.fake(articles=articles("a"))).client()
    for at in (1, 300, 511, 512, 513, 514):
        line = padded("STAT <a@x>", 515)
        client.send(line[:at])
        client.send(line[at:])
        client.expect(501)
    client.fence()


def test_endless_line_in_little_memory(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    client = proxy.client()
    client.ask("STAT <a@x>")
    before = proxy.rss()
    for _ in range(16):
        client.send(b"x" * (1 << 20))
    client.send("\r\nDATE\r\n")
    client.expect(501, 111)
    assert proxy.rss() - before < ROOM


def test_empty_line_501(bed):
    client = bed.proxy(bed.fake()).client()
    for line in ("\r\n", "\n", "  \r\n", "\t\r\n"):
        client.send(line)
        client.expect(501)
    client.fence()


@pytest.mark.parametrize("data", [
    b"\0\r\n", b"STAT <a\0@x>\r\n", b"\xff\xff\r\n", b"STAT <\xff@x>\r\n",
    b"ST\0AT <a@x>\r\n", b"\r\r\n", b"STAT <a@x>\r\r\n", b"\r\n\r\n\r\n",
    b"STAT \x01\x02\r\n", b"DATE\0\r\n", b"\0" * 300 + b"\r\n",
    b"\x1b[2J\r\n", b"\x16\x02\x01\x02\0\x01\0\r\n"])
def test_noise_is_answered_and_no_backend_sees_it(bed, data):
    """What begins a TLS handshake is another thing: test_tls_client.py."""
    be = bed.fake()
    client = bed.proxy(be).client()
    client.send(data)
    for _ in range(data.count(b"\n")):
        assert client.line()[:3] in ("500", "501", "503")
    client.fence()
    assert be.seen == []


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_end_the_proxy(bed, seed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    for n in range(10):
        client = proxy.client()
        text = noise(5000, seed * 10 + n)
        with contextlib.suppress(OSError):      # it may close on us
            client.send(b"\r\n".join(text[i:i + 97]
                                     for i in range(0, len(text), 97)))
            client.half_close()
        client.rest()
    assert proxy.client().ask("STAT <a@x>") == "223 0 <a@x>"
    assert be.seen == ["STAT <a@x>"]
