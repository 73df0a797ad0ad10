# SPDX-License-Identifier: BSD-2-Clause
"""The relay by itself: each mood does what it says, and no more."""

import asyncio
import pathlib
import random
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "proxy")]

import relay            # noqa: E402
from timing import LIMIT        # noqa: E402

DATA = random.Random(1).randbytes(300000)


async def echo(reader, writer):
    """Sends back what comes, a line or a piece, until the end."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def play(scenario):
    """Runs scenario(relay, connect) before an echo server."""
    async def run():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        way = relay.Relay(lambda: address, random.Random(1))
        way.open()
        try:
            async with asyncio.timeout(LIMIT):
                await scenario(way, lambda: asyncio.open_connection(
                    *way.address))
        finally:
            await way.close()
            server.close()
    asyncio.run(run())


async def ask(connection, data):
    reader, writer = connection
    writer.write(data)
    return await reader.readexactly(len(data))


async def rest(reader):
    """All up to the end, and whether that was a reset."""
    out = b""
    try:
        while data := await reader.read(65536):
            out += data
    except ConnectionResetError:
        return out, True
    return out, False


async def hears(reader):
    """Whether anything comes within a while."""
    try:
        async with asyncio.timeout(0.2):
            return bool(await reader.read(1))
    except TimeoutError:
        return False


def test_fair():
    async def scenario(way, connect):
        connection = await connect()
        assert await ask(connection, DATA) == DATA
        connection[1].write_eof()
        assert await rest(connection[0]) == (b"", False)
    play(scenario)


def test_split():
    async def scenario(way, connect):
        way.set_mood(relay.Split(50))
        connection = await connect()
        for n in 1, 49, 50, 51, 99, 100, 101, 5000, len(DATA):
            assert await ask(connection, DATA[:n]) == DATA[:n]
    play(scenario)


def test_delay():
    async def scenario(way, connect):
        way.set_mood(relay.Delay(0.2))
        connection, begin = await connect(), time.monotonic()
        assert await ask(connection, b"x") == b"x"
        assert time.monotonic() - begin >= 0.4
    play(scenario)


def test_throttle():
    async def scenario(way, connect):
        way.set_mood(relay.Throttle(10000))
        connection, begin = await connect(), time.monotonic()
        assert await ask(connection, DATA[:5000]) == DATA[:5000]
        assert time.monotonic() - begin >= 0.4
        way.set_mood(relay.FAIR)
        assert await ask(connection, DATA) == DATA
    play(scenario)


def test_throttle_is_lifted():
    """Also for what was under way."""
    async def scenario(way, connect):
        way.set_mood(relay.Throttle(1000))
        connection = await connect()
        asked = asyncio.ensure_future(ask(connection, DATA))
        await asyncio.sleep(0.1)
        way.set_mood(relay.FAIR)
        assert await asked == DATA
    play(scenario)


def test_hole():
    async def scenario(way, connect):
        old = await connect()
        assert await ask(old, b"x") == b"x"
        way.set_mood(relay.Hole())
        new = await connect()
        for _, writer in old, new:
            writer.write(DATA)
        assert not await hears(old[0]) and not await hears(new[0])
        assert way.count_held() == 2
        way.set_mood(relay.FAIR)
        for reader, _ in old, new:
            assert await reader.readexactly(len(DATA)) == DATA
    play(scenario)


def test_dead():
    """It stays dead; whoever says nothing meanwhile is spared."""
    async def scenario(way, connect):
        spared, dead = await connect(), await connect()
        for connection in spared, dead:
            assert await ask(connection, b"x") == b"x"
        way.set_mood(relay.Dead())
        dead[1].write(b"x")
        assert not await hears(dead[0])
        way.set_mood(relay.FAIR)
        dead[1].write(b"x")
        assert not await hears(dead[0])
        assert await ask(spared, DATA) == DATA
        dead[1].write_eof()
        assert await rest(dead[0]) == (b"", False)
    play(scenario)


def test_mute():
    async def scenario(way, connect):
        old = await connect()
        assert await ask(old, b"x") == b"x"
        way.set_mood(relay.Mute())
        new = await connect()
        new[1].write(b"x")
        assert not await hears(new[0])
        assert await ask(old, DATA) == DATA
        way.set_mood(relay.FAIR)
        assert not await hears(new[0])
        assert await ask(await connect(), DATA) == DATA
    play(scenario)


def test_says():
    async def scenario(way, connect):
        way.set_mood(relay.Says(b"502 no\r\n"))
        assert await rest((await connect())[0]) == (b"502 no\r\n", False)
    play(scenario)


def test_refuse():
    async def scenario(way, connect):
        old = await connect()
        assert await ask(old, b"x") == b"x"
        way.set_mood(relay.Refuse())
        for _ in range(3):
            try:
                await connect()
            except ConnectionRefusedError:
                continue
            raise AssertionError("somebody listens")
        assert await ask(old, DATA) == DATA
        way.set_mood(relay.FAIR)
        assert await ask(await connect(), DATA) == DATA
    play(scenario)


def test_cut():
    """Within so many bytes of the answer, each connection elsewhere."""
    async def scenario(way, connect):
        for is_reset in False, True:
            way.set_mood(relay.Cut(1000, is_reset))
            lengths = set()
            for _ in range(20):
                reader, writer = await connect()
                writer.write(DATA[:2000])
                got, was_reset = await rest(reader)
                assert DATA.startswith(got) and len(got) < 1000
                assert was_reset == is_reset
                lengths.add(len(got))
            # What a reset overtakes is lost.
            assert len(lengths) > (0 if is_reset else 10)
        assert way.accepts == 40
    play(scenario)


def test_cut_article():
    """Not before there is one, and then at this byte."""
    async def scenario(way, connect):
        for n in 0, 1, 4000:
            way.set_mood(relay.CutArticle(n, False))
            connection = await connect()
            assert await ask(connection, DATA[:5000]) == DATA[:5000]
            connection[1].write(b"222 x\r\n" + DATA[:5000])
            assert await rest(connection[0]) == (b"222 x\r\n" + DATA[:n],
                                                 False)
    play(scenario)


def test_break_all():
    async def scenario(way, connect):
        for is_reset in False, True:
            connections = [await connect() for _ in range(3)]
            for connection in connections:
                assert await ask(connection, b"x") == b"x"
            way.break_all(is_reset)
            for reader, _ in connections:
                assert await rest(reader) == (b"", is_reset)
        assert way.peak == 3
    play(scenario)


def test_counts_what_is_held():
    async def scenario(way, connect):
        for n in range(1, 4):
            connection = await connect()
            assert await ask(connection, b"x") == b"x"
            assert way.count_held() == way.peak == n
        connection[1].close()
        await connection[1].wait_closed()
        while way.count_held() != 2:
            await asyncio.sleep(0.01)
        assert (way.peak, way.accepts) == (3, 3)
    play(scenario)


def test_target_is_asked_anew():
    async def scenario(way, connect):
        was = way.target()
        way.target = lambda: ("127.0.0.1", 1)
        assert await rest((await connect())[0]) == (b"", False)
        way.target = lambda: was
        assert await ask(await connect(), DATA) == DATA
    play(scenario)
