# SPDX-License-Identifier: BSD-2-Clause
"""TLS over a connected socket, for a client that may end its own direction and
read on, which ssl.SSLSocket can't: it looks for the peer's end at once, and
takes an answer that is on its way for a fault. One thread may send while another
reads.
"""

import socket
import ssl
import threading

PIECE = 1 << 18


class TlsSocket:
    """What it does not have is asked of the socket, or of the SSLObject."""

    def __init__(self, sock, context, name):
        self.sock = sock
        self.buf = b""
        self.state = threading.Lock()       # of the SSLObject
        self.sending = threading.Lock()     # records keep their order
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing,
                                    server_hostname=name)
        self.run(self.tls.do_handshake)

    def __getattr__(self, name):
        return getattr(self.sock if hasattr(self.sock, name) else self.tls,
                       name)

    def flush(self):
        """Who has nothing to send does not wait for another who has."""
        while self.outgoing.pending:
            with self.sending:
                with self.state:
                    data = self.outgoing.read()
                self.sock.sendall(data)

    def take(self, data):
        with self.state:
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def run(self, call, *args):
        """call, as soon as what it needs has come."""
        while True:
            try:
                with self.state:
                    return call(*args)
            except ssl.SSLWantReadError:
                self.flush()
                self.take(self.sock.recv(PIECE))
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
