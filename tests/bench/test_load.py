# SPDX-License-Identifier: BSD-2-Clause
"""The load generator counts what it got, and takes nothing for an answer that
is none."""

import json
import os
import re
import socket
import subprocess
import zlib

import pytest

from conftest import LIMIT_S, program


def run(port, *options):
    return subprocess.run(
        [program("BENCH_LOAD", "bench/load/load"), "--connect",
         "127.0.0.1:%d" % port, *map(str, options)], timeout=LIMIT_S,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)


def results(port, *options):
    done = run(port, *options)
    assert (done.returncode, done.stderr) == (0, "")
    ready, numbers = done.stdout.splitlines()
    assert ready == "ready"
    return json.loads(numbers)


def complaint(port, *options):
    done = run(port, *options)
    assert done.returncode == 1
    return done.stderr


def article_id(command):
    return re.search(rb"<(\d+)\.(\d+)@gen>", command)


def body_for(command):
    """A body as newsd makes them, but for the data."""
    size, seed = article_id(command).groups()
    text = b"=ybegin line=128 size=%s name=gen-%s-%s.bin\r\n..dots\r\n" % (
        size, size, seed)
    return text + b"newsd crc32=%08x\r\n" % zlib.crc32(text)


def answer(command, body=None):
    body = body_for(command) if body is None else body
    return b"222 0 %s\r\n%s.\r\n" % (article_id(command).group(), body)


# --- counts ---

@pytest.mark.parametrize("depth", [1, 2, 50])
def test_all_verbs_verified(start, depth):
    server = start()
    got = results(server.port, "--connections", 3, "--depth", depth,
                  "--commands", "ARTICLE=1,BODY=2,HEAD=1,STAT=2",
                  "--sizes", "0,1,127,4K,300000", "--count", 600, "--verify")
    stats = server.stats()
    assert got["commands"] == 600
    sent = {verb: stats["commands"][verb]
            for verb in ("ARTICLE", "BODY", "HEAD", "STAT")}
    assert sum(sent.values()) == 600 and min(sent.values()) > 30
    assert got["verified"] == 600 - sent["STAT"]
    greetings = 3 * len("200 newsd ready\r\n")
    with server.control() as control:
        assert got["bytes"] == control.stats()["bytes_out"] - greetings


def test_by_time(start):
    got = results(start().port, "--connections", 5, "--sizes", "1K",
                  "--warm-up", 50, "--time", 200)
    assert got["seconds"] >= 0.2
    assert got["commands"] > 0 and got["connections"] == 5
    assert got["share"]["min"] <= got["commands"] / 5 <= got["share"]["max"]
    assert got["own_cpu_s"] > 0


def test_waits_for_an_answer_per_client(start):
    got = results(start("--latency", 300).port, "--connections", 4,
                  "--commands", "STAT", "--warm-up", 0, "--time", 1)
    assert got["commands"] >= 4 and got["share"]["min"] > 0
    assert got["own_cpu_s"] < got["seconds"] / 2        # it sleeps meanwhile


def test_latencies(start):
    got = results(start("--latency", 20).port, "--commands", "STAT",
                  "--count", 20)["latency_us"]
    assert 20000 * 0.95 <= got["p50"] <= got["p99"] <= got["p99.9"]
    assert got["p99.9"] <= got["max"]


def test_thinks(start):
    got = results(start().port, "--commands", "STAT", "--count", 5,
                  "--think", 50000)
    assert got["seconds"] >= 0.2
    assert got["latency_us"]["p50"] < 50000


def test_depth(script):
    """All that may be in flight is sent before an answer comes."""
    def talk(sock, read_line):
        commands = [read_line() for _ in range(10)]
        sock.sendall(b"".join(map(answer, commands)))

    got = results(script(talk).port, "--depth", 10, "--count", 10, "--verify")
    assert got["verified"] == 10


def test_idle(start):
    server = start()
    got = results(server.port, "--connections", 300, "--idle", "--time", 50)
    assert got["commands"] == 0
    assert server.stats()["peak"] == 300
    assert sum(server.stats()["commands"].values()) == 0


def test_idle_beside(start):
    server = start()
    got = results(server.port, "--connections", 3, "--idle-beside", 200,
                  "--commands", "STAT", "--count", 300)
    assert (got["connections"], got["commands"]) == (3, 300)
    assert got["share"]["max"] >= 100 >= got["share"]["min"] > 0
    stats = server.stats()
    assert stats["peak"] == 203 and stats["commands"]["STAT"] == 300
    with server.control() as control:
        greetings = 203 * len("200 newsd ready\r\n")
        assert got["bytes"] == control.stats()["bytes_out"] - greetings


def test_idle_beside_must_stay(start):
    """Clients that ask all the time stay; one that does not is closed."""
    server = start("--idle-timeout", 1)
    assert "lost its connection" in complaint(
        server.port, "--commands", "STAT", "--idle-beside", 1, "--time",
        1000 * LIMIT_S)


def test_slow_beside(start):
    """They are read at their rate, checked, and not counted with the others:
    each answer that is has the same length."""
    server = start()
    options = ("--sizes", "100K", "--articles", 1, "--verify")
    one = results(server.port, *options, "--count", 1)
    got = results(server.port, *options, "--connections", 2, "--slow-beside",
                  3, "--slow-read", 5000, "--count", 50)
    assert (got["connections"], got["commands"], got["verified"]) == (2, 50, 50)
    assert got["bytes"] == 50 * one["bytes"]
    assert got["share"]["min"] + got["share"]["max"] == 50
    slow = got["slow"]
    assert slow["connections"] == 3 and slow["commands"] >= 3
    assert slow["verified"] == slow["commands"]
    assert slow["bytes"] >= slow["commands"] * one["bytes"]
    reads = got["seconds"] * 100 + 1
    assert slow["bytes"] <= 3 * reads * 5000
    assert one["slow"]["connections"] == one["slow"]["bytes"] == 0


def test_slow_beside_by_time(start):
    """A slow one has its answer, too, before the end."""
    got = results(start().port, "--sizes", "100K", "--slow-beside", 1,
                  "--slow-read", "2K", "--time", 1, "--warm-up", 0,
                  "--idle-beside", 2)
    assert got["slow"]["commands"] == 1 <= got["commands"]
    assert got["seconds"] > 0.4


def test_seed_decides(start):
    def sent(seed):
        server = start()
        results(server.port, "--commands", "BODY,STAT", "--count", 50,
                "--seed", seed)
        return server.stats()["commands"]["STAT"], server.stats()["bytes_out"]

    assert sent(1) == sent(1) != sent(2)


def test_watch(start):
    server = start()
    got = results(server.port, "--count", 200, "--watch", server.child.pid)
    assert got["watched_cpu_s"] > 0
    assert "--watch" in complaint(server.port, "--count", 1, "--watch",
                                  2 ** 22)    # more than any Linux has


# --- where an answer ends ---

def talk_in_pieces(size):
    def talk(sock, read_line):
        while command := read_line():
            text = answer(command)
            for i in range(0, len(text), size):
                sock.sendall(text[i:i + size])
    return talk


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_in_pieces(script, size):
    got = results(script(talk_in_pieces(size)).port, "--count", 20, "--verify")
    assert got["verified"] == 20


@pytest.mark.parametrize("size", [1, 5])
def test_many_in_pieces(script, size):
    got = results(script(talk_in_pieces(size)).port, "--count", 20, "--depth",
                  4, "--verify")
    assert got["verified"] == 20


@pytest.mark.parametrize("depth", [1, 3])
def test_empty_blocks(script, depth):
    def talk(sock, read_line):
        while command := read_line():
            sock.sendall(answer(command, b""))

    assert results(script(talk).port, "--count", 9, "--depth",
                   depth)["commands"] == 9


# --- what is no answer ---

@pytest.mark.parametrize("change, words", [
    (lambda text: text.replace(b"222", b"430", 1), "not an answer"),
    (lambda text: text.replace(b"222", b"220", 1), "not an answer"),
    (lambda text: text.replace(b"@gen>", b"@other>", 1), "not an answer"),
    (lambda text: b"x" * 600 + text, "not an answer"),
    (lambda text: text.replace(b"dots", b"dost"), "wrong bytes"),
    (lambda text: text.replace(b"..dots", b".dots"), "wrong bytes"),
    (lambda text: text.replace(b"name=gen", b"name=neg"), "wrong bytes"),
    (lambda text: text.replace(b"newsd crc32=", b"newsd crc32=f"),
     "wrong bytes"),
    (lambda text: answer(text, b""), "wrong bytes"),
])
def test_is_no_answer(script, change, words):
    def talk(sock, read_line):
        sock.sendall(answer(read_line()))
        sock.sendall(change(answer(read_line())))

    assert words in complaint(script(talk).port, "--count", 3, "--verify")


def test_slow_one_reads_wrong_bytes(script):
    """The client that counts asks nothing, so it is not his."""
    def talk(sock, read_line):
        if command := read_line():
            sock.sendall(answer(command).replace(b"dots", b"dost"))

    server = script(talk, connections=2)
    assert "wrong bytes" in complaint(server.port, "--idle", "--slow-beside",
                                      1, "--verify")


def test_slow_one_loses_its_connection(script):
    def talk(sock, read_line):
        if read_line():
            sock.shutdown(socket.SHUT_RDWR)

    server = script(talk, connections=2)
    assert "lost its connection" in complaint(server.port, "--idle",
                                              "--slow-beside", 1)


def test_bytes_that_nobody_asked_for(script):
    def talk(sock, read_line):
        read_line()
        sock.sendall(b"223 0 <716800.0@gen>\r\n" * 2)

    assert "nobody asked" in complaint(
        script(talk).port, "--commands", "STAT", "--articles", 1, "--think",
        1000000, "--count", 3)


def test_talks_to_idle_client(script):
    def talk(sock, read_line):
        sock.sendall(b"400 bye\r\n")

    assert "nobody asked" in complaint(script(talk).port, "--idle")


def test_is_cut(start):
    server = start("--fault", "close-in-block=1")
    assert "end of file" in complaint(server.port, "--count", 1)


def test_is_refused():
    with socket.socket() as bound:      # and nobody listens
        bound.bind(("127.0.0.1", 0))
        assert "Connection refused" in complaint(bound.getsockname()[1])


def test_wrong_greeting(start):
    server = start("--max-connections", 1)
    assert "not a greeting: 502" in complaint(server.port, "--connections", 2,
                                              "--idle")


# --- the command line ---

@pytest.mark.parametrize("options", [
    ["--connections", "0"], ["--commands", "NOSUCH"], ["--commands", ""],
    ["--commands", "BODY=0"], ["--commands", "BODY=x"], ["--sizes", ""],
    ["--sizes", "1,2,3,4,5,6,7,8,9"], ["--sizes", "65M"], ["--depth", "257"],
    ["--depth", "0"], ["--idle", "--count", "1"], ["--watch", "0"],
    ["--connect", "localhost:1"], ["--connect", "127.0.0.1"], ["more"],
    ["--nosuch"], ["--articles", "0"], ["--slow-read", "0"],
    ["--slow-read", "257K"], ["--slow-beside", "x"], ["--idle-beside", "-1"],
])
def test_usage(options):
    assert run(1, *options).returncode == 2


def test_help():
    done = run(1, "--help")
    assert done.returncode == 0 and "--connect HOST:PORT" in done.stdout
    assert os.path.basename(program("BENCH_LOAD", "bench/load/load")) == "load"
