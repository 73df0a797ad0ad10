#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""TLS handshakes per second of a listener, full and resumed, with 1 and 2
workers.

    bench/handshakes.py PROGRAM [SECONDS]

Clients are processes of this script on the same machine, so what they need is
taken from the server; what counts is "ms": processor time of the server for one
handshake, with its connection, greeting and QUIT.
"""

import multiprocessing
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tests" / "proxy"))

from certs import Authority, trusting      # noqa: E402

CLIENTS = 4
TICKS = os.sysconf("SC_CLK_TCK")


def start(tmp, program, cert, workers):
    """The server, and its port."""
    path = tmp / "nntpmux.ini"
    path.write_text("[proxy]\nthreads = %d\n[listen main]\n"
                    "address = 127.0.0.1:0\ntls = implicit\ntls_cert = %s\n"
                    "[backend none]\naddress = 127.0.0.1:1\n"
                    "[health]\ninterval = 0\n" % (workers, cert))
    log = tmp / "log"
    with open(log, "wb") as out:
        child = subprocess.Popen([program, "-c", str(path)], stderr=out)
    while True:
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", log.read_text())
        if found:
            return child, int(found.group(1))
        assert child.poll() is None, log.read_text()
        time.sleep(0.01)


def shake_hands(context, port, session):
    """One connection; gives its session."""
    sock = context.wrap_socket(
        socket.create_connection(("127.0.0.1", port)),
        server_hostname="localhost", session=session)
    sock.recv(1024)             # the greeting; tickets came before it
    assert session is None or sock.session_reused
    sock.sendall(b"QUIT\r\n")
    sock.recv(1024)
    new = sock.session
    sock.close()
    return new


def play(ca, port, is_resuming, until, count):
    context = trusting(ca)
    session = shake_hands(context, port, None)
    n = 0
    while time.monotonic() < until:
        new = shake_hands(context, port, session if is_resuming else None)
        session = new if is_resuming else None
        n += 1
    with count.get_lock():
        count.value += n


def cpu_ms(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        field = f.read().rpartition(")")[2].split()
    return (int(field[11]) + int(field[12])) * 1000 / TICKS


def measure(ca, child, port, is_resuming, seconds):
    count = multiprocessing.Value("l", 0)
    before = cpu_ms(child.pid)
    until = time.monotonic() + seconds
    players = [multiprocessing.Process(
        target=play, args=(ca, port, is_resuming, until, count))
        for _ in range(CLIENTS)]
    for player in players:
        player.start()
    for player in players:
        player.join()
    return count.value / seconds, (cpu_ms(child.pid) - before) / count.value


def main():
    program = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as name:
        tmp = pathlib.Path(name)
        ca = Authority(tmp)
        print("key  workers  kind      per second  ms")
        for key in "ec", "rsa":
            cert = ca.issue("localhost", key=key)
            cert.chmod(0o600)
            for workers in 1, 2:
                child, port = start(tmp, program, cert, workers)
                try:
                    for kind in "full", "resumed":
                        rate, ms = measure(ca, child, port,
                                           kind == "resumed", seconds)
                        print("%-4s %7d  %-8s %11.0f  %.3f" % (
                            key, workers, kind, rate, ms), flush=True)
                finally:
                    child.terminate()
                    child.wait(30)


if __name__ == "__main__":
    main()
