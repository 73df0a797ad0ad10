# SPDX-License-Identifier: BSD-2-Clause
"""Settings that only change how fast it is.

spin: answers as ever, an idle one sleeps     test_spin_*
congestion_control: of clients' sockets       test_congestion_*
"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from everywhere import IN_THE_CLEAR
from timing import Clock, wait_until
from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

IPV4 = pathlib.Path("/proc/sys/net/ipv4")


# --- spin ------------------------------------------------------------------------

def test_spin_answers_and_then_sleeps(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, proxy={"spin": "100us"},
                      log={"stats_interval": "60s"})
    client = proxy.client()
    for _ in range(200):
        assert client.code("STAT <a@x>") == "223"
    settle = Clock()
    wait_until(lambda: settle() > 0.3, what="the last answer to be over")
    ticks, clock = proxy.ticks(), Clock()
    wait_until(lambda: clock() > 1.5, what="a while")
    assert proxy.ticks() - ticks <= 3
    assert client.code("STAT <a@x>") == "223"


def test_spin_by_reload(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    client = proxy.client()
    for spin in "100us", "0", "7us":
        assert proxy.reload(be, proxy={"spin": spin})
        for _ in range(20):
            assert client.code("STAT <a@x>") == "223"
    assert not proxy.reload(be, proxy={"spin": "101us"})
    assert proxy.log_contains(r"spin: must be 0 to 100us with the unit us|"
                              r"spin.*0 to 100us")


# --- congestion control ------------------------------------------------------------

def known(name):
    return (IPV4 / ("tcp_%s_congestion_control" % name)).read_text().split()


@pytest.fixture
def other():
    """An algorithm that this process may choose, and is not the system's."""
    if shutil.which("ss") is None:
        pytest.skip("there is no ss(8)")
    system = (IPV4 / "tcp_congestion_control").read_text().strip()
    names = [name for name in known("allowed") if name != system]
    if not names:
        pytest.skip("there is no other algorithm")
    return names[0], system


def algorithms(port):
    """Of the sockets of the proxy at this port: the listening one, the others."""
    found = {}
    for kind, flag in ("listening", "-l"), ("connected", "-o"):
        text = subprocess.run(
            ["ss", "-tinH", flag, "sport = :%d" % port], check=True, text=True,
            timeout=20, stdout=subprocess.PIPE).stdout
        found[kind] = set(re.findall(r"^\s.*?\b(%s)\b" % "|".join(
            known("available")), text, re.MULTILINE))
    return found["listening"], found["connected"]


def test_congestion_of_clients(bed, other):
    name, system = other
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, proxy={"congestion_control": name})
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    assert algorithms(proxy.address[1]) == ({name}, {name})
    plain = bed.proxy(be)
    plain.client()
    assert algorithms(plain.address[1]) == ({system}, {system})


def test_congestion_at_a_unix_socket_means_nothing(bed, other):
    be = bed.fake(articles=articles("a"))
    path = bed.tmp / "sock"
    bed.proxy(be, proxy={"congestion_control": other[0]},
              sections={"listen local": {"address": "unix:%s" % path}},
              ).wait_socket(path)


def test_congestion_by_reload(bed, other):
    """What was chosen before stays with the clients that are there."""
    name, system = other
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    first, port = proxy.client(), proxy.address[1]
    assert proxy.reload(be, proxy={"congestion_control": name})
    assert algorithms(port) == ({name}, {system})
    second = proxy.client()
    assert algorithms(port) == ({name}, {system, name})
    assert proxy.reload(be, proxy={})
    assert algorithms(port)[0] == {system}
    for client in first, second, proxy.client():
        assert client.code("STAT <a@x>") == "223"


@pytest.mark.parametrize("options", [[], ["-t"]], ids=["start", "check"])
def test_congestion_unknown(bed, options):
    done = bed.run(*options, "-l", "127.0.0.1:0", "-b", "nntp://127.0.0.1:9",
                   "-s", "proxy.congestion_control=nonsense")
    assert done.returncode != 0
    assert re.search("congestion_control = nonsense: the kernel knows none",
                     done.stderr)


def test_congestion_unknown_by_reload(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    assert not proxy.reload(be, proxy={"congestion_control": "nonsense"})
    assert proxy.log_contains("congestion_control = nonsense: the kernel")
    assert proxy.client().code("STAT <a@x>") == "223"


@pytest.mark.skipif(os.geteuid() != 0, reason="for root")
def test_congestion_that_only_root_may_choose(public, bed, other):
    """It was chosen before the rights were gone, and stays; another one of
    that kind can't be had any more.  Where every user may choose all of them,
    it can."""
    names = [n for n in known("available") if n not in known("allowed")]
    # Nobody can read the file again, but could not read a key for TLS.
    be = bed.fake(articles=articles("a"), tls="no")
    bed.tmp = public
    name = names[0] if names else other[1]
    keys = {"user": "nobody", "congestion_control": name}
    proxy = bed.proxy(be, proxy=keys, listen=IN_THE_CLEAR)
    assert proxy.reload(be, proxy=dict(keys, max_clients=5))
    proxy.client()
    assert algorithms(proxy.address[1]) == ({name}, {name})
    assert proxy.reload(be, proxy={"user": "nobody",
                                   "congestion_control": other[0]})
    assert proxy.reload(be, proxy=keys) == (not names)
    if names:
        assert proxy.log_contains("not for everybody")
    assert algorithms(proxy.address[1])[0] == {other[0] if names else name}
