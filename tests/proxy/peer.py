# SPDX-License-Identifier: BSD-2-Clause
"""One connection as a fake server sees it: bytes and lines, in and out.

What is said over it is server.py's.  A test orders events with Gates, which a
script waits for.
"""

import contextlib
import select
import socket
import ssl
import struct
import threading

from timing import LIMIT, wait_until

TCP_ESTABLISHED = 1


class Gone(Exception):
    """The peer closed, or the fake is being stopped."""


class Gate:
    """Shut until a test opens it."""

    def __init__(self):
        self.event = threading.Event()

    def open(self):
        self.event.set()

    def wait(self, conn=None):
        """For the gate, or (given one) for the end of the connection."""
        if conn is None:
            assert self.event.wait(LIMIT), "a gate stayed shut"
            return
        wait_until(lambda: self.event.is_set() or conn.fake.stopping.is_set()
                   or conn.is_over(), LIMIT * 4, "a gate")
        if not self.event.is_set():
            raise Gone


def queued_at_peer(sock):
    """Bytes that the peer of sock has received but not read yet."""
    local, peer = sock.getsockname(), sock.getpeername()
    v6 = sock.family == socket.AF_INET6
    want = ":%04X" % peer[1]
    other = ":%04X" % local[1]
    with open("/proc/net/tcp6" if v6 else "/proc/net/tcp") as f:
        for row in f:
            field = row.split(None, 5)
            if field[1].endswith(want) and field[2].endswith(other):
                return int(field[4].partition(":")[2], 16)
    return 0


class Peer:
    """One connection, as the fake sees it."""

    def __init__(self, fake, sock, n):
        self.fake = fake
        self.sock = sock
        self.n = n                  # 0 for the first that was accepted
        self.lines = []             # every line that was read
        self.buf = b""
        self.open = True
        self.lock = threading.Lock()
        self.thread = None          # that plays its script

    # --- TLS

    def secure(self, context):
        """From here on by TLS; what was read before is forgotten."""
        self.buf = b""
        with self.lock:
            if not self.open:
                raise Gone
            self.sock = context.wrap_socket(self.sock, server_side=True,
                                            do_handshake_on_connect=False)
        try:
            self.sock.do_handshake()
        except OSError as error:
            with self.fake.lock:
                self.fake.handshake_errors.append(str(error))
            raise Gone

    def say_bye(self):
        """A close-notify, without waiting for that of the peer."""
        if not isinstance(self.sock, ssl.SSLSocket):
            return
        self.sock.setblocking(False)
        with contextlib.suppress(OSError, ValueError):
            self.sock.unwrap()

    # --- out

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone

    def say(self, *lines):
        self.send("".join(line + "\r\n" for line in lines))

    def send_split(self, data, *places):
        """In pieces, cut at places; each was read before the next goes."""
        at = 0
        for place in (*places, len(data)):
            if place > at:
                self.send(data[at:place])
                self.wait_read()
            at = max(at, place)

    def trickle(self, data):
        """One byte in each packet."""
        self.send_split(data, *range(1, len(data)))

    def wait_read(self):
        """Until the peer has read all that was sent."""
        wait_until(lambda: self.is_over() or not queued_at_peer(self.sock),
                   what="the proxy to read")

    # --- in

    def read_line(self):
        """The next line without its end, as text."""
        while b"\n" not in self.buf:
            self.buf += self.read_some()
        line, _, self.buf = self.buf.partition(b"\n")
        line = line.rstrip(b"\r").decode("latin-1")
        with self.fake.lock:
            self.lines.append(line)
            self.fake.history.append((self.n, line))
        return line

    def read_lines(self, n):
        return [self.read_line() for _ in range(n)]

    def read_block(self):
        """A block as it came, terminator included; if it breaks off, what
        there is of it stays in buf."""
        data, seen = bytearray(self.buf), 0
        try:
            while True:
                if data[:3] == b".\r\n":
                    end = 3
                    break
                end = data.find(b"\r\n.\r\n", seen) + 5
                if end > 4:
                    break
                seen = max(0, len(data) - 4)
                data += self.read_some()
        except Gone:
            self.buf = bytes(data)
            raise
        self.buf = bytes(data[end:])
        return bytes(data[:end])

    def read_some(self):
        try:
            data = self.sock.recv(65536)
        except OSError:
            raise Gone
        if not data:
            raise Gone
        return data

    def has_more(self):
        """A line is there that was not asked for yet."""
        return bool(self.buf) or bool(self.poll(select.POLLIN)) \
            or isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0

    def poll(self, events):
        with self.lock:
            if not self.open:
                return 0
            poller = select.poll()
            poller.register(self.sock, events)
            found = poller.poll(0)
            return found[0][1] & (events | select.POLLHUP | select.POLLERR) \
                if found else 0

    def is_over(self):
        """One side has closed."""
        return not self.open or bool(self.poll(select.POLLRDHUP))

    def is_held(self):
        """A provider would count it: accepted, and closed by nobody."""
        if not self.open:
            return False
        with self.lock:
            if not self.open:
                return False
            info = self.sock.getsockopt(socket.IPPROTO_TCP,
                                        socket.TCP_INFO, 1)
            return info[0] == TCP_ESTABLISHED

    def hang(self):
        """Say and read nothing until the peer closes."""
        wait_until(lambda: self.is_over() or self.fake.stopping.is_set(),
                   LIMIT * 4, "the proxy to give up")
        raise Gone

    def pace(self, seconds):
        """The server takes its time (not scaled: it is the server's)."""
        if self.fake.stopping.wait(seconds):
            raise Gone

    # --- end

    def close(self):
        """An orderly end, also from another thread (then TLS is cut)."""
        with self.lock:
            if self.open:
                if threading.current_thread() is self.thread:
                    self.say_bye()
                with contextlib.suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RDWR)
                self.sock.close()
            self.open = False

    def cut(self):
        """An end by FIN; a peer that listens to TLS is not told."""
        self.thread = None
        self.close()

    def reset(self):
        """An end by RST."""
        with self.lock:
            if self.open:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     struct.pack("ii", 1, 0))
                # a thread that is reading keeps close() from sending it
                with contextlib.suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RD)
                self.sock.close()
            self.open = False
