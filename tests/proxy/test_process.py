# SPDX-License-Identifier: BSD-2-Clause
"""Configuration and process: the running program.

address in use -> exit 1              test_address_in_use
TERM under load, second TERM          test_term_*
descriptor limit                      test_descriptor_limit_*
listeners, allow, deny, max_clients   test_listener_*, test_allow_*, test_full_*
pidfile, daemon                       test_pidfile_*, test_daemon_*
"""

import contextlib
import os
import pathlib
import resource
import signal
import socket
import stat
import subprocess
import threading

import pytest

from client import Client, is_listening
from everywhere import IN_THE_CLEAR
from fake import Gate
from proxy import environment, program
from timing import LIMIT, Clock, scaled, wait_until
from wire import END, articles, body, lines, stuff

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")


# --- TERM, INT ---------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_term_idle_client_gets_400_at_once(bed, number):
    proxy = bed.proxy(bed.fake(articles=articles("a")))
    fresh, used = proxy.client(), proxy.client()
    assert used.code("STAT <a@x>") == "223"
    clock = Clock()
    proxy.signal(number)
    for client in fresh, used:
        assert client.line()[:3] == "400"
        client.at_end()
        client.close()
    assert proxy.wait_end() == 0
    assert clock() < scaled(3)


def test_term_the_answer_in_flight_arrives_whole(bed):
    be, gate = bed.fake(articles=articles("a")), Gate()
    text = lines(300000).replace(b"\r\n.", b"\r\n..")[1:]

    def slow(conn, line):
        conn.send(b"222 0 <a@x>\r\n" + text)
        gate.wait(conn)
        conn.send(text + END)

    be.on["BODY"] = slow
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("BODY <a@x>") == "222"
    proxy.signal()
    proxy.wait_log("(?i)term|shut|stop|down")
    gate.open()
    assert client.block() == text + text + END
    assert client.line()[:3] == "400"
    client.at_end()
    client.close()
    assert proxy.wait_end() == 0


def test_term_accepts_nobody_any_more(bed):
    be, gate = bed.fake(), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.say("223 0 <a@x>"))
    proxy = bed.proxy(be)
    idle, busy = proxy.client(), proxy.client()
    busy.say("STAT <a@x>")
    be.wait_seen(1)
    proxy.signal()
    assert idle.line()[:3] == "400"
    try:
        late = Client(proxy.address, greet=False)
        assert late.rest()[:3] in (b"", b"400")
    except ConnectionError:
        pass
    gate.open()
    assert busy.line() == "223 0 <a@x>"
    assert busy.line()[:3] == "400"
    assert proxy.wait_end() == 0


def test_term_later_commands_of_a_pipeline_are_not_run(bed):
    be, gate = bed.fake(articles=articles("a"), pipeline_depth=1,
                        max_connections=1), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    proxy = bed.proxy(be)
    client = proxy.client()
    client.say(*["STAT <a@x>"] * 10)
    be.wait_seen(1)
    proxy.signal()
    proxy.wait_log("(?i)term|shut|stop|down")
    gate.open()
    answers = client.rest().split(b"\r\n")[:-1]
    assert answers[-1][:3] == b"400"
    assert all(line == b"223 0 <a@x>" for line in answers[:-1])
    assert proxy.wait_end() == 0


def test_term_ends_in_time_though_a_backend_hangs(bed):
    be = bed.fake()
    be.on["BODY"] = lambda c, line: (c.send(b"222 0 <a@x>\r\nx"), c.hang())
    proxy = bed.proxy(be, bed.black_hole(min_idle=2),
                      proxy={"shutdown_timeout": "500ms"},
                      routing={"strategy": "round-robin"})
    client = proxy.client()
    assert client.code("BODY <a@x>") == "222"
    clock = Clock()
    proxy.signal()
    assert client.rest() == b"x"
    assert proxy.wait_end() == 0
    assert clock() < scaled(3)


def test_term_ends_in_time_though_a_client_does_not_read(bed):
    be = bed.fake()
    be.on["BODY"] = lambda c, line: c.send(
        b"222 0 <a@x>\r\n" + b"x" * (32 << 20) + b"\r\n.\r\n")
    proxy = bed.proxy(be, proxy={"shutdown_timeout": "500ms"})
    client = proxy.client(rcvbuf=16384)
    assert client.code("BODY <a@x>") == "222"
    clock = Clock()
    proxy.signal()
    assert proxy.wait_end() == 0
    assert clock() < scaled(3)
    got = client.rest()
    assert not got.endswith(END)


def test_term_a_second_one_ends_at_once(bed):
    be = bed.fake()
    be.on["BODY"] = lambda c, line: (c.send(b"222 0 <a@x>\r\nx"), c.hang())
    proxy = bed.proxy(be, proxy={"shutdown_timeout": "1h"})
    client, idle = proxy.client(), proxy.client()
    assert client.code("BODY <a@x>") == "222"
    proxy.signal()
    assert idle.line()[:3] == "400"
    clock = Clock()
    proxy.signal()
    assert client.rest() == b"x"
    assert proxy.wait_end() == 0
    assert clock() < scaled(2)


def test_term_under_load(bed):
    be = bed.fake(articles=articles("a", size=200000))
    want = b"222 0 <a@x>\r\n" + stuff(body(be.articles["<a@x>"]))
    proxy = bed.proxy(be)
    wrong, counts = [], [0] * 8

    def work(i, client):
        while True:
            try:
                client.say("BODY <a@x>")
            except OSError:
                pass            # closed on us; what it said is still there
            first = client.line() if client.has_more() else "400"
            if first[:3] == "400":
                return
            got = (first + "\r\n").encode() + client.block()
            if got != want:
                wrong.append(got[:100])
                return
            counts[i] += 1

    jobs = [threading.Thread(target=work, args=(i, proxy.client()))
            for i in range(8)]
    for job in jobs:
        job.start()
    wait_until(lambda: min(counts) >= 3, what="a busy proxy")
    proxy.signal()
    assert proxy.wait_end() == 0
    for job in jobs:
        job.join()
    assert not wrong


def test_signals_that_mean_nothing_end_nothing(bed):
    proxy = bed.proxy(bed.fake())
    client = proxy.client()
    for number in signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH:
        proxy.signal(number)
    client.fence()


# --- listeners ---------------------------------------------------------------

def test_address_in_use(bed):
    proxy = bed.proxy(bed.fake())
    done = bed.run("-l", "%s:%d" % proxy.address, "-b", "nntp://127.0.0.1:9")
    assert done.returncode == 1
    assert "%s:%d" % proxy.address in done.stderr
    assert "in use" in done.stderr.lower()
    proxy.client().fence()


def test_address_that_is_not_ours(bed):
    done = bed.run("-l", "192.0.2.1:8119", "-b", "nntp://127.0.0.1:9")
    assert done.returncode == 1 and "192.0.2.1" in done.stderr


def test_listener_v4_v6_and_unix(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, listeners=3, sections={
        "listen six": {"address": "[::1]:0"},
        "listen local": {"address": "unix:%s" % (bed.tmp / "sock")}})
    for name in "main", "six", "local":
        client = proxy.client(name)
        assert client.greeting[:3] == "201"
        assert client.code("STAT <a@x>") == "223"
        assert client.code("QUIT") == "205"
        client.at_end()


def test_listener_unix_mode_and_removal(bed):
    path = bed.tmp / "sock"
    proxy = bed.proxy(bed.fake(), listen={"address": "unix:%s" % path,
                                          "unix_mode": "0600"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert proxy.client().code("HELP") == "100"


def test_listener_stale_unix_socket_is_replaced(bed):
    path = bed.tmp / "sock"
    old = socket.socket(socket.AF_UNIX)
    old.bind(str(path))
    old.close()
    proxy = bed.proxy(bed.fake(), listen={"address": "unix:%s" % path})
    assert proxy.client().code("HELP") == "100"


def test_listener_live_unix_socket_without_room(bed):
    """It is asked whether anybody is there; its answer is not waited for."""
    path = bed.tmp / "sock"
    with socket.socket(socket.AF_UNIX) as other, contextlib.ExitStack() as all:
        other.bind(str(path))
        other.listen(0)
        with pytest.raises(BlockingIOError):
            for _ in range(10):
                full = all.enter_context(socket.socket(socket.AF_UNIX))
                full.setblocking(False)
                full.connect(str(path))
        done = bed.run("-l", "unix:%s" % path, "-b", "nntp://127.0.0.1:9")
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_listener_live_unix_socket_is_not_stolen(bed):
    path = bed.tmp / "sock"
    proxy = bed.proxy(bed.fake(), listen={"address": "unix:%s" % path})
    done = bed.run("-l", "unix:%s" % path, "-b", "nntp://127.0.0.1:9")
    assert done.returncode == 1
    assert proxy.client().code("HELP") == "100"


def test_listener_file_in_the_place_of_a_socket(bed):
    path = bed.ini("precious", "sock")
    done = bed.run("-l", "unix:%s" % path, "-b", "nntp://127.0.0.1:9")
    assert done.returncode == 1
    assert path.read_text() == "precious"


def refused(client):
    line = client.line()
    client.at_end()
    return line[:3]


@pytest.mark.parametrize("keys,allowed", [
    ({}, True), ({"allow": "127.0.0.0/8"}, True),
    ({"allow": "127.0.0.1"}, True), ({"allow": "10.0.0.0/8"}, False),
    ({"allow": "::1"}, False), ({"deny": "127.0.0.1"}, False),
    ({"deny": "127.0.0.1/32", "allow": "127.0.0.0/8"}, False),
    ({"deny": "10.0.0.0/8"}, True),
    ({"allow": "10.0.0.0/8, 127.0.0.0/9"}, True)])
def test_allow_and_deny(bed, keys, allowed):
    proxy = bed.proxy(bed.fake(), listen={**keys, **IN_THE_CLEAR})
    client = proxy.client(greet=False)
    if allowed:
        assert client.line()[:3] == "201"
        client.fence()
    else:
        assert refused(client) == "502"


def test_allow_by_source_address(bed):
    proxy = bed.proxy(bed.fake(), listen={"deny": "127.0.0.2",
                                          **IN_THE_CLEAR})
    proxy.client(source=("127.0.0.3", 0)).fence()
    client = proxy.client(greet=False, source=("127.0.0.2", 0))
    assert refused(client) == "502"


def test_allow_v6(bed):
    proxy = bed.proxy(bed.fake(), listen={"address": "[::1]:0",
                                          "deny": "::1", **IN_THE_CLEAR})
    assert refused(proxy.client(greet=False)) == "502"


def test_full_server_400_and_close(bed):
    proxy = bed.proxy(bed.fake(), proxy={"max_clients": 3},
                      listen=IN_THE_CLEAR)
    clients = [proxy.client() for _ in range(3)]
    for _ in range(3):
        late = proxy.client(greet=False)
        assert refused(late) == "400"
    for client in clients:
        client.fence()
    clients[0].close()

    def let_in():
        client = proxy.client(greet=False)
        return client.line()[:3] == "201"

    wait_until(let_in, what="a place")


# --- descriptors -------------------------------------------------------------

def test_descriptor_limit_accept_pauses_and_resumes(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, listen=IN_THE_CLEAR)
    first = proxy.client()
    assert first.code("STAT <a@x>") == "223"
    limit = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE,
                     (proxy.fds() + 3, limit[1]))
    waiting = [proxy.client(greet=False) for _ in range(10)]
    assert [client.line()[:3] for client in waiting[:3]] == ["201"] * 3
    ticks, clock = proxy.ticks(), Clock()
    for _ in range(50):
        assert first.code("STAT <a@x>") == "223"
    wait_until(lambda: clock() > 1, what="a second")
    assert proxy.ticks() - ticks < scaled(15), "a busy loop"
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, limit)
    for client in waiting[3:]:
        assert client.line()[:3] == "201"
        client.fence()


def test_descriptor_limit_freed_places_are_used(bed):
    proxy = bed.proxy(bed.fake(), listen=IN_THE_CLEAR)
    assert proxy.client().code("DATE") == "111"
    limit = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE,
                     (proxy.fds() + 2, limit[1]))
    clients = [proxy.client(greet=False) for _ in range(6)]
    while clients:
        client = clients.pop(0)
        assert client.line()[:3] == "201"
        client.close()


def test_descriptor_limit_too_low_for_max_clients(bed):
    """It is raised to the hard limit, or said."""
    proxy = bed.proxy(bed.fake(), proxy={"max_clients": 500},
                      limits=(resource.RLIMIT_NOFILE, (64, 4096)))
    assert resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)[0] >= 500


def test_descriptor_hard_limit_too_low_is_said(bed):
    proxy = bed.proxy(bed.fake(), ready=False,
                      proxy={"max_clients": 500},
                      limits=(resource.RLIMIT_NOFILE, (100, 100)))
    wait_until(lambda: proxy.find_listeners() or not proxy.is_alive(),
               what="a start or an end")
    if not proxy.is_alive():
        assert proxy.wait_end() in (1, 78)
    assert proxy.log_contains(r"(?i)max_clients|descriptors|open files")


# --- pidfile, daemon ---------------------------------------------------------

def wait_pidfile(path, proxy):
    wait_until(lambda: path.exists()
               and path.read_text() == "%d\n" % proxy.pid,
               what="the pidfile")


def test_pidfile_is_written_and_removed(bed):
    path = bed.tmp / "pid"
    proxy = bed.proxy(bed.fake(), proxy={"pidfile": path})
    wait_pidfile(path, proxy)
    proxy.stop()
    assert not path.exists()


def test_pidfile_option(bed):
    path = bed.tmp / "pid"
    proxy = bed.proxy(bed.fake(), args=["-p", path])
    wait_pidfile(path, proxy)


def test_pidfile_stale_is_replaced(bed):
    path = bed.ini("999999999\n", "pid")
    proxy = bed.proxy(bed.fake(), proxy={"pidfile": path})
    wait_pidfile(path, proxy)


def test_pidfile_that_cannot_be_written(bed):
    done = bed.run("-l", "127.0.0.1:0", "-b", "nntp://127.0.0.1:9",
                   "-p", "/nonexistent/pid")
    assert done.returncode == 1 and "/nonexistent/pid" in done.stderr


def test_pidfile_whoever_reads_it_may_signal(bed):
    """It is written when signals have their meaning already."""
    path = bed.tmp / "pid"
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"x")
    proxy = bed.proxy(bed.fake(), proxy={"pidfile": path}, ready=False)

    def is_open():
        try:
            return path in map(pathlib.Path.resolve, pathlib.Path(
                "/proc/%d/fd" % proxy.pid).iterdir())
        except FileNotFoundError:
            return False        # another one was closed meanwhile
    wait_until(is_open, what="the pidfile to be open")
    proxy.signal(signal.SIGHUP)

    def has_pid():
        try:
            return b"\n" in os.read(fd, 4096)
        except BlockingIOError:
            return False
    wait_until(has_pid, what="the pidfile")
    os.close(fd)
    proxy.wait_ready()
    proxy.wait_log("the configuration was read again")


def end_daemon(path):
    """TERM to the process in a pidfile, and its end."""
    pid = int(path.read_text())
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not pathlib.Path("/proc/%d" % pid).exists()
               or "State:\tZ" in
               pathlib.Path("/proc/%d/status" % pid).read_text(),
               what="the daemon to end")


def test_daemon(bed):
    be, log, pid = bed.fake(articles=articles("a")), bed.tmp / "log", \
        bed.tmp / "pid"
    sock = bed.tmp / "sock"
    path = bed.ini({"proxy": {"threads": 1, "pidfile": pid},
                    "listen main": {"address": "unix:%s" % sock},
                    "backend b": {"address": be.url},
                    "log": {"target": "file:%s" % log}})
    done = bed.run("-d", "-c", path)
    assert done.returncode == 0, done.stderr
    try:
        assert int(pid.read_text()) > 1, "the parent left too early"
        status = pathlib.Path("/proc/%s/status"
                              % pid.read_text().strip()).read_text()
        assert "PPid:\t%d\n" % os.getpid() not in status
        client = Client(str(sock))
        assert client.code("STAT <a@x>") == "223"
        client.close()
    finally:
        end_daemon(pid)
    assert not pid.exists()


def test_daemon_that_cannot_bind_says_so(bed):
    proxy = bed.proxy(bed.fake())
    done = bed.run("-d", "-l", "%s:%d" % proxy.address,
                   "-b", "nntp://127.0.0.1:9", "-p", bed.tmp / "pid")
    assert done.returncode == 1 and done.stderr


def test_daemon_wrong_file_78(bed):
    done = bed.run("-d", "-c", bed.ini("[foo]\n"))
    assert done.returncode == 78


def test_foreground_wins_when_it_is_last(bed):
    proxy = bed.proxy(bed.fake(), args=["-d", "-f"])
    assert proxy.is_alive()


def test_closed_standard_descriptors_do_no_harm(bed):
    """Else a socket may become descriptor 2 and get the log."""
    be = bed.fake(articles=articles("a"))
    sock = bed.tmp / "sock"
    path = bed.ini({"listen main": {"address": "unix:%s" % sock},
                    "backend b": {"address": be.url}})
    child = subprocess.Popen(
        ["sh", "-c", 'exec "$0" -c "$1" 0<&- 1>&- 2>&-', program(),
         str(path)], env=environment(bed.tmp), cwd=bed.tmp)
    try:
        wait_until(lambda: is_listening(sock), what="the listener")
        client = Client(str(sock))
        for _ in range(5):
            assert client.ask("STAT <a@x>") == "223 0 <a@x>"
        client.say("QUIT")
        assert client.rest()[:4] == b"205 "
    finally:
        child.terminate()
        assert child.wait(LIMIT) == 0
