# SPDX-License-Identifier: BSD-2-Clause
"""newsd with faults, threads, and clients that mean no good."""

import os
import random
import resource
import socket
import threading

import pytest

import newsd

A = newsd.SAMPLES / "sample-a"
# A longer run: NEWSD_HOSTILE_SEED=7 NEWSD_HOSTILE_CLIENTS=20000
SEED = int(os.environ.get("NEWSD_HOSTILE_SEED", "1"))
CLIENTS = int(os.environ.get("NEWSD_HOSTILE_CLIENTS", "300"))


def set_fault(server, spec):
    with server.control() as control:
        return control.code("XFAULT " + spec)


def test_fault_close_in_block(start):
    with start("--fault", "close-in-block=1").client() as client:
        assert client.code("DATE") == 111
        assert client.code("BODY <1000.1@gen>") == 222
        rest = client.file.read()
        assert 0 < len(rest) < 1000
        assert not rest.endswith(b"\r\n.\r\n")


def test_fault_close_in_overview(start):
    server = start("--fault", "close-in-block=1", "--spool", A)
    with server.client() as client:
        client.ask("GROUP local.test.a")
        assert client.code("OVER 1-") == 224
        assert client.file.read().count(b"\r\n") == 1


def test_fault_close_before(start):
    server = start("--fault", "close-before=1")
    with server.client() as client:
        client.send(b"STAT <1.1@gen>\r\n")
        assert client.at_end()
    assert server.stats()["faults"]["close-before"] == 1


def test_fault_garbage_and_400(start):
    server = start("--fault", "garbage=1")
    with server.client() as client:
        assert client.ask("STAT <1.1@gen>").startswith("garbage ")
        assert set_fault(server, "400=1") == 290
        assert client.code("STAT <1.1@gen>") == 400
        assert client.at_end()


def test_fault_silent(start):
    server = start("--fault", "silent=1")
    with server.client() as client:
        client.send(b"STAT <1.1@gen>\r\nQUIT\r\n")
        newsd.wait_until(lambda: server.stats()["faults"]["silent"] == 1)
        client.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.sock.recv(1)
        # The others don't suffer, and the counts go on.
        set_fault(server, "none")
        with server.client() as other:
            assert other.code("STAT <1.1@gen>") == 223


def test_fault_slow(start):
    """64 bytes every 100 ms, so 400 bytes are at least 4 waits."""
    with start("--fault", "slow=1").client() as client:
        client.send(b"BODY <300.1@gen>\r\n")
        chunks = []
        while not b"".join(chunks).endswith(b"\r\n.\r\n"):
            chunks.append(client.sock.recv(4096))
        assert len(chunks) >= 5
        assert max(map(len, chunks)) <= 192


def test_slow_answer_hurries_up_when_faults_end(start):
    """At 640 bytes per second it would take eight minutes."""
    server = start("--fault", "slow=1")
    with server.client() as client:
        assert client.code("BODY <300000.1@gen>") == 222
        set_fault(server, "none")
        newsd.check_body(client.block(), 300000, 1)


def test_faults_are_seeded(start):
    def run():
        server = start("--fault", "garbage=0.3,seed=7")
        with server.client() as client:
            return [client.ask("STAT <1.1@gen>")[:3] for _ in range(100)]

    first = run()
    assert first == run()
    assert 10 < first.count("gar") < 50


def test_bad_fault_changes_nothing(start):
    server = start("--fault", "garbage=1")
    assert set_fault(server, "slow=0.9,400=0.9") == 501
    assert set_fault(server, "slow") == 501
    with server.client() as client:
        assert client.ask("DATE").startswith("garbage ")


def load(server, seeds, errors):
    try:
        with server.client() as client:
            for seed in seeds:
                name = "<%d.%d@gen>" % (50000 + seed, seed)
                assert client.ask("BODY " + name) == "222 0 " + name
                newsd.check_body(client.block(), 50000 + seed, seed)
    except Exception as error:  # shown by the test
        errors.append(error)


@pytest.mark.parametrize("threads", [1, 4])
def test_many_clients(start, threads):
    """The cache is smaller than what is asked for: evicted and made again
    while other threads send it."""
    server = start("--threads", threads, "--cache", "300K")
    errors = []
    clients = [threading.Thread(
        target=load, args=(server, [(n * i) % 13 for i in range(40)], errors))
        for n in range(1, 13)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert errors == []
    newsd.wait_until(lambda: server.stats()["connections"] == 0)
    stats = server.stats()
    assert stats["accepts"] == 12
    assert stats["articles"] == 12 * 40


def test_out_of_descriptors(start):
    """Who comes too many waits in the port's queue until there is room."""
    server = start()
    used = len(os.listdir("/proc/%d/fd" % server.child.pid))
    resource.prlimit(server.child.pid, resource.RLIMIT_NOFILE,
                     (used + 3, used + 3))
    early = [server.client() for _ in range(3)]
    with socket.create_connection(("127.0.0.1", server.port)) as late:
        late.settimeout(0.3)
        with pytest.raises(TimeoutError):
            late.recv(1)
        assert early[0].code("DATE") == 111
        early[1].close()
        late.settimeout(newsd.LIMIT_S)
        assert late.recv(4) == b"200 "
    for client in early:
        client.close()


def test_slow_reader_costs_no_memory(start):
    """20,000 answers of 700 kB asked for and not read."""
    server = start()

    def rss_kb():
        with open("/proc/%d/status" % server.child.pid,
                  encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        raise AssertionError("no VmRSS")

    with server.client() as client:
        client.ask("BODY <716800.1@gen>")
        client.block()
        before = rss_kb()
        client.sock.setblocking(False)
        try:
            for _ in range(20000):
                client.sock.send(b"BODY <716800.1@gen>\r\n")
        except BlockingIOError:
            pass
        newsd.wait_until(lambda: server.stats()["articles"] > 1)
        assert rss_kb() - before < 2000


VERBS = [b"ARTICLE", b"HEAD", b"BODY", b"STAT", b"GROUP local.test.a", b"NEXT",
         b"LAST", b"OVER", b"XOVER", b"HDR", b"XHDR", b"LIST", b"LISTGROUP",
         b"NEWNEWS", b"NEWGROUPS", b"POST", b"IHAVE", b"AUTHINFO USER",
         b"AUTHINFO PASS", b"MODE", b"DATE", b"HELP", b"CAPABILITIES",
         b"XSTATS", b"XFAULT", b""]
WORDS = [b"<kettle@sample-a.example>", b"<3000.7@gen>", b"<@>", b"<", b">",
         b"1", b"0", b"4294967295", b"4294967296", b"1-", b"3-2", b"-", b"*",
         b"!*,?", b"local.test.a", b"20200101", b"000000", b"GMT", b"subject",
         b":bytes", b"a" * 300, b"\xff\xfe", b"\0", b".", b"..", b"ACTIVE",
         b"NEWSGROUPS", b"HEADERS", b"READER", b"<x.y@z>", b"99999999999999999"]


def hostile_bytes(rng):
    """What one client sends: commands, nonsense, pieces of articles."""
    parts = []
    for _ in range(rng.randrange(1, 40)):
        kind = rng.random()
        if kind < 0.7:
            parts.append(b" ".join([rng.choice(VERBS)] + rng.choices(
                WORDS, k=rng.randrange(4))) + b"\r\n")
        elif kind < 0.8:
            parts.append(rng.randbytes(rng.randrange(2000)))
        elif kind < 0.85:
            parts.append(b"x" * rng.randrange(500, 20000))
        elif kind < 0.95:
            parts.append(b"From: a@b\nSubject: s\r\nNewsgroups: local.test.a"
                         b"\r\n\r\n.\r\n..x\r\n")
        else:
            parts.append(b"\r\n.\r\n")
    return b"".join(parts)


def hostile_client(port, rng):
    """Sends in pieces, reads a little now and then, and vanishes."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(0.001)
        data = hostile_bytes(rng)
        while data:
            try:
                data = data[sock.send(data[:rng.randrange(1, 5000)]):]
                if rng.random() < 0.5:
                    sock.recv(rng.randrange(1, 100000))
            except TimeoutError:
                if rng.random() < 0.02:
                    return
            except ConnectionError:
                return


@pytest.mark.parametrize("options", [
    (), ("--threads", "3", "--latency", "1"),
    ("--fault", "close-in-block=.02,close-before=.02,silent=.02,"
     "garbage=.02,400=.02,slow=.01")])
def test_hostile_clients(start, options):
    server = start("--spool", A, "--max-article", "10K", "--max-spool", "1M",
                   "--cache", "10K", "--idle-timeout", "3", *options)
    rng = random.Random(SEED)
    for _ in range(CLIENTS):
        hostile_client(server.port, rng)
    stats = server.stats()
    assert stats["accepts"] == CLIENTS
    assert all(stats["commands"][verb.split()[0].decode()] > 0
               for verb in VERBS if verb)
    newsd.wait_until(lambda: server.stats()["connections"] == 0)
    set_fault(server, "none")
    with server.client() as client:
        assert client.code("STAT <kettle@sample-a.example>") == 223
