# SPDX-License-Identifier: BSD-2-Clause
"""Many clients for a while; runs with -m load.

NNTPMUX_LOAD_SECONDS  how long (60)       NNTPMUX_LOAD_CLIENTS  how many (500)
NNTPMUX_LOAD_SEED     of all random choices (1)
"""

import os
import re
import subprocess
import sys

import pytest

from load import make_articles
from proxy import HERE
from timing import SLOW, Clock, wait_until

pytestmark = [pytest.mark.load, pytest.mark.modes("hy")]

SECONDS = float(os.environ.get("NNTPMUX_LOAD_SECONDS", "60"))
CLIENTS = int(os.environ.get("NNTPMUX_LOAD_CLIENTS", "500"))
SEED = os.environ.get("NNTPMUX_LOAD_SEED", "1")
ARTICLES, SIZE, MOST = 40, 3000, 10


def start_clients(proxy, clients, seed):
    host, port = proxy.address
    return subprocess.Popen(
        [sys.executable, str(HERE / "load.py"), host, str(port),
         str(clients), str(SECONDS), seed, str(ARTICLES), str(SIZE)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_load(bed):
    whole = make_articles(ARTICLES, SIZE)
    ids = list(whole)
    # A third only here, a third only there, a third at both.
    fakes = [bed.fake("one", {m: whole[m] for m in ids[:27]},
                      max_connections=MOST, replacement_cooldown="20ms"),
             bed.fake("two", {m: whole[m] for m in ids[13:]},
                      max_connections=MOST, replacement_cooldown="20ms")]
    proxy = bed.proxy(*fakes, log={"stats_interval": "1s"},
                      proxy={"wait_timeout": "%ds" % (40 * SLOW),
                             "command_timeout": "%ds" % (50 * SLOW)})
    client = proxy.client()
    assert client.code("STAT " + ids[0]) == "223"
    client.close()
    proxy.wait_log("end=client-eof")
    fds, clock = proxy.fds() - sum(be.held for be in fakes), Clock()
    jobs = [start_clients(proxy, CLIENTS // 2, SEED + "a"),
            start_clients(proxy, CLIENTS - CLIENTS // 2, SEED + "b")]
    early = None

    def running():
        nonlocal early
        for be in fakes:
            assert be.held <= MOST
        if early is None and clock() > SECONDS / 3:
            early = proxy.rss()
        return all(job.poll() is not None for job in jobs)

    wait_until(running, timeout=SECONDS + 120, what="the clients")
    late = proxy.rss()
    for job in jobs:
        out, err = job.communicate()
        print(out.strip())
        assert job.returncode == 0, err
        assert int(re.search(r"answers=(\d+)", out).group(1)) > 0
    print("rss %d kB -> %d kB, peaks %s" % (early // 1024, late // 1024,
                                            [be.peak for be in fakes]))
    assert max(be.peak for be in fakes) <= MOST
    if SLOW == 1:
        assert late <= early * 1.1
    wait_until(lambda: proxy.fds() - sum(be.held for be in fakes) <= fds,
               what="descriptors as at the start: %d, %d" % (fds, proxy.fds()))
    proxy.stop()
    proxy.assert_at_rest()
