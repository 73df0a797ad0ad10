# SPDX-License-Identifier: BSD-2-Clause
"""A relay on loopback that is as sick as a network, or as a server behind it.

    relay = Relay(lambda: address, random.Random(1))
    relay.open()                        # inside a running event loop
    relay.set_mood(Throttle(1000))      # all connections, from now on

A mood says what becomes of the bytes of a connection and of connections that
are asked for.  There is one at a time; FAIR passes everything on.  What a
server sees of its clients is counted here: sockets held, the most of them at
any time, connections accepted.
"""

import asyncio
import contextlib
import socket
import struct

PIECE = 1 << 16
TCP_ESTABLISHED = 1


class Over(Exception):
    """The connection ends here, by RST or in order."""

    def __init__(self, is_reset):
        super().__init__()
        self.is_reset = is_reset


class Fair:
    """Bytes pass as they come, connections are passed on."""

    is_listening = True

    async def welcome(self, hop):
        """A connection was accepted.  True: the target is to have it."""
        return True

    async def carry(self, way, data):
        await way.send(data)


FAIR = Fair()


class Delay(Fair):
    """Each piece comes so much later."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def carry(self, way, data):
        await asyncio.sleep(self.seconds)
        await way.send(data)


class Throttle(Fair):
    """So many bytes a second, each way of each connection."""

    def __init__(self, rate):
        self.rate = rate

    async def carry(self, way, data):
        step = max(1, self.rate // 10)
        for at in range(0, len(data), step):
            if way.relay.mood is not self:
                return await way.relay.mood.carry(way, data[at:])
            part = data[at:at + step]
            await way.send(part)
            await asyncio.sleep(len(part) / self.rate)


class Split(Fair):
    """Single bytes at both ends of each piece, the rest of it as it is."""

    def __init__(self, most):
        self.most = most

    async def carry(self, way, data):
        head, tail = min(self.most, len(data)), max(self.most,
                                                    len(data) - self.most)
        for byte in data[:head]:
            await way.send(bytes([byte]))
            await asyncio.sleep(0)
        await way.send(data[head:tail])
        for byte in data[tail:]:
            await way.send(bytes([byte]))
            await asyncio.sleep(0)


class Hole(Fair):
    """Nothing passes either way while it lasts; sockets stay open, and what
    was on its way arrives later.  New connections are taken and hear
    nothing."""

    async def carry(self, way, data):
        mood = await way.relay.wait_other_mood(self)
        await mood.carry(way, data)


class Dead(Fair):
    """Of connections that say anything now, nothing ever passes again."""

    async def carry(self, way, data):
        way.hop.is_dead = True
        await way.swallow()


class Mute(Fair):
    """Connections are taken and never hear anything; those that were there
    go on."""

    async def welcome(self, hop):
        await hop.wait_end()
        return False


class Says(Fair):
    """New connections get these bytes and an end."""

    def __init__(self, data):
        self.data = data

    async def welcome(self, hop):
        await hop.loop.sock_sendall(hop.near, self.data)
        return False


class Refuse(Fair):
    """Nobody listens (the port stays ours); those that were there go on."""

    is_listening = False


class Cut(Fair):
    """Each connection ends within so many bytes from the target: by RST or
    in order."""

    def __init__(self, most, is_reset):
        self.most, self.is_reset = most, is_reset

    async def carry(self, way, data):
        if not way.is_answer:
            return await way.send(data)
        if way.left is None:
            way.left = way.relay.chance.randrange(self.most)
        await way.send(data[:way.left])
        if len(data) > way.left:
            raise Over(self.is_reset)
        way.left -= len(data)


class CutArticle(Fair):
    """The connection ends behind so many bytes of the block of its first
    BODY or ARTICLE."""

    def __init__(self, n, is_reset):
        self.n, self.is_reset = n, is_reset

    async def carry(self, way, data):
        if way.is_answer and way.left is None \
                and data.startswith((b"220 ", b"222 ")):
            way.left = data.index(b"\n") + 1 + self.n
        if way.left is None:
            return await way.send(data)
        await way.send(data[:way.left])
        if len(data) > way.left:
            raise Over(self.is_reset)
        way.left -= len(data)


class Way:
    """One direction of a connection."""

    def __init__(self, hop, source, sink, is_answer):
        self.hop, self.loop, self.relay = hop, hop.loop, hop.relay
        self.source, self.sink = source, sink
        self.is_answer = is_answer
        self.left = None            # bytes that may pass before a cut

    async def send(self, data):
        if data:
            await self.loop.sock_sendall(self.sink, data)

    async def swallow(self):
        """All that still comes, to the end."""
        while await self.loop.sock_recv(self.source, PIECE):
            pass

    async def run(self):
        while data := await self.loop.sock_recv(self.source, PIECE):
            if self.hop.is_dead:
                await self.swallow()
            else:
                await self.relay.mood.carry(self, data)
        with contextlib.suppress(OSError):
            self.sink.shutdown(socket.SHUT_WR)


class Hop:
    """One connection through the relay; its task is its only user."""

    def __init__(self, relay, near):
        self.relay, self.near, self.far = relay, near, None
        self.loop = relay.loop
        self.is_open, self.is_reset, self.is_dead = True, False, False
        self.task = self.loop.create_task(self.run())

    def is_held(self):
        """A provider would count it: accepted, and closed by nobody."""
        return self.is_open and self.near.getsockopt(
            socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_ESTABLISHED

    async def wait_end(self):
        """Until the client closes; what it says is thrown away."""
        while await self.loop.sock_recv(self.near, PIECE):
            pass

    async def run(self):
        try:
            if await self.relay.mood.welcome(self):
                await self.pass_on()
        except Over as over:
            self.is_reset = over.is_reset
        except ConnectionResetError:
            self.is_reset = True
        except OSError:
            pass
        finally:
            self.close()

    async def pass_on(self):
        self.far = new_socket()
        await self.loop.sock_connect(self.far, self.relay.target())
        ways = [self.loop.create_task(way.run()) for way in (
            Way(self, self.near, self.far, False),
            Way(self, self.far, self.near, True))]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            # A socket is closed when no task waits for it any more.
            await asyncio.gather(*ways, return_exceptions=True)

    def close(self):
        self.is_open = False
        self.relay.hops.discard(self)
        for sock in filter(None, (self.near, self.far)):
            if self.is_reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
            sock.close()

    def end(self, is_reset):
        self.is_reset = is_reset
        self.task.cancel()


def new_socket():
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Relay:
    """Takes connections and passes them on to target(), an address."""

    def __init__(self, target, chance):
        self.target, self.chance = target, chance
        self.mood = FAIR
        self.hops = set()
        self.accepts, self.peak = 0, 0
        self.listener = self.address = None

    def open(self):
        self.loop = asyncio.get_running_loop()
        self.changed = asyncio.Event()
        self.listen()
        return self.address

    def bind(self):
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(self.address or ("127.0.0.1", 0))
        self.address = sock.getsockname()
        return sock

    def listen(self):
        self.unlisten()
        self.listener = self.bind()
        self.listener.listen(512)
        self.loop.add_reader(self.listener, self.accept)

    def unlisten(self):
        if self.listener:
            self.loop.remove_reader(self.listener)
            self.listener.close()
            self.listener = None

    def accept(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                near, _ = self.listener.accept()
                near.setblocking(False)
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.accepts += 1
                self.hops.add(Hop(self, near))
                self.peak = max(self.peak, self.count_held())

    def count_held(self):
        """Never more than there were when it was asked: all that are looked
        at were accepted before, so each that still is held, was."""
        return sum(hop.is_held() for hop in self.hops)

    def set_mood(self, mood):
        was, self.mood = self.mood, mood
        self.changed.set()
        self.changed = asyncio.Event()
        if was.is_listening and not mood.is_listening:
            self.unlisten()
            self.listener = self.bind()
        elif mood.is_listening and not was.is_listening:
            self.listen()

    async def wait_other_mood(self, mood):
        while self.mood is mood:
            await self.changed.wait()
        return self.mood

    def break_all(self, is_reset):
        for hop in list(self.hops):
            hop.end(is_reset)

    async def close(self):
        self.unlisten()
        tasks = [hop.task for hop in self.hops]
        self.break_all(False)
        await asyncio.gather(*tasks, return_exceptions=True)
