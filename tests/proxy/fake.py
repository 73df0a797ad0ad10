# SPDX-License-Identifier: BSD-2-Clause
"""A scripted news server: correct unless a test tells it otherwise.

    be = Fake(articles={"<a@x>": article("<a@x>")})
    be.on["STAT"] = reply("430 no such article")     # another answer
    be.script = [hang, None]      # the 1st connection by hang(), others well

A script is a function of a connection (class Conn) that plays the whole
conversation; None is the correct server.  An entry of `on` is a function of
(connection, line) that plays one answer.  Every connection has its thread;
an exception in one other than "the peer is gone" fails the test that made
the fake.

A test orders events with Gates, which a script waits for, and with the
wait_… functions; nothing sleeps.
"""

import contextlib
import re
import select
import socket
import struct
import threading

from timing import LIMIT, SLOW, wait_until
from wire import body, head, stuff

SETUP = ("MODE", "AUTHINFO", "CAPABILITIES", "QUIT")
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


def reply(text, data=b""):
    """An answer for Fake.on: a status line, then data as it is."""
    raw = text if isinstance(text, bytes) else text.encode() + b"\r\n"
    return lambda conn, line: conn.send(raw + data)


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


class Conn:
    """One connection, as the fake sees it."""

    def __init__(self, fake, sock, n):
        self.fake = fake
        self.sock = sock
        self.n = n                  # 0 for the first that was accepted
        self.lines = []             # every line that was read
        self.buf = b""
        self.open = True
        self.lock = threading.Lock()
        self.user = None
        self.logged_in = False
        self.quit = False

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
        return bool(self.buf) or bool(self.poll(select.POLLIN))

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
        """An orderly end, also from another thread."""
        with self.lock:
            if self.open:
                with contextlib.suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RDWR)
                self.sock.close()
            self.open = False

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

    # --- the correct server

    def serve(self):
        """The whole conversation of a correct server."""
        self.greet()
        self.serve_commands()

    def greet(self):
        self.send(self.fake.greeting)

    def serve_login(self):
        """Greet and answer what a proxy says before it works; gives the
        first line that is a real command."""
        self.greet()
        while True:
            line = self.read_line()
            if verb_of(line) not in SETUP:
                return line
            self.answer(line)

    def serve_commands(self, n=None):
        """Answer n commands, or all."""
        while n is None or n > 0:
            self.answer(self.read_line())
            n = n and n - 1

    def answer(self, line):
        verb = verb_of(line)
        if self.fake.login and not self.logged_in and verb not in SETUP:
            self.say("480 log in")
            return
        handler = self.fake.on.get(verb) or getattr(self, "on_" + verb, None)
        if handler is None:
            self.say("500 what")
        elif verb in self.fake.on:
            handler(self, line)
        else:
            handler(line)

    def on_QUIT(self, line):
        self.quit = True
        self.say("205 bye")
        raise Gone

    def on_MODE(self, line):
        self.say("200 posting allowed")

    def on_CAPABILITIES(self, line):
        self.send(b"101 list\r\n" + "".join(
            word + "\r\n" for word in self.fake.capabilities).encode()
            + b".\r\n")

    def on_AUTHINFO(self, line):
        word = line.split(" ", 2)
        if self.fake.login is None:
            self.say("502 no need")
        elif word[1].upper() == "USER":
            self.user = word[2]
            if self.fake.login[1] is None and self.user == self.fake.login[0]:
                self.logged_in = True
                self.say("281 welcome")
            else:
                self.say("381 password?")
        elif (self.user, word[2]) == self.fake.login:
            self.logged_in = True
            self.say("281 welcome")
        else:
            self.say("481 wrong")

    def on_article(self, code, line, part):
        """ARTICLE, HEAD, BODY, STAT: part makes the block, or is None."""
        word = line.split()
        whole = self.fake.articles.get(word[1]) if len(word) == 2 else None
        if len(word) < 2 or not word[1].startswith("<"):
            self.say("412 no group")
        elif whole is None:
            self.say("430 no such article")
        else:
            status = b"%d 0 %s\r\n" % (code, word[1].encode("latin-1"))
            self.send(status + stuff(part(whole)) if part else status)

    def on_ARTICLE(self, line):
        self.on_article(220, line, lambda whole: whole)

    def on_HEAD(self, line):
        self.on_article(221, line, head)

    def on_BODY(self, line):
        self.on_article(222, line, body)

    def on_STAT(self, line):
        self.on_article(223, line, None)

    def on_OVER(self, line):
        self.on_article(224, line, lambda whole: b"0\tsubject\tfrom\r\n")

    on_XOVER = on_OVER

    def on_header(self, code, line):
        word = line.split()
        if len(word) == 3 and word[2] in self.fake.articles:
            self.send(b"%d header\r\n0 value\r\n.\r\n" % code)
        else:
            self.say("430 no such article")

    def on_HDR(self, line):
        self.on_header(225, line)

    def on_XHDR(self, line):
        self.on_header(221, line)

    def on_DATE(self, line):
        self.say("111 20240101000000")

    def on_HELP(self, line):
        self.send(b"100 the backend's help\r\nnone\r\n.\r\n")

    def on_GROUP(self, line):
        self.say("211 3 1 3 local.test")

    def on_LIST(self, line):
        self.send(b"215 list\r\nlocal.test 3 1 n\r\n.\r\n")

    def on_NEWGROUPS(self, line):
        self.send(b"231 new groups\r\nlocal.test 3 1 n\r\n.\r\n")

    def on_NEWNEWS(self, line):
        self.send(b"230 new articles\r\n<a@x>\r\n.\r\n")


def verb_of(line):
    found = re.match(r"\s*(\S+)", line)
    return found.group(1).upper() if found else ""


class Fake:
    """The server.  options go into its [backend NAME] section."""

    def __init__(self, name="be", articles=None, *, login=None,
                 greeting=b"200 fake server ready\r\n", family=socket.AF_INET,
                 **options):
        self.name = name
        self.articles = dict(articles or {})
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
        self.sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1",
                        0))
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


# --- scripts of sick servers ------------------------------------------------

def silent(conn):
    """Accepts and says nothing."""
    conn.hang()


def greets(line):
    """Greets with line, then closes when the peer does."""
    def script(conn):
        conn.say(line)
        with contextlib.suppress(Gone):
            while True:
                conn.read_line()
    return script


def endless_greeting(conn):
    """A greeting that never ends, but never stops either."""
    conn.send(b"200 ")
    while True:
        conn.send(b"x" * 64)
        conn.pace(0.02)


def dies_after(n):
    """Correct for n commands (set-up not counted), then closes."""
    def script(conn):
        line = conn.serve_login()
        for _ in range(n):
            conn.answer(line)
            line = conn.read_line()
    return script


def refuses_login(code, after="PASS"):
    """Answers code to AUTHINFO USER or PASS."""
    def script(conn):
        conn.greet()
        while True:
            line = conn.read_line()
            if line.upper().startswith("AUTHINFO " + after):
                conn.say("%s no" % code)
            elif line.upper().startswith("AUTHINFO USER"):
                conn.say("381 password?")
            else:
                conn.answer(line)
    return script


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
