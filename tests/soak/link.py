# SPDX-License-Identifier: BSD-2-Clause
"""One connection of a client to nntpmux, which knows what may never come.

Wrong is raised for what must never happen and ends the soak.  Ended is raised
when the connection is over in a way that a sick backend, or the client's own
doing, can explain: "400" (and a close), "cut" (inside a block), "stalled" (the
client itself took too little).
"""

import asyncio
import base64
import re
import socket
import struct
import zlib

import lane
import news

PIECE = 1 << 16
CODE = {b"ARTICLE": b"220", b"HEAD": b"221", b"BODY": b"222", b"STAT": b"223",
        b"OVER": b"224", b"HDR Subject": b"225"}
ABOUT = b'"gen-%d-%d.bin" yEnc (1/1) '
ROWS = {b"OVER": b"0\t" + ABOUT, b"HDR Subject": b"0 " + ABOUT}
BEGIN = b"=ybegin line=128 size=%d name=gen-%d-%d.bin\r\n"
LAST_N = len(b"newsd crc32=01234567\r\n")


class Wrong(Exception):
    """Something that must never happen."""


class Ended(Exception):
    def __init__(self, how, what):
        super().__init__("%s: %s" % (how, what))
        self.how = how


def split_id(msgid):
    """(size, seed) of <SIZE.SEED@gen>."""
    return tuple(map(int, re.match(rb"<(\d+)\.(\d+)@", msgid).groups()))


def check_body(msgid, body):
    """That it is this article's, whole and of one piece: its first line
    names it, its last one has the checksum of all the others."""
    size, seed = split_id(msgid)
    if not body.startswith(BEGIN % (size, size, seed)):
        raise Wrong("the body of %r begins with %r" % (msgid, body[:60]))
    rest, last = body[:-LAST_N], body[-LAST_N:]
    if last != b"newsd crc32=%08x\r\n" % zlib.crc32(rest):
        raise Wrong("wrong bytes in the body of %r" % msgid)


def check_head(msgid, head):
    names = [row.partition(b": ")[0] for row in head.split(b"\r\n")[:-1]]
    if names != [b"Path", b"From", b"Newsgroups", b"Subject", b"Date",
                 b"Message-ID", b"X-Checksum", b"X-Checksum-Plain"] \
            or b"\r\nMessage-ID: %s\r\n" % msgid not in head:
        raise Wrong("the head of %r is %r" % (msgid, head))


class Known:
    """Bodies that were right, so that cut ones can be compared with them."""

    MOST = 64 << 20

    def __init__(self):
        self.bodies, self.size = {}, 0

    def keep(self, msgid, body):
        kept = self.bodies.setdefault(msgid, [])
        if body not in kept and self.size < self.MOST:
            kept.append(body)
            self.size += len(body)

    def check_start(self, msgid, start):
        """A cut body is the start of one of them, when all are known; with a
        byte of the terminator, perhaps, behind the whole of it."""
        kept = self.bodies.get(msgid, ())
        if len(kept) < news.count_variants(split_id(msgid)[1]):
            return
        if not any((body + b".\r\n").startswith(start) for body in kept):
            raise Wrong("wrong bytes in the cut body of %r" % msgid)


class Link:
    """The connection.  slowly: (bytes, seconds) between two reads."""

    def __init__(self, world, way, source=None, slowly=None):
        self.world, self.lane = world, way
        self.source, self.slowly = source, slowly
        self.buf = bytearray()
        self.asked = b"the greeting"
        self.is_full = False        # a 403: no connection to keep
        # Stateful mode: the backends that all answers so far can be from.
        self.possible = set(news.HOLDERS)
        self.writer = None
        self.waits_since = None     # for bytes
        self.name, self.is_inside = None, False
        self.most_claims = 0        # of its user, at once, since its login

    # --- begin and end

    async def open(self, login=True, name=lane.USER):
        sock = socket.socket()
        sock.setblocking(False)
        if self.slowly:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        if self.source:
            sock.bind((self.source, 0))
        try:
            await self.world.loop.sock_connect(sock, self.lane.address)
            self.reader, self.writer = await asyncio.open_connection(
                sock=sock, limit=8192 if self.slowly else PIECE)
        except OSError as error:
            sock.close()
            raise self.over("stopped", str(error))
        self.lane.links.add(self)
        await self.expect(b"200")
        if login:
            await self.log_in(name)

    async def log_in(self, name, by_sasl=False):
        """False: 481, as there is no place."""
        password = lane.PASSWORDS[name]
        self.name, was_settled = name, self.world.is_settled
        self.lane.claim(self)
        self.asked = b"a login"
        if by_sasl:
            self.say(b"AUTHINFO SASL PLAIN " + base64.b64encode(
                b"\0%s\0%s" % (name.encode(), password.encode())))
        else:
            self.say(b"AUTHINFO USER " + name.encode(),
                     b"AUTHINFO PASS " + password.encode())
            await self.expect(b"381")
        if (await self.expect(b"281", *self.refusals()))[:3] == b"481":
            self.check_refusal(was_settled)
            return False
        self.is_inside = was_settled
        self.lane.inside[name] += was_settled
        return True

    def refusals(self):
        """481 is for who is refused; while the configuration changes, for
        who waits, too."""
        if self.name == lane.REFUSED or (
                self.name == lane.WAITS and not self.world.is_calm):
            return [b"481"]
        return []

    def check_refusal(self, was_settled):
        """All places were taken, or wanted by others at least, at some time
        since this login was said."""
        self.world.counts["refused"] += 1
        if was_settled and self.most_claims <= self.lane.places(self.name):
            raise Wrong("481 for %s, and places are left" % self.name)

    def leave(self):
        """Its place may be another's from now on."""
        if self.is_inside:
            self.lane.inside[self.name] -= 1
        self.is_inside = False

    def over(self, how, what):
        """The exception for an end that only a shutdown explains."""
        if self.world.is_over:
            return Ended("stopped", what)
        return Wrong("%s behind %r: %s" % (how, self.asked, what))

    async def quit(self):
        self.leave()
        self.say(b"QUIT")
        await self.expect(b"205")
        await self.expect_end()

    async def expect_end(self, may_be_told=False):
        """may_be_told: why it ends, though nobody asked."""
        while await self.fill(self.world.next_limit):
            pass
        if (self.world.is_over or may_be_told) \
                and self.buf.startswith(b"400 "):
            self.buf.clear()
        if self.buf:
            raise Wrong("%r behind the end of the connection"
                        % bytes(self.buf[:80]))

    def close(self, is_reset=False):
        if self.writer is None:
            return
        if is_reset:
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER,
                struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        self.writer = None
        self.leave()
        if self.name:
            self.lane.claims[self.name] -= 1
        self.lane.links.discard(self)

    # --- out

    def say(self, *commands):
        self.writer.write(b"".join(c + b"\r\n" for c in commands))

    async def send(self, data):
        """Raw bytes, waiting as long as nobody takes them."""
        try:
            async with asyncio.timeout(self.world.next_limit):
                self.writer.write(data)
                await self.writer.drain()
        except TimeoutError:
            raise Wrong("nobody takes what is posted")
        except ConnectionError:
            pass        # the reason is to be read

    # --- in

    async def fill(self, limit):
        """Read a piece more; False at the end of the stream."""
        n = PIECE
        if self.slowly and not self.world.is_ending:
            n, pause = self.slowly
            await asyncio.sleep(pause)
        self.waits_since = self.world.loop.time()
        try:
            async with asyncio.timeout(limit):
                data = await self.reader.read(n)
        except TimeoutError:
            raise Wrong("nothing in %.0f s, behind %r; so far %r"
                        % (limit, self.asked, bytes(self.buf[-80:])))
        except ConnectionError:
            return False
        finally:
            self.waits_since = None
        self.buf += data
        return bool(data)

    async def line(self, limit):
        seen = 0
        while (end := self.buf.find(b"\r\n", seen)) < 0:
            seen = max(0, len(self.buf) - 1)
            if await self.fill(limit):
                continue
            if self.slowly:
                raise Ended("stalled", self.asked)
            raise self.over("ended without a word",
                            repr(bytes(self.buf[-80:])))
        out = bytes(self.buf[:end])
        del self.buf[:end + 2]
        return out

    async def status(self):
        """The status line; 400 is the end."""
        got = await self.line(self.world.first_limit)
        if got.startswith(b"400 "):
            await self.expect_end()
            raise Ended("400", "%r behind %r" % (got, self.asked))
        return got

    async def expect(self, *codes):
        got = await self.status()
        if got[:3] not in codes:
            raise Wrong("%r instead of %r, behind %r" % (got, codes,
                                                         self.asked))
        return got

    async def block(self):
        """A block without its terminator.  Cut, it stays in cut."""
        seen = 0
        while True:
            if self.buf.startswith(b".\r\n"):
                end = 0
                break
            end = self.buf.find(b"\r\n.\r\n", seen) + 2
            if end > 1:
                break
            seen = max(0, len(self.buf) - 4)
            if not await self.fill(self.world.next_limit):
                raise Ended("stalled" if self.slowly else "cut", self.asked)
        out = bytes(self.buf[:end])
        del self.buf[:end + 3]
        return out

    # --- articles by message-id

    async def retrieve(self, verb, msgid, number=None):
        """The answer to verb msgid, or with a number, to verb number.
        Gives whether there was one."""
        status = await self.status()
        if status.startswith(b"430") and number is None:
            self.check_miss(msgid)
            return False
        if status.startswith(b"403") and self.lane.mode == "stateful":
            self.note_full()
            return False
        word = status.split()
        if word[0] == CODE[verb] and verb in ROWS:
            self.note_hit(msgid)
            await self.check_row(verb, msgid)
            return True
        if word[0] != CODE[verb] or word[2] != msgid:
            raise Wrong("%r to %r" % (status, self.asked))
        if word[1] != (number or b"0"):
            raise Wrong("number %r behind %r" % (status, self.asked))
        self.note_hit(msgid)
        if verb != b"STAT":
            await self.check_article(verb, msgid)
        return True

    async def check_row(self, verb, msgid):
        """OVER and HDR: one row, of no group."""
        row = ROWS[verb] % split_id(msgid)
        block = await self.block()
        if not block.startswith(row) or block.count(b"\r\n") != 1 \
                or (verb == b"OVER" and msgid not in block):
            raise Wrong("%r to %r" % (block, self.asked))

    async def check_article(self, verb, msgid):
        try:
            block = await self.block()
        except Ended:
            self.check_cut(verb, msgid)
            raise
        head, blank, body = block.partition(b"\r\n\r\n")
        if verb == b"HEAD":
            check_head(msgid, block)
        elif verb == b"ARTICLE":
            check_head(msgid, head + blank[:2])
        if verb != b"HEAD":
            text = block if verb == b"BODY" else body
            check_body(msgid, text)
            self.world.known.keep(msgid, text)
        self.world.counts["verified"] += 1
        self.world.counts["bytes"] += len(block)

    def check_cut(self, verb, msgid):
        start = bytes(self.buf)
        if verb == b"ARTICLE":
            start = start.partition(b"\r\n\r\n")[2]
        if verb != b"HEAD":
            self.world.known.check_start(msgid, start)

    def note_full(self):
        self.is_full = True
        self.world.counts["full"] += 1

    def note_hit(self, msgid):
        holders = news.holders(split_id(msgid)[1])
        if not holders:
            raise Wrong("%r is nowhere, and was found" % msgid)
        if self.lane.mode == "stateful":
            self.narrow(self.possible & holders)

    def check_miss(self, msgid):
        """430 is right if every server that is configured lacks it; in stateful
        mode, if the session's own does."""
        self.world.counts["430"] += 1
        holders = news.holders(split_id(msgid)[1])
        if self.lane.mode == "stateful":
            self.narrow(self.possible - holders)
        elif holders - self.lane.missing():
            raise Wrong("430 for %r, which %s has" % (msgid,
                                                      sorted(holders)))

    def narrow(self, possible):
        if not possible:
            raise Wrong("%r is not of the backend that answered before"
                        % self.asked)
        self.possible = possible
