# SPDX-License-Identifier: BSD-2-Clause
"""TLS over a connected socket, for a client that may end its own direction and
read on, which ssl.SSLSocket can't: it looks for the peer's end at once, and
takes an answer that is on its way for a fault.
"""

import socket
import ssl

PIECE = 1 << 18


class TlsSocket:
    """What it does not have is asked of the socket, or of the SSLObject."""

    def __init__(self, sock, context, name):
        self.sock = sock
        self.buf = b""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing,
                                    server_hostname=name)
        self.run(self.tls.do_handshake)

    def __getattr__(self, name):
        return getattr(self.sock if hasattr(self.sock, name) else self.tls,
                       name)

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.sendall(data)

    def run(self, call, *args):
        """call, as soon as what it needs has come."""
        while True:
            try:
                return call(*args)
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(PIECE)
                self.incoming.write(data) if data \
                    else self.incoming.write_eof()
            finally:
                self.flush()

    def sendall(self, data):
        while data:
            data = data[self.run(self.tls.write, data):]

    def recv(self, size):
        if not self.buf:
            return self.run(self.tls.read, size)
        data, self.buf = self.buf[:size], self.buf[size:]
        return data

    def shutdown(self, how):
        """A close-notify and the end, behind which reading goes on."""
        assert how == socket.SHUT_WR
        try:
            while data := self.tls.read(PIECE):     # what is here already
                self.buf += data
        except ssl.SSLWantReadError:
            pass
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()
        self.sock.shutdown(how)

    def close(self):
        self.sock.close()
