# SPDX-License-Identifier: BSD-2-Clause
"""The verbs of newsd, its articles and its counts."""

import json
import re
import signal
import subprocess
import time
import zlib

import pytest

import newsd

A = newsd.SAMPLES / "sample-a"
B = newsd.SAMPLES / "sample-b"


def test_greeting_and_quit(start):
    with start("--greeting", "hello there").client() as client:
        assert client.greeting == b"200 hello there\r\n"
        assert client.code("quit") == 205
        assert client.at_end()


def test_no_post(start):
    with start("--no-post").client() as client:
        assert client.greeting.startswith(b"201 ")
        assert client.code("MODE READER") == 201
        assert client.code("POST") == 440
        assert "POST" not in client.rows("CAPABILITIES")


@pytest.mark.parametrize("command, code", [
    ("NOSUCH", 500), ("", 501), ("   ", 501), ("GROUP", 501),
    ("STAT a b", 501), ("DATE x", 501), ("MODE STREAM", 501),
    ("XFAULT none", 502), ("AUTHINFO USER x", 502), ("AUTHINFO", 501),
    ("STAT", 412), ("ARTICLE 1", 412), ("NEXT", 412), ("LAST", 412),
    ("OVER", 412), ("XOVER 1-", 412), ("HDR Subject", 412),
    ("LISTGROUP", 412), ("GROUP no.such", 411), ("LISTGROUP no.such", 411),
    ("STAT <no@where>", 430), ("OVER <no@where>", 430),
    ("HDR Subject <no@where>", 430), ("STAT <a b>", 501), ("STAT x", 501),
    ("STAT <>", 501), ("OVER x", 501), ("LIST NOSUCH", 501),
    ("NEWNEWS * 20200101 000000 CET", 501), ("NEWGROUPS 2020 000000", 501),
    ("STAT <miss.1@gen>", 430), ("STAT <01.1@gen>", 430),
    ("STAT <1.1@gen.x>", 430), ("BODY <99999999999.1@gen>", 430),
    ("STAT\t<1.1@gen>\t ", 223), ("stat <1.1@gen>", 223), ("DATE", 111),
])
def test_codes_without_a_group(start, command, code):
    with start("--spool", A).client() as client:
        assert client.code(command) == code
        assert client.code("DATE") == 111


def test_in_a_group(start):
    with start("--spool", A).client() as client:
        assert client.ask("GROUP local.test.a") == "211 4 1 4 local.test.a"
        assert client.ask("STAT") == "223 1 <kettle@sample-a.example>"
        assert client.code("LAST") == 422
        assert client.ask("NEXT") == "223 2 <kettle-again@sample-a.example>"
        assert client.ask("STAT 4") == "223 4 <umlauts@sample-a.example>"
        assert client.code("NEXT") == 421
        assert client.code("STAT 5") == 423
        assert client.code("STAT 0") == 423
        assert client.ask("STAT <walk@sample-a.example>").startswith("223 0 ")
        assert client.ask("STAT").startswith("223 4 ")
        assert client.code("OVER 5-9") == 423
        assert client.code("XOVER 5-9") == 420
        assert client.code("OVER 4-3") == 423


def test_in_an_empty_group(start):
    with start("--spool", A, "--group", "local.new").client() as client:
        assert client.ask("GROUP local.new") == "211 0 1 0 local.new"
        assert client.code("STAT") == 420
        assert client.code("NEXT") == 420
        assert client.code("OVER") == 420
        assert client.rows("LISTGROUP") == []
        assert client.code("STAT 1") == 423


def test_lists(start):
    with start("--spool", A, "--spool", B).client() as client:
        assert client.rows("LIST") == [
            "local.test.a 4 1 y", "local.test.b 3 1 y",
            "local.test.empty 0 1 y", "local.test.misc 4 1 y"]
        assert client.rows("LIST ACTIVE *.b,*.misc,!*misc") == [
            "local.test.b 3 1 y"]
        assert client.rows("LIST NEWSGROUPS local.test.?") == [
            "local.test.a\tSmall talk on the first server",
            "local.test.b\tSmall talk on the second server"]
        assert client.rows("LIST OVERVIEW.FMT")[-2:] == [":bytes", ":lines"]
        assert client.rows("LIST HEADERS")[0] == ":"
        assert len(client.rows("LIST ACTIVE.TIMES")) == 4
        assert len(client.rows("NEWGROUPS 19990101 000000 GMT")) == 4
        assert client.rows("NEWGROUPS 20990101 000000") == []
        assert client.rows("NEWNEWS local.test.b 990101 000000")[0] == (
            "<pencils@sample-b.example>")
        assert client.rows("LISTGROUP local.test.a 2-3") == ["2", "3"]
        assert client.rows("LISTGROUP") == ["1", "2", "3", "4"]


def test_overview(start):
    with start("--spool", A).client() as client:
        client.ask("GROUP local.test.a")
        text = (A / "02-kettle-again.art").read_bytes()
        size = len(text) + text.count(b"\n")
        row = ("Re: The kettle by the window\tBen Example <ben@example.org>\t"
               "Tue, 06 Jan 2026 09:02:00 +0000\t"
               "<kettle-again@sample-a.example>\t<kettle@sample-a.example>\t"
               "%d\t5" % size)
        assert client.rows("OVER 2") == ["2\t" + row]
        assert client.rows("OVER <kettle-again@sample-a.example>") == [
            "0\t" + row]
        assert client.rows("HDR References 1-2") == [
            "1 ", "2 <kettle@sample-a.example>"]
        assert client.rows("HDR :lines 2") == ["2 5"]
        assert client.ask("XHDR from <walk@sample-a.example>")[:3] == "221"
        assert client.block() == (b"<walk@sample-a.example> "
                                  b"Ben Example <ben@example.org>\r\n")


def test_article_as_in_its_file(start):
    text = (A / "03-dots.art").read_bytes().replace(b"\n", b"\r\n")
    head, _, body = text.partition(b"\r\n\r\n")
    with start("--spool", A).client() as client:
        for verb, code, want in (("ARTICLE", 220, text),
                                 ("HEAD", 221, head + b"\r\n"),
                                 ("BODY", 222, body)):
            assert client.ask(verb + " <dots@sample-a.example>") == (
                "%d 0 <dots@sample-a.example>" % code)
            block = client.block()
            assert newsd.unstuff(block) == want
            if verb != "HEAD":
                assert b"\r\n..\r\n...\r\n..word\r\n" in block


@pytest.mark.parametrize("options", [(), ("--sendfile",), ("--cache", "0")])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 128, 129, 1000, 716800])
def test_generated(start, size, options):
    with start(*options).client() as client:
        name = "<%d.42@gen>" % size
        assert client.ask("BODY " + name) == "222 0 " + name
        body = client.block()
        newsd.check_body(body, size, 42)
        assert client.ask("ARTICLE " + name) == "220 0 " + name
        head, _, again = client.block().partition(b"\r\n\r\n")
        assert again == body
        plain = newsd.unstuff(body)
        assert b"X-Checksum: %08x\r\n" % zlib.crc32(body) in head
        assert head.endswith(b"X-Checksum-Plain: %08x" % zlib.crc32(plain))
        lines = newsd.split(plain)
        data = newsd.decode_yenc(lines[1:-2])
        assert len(data) == size
        assert lines[-2] == b"=yend size=%d crc32=%08x\r\n" % (
            size, zlib.crc32(data))
        if size > 2:
            assert b"\r\n..." in body


def test_which_generated_articles(start):
    with start("--has", "0,2/3").client() as client:
        assert [client.code("STAT <10.%d@gen>" % seed)
                for seed in range(6)] == [223, 430, 223, 223, 430, 223]
        assert client.code("BODY <10.4@gen>") == 430
    with start("--no-generate").client() as client:
        assert client.code("STAT <10.0@gen>") == 430


def test_variants_of_generated_articles(start):
    """Other data under the same id, and each is right by itself."""
    bodies = []
    for options in [], ["--variant", "1"], ["--variant", "2"]:
        with start(*options).client() as client:
            client.ask("BODY <1000.7@gen>")
            bodies.append(client.block())
            newsd.check_body(bodies[-1], 1000, 7)
    assert len(set(bodies)) == 3


def test_cache_is_bounded(start):
    with start("--cache", "100K").client() as client:
        for seed in list(range(8)) * 2:
            client.ask("BODY <50000.%d@gen>" % seed)
            newsd.check_body(client.block(), 50000, seed)


def test_many_rows(start):
    server = start("--generate", "20000x100:load.many",
                   "--first-number", "1000")
    with server.client() as client:
        assert client.ask("GROUP load.many") == (
            "211 20000 1000 20999 load.many")
        rows = client.rows("XOVER 1-4000000000")
        assert [row.split("\t")[0] for row in rows] == [
            str(n) for n in range(1000, 21000)]
        assert [row.split("\t")[4] for row in rows] == [
            "<100.%d@gen>" % n for n in range(20000)]
        assert len(client.rows("NEWNEWS load.* 20200101 000000")) == 20000
        assert client.rows("NEWNEWS none.* 20200101 000000") == []


def test_pipelining(start):
    with start("--spool", A).client() as client:
        ids = ["<100000.%d@gen>" % (n % 7) for n in range(300)]
        client.send("".join("BODY %s\r\nSTAT %s\r\nNOSUCH\r\n" % (i, i)
                            for i in ids).encode() + b"LIST\r\nQUIT\r\n")
        for name in ids:
            assert client.line() == b"222 0 %s\r\n" % name.encode()
            newsd.check_body(client.block(), 100000,
                             int(name.split(".")[1].split("@")[0]))
            assert client.line() == b"223 0 %s\r\n" % name.encode()
            assert client.line().startswith(b"500 ")
        assert client.line().startswith(b"215 ")
        client.block()
        assert client.line().startswith(b"205 ")
        assert client.at_end()


def test_half_a_command_waits(start):
    with start().client() as client:
        client.send(b"DATE\r\nSTAT <1.")
        assert client.line().startswith(b"111 ")
        client.send(b"1@gen>\r\n")
        assert client.line() == b"223 0 <1.1@gen>\r\n"


def test_line_length(start):
    with start().client() as client:
        for blanks, want in ((512 - 6, b"111 "), (513 - 6, b"501 "),
                             (100000, b"501 ")):
            client.send(b"DATE" + b" " * blanks + b"\r\nSTAT <1.1@gen>\n")
            assert client.line().startswith(want)
            assert client.line().startswith(b"223 ")
        client.send(b"ST\0AT\r\nDATE\r\n")
        assert client.line().startswith(b"501 ")
        assert client.line().startswith(b"111 ")


def test_login(start, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("pass word\n")
    server = start("--user", "ann", "--password-file", secret)
    with server.client() as client:
        assert client.code("DATE") == 480
        assert client.code("STAT <1.1@gen>") == 480
        assert "READER" not in client.rows("CAPABILITIES")
        assert client.code("AUTHINFO PASS pass word") == 482
        assert client.code("AUTHINFO SASL PLAIN") == 501
        assert client.code("AUTHINFO USER bob") == 381
        assert client.code("AUTHINFO PASS pass word") == 481
        assert client.code("AUTHINFO USER ann") == 381
        assert client.code("AUTHINFO PASS password") == 481
        assert client.code("AUTHINFO PASS pass word") == 281
        assert client.code("AUTHINFO USER ann") == 502
        assert client.code("DATE") == 111
        assert "READER" in client.rows("CAPABILITIES")
    with start("--user", "ann", "--user-only").client() as client:
        assert client.code("AUTHINFO USER bob") == 481
        assert client.code("AUTHINFO USER ann") == 281
        assert client.code("DATE") == 111


ARTICLE = (b"From: me@example.org\r\nNewsgroups: local.test.misc\r\n"
           b"Subject: posted\r\n%s\r\n")


def post(client, article, command="POST", ask=b"340 "):
    client.send(command.encode() + b"\r\n")
    status = client.line()
    assert status.startswith(ask)
    client.send(article + b".\r\n")
    return int(client.line()[:3])


def test_post(start):
    body = b"one\r\n..\r\n..two\r\n\xff\x00\r\n" + b"x" * 100000 + b"\r\n"
    with start("--spool", A, "--max-article", "200K").client() as client:
        client.ask("GROUP local.test.misc")
        whole = ARTICLE % b"Message-ID: <p1@example.org>\r\n" + body
        assert post(client, whole) == 240
        assert client.ask("BODY <p1@example.org>").startswith("222 0 ")
        assert client.block() == body
        assert client.ask("STAT 3") == "223 3 <p1@example.org>"
        assert post(client, whole) == 441
        assert post(client, ARTICLE % b"" + body) == 240
        assert client.code("STAT 4") == 223
        assert post(client, b"nothing\r\n") == 441
        assert post(client, b"") == 441
        assert post(client, whole.replace(b".misc", b".none")) == 441
        assert post(client, ARTICLE % b"" + body * 3) == 441
        assert post(client, ARTICLE % b"" + b"x" * 999999 + b"\r\n") == 441
        assert client.code("DATE") == 111
        assert client.stats()["posted"] == 2


def test_ihave(start):
    name = "<p2@example.org>"
    whole = ARTICLE % b"Message-ID: <p2@example.org>\r\n" + b"text\r\n"
    with start("--spool", A).client() as client:
        assert client.code("IHAVE <kettle@sample-a.example>") == 435
        assert client.code("IHAVE x") == 501
        assert post(client, whole, "IHAVE <p3@example.org>", b"335") == 437
        assert post(client, whole, "IHAVE " + name, b"335") == 235
        assert client.code("IHAVE " + name) == 435
        assert client.code("STAT " + name) == 223


def test_posts_are_kept(start, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "newsgroups").write_text("local.test.misc\tall\n")
    whole = ARTICLE % b"Message-ID: <p1@example.org>\r\n" + b"..a\r\n..\r\n"
    first = start("--spool", spool, "--keep-posts")
    with first.client() as client:
        assert post(client, whole) == 240
        client.ask("ARTICLE <p1@example.org>")
        article = client.block()
    first.stop()
    with start("--spool", spool).client() as client:
        client.ask("ARTICLE <p1@example.org>")
        assert client.block() == article


def test_connection_limit(start):
    server = start("--max-connections", "2")
    one, two, three = (server.client() for _ in range(3))
    assert three.greeting == b"502 connection limit\r\n"
    assert three.at_end()
    assert one.code("DATE") == two.code("DATE") == 111
    stats = server.stats()
    assert (stats["connections"], stats["peak"], stats["accepts"],
            stats["over_limit"]) == (2, 3, 3, 1)
    for client in one, two, three:
        client.close()


def test_a_closed_connection_does_not_count(start):
    """Whoever closes first and connects then is within the limit."""
    server = start("--max-connections", "1")
    for _ in range(300):
        with server.client() as client:
            assert client.greeting.startswith(b"200 ")
    stats = server.stats()
    assert (stats["peak"], stats["over_limit"]) == (1, 0)


def test_counts(start):
    server = start()
    with server.client() as client:
        client.ask("STAT <1.1@gen>")
        client.ask("STAT <miss.1@gen>")
        client.ask("NOSUCH")
        client.ask("BODY <1000.1@gen>")
        n = len(client.block()) + 3
        stats = server.stats()
        assert stats["connections"] == stats["peak"] == 1
        assert stats["commands"]["STAT"] == 2
        assert stats["commands"]["XSTATS"] == 0
        assert stats["codes"] == {"200": 1, "222": 1, "223": 1, "430": 1,
                                  "500": 1}
        assert stats["unknown"] == 1
        assert (stats["articles"], stats["articles_bytes"]) == (1, n)
    newsd.wait_until(lambda: server.stats()["connections"] == 0)
    assert server.stats()["accepts"] == 1
    server.signal(signal.SIGUSR1)
    newsd.wait_until(server.stats_file.exists)
    assert json.loads(server.stats_file.read_text())["unknown"] == 1
    server.stats_file.unlink()
    server.stop()
    assert json.loads(server.stats_file.read_text())["unknown"] == 1


def test_files(start, tmp_path):
    port, pid = tmp_path / "port", tmp_path / "pid"
    server = start("--port-file", port, "--pidfile", pid)
    assert int(port.read_text()) == server.port
    assert int(pid.read_text()) == server.child.pid
    server.stop()
    assert not pid.exists()


def test_latency(start):
    with start("--latency", "60").client() as client:
        begin = time.monotonic()
        client.send(b"DATE\r\n" * 20)
        for _ in range(20):
            assert client.line().startswith(b"111 ")
        assert 0.055 < time.monotonic() - begin < 1.2
        # An article in many pieces is not delayed piece by piece.
        begin = time.monotonic()
        assert post(client, ARTICLE % b"" + b"x\r\n" * 200000) == 441
        assert time.monotonic() - begin < 3


def test_idle_timeout(start):
    server = start("--idle-timeout", "1")
    with server.client() as client:
        assert client.at_end()
    assert server.stats()["idle_closed"] == 1


@pytest.mark.parametrize("options", [
    ["--nosuch"], ["extra"], ["--threads", "0"], ["--has", "3/3"],
    ["--has", "1"], ["--latency", "x"], ["--cache", "1X"],
    ["--user", "ann"], ["--max-connections", "-1"]])
def test_usage_errors(options):
    done = subprocess.run([newsd.program(), *options], capture_output=True,
                          text=True, timeout=newsd.LIMIT_S, check=False)
    assert done.returncode == 2
    assert "newsd" in done.stderr


@pytest.mark.parametrize("text, words", [
    ("no header at all\n", "no header with a Message-ID"),
    ("Subject: x\nNewsgroups: a\n\nx\n", "no header with a Message-ID"),
    ("Subject: x\nMessage-ID: <a@b>\n\nx\n", "no Newsgroups header"),
    ("", "no header with a Message-ID")])
def test_bad_spool(tmp_path, text, words):
    (tmp_path / "bad.art").write_text(text)
    done = subprocess.run([newsd.program(), "--spool", str(tmp_path)],
                          capture_output=True, text=True,
                          timeout=newsd.LIMIT_S, check=False)
    assert done.returncode == 1
    assert re.search("bad.art: " + words, done.stderr)


@pytest.mark.parametrize("options", [
    ["--fault", "slow=2"], ["--fault", "nosuch=1"], ["--listen", "x:1"],
    ["--generate", "1y1"], ["--spool", "/nonexistent"]])
def test_start_errors(options):
    done = subprocess.run([newsd.program(), *options], capture_output=True,
                          text=True, timeout=newsd.LIMIT_S, check=False)
    assert done.returncode == 1
    assert options[1] in done.stderr


def test_help_names_every_option():
    done = subprocess.run([newsd.program(), "--help"], capture_output=True,
                          text=True, timeout=newsd.LIMIT_S, check=True)
    assert "--max-connections N" in done.stdout
    assert "<SIZE.SEED@gen>" in done.stdout
