# SPDX-License-Identifier: BSD-2-Clause
"""A scripted news server: correct unless a test tells it otherwise.

    be = Fake(articles={"<a@x>": article("<a@x>")})
    be.on["STAT"] = reply("430 no such article")     # another answer
    be.script = [silent, None]    # the 1st connection by silent(), others well

A script is a function of a connection (server.Conn) that plays the whole
conversation; None is the correct server (sick.py has others).  An entry of
`on` is a function of (connection, line) that plays one answer.  Every connection has its thread;
an exception in one other than "the peer is gone" fails the test that made
the fake.

A test orders events with Gates, which a script waits for, and with the
wait_… functions; nothing sleeps.
"""

import contextlib
import select
import socket
import threading

from peer import Gate, Gone, queued_at_peer      # noqa: F401
from server import SETUP, Conn, verb_of
from timing import LIMIT, SLOW, wait_until


def reply(text, data=b""):
    """An answer for Fake.on: a status line, then data as it is."""
    raw = text if isinstance(text, bytes) else text.encode() + b"\r\n"
    return lambda conn, line: conn.send(raw + data)


def takes(first="340 send it", last="240 thank you"):
    """For Fake.on: POST or IHAVE with these answers, the article between
    them; last may be a function of the connection."""
    def play(conn, line):
        conn.say(first)
        conn.take_article()
        last(conn) if callable(last) else conn.say(last)
    return play


def numbered(msgids, first=1):
    """A group: these articles, numbered from first on."""
    return dict(enumerate(msgids, first))


class Fake:
    """The server.  options go into its [backend NAME] section.

    groups is {name: {number: message-id}}; without it local.test holds all
    articles, numbered from first on.
    """

    def __init__(self, name="be", articles=None, *, groups=None, first=1,
                 login=None, greeting=b"200 fake server ready\r\n",
                 family=socket.AF_INET, host=None, **options):
        self.name = name
        self.articles = dict(articles or {})
        self.groups = {"local.test": numbered(self.articles, first)} \
            if groups is None else groups
        self.posted = []                    # articles as they came, whole
        self.halves = []                    # and those that broke off
        self.login = login                  # (user, password or None)
        self.greeting = greeting
        self.capabilities = ["VERSION 2", "READER", "OVER MSGID", "HDR",
                             "LIST ACTIVE NEWSGROUPS OVERVIEW.FMT"]
        self.script = None                  # one, or a list: the last stays
        self.on = {}
        self.options = options
        self.lock = threading.Lock()
        self.history = []                   # (connection, line) in order
        self.conns = []                     # all that were ever accepted
        self.peak = 0                       # most held at one time
        self.errors = []
        self.stopping = threading.Event()
        self.threads = []
        self.sock = socket.socket(family)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((host or ("::1" if family == socket.AF_INET6
                                 else "127.0.0.1"), 0))
        self.address = self.sock.getsockname()[:2]
        self.up()

    @property
    def url(self):
        host, port = self.address
        return "%s:%d" % ("[%s]" % host if ":" in host else host, port)

    # --- what a test asks

    @property
    def accepts(self):
        return len(self.conns)

    @property
    def held(self):
        """Never more than there were when it was asked: all that are looked
        at were accepted before, so each that still is, was."""
        return sum(c.is_held() for c in list(self.conns))

    @property
    def seen(self):
        """Commands in order, without those that set a connection up."""
        with self.lock:
            return [line for _, line in self.history
                    if verb_of(line) not in SETUP]

    def asked(self, verb):
        return [line for line in self.seen if verb_of(line) == verb]

    def all_lines(self):
        with self.lock:
            return [line for _, line in self.history]

    def wait_seen(self, n=1, verb=None):
        """Until n real commands (of verb) were read."""
        wait_until(lambda: len(self.asked(verb) if verb else self.seen) >= n,
                   what="%s to see %d commands" % (self.name, n))

    def wait_accepts(self, n):
        wait_until(lambda: self.accepts >= n,
                   what="%s to have accepted %d" % (self.name, n))

    def wait_held(self, n):
        wait_until(lambda: self.held == n,
                   what="%s to hold %d connections" % (self.name, n))

    def conns_of(self, *verbs):
        """Numbers of the connections that were asked one of these."""
        with self.lock:
            return sorted({n for n, line in self.history
                           if verb_of(line) in verbs})

    def wait_posted(self, n=1):
        wait_until(lambda: len(self.posted) >= n,
                   what="%s to have %d articles" % (self.name, n))

    def count(self, group):
        """What 211 says of a group: how many, lowest, highest."""
        numbers = self.groups[group]
        return "%d %d %d" % (len(numbers), min(numbers, default=1),
                             max(numbers, default=0))

    def span(self, group):
        """What LIST says of it: highest, lowest."""
        _, low, high = self.count(group).split()
        return high + " " + low

    # --- what a test does to it

    def close_all(self, how=Conn.close):
        for conn in list(self.conns):
            how(conn)

    def say_all(self, data):
        """Bytes that nobody asked for, on every open connection."""
        for conn in list(self.conns):
            if conn.is_held():
                conn.send(data)

    def down(self):
        """Close everything; the port refuses (it stays ours)."""
        self.end_listener()
        self.close_all()
        self.sock = socket.socket(self.sock.family)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(self.address)

    def up(self):
        """Listen."""
        self.sock.listen(512)
        self.acceptor = threading.Thread(target=self.accept_all,
                                         args=(self.sock,), daemon=True)
        self.acceptor.start()

    def end_listener(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        if self.acceptor:
            self.acceptor.join(LIMIT)
        self.acceptor = None
        self.sock.close()

    def stop(self):
        self.stopping.set()
        self.end_listener()
        self.close_all()
        for thread in self.threads:
            thread.join(LIMIT)
            assert not thread.is_alive(), "a script of %s hangs" % self.name

    # --- threads

    def accept_all(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = Conn(self, sock, len(self.conns))
            self.conns.append(conn)
            self.peak = max(self.peak, self.held)
            thread = threading.Thread(target=self.run, args=(conn,),
                                      daemon=True)
            self.threads.append(thread)
            thread.start()

    def script_for(self, conn):
        if not isinstance(self.script, (list, tuple)):
            return self.script
        return self.script[min(conn.n, len(self.script) - 1)]

    def run(self, conn):
        try:
            (self.script_for(conn) or Conn.serve)(conn)
        except Gone:
            pass
        except Exception as error:
            if not self.stopping.is_set():
                self.errors.append(error)
        finally:
            conn.close()

# --- ports where no server is -----------------------------------------------

class Refusing:
    """A port that refuses: bound, not listening."""

    def __init__(self, name="refusing", **options):
        self.name, self.options = name, options
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.url = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.errors = []

    def stop(self):
        self.sock.close()


class BlackHole:
    """A port where SYNs vanish: the accept queue is full for ever."""

    def __init__(self, name="hole", **options):
        self.name, self.options = name, options
        self.errors = []
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(0)
        self.url = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.fillers = []
        while not self.fillers or self.is_connected(self.fillers[-1]):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self.sock.getsockname())
            self.fillers.append(filler)

    @staticmethod
    def is_connected(sock):
        poller = select.poll()
        poller.register(sock, select.POLLOUT)
        return bool(poller.poll(100 * SLOW))

    def stop(self):
        for filler in self.fillers:
            filler.close()
        self.sock.close()
