# SPDX-License-Identifier: BSD-2-Clause
"""The least of a news client: what the servers need to be filled and what
the tests need to see every byte."""

import socket

TIMEOUT_S = 60


class News:
    """One connection. Everything that is read runs into TIMEOUT_S."""

    def __init__(self, port, user=None, password=None):
        self.sock = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.file = self.sock.makefile("rb")
        self.greeting = self.line()
        assert self.greeting[:3] in (b"200", b"201"), self.greeting
        if user and password:
            self.expect("AUTHINFO USER " + user, b"381")
            self.expect("AUTHINFO PASS " + password, b"281")
        elif user:
            self.expect("AUTHINFO USER " + user, b"281")

    def line(self):
        line = self.file.readline()
        assert line.endswith(b"\r\n"), "the line was cut: %r" % line
        return line

    def command(self, text):
        self.sock.sendall(text.encode() + b"\r\n")
        # nnrpd sends the status line and the block apart, by Nagle's rule:
        # a late acknowledgement costs 40 ms for each command.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return self.line()

    def expect(self, text, code):
        line = self.command(text)
        assert line.startswith(code), "%s: %r" % (text, line)
        return line

    def block(self, text, code):
        """The status line and the block as they are on the wire."""
        wire = [self.expect(text, code)]
        while wire[-1] != b".\r\n":
            wire.append(self.line())
        return b"".join(wire)

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def stuffed(text):
    """CRLF lines with their dots doubled and the end of the block."""
    return (b"\r\n" + text).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def undone(wire):
    """The article in a block: without status line, end and doubled dots."""
    block = wire.partition(b"\r\n")[2]
    return (b"\r\n" + block).replace(b"\r\n..", b"\r\n.")[2:-3]


def feed(port, articles):
    """Offers the articles to a server as a peer does (RFC 4644)."""
    with News(port) as peer:
        peer.expect("MODE STREAM", b"203")
        for article in articles:
            peer.sock.sendall(b"TAKETHIS %s\r\n" % article.msgid.encode() +
                              stuffed(article.whole()))
            line = peer.line()
            assert line.startswith(b"239"), (article.msgid, line)
        peer.command("QUIT")
