# SPDX-License-Identifier: BSD-2-Clause
"""A service of systemd: what it is told, and the sockets that it hands over.

READY, STOPPING, STATUS               test_notify_*
WATCHDOG only while all workers turn  test_watchdog_*
sockets, by name                      test_sockets_*
"""

import ctypes
import os
import pathlib
import re
import select
import socket
import subprocess
import sys

import pytest

from client import Client
from proxy import environment, program
from timing import LIMIT, Clock, scaled, wait_until
from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

HERE = pathlib.Path(__file__).resolve().parent
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Manager:
    """What hears the program: $NOTIFY_SOCKET."""

    def __init__(self, name):
        self.name = name
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + name[1:] if name[0] == "@" else name)
        self.heard = []

    def listen(self, limit):
        """One message more, within so many seconds, or none."""
        if select.select([self.sock], [], [], limit)[0]:
            self.heard.append(self.sock.recv(4096).decode())
            return self.heard[-1]
        return None

    def wait_for(self, start):
        wait_until(lambda: any(m.startswith(start) for m in self.heard)
                   or (self.listen(0.1) and False), what=start)
        return next(m for m in self.heard if m.startswith(start))

    def forget(self):
        while self.listen(0):
            pass
        self.heard.clear()


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    made = Manager(str(tmp_path / "notify") if request.param == "path"
                   else "@nntpmux-test-%d" % os.getpid())
    yield made
    made.sock.close()


def start(bed, manager, **env):
    return bed.proxy(bed.fake(articles=articles("a")),
                     env={"NOTIFY_SOCKET": manager.name, **env})


# --- notify ----------------------------------------------------------------------

def test_notify_ready_then_stopping(bed, manager):
    proxy = start(bed, manager)
    ready = manager.wait_for("READY=1")
    assert "MAINPID=%d" % proxy.pid in ready.split("\n")
    assert manager.wait_for("STATUS=") == "STATUS=2 workers, 1 backends"
    assert not any(m.startswith("STOPPING") for m in manager.heard)
    proxy.client().fence()
    proxy.signal()
    manager.wait_for("STOPPING=1")
    assert proxy.wait_end() == 0
    manager.forget()


def test_notify_reloading_then_ready(bed, manager):
    """Whether anything was taken over or not."""
    proxy = start(bed, manager)
    manager.wait_for("STATUS=")
    for text in None, "[nonsense]\n":
        manager.forget()
        assert proxy.reload(text=text) == (text is None)
        manager.wait_for("READY=1")
        kinds = [m.partition("=")[0] for m in manager.heard]
        assert kinds.index("RELOADING") < kinds.index("READY"), kinds
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+",
                            manager.heard[kinds.index("RELOADING")])


def test_notify_nothing_before_it_serves(bed, manager):
    taken = bed.proxy(bed.fake())
    done = bed.run("-l", "%s:%d" % taken.address, "-b", "nntp://127.0.0.1:9",
                   env={"NOTIFY_SOCKET": manager.name})
    assert done.returncode == 1
    assert manager.listen(0) is None


@pytest.mark.parametrize("name", ["", "@", "relative", "/" + "x" * 200])
def test_notify_a_name_that_is_none(bed, name):
    proxy = bed.proxy(bed.fake(), env={"NOTIFY_SOCKET": name})
    proxy.client().fence()


def test_notify_nobody_there(bed):
    proxy = bed.proxy(bed.fake(), env={"NOTIFY_SOCKET": str(bed.tmp / "no")})
    proxy.client().fence()
    proxy.wait_log("the service manager can't be told")


# --- watchdog --------------------------------------------------------------------

def test_watchdog_is_told_in_time(bed, manager):
    start(bed, manager, WATCHDOG_USEC="600000")
    manager.wait_for("STATUS=")
    manager.forget()
    for _ in range(5):
        assert manager.listen(scaled(0.6)) == "WATCHDOG=1"


def test_watchdog_that_nobody_wants(bed, manager):
    start(bed, manager)
    manager.wait_for("STATUS=")
    start(bed, manager, WATCHDOG_USEC="100000", WATCHDOG_PID="1")
    clock = Clock()
    while clock() < 1:
        manager.listen(0.1)
    assert "WATCHDOG=1" not in manager.heard


class Stopped:
    """One thread of a process, stopped; the others run. Only root may do that
    to a process that nobody may look at."""

    def __init__(self, pid, name):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.tid = next(int(task.name) for task in pathlib.Path(
            "/proc/%d/task" % pid).iterdir()
            if (task / "comm").read_text().strip() == name)

    def ptrace(self, request):
        if self.libc.ptrace(request, self.tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.ptrace(PTRACE_SEIZE)
        self.ptrace(PTRACE_INTERRUPT)
        os.waitpid(self.tid, 0x40000000)      # __WALL

    def __exit__(self, *_):
        self.ptrace(PTRACE_DETACH)


@pytest.mark.parametrize("thread", ["worker0", "worker1", "acceptor",
                                    "housekeeper"])
def test_watchdog_is_not_told_while_one_does_not_turn(bed, manager, thread):
    proxy = start(bed, manager, WATCHDOG_USEC="300000")
    manager.wait_for("WATCHDOG=1")
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            Stopped(proxy.pid, thread).__enter__()
        return
    with Stopped(proxy.pid, thread):
        proxy.wait_log("watchdog: %s has not turned" % thread)
        manager.forget()
        clock = Clock()
        while clock() < 1:
            assert manager.listen(0.1) is None
    proxy.wait_log("watchdog: %s turns again" % thread)
    manager.wait_for("WATCHDOG=1")


# --- sockets ---------------------------------------------------------------------

class Activated:
    """The program with sockets that are bound already: name and socket."""

    def __init__(self, bed, sections, *pairs, args=()):
        self.path = bed.ini(sections)
        self.log = bed.tmp / "activated.log"
        with open(self.log, "wb") as out:
            self.child = subprocess.Popen(
                [sys.executable, str(HERE / "activate.py"),
                 ",".join("%s:%d" % (name, sock.fileno())
                          for name, sock in pairs),
                 program(), "-c", str(self.path), *args],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=bed.tmp,
                env=environment(bed.tmp),
                pass_fds=[sock.fileno() for _, sock in pairs])

    def text(self):
        return self.log.read_text()

    def wait_for(self, pattern):
        wait_until(lambda: re.search(pattern, self.text())
                   or self.child.poll() is not None, what=pattern)
        assert self.child.poll() is None, self.text()

    def end(self):
        self.child.terminate()
        return self.child.wait(LIMIT)


@pytest.fixture
def activate(bed):
    started = []

    def start_one(*args, **options):
        started.append(Activated(bed, *args, **options))
        return started[-1]

    yield start_one
    for one in started:
        if one.child.poll() is None:
            one.child.kill()
            one.child.wait()


def listening(where=("127.0.0.1", 0)):
    sock = socket.socket(socket.AF_UNIX if isinstance(where, str)
                         else socket.AF_INET)
    sock.bind(where)
    sock.listen()
    return sock


def sections(bed, **listens):
    """The addresses can't be bound: only what is handed over can be used."""
    be = bed.fake(articles=articles("a"))
    return {"proxy": {"threads": 1}, "backend b": {"address": be.url},
            **{"listen " + name: {"address": "192.0.2.1:8119", "allow":
                                  "127.0.0.1", **keys}
               for name, keys in listens.items()}}


def test_sockets_by_name(bed, activate):
    first, second, third = listening(), listening(), listening()
    proxy = activate(sections(bed, main={}, closed={"deny": "127.0.0.1",
                                                    "address": "192.0.2.2:1"}),
                     ("closed", first), ("main", second), ("main", third))
    for sock in second, third:
        client = Client(sock.getsockname())
        assert client.code("STAT <a@x>") == "223"
        client.close()
        proxy.wait_for(r"listening on 127\.0\.0\.1:%d \(main\)"
                       % sock.getsockname()[1])
    assert Client(first.getsockname()).greeting[:3] == "502"
    assert proxy.end() == 0


def test_sockets_and_congestion_control(bed, activate):
    """They were made by somebody else, and get it, too."""
    names = pathlib.Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
    sock = listening()
    level, option = socket.IPPROTO_TCP, socket.TCP_CONGESTION
    before = sock.getsockopt(level, option, 16).rstrip(b"\0").decode()
    name = next((n for n in names.read_text().split() if n != before), None)
    if name is None:
        pytest.skip("there is only one algorithm")
    made = sections(bed, main={})
    made["proxy"]["congestion_control"] = name
    proxy = activate(made, ("main", sock))
    client = Client(sock.getsockname())
    assert client.code("STAT <a@x>") == "223"
    client.close()
    # the socket here is the one that was handed over
    assert sock.getsockopt(level, option, 16).rstrip(b"\0").decode() == name
    assert proxy.end() == 0


def test_sockets_and_own_listeners(bed, activate):
    sock, path = listening(), bed.tmp / "own"
    made = sections(bed, main={})
    made["listen own"] = {"address": "unix:%s" % path}
    proxy = activate(made, ("main", sock))
    proxy.wait_for(r"\(own\)")
    for address in sock.getsockname(), str(path):
        client = Client(address)
        assert client.code("STAT <a@x>") == "223"
        client.close()
    assert proxy.end() == 0
    assert not path.exists()


def test_sockets_the_file_is_not_ours(bed, activate):
    path = bed.tmp / "sock"
    sock = listening(str(path))
    proxy = activate(sections(bed, main={"allow": None}), ("main", sock))
    client = Client(str(path))
    assert client.code("STAT <a@x>") == "223"
    client.close()
    assert proxy.end() == 0
    assert path.exists()


def test_sockets_that_are_open_to_everybody(bed, activate):
    """What is bound counts, not what is configured."""
    made = sections(bed, main={"allow": None, "address": "127.0.0.1:8119"})
    proxy = activate(made, ("main", listening(("0.0.0.0", 0))))
    proxy.wait_for("main. at 0.0.0.0:[0-9]+ can be reached from outside")
    proxy.wait_for("listening on")
    assert proxy.end() == 0
    strict = activate(made, ("main", listening(("0.0.0.0", 0))),
                      args=["-s", "proxy.strict=yes"])
    assert strict.child.wait(LIMIT) == 1


@pytest.mark.parametrize("name,words", [
    ("other", r"no \[listen other\]"), ("", "no name")])
def test_sockets_that_fit_nothing(bed, activate, name, words):
    proxy = activate(sections(bed, main={"address": "127.0.0.1:0"}),
                     (name, listening()))
    assert proxy.child.wait(LIMIT) == 1
    assert re.search(words, proxy.text())


def test_sockets_that_are_none(bed, activate):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, \
            socket.socket() as idle:
        for sock in datagrams, idle:
            proxy = activate(sections(bed, main={}), ("main", sock))
            assert proxy.child.wait(LIMIT) == 1
            assert "no socket that listens" in proxy.text()


def test_sockets_of_another_process(bed):
    """A variable that was left over from somebody else means nothing."""
    proxy = bed.proxy(bed.fake(), env={"LISTEN_PID": "1", "LISTEN_FDS": "1",
                                       "LISTEN_FDNAMES": "main"})
    proxy.client().fence()
