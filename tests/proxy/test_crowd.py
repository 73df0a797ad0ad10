# SPDX-License-Identifier: BSD-2-Clause
"""200 readers in groups, 50 downloaders and 10 posters at once, before three
backends of 8 connections; runs with -m load.

The reserve leaves 21 readers a connection at any time; the others get 403 and
come again. A poster needs a slot for as long as an article takes and asks for
it among them. So nobody may starve: each poster posts, and each STAT is
answered within two seconds.

NNTPMUX_LOAD_SECONDS  how long (60)       NNTPMUX_LOAD_SEED  of all choices (1)
NNTPMUX_NEWSD         the news server; else it is beside the program
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

import pytest

from client import Client
from proxy import HERE, program
from timing import SLOW, Clock, scaled, wait_until

pytestmark = [pytest.mark.load, pytest.mark.modes("hy")]

SECONDS = float(os.environ.get("NNTPMUX_LOAD_SECONDS", "60"))
SEED = os.environ.get("NNTPMUX_LOAD_SEED", "1")
ARTICLES, SIZE, MOST = 60, 3000, 8


class Newsd:
    """bench/newsd with a group of generated articles."""

    def __init__(self, tmp, name, first):
        self.name, self.first, self.errors = name, first, []
        self.options = {"max_connections": MOST, "posting": "yes"}
        files = [tmp / (name + end) for end in (".port", ".control", ".log")]
        with open(files[2], "wb") as log:
            self.child = subprocess.Popen(
                [newsd(), "--max-connections", str(MOST), "--port-file",
                 str(files[0]), "--control", "127.0.0.1:0",
                 "--control-port-file", str(files[1]), "--first-number",
                 str(first), "--generate",
                 "%dx%d:local.crowd" % (ARTICLES, SIZE), "--group",
                 "local.test"], stdout=log, stderr=log)
        wait_until(lambda: all(f.exists() and f.read_text().strip()
                               for f in files[:2]), what="newsd's ports")
        port, self.control = (int(f.read_text()) for f in files[:2])
        self.address = ("127.0.0.1", port)
        self.url = "127.0.0.1:%d" % port

    def stats(self):
        client = Client(("127.0.0.1", self.control), greet=False)
        client.say("XSTATS")
        while not client.line().startswith("282"):
            pass
        counts = json.loads(client.block()[:-5])
        client.close()
        return counts

    def stop(self):
        self.child.terminate()
        assert self.child.wait(10) == 0


def newsd():
    return os.environ.get("NNTPMUX_NEWSD") or str(
        pathlib.Path(program()).parent / "bench" / "newsd" / "newsd")


def names_of(backends):
    """What crowd.py must know of the articles, from the backends."""
    names = {}
    for be in backends:
        client = Client(be.address)
        assert client.code("GROUP local.crowd") == "211"
        for row in client.fetch("XOVER %d-" % be.first)[1].split(b"\r\n")[:-2]:
            n, _, _, _, msgid = row.decode().split("\t")[:5]
            _, block = client.fetch("ARTICLE " + msgid)
            known = names.setdefault(msgid, [hashlib.sha1(block).hexdigest(),
                                             []])
            assert known[0] == hashlib.sha1(block).hexdigest()
            known[1].append(int(n))
        client.close()
    assert len(names) == ARTICLES
    return names


def start(bed, proxy, who, names, readers, downloaders, posters):
    return subprocess.Popen(
        [sys.executable, str(HERE / "crowd.py"), *map(str, proxy.address),
         str(SECONDS), SEED + who, str(readers), str(downloaders),
         str(posters), str(names)],
        stdout=open(bed.tmp / (who + ".out"), "w"), stderr=subprocess.PIPE,
        text=True)


def assert_posted_once(backends, posted):
    """Each article is at one backend, and none is anywhere else."""
    clients = [Client(be.address) for be in backends]
    for msgid, digest in posted:
        at = [c for c in clients if c.code("STAT " + msgid) == "223"]
        assert len(at) == 1, "%s is at %d backends" % (msgid, len(at))
        block = at[0].fetch("BODY " + msgid)[1]
        assert hashlib.sha1(block).hexdigest() == digest, msgid
    for client in clients:
        client.close()


def test_readers_downloaders_and_posters(bed):
    backends = [bed.add(Newsd(bed.tmp, "be%d" % i, 1 + 1000 * i))
                for i in range(3)]
    names = bed.tmp / "names"
    names.write_text(json.dumps(names_of(backends)))
    wait_until(lambda: all(be.stats()["connections"] == 0 for be in backends),
               what="our own connections to be closed")
    before = [be.stats() for be in backends]
    proxy = bed.proxy(*backends,
                      proxy={"wait_timeout": "%ds" % (20 * SLOW)})
    clock = Clock()
    jobs = {"a": start(bed, proxy, "a", names, 200, 0, 10),
            "b": start(bed, proxy, "b", names, 0, 50, 0)}
    wait_until(lambda: all(job.poll() is not None for job in jobs.values()),
               timeout=SECONDS + 60, what="the crowd")
    for job in jobs.values():
        assert job.returncode == 0, job.communicate()[1]
    a, b = (json.loads((bed.tmp / (who + ".out")).read_text())
            for who in jobs)
    after = [be.stats() for be in backends]
    print(a["counts"], b["counts"], "longest STAT %.3f s" % b["longest"],
          a["posters"], "in %.0f s" % clock())
    assert b["longest"] < scaled(2)
    assert a["counts"]["sessions"] > 0 and b["counts"]["bodies"] > 0
    assert a["counts"]["full"] > 0, "the reserve was never met"
    assert min(a["posters"].values()) > 0, "a poster starved"
    assert [be["over_limit"] for be in after] == [0, 0, 0]
    assert max(be["peak"] for be in after) <= MOST
    assert sum(y["posted"] - x["posted"] for x, y in zip(before, after)) \
        == len(a["posted"])
    proxy.stop()
    proxy.assert_at_rest()
    wait_until(lambda: all(be.stats()["connections"] == 0 for be in backends),
               what="all connections to be closed")
    assert_posted_once(backends, a["posted"])
