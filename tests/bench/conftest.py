# SPDX-License-Identifier: BSD-2-Clause
"""The news server's fixture, and a server that answers by script."""

import os
import pathlib
import socket
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "newsd"), str(ROOT / "bench")]

import newsd            # noqa: E402

LIMIT_S = 60


def program(variable, path):
    """$VARIABLE, else the path below the current directory or the root."""
    if variable in os.environ:
        return os.environ[variable]
    for top in pathlib.Path.cwd(), ROOT:
        if (top / path).exists():
            return str(top / path)
    raise FileNotFoundError("build %s first, or set %s" % (path, variable))


@pytest.fixture
def start(tmp_path):
    """start(option, ...) gives a running news server."""
    servers = []

    def start_one(*options):
        home = tmp_path / ("newsd%d" % len(servers))
        home.mkdir()
        servers.append(newsd.Newsd(home, *options))
        return servers[-1]

    yield start_one
    for server in servers:
        server.kill()


class Script:
    """A server of a few connections: talk(sock, read_line) is what it does on
    each, one after the other or at the same time."""

    def __init__(self, talk, connections):
        self.talk = talk
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT_S)
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.run, daemon=True)
                        for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self):
        try:
            sock, _ = self.listener.accept()
            with sock, sock.makefile("rb") as file:
                sock.settimeout(LIMIT_S)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(b"200 hello\r\n")
                self.talk(sock, file.readline)
                while file.readline():
                    pass
        except OSError:
            pass        # the client has left

    def close(self):
        """The clients have ended, so the threads have, or will."""
        for thread in self.threads:
            thread.join(LIMIT_S)
        self.listener.close()


@pytest.fixture
def script():
    """script(talk, connections) gives a running Script."""
    scripts = []

    def start_one(talk, connections=1):
        scripts.append(Script(talk, connections))
        return scripts[-1]

    yield start_one
    for one in scripts:
        one.close()
