# SPDX-License-Identifier: BSD-2-Clause
"""Starts bench/newsd/newsd and talks to it.

The program is $NEWSD, else bench/newsd/newsd below the current directory,
else below the root of the project.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "bench" / "newsd"
LIMIT_S = 20


def program():
    if "NEWSD" in os.environ:
        return os.environ["NEWSD"]
    for top in pathlib.Path.cwd(), ROOT:
        path = top / "bench" / "newsd" / "newsd"
        if path.exists():
            return str(path)
    raise FileNotFoundError("build newsd first, or set NEWSD")


def wait_until(condition):
    limit = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.005)


class Client:
    """One connection; the greeting is read."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        self.file = self.sock.makefile("rb")
        self.greeting = self.line()

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        return self.file.readline()

    def block(self):
        """The lines of a block as on the wire, without the final dot."""
        lines = []
        while True:
            line = self.line()
            assert line.endswith(b"\r\n"), "cut short"
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line)

    def ask(self, command):
        self.send(command.encode("latin-1") + b"\r\n")
        return self.line().decode("latin-1").rstrip("\r\n")

    def code(self, command):
        return int(self.ask(command)[:3])

    def rows(self, command):
        """The block of an answer, by lines."""
        status = self.ask(command)
        assert status[0] in "12", status
        return self.block().decode("latin-1").split("\r\n")[:-1]

    def stats(self):
        return json.loads(self.rows("XSTATS")[0])

    def at_end(self):
        return self.file.read(1) == b""

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Newsd:
    """A running server with a control port."""

    def __init__(self, tmp, *options):
        self.errors = tmp / "stderr"
        self.stats_file = tmp / "stats.json"
        with open(self.errors, "wb") as errors:
            self.child = subprocess.Popen(
                [program(), "--listen", "127.0.0.1:0",
                 "--control", "127.0.0.1:0",
                 "--stats-file", str(self.stats_file),
                 *map(str, options)],
                stdout=subprocess.PIPE, stderr=errors, text=True)
        control = self.child.stdout.readline()
        listening = self.child.stdout.readline()
        assert control.startswith("control on 127.0.0.1:")
        assert listening.startswith("listening on 127.0.0.1:")
        self.control_port = int(control.rpartition(":")[2])
        self.port = int(listening.rpartition(":")[2])

    def client(self):
        return Client(self.port)

    def control(self):
        return Client(self.control_port)

    def stats(self):
        with self.control() as control:
            return control.stats()

    def signal(self, number):
        self.child.send_signal(number)

    def stop(self):
        """Ends it by TERM; it must not have complained."""
        self.signal(signal.SIGTERM)
        code = self.child.wait(LIMIT_S)
        self.child.stdout.close()
        assert (code, self.errors.read_text()) == (0, "")

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


def decode_yenc(lines):
    """The data of one part: lines between =ybegin and =yend, not stuffed."""
    data = bytearray()
    escaped = False
    for byte in b"".join(lines).replace(b"\r\n", b""):
        if escaped:
            byte -= 64
            escaped = False
        elif byte == ord("="):
            escaped = True
            continue
        data.append((byte - 42) % 256)
    return bytes(data)


def split(block):
    """Lines with their line ends; only CRLF ends one."""
    return [line + b"\r\n" for line in block.split(b"\r\n")[:-1]]


def unstuff(block):
    return b"".join(line[1:] if line.startswith(b".") else line
                    for line in split(block))


def check_body(body, size, seed):
    """A generated body, as on the wire, is the one of this message-id."""
    start = b"=ybegin line=128 size=%d name=gen-%d-%d.bin\r\n" % (
        size, size, seed)
    assert body.startswith(start)
    rest, _, last = body[:-2].rpartition(b"\r\n")
    assert last == b"newsd crc32=%08x" % zlib.crc32(rest + b"\r\n")
