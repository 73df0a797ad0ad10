# SPDX-License-Identifier: BSD-2-Clause
"""A blunt news client: sends what it is told, reads with a time limit."""

import socket
import ssl
import struct

from timing import LIMIT
from tls_socket import TlsSocket

PIECE = 1 << 18
UNEXPECTED_EOF = "UNEXPECTED_EOF_WHILE_READING"


def to_bytes(text):
    return text.encode("utf-8") if isinstance(text, str) else bytes(text)


def is_listening(path):
    """Whether somebody listens at this unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class Client:
    """One connection to address: (host, port) or the path of a socket.

    Everything that is read runs into an AssertionError after LIMIT
    seconds, so that no test hangs.  greeting holds the first line unless
    the client was made with greet=False.  With secure, an SSL context, it
    speaks TLS from the start.
    """

    def __init__(self, address, greet=True, rcvbuf=None, source=None,
                 secure=None):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
        elif ":" in address[0]:
            self.sock = socket.socket(socket.AF_INET6)
        else:
            self.sock = socket.socket(socket.AF_INET)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            self.sock.bind(source)
        self.sock.settimeout(LIMIT)
        self.sock.connect(address)
        if not isinstance(address, str):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = bytearray()
        self.was_cut = False        # the end came by RST, or TLS was cut
        self.received = 0
        self.greeting = None
        if secure:
            self.secure(secure)
        if greet:
            self.greeting = self.line()

    # --- TLS

    def secure(self, context, name="localhost"):
        """From here on by TLS; an end without a close-notify is an error."""
        self.sock = TlsSocket(self.sock, context, name)

    def starttls(self, context, name="localhost"):
        status = self.ask("STARTTLS")
        assert status[:3] == "382", status
        assert not self.buf, self.buf
        self.secure(context, name)

    # --- out

    def send(self, data):
        """Raw bytes (text is encoded as UTF-8); no line end is added."""
        try:
            self.sock.sendall(to_bytes(data))
        except socket.timeout:
            raise AssertionError("nobody takes what the client sends")

    def say(self, *commands):
        """Command lines, all in one write."""
        self.send(b"".join(to_bytes(c) + b"\r\n" for c in commands))

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        """Gone with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    # --- in

    def fill(self):
        """Read a piece more; False at the end of the stream."""
        try:
            data = self.sock.recv(PIECE)
        except socket.timeout:
            raise AssertionError("no answer in time; so far: %r"
                                 % bytes(self.buf[-200:]))
        except ssl.SSLZeroReturnError:
            return False
        except (ConnectionResetError, ssl.SSLError) as error:
            if getattr(error, "reason", UNEXPECTED_EOF) != UNEXPECTED_EOF:
                raise
            self.was_cut = True
            return False
        self.buf += data
        self.received += len(data)
        return bool(data)

    def take(self, n):
        out = bytes(self.buf[:n])
        del self.buf[:n]
        return out

    def raw_line(self):
        """One line with its CRLF."""
        seen = 0
        while (end := self.buf.find(b"\n", seen)) < 0:
            seen = len(self.buf)
            if not self.fill():
                raise AssertionError("the connection ended; so far: %r"
                                     % bytes(self.buf[-200:]))
        return self.take(end + 1)

    def line(self):
        """One line as text, without CRLF; a line without CR is a fault."""
        raw = self.raw_line()
        assert raw.endswith(b"\r\n"), raw
        return raw[:-2].decode("latin-1")

    def exactly(self, n):
        while len(self.buf) < n:
            if not self.fill():
                raise AssertionError("the connection ended")
        return self.take(n)

    def exactly_or_end(self, n):
        """n bytes, or what there is of them at the end of the stream."""
        while len(self.buf) < n and self.fill():
            pass
        return self.take(min(n, len(self.buf)))

    def block(self):
        """A multi-line block as it came, terminator included."""
        if self.peek(3) == b".\r\n":
            return self.take(3)
        seen = 0
        while (end := self.buf.find(b"\r\n.\r\n", seen)) < 0:
            seen = max(0, len(self.buf) - 4)
            if not self.fill():
                raise AssertionError("cut inside a block of %d bytes: …%r"
                                     % (len(self.buf), bytes(self.buf[-80:])))
        return self.take(end + 5)

    def peek(self, n):
        while len(self.buf) < n:
            if not self.fill():
                raise AssertionError("the connection ended; so far: %r"
                                     % bytes(self.buf))
        return bytes(self.buf[:n])

    def has_more(self):
        """Waits for a byte; False when the stream ended instead."""
        return bool(self.buf) or self.fill()

    def rest(self):
        """Everything up to the end of the stream."""
        while self.fill():
            pass
        return self.take(len(self.buf))

    def at_end(self):
        """The stream ends here, without another byte."""
        rest = self.rest()
        assert rest == b"", rest[:200]

    # --- both

    def ask(self, command):
        """A command; gives the status line."""
        self.say(command)
        return self.line()

    def code(self, command):
        """A command; gives the code of the status line."""
        return self.ask(command)[:3]

    def fetch(self, command):
        """A command with a block; gives (status line, block)."""
        status = self.ask(command)
        assert status[:1] in "12", status
        return status, self.block()

    def fence(self):
        """Nothing is on its way: the next line is the answer to this."""
        status = self.ask("MODE READER")
        assert status[:3] in ("200", "201"), status

    def expect(self, *codes):
        """The codes of the next lines."""
        got = [self.line()[:3] for _ in codes]
        assert got == [str(c) for c in codes]

    def login(self, user, password):
        """AUTHINFO USER and PASS; gives the code of the last answer."""
        assert self.code("AUTHINFO USER " + user) == "381"
        return self.code("AUTHINFO PASS " + password)
