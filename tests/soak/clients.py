# SPDX-License-Identifier: BSD-2-Clause
"""The clients of a soak.  Each kind is a coroutine: one session, from its
connection to an end of its own making; live() has one after the other.
"""

import asyncio
import contextlib
import hashlib
import random

import lane
import news
from link import Ended, Link, Wrong
from wire import lines, stuff

SIZES = ((200, 3000, 40000, 700000), (4, 6, 3, 1))
SEEDS = 64
OTHERS = {b"DATE": b"111", b"HELP": b"100", b"CAPABILITIES": b"101",
          b"MODE READER": b"200"}
BLOCKS = (b"HELP", b"CAPABILITIES")
VERBS = ((b"BODY", b"ARTICLE", b"STAT", b"HEAD", b"OVER", b"HDR Subject"),
         (10, 8, 6, 2, 1, 1))


def some_id(chance):
    return b"<%d.%d@gen>" % (chance.choices(*SIZES)[0],
                             chance.randrange(SEEDS))


def some_batch(chance, depth):
    """Commands as (verb, message-id), or (line, None)."""
    return [(chance.choices(*VERBS)[0], some_id(chance))
            if chance.random() < 0.95 else (chance.choice([*OTHERS]), None)
            for _ in range(depth)]


def say_batch(link, batch):
    link.say(*(verb if msgid is None else verb + b" " + msgid
               for verb, msgid in batch))


async def take_batch(link, batch):
    for verb, msgid in batch:
        link.asked = verb if msgid is None else verb + b" " + msgid
        if msgid is not None:
            await link.retrieve(verb, msgid)
            continue
        stateful = link.lane.mode == "stateful"
        status = await link.expect(OTHERS[verb],
                                   *([b"403"] if stateful else []))
        if status[:3] == b"403":
            link.note_full()
        elif verb in BLOCKS:
            await link.block()


# --- who takes articles

async def downloader(link, chance):
    await link.open()
    for _ in range(chance.randrange(1, 30)):
        batch = some_batch(chance, chance.choice((1, 1, 4, 8, 20)))
        say_batch(link, batch)
        await take_batch(link, batch)
        if link.world.is_ending or link.is_full:
            break
    await link.quit()


async def resident(link, chance):
    """One of more than there are places for: it waits, or comes again."""
    name = chance.choice((lane.WAITS, lane.REFUSED))
    await link.open(login=False)
    if await link.log_in(name, by_sasl=chance.random() < 0.5):
        for _ in range(chance.randrange(1, 6)):
            batch = some_batch(chance, chance.choice((1, 4, 8)))
            say_batch(link, batch)
            await take_batch(link, batch)
            if link.world.is_ending or link.is_full:
                break
    await link.quit()


async def vanisher(link, chance):
    """Asks for much and leaves at any moment. From an address of its own: its
    sessions may go on for a while, as those of half-closed clients do."""
    link.source = "127.0.0.4"
    try:
        await link.open(login=chance.random() < 0.9)
    except Ended:
        return
    say_batch(link, some_batch(chance, chance.randrange(1, 30)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(chance.choice((0, 0.01, 0.1, 1))):
            while await link.fill(link.world.first_limit):
                link.buf.clear()
    link.close(is_reset=chance.random() < 0.5)


async def dawdler(link, chance):
    """Reads slowly; now and then nothing for longer than it may."""
    link.slowly = (chance.choice((2048, 16384)), 0.05)
    await link.open()
    batch = some_batch(chance, chance.randrange(1, 8))
    say_batch(link, batch)
    if chance.random() < 0.3:
        await asyncio.sleep(1.5 * link.world.client_stall)
    await take_batch(link, batch)
    await link.quit()


async def half_closer(link, chance):
    """Says all it has to say, and still gets every answer."""
    await link.open()
    batch = some_batch(chance, chance.randrange(1, 12))
    say_batch(link, batch)
    link.writer.write_eof()
    await take_batch(link, batch)
    # Its own backend may leave before its end has arrived.
    await link.expect_end(may_be_told=not link.world.is_calm)


# --- who means no good

async def flooder(link, chance):
    await chance.choices(
        (flood_commands, flood_a_line, flood_noise, flood_unknown,
         flood_connections), (10, 10, 10, 10, 1))[0](link, chance)


async def flood_commands(link, chance):
    """Hundreds of commands at once, and only then a look at the answers."""
    await link.open()
    batch = [(b"STAT", some_id(chance)) for _ in range(400)]
    say_batch(link, batch)
    await asyncio.sleep(chance.uniform(0, 1))
    await take_batch(link, batch)
    await link.quit()


async def flood_a_line(link, chance):
    """A line that does not end for long is refused, and the next one is
    answered."""
    await link.open()
    await link.send(b"x" * chance.randrange(600, 1 << 20))
    link.say(b"", b"DATE")
    link.asked = b"a long line"
    await link.expect(b"501")
    await link.expect(b"111", b"403")
    await link.quit()


async def flood_noise(link, chance):
    """Whatever it is, the answers are lines, or the end is one of ours."""
    await link.open(login=chance.random() < 0.5)
    await link.send(chance.randbytes(chance.randrange(1, 20000)))
    link.writer.write_eof()
    while await link.fill(link.world.first_limit):
        pass
    got = bytes(link.buf)
    if got and not got.endswith(b"\r\n"):
        raise Wrong("half a line to noise: %r" % got[-80:])
    link.close()


async def flood_unknown(link, chance):
    """The tenth in a row is the last."""
    await link.open(login=False)
    link.say(*[b"GET / HTTP/1.1"] * 15)
    link.asked = b"what is not news"
    for _ in range(10):
        await link.expect(b"480", b"500")
    try:
        await link.expect(b"none")
    except Ended:
        return
    raise Wrong("unknown commands go on")


async def flood_connections(link, chance):
    """More than one address may have; the rest is told so, and leaves."""
    link.source = "127.0.0.3"
    links = [Link(link.world, link.lane, link.source)
             for _ in range(link.world.per_address + 20)]
    try:
        for each in links:
            with contextlib.suppress(Ended):
                await each.open(login=False)
    finally:
        for each in links:
            each.close(is_reset=chance.random() < 0.5)


async def guesser(link, chance):
    """Tries passwords, from an address of its own."""
    link.source = "127.0.0.2"
    await link.open(login=False)
    link.say(b"AUTHINFO USER " + link.world.user, b"DATE",
             b"AUTHINFO PASS wrong")
    link.asked = b"a wrong password"
    await link.expect(b"381")
    await link.expect(b"480")
    await link.expect(b"481")
    await link.quit()


# --- readers

async def reader(link, chance):
    await link.open()
    link.say(b"GROUP " + news.GROUP)
    link.asked = b"GROUP"
    if link.lane.mode == "per-command":
        await link.expect(b"500")
        return await link.quit()
    status = await link.expect(b"211", b"403")
    if status[:3] == b"403":
        link.note_full()
        return await link.quit()
    low, high = map(int, status.split()[2:4])
    server = link.world.servers["be%d" % (low // news.FIRST - 1)]
    if (low, high) != (min(server.numbers), max(server.numbers)):
        raise Wrong("%r is no group of %s" % (status, server.name))
    link.narrow(link.possible & {server.name})
    for _ in range(chance.randrange(1, 12)):
        await read(link, chance, server)
        if link.world.is_ending:
            break
    await link.quit()


async def read(link, chance, server):
    """Some of what a newsreader does in its group."""
    at = chance.choice([*server.numbers])
    await read_overview(link, at, server)
    link.asked = b"ARTICLE %d" % at
    link.say(link.asked)
    await link.retrieve(b"ARTICLE", server.numbers[at], b"%d" % at)
    link.say(b"NEXT", b"XFOO", b"LIST ACTIVE local.*")
    link.asked = b"NEXT"
    status = await link.expect(b"223", b"421")
    if status[:3] == b"223" and status.split()[1:3] != [
            b"%d" % (at + 1), server.numbers[at + 1]]:
        raise Wrong("%r behind %d" % (status, at))
    link.asked = b"XFOO"
    await link.expect(b"500")
    link.asked = b"LIST"
    await link.expect(b"215")
    if b"local.soak %d %d" % (max(server.numbers), min(server.numbers)) \
            not in await link.block():
        raise Wrong("the LIST of another server than %s" % server.name)
    msgid = b"<3000.%d@gen>" % chance.randrange(SEEDS)
    link.asked = b"BODY " + msgid
    link.say(link.asked)
    await link.retrieve(b"BODY", msgid)
    await asyncio.sleep(chance.choice((0, 0.05, 0.3, 3)))


async def read_overview(link, at, server):
    link.asked = b"XOVER %d-%d" % (at, at + 4)
    link.say(link.asked)
    await link.expect(b"224")
    rows = (await link.block()).split(b"\r\n")[:-1]
    want = [(b"%d" % n, msgid) for n, msgid in sorted(server.numbers.items())
            if at <= n <= at + 4]
    if [(row.split(b"\t")[0], row.split(b"\t")[4]) for row in rows] != want:
        raise Wrong("rows %r of %s" % (rows, server.name))


# --- posters

async def poster(link, chance):
    await link.open()
    for _ in range(chance.randrange(1, 8)):
        msgid = "<%d.%s@soak>" % (len(link.world.posts), link.world.seed)
        link.world.posts[msgid] = ("never", None)
        link.asked, good, last = chance.choice((
            (b"POST", b"340", b"240"),
            (b"IHAVE " + msgid.encode(), b"335", b"235")))
        link.say(link.asked)
        status = await link.expect(good, b"403")
        if status[:3] == b"403":
            link.note_full()
            break
        if not await post(link, chance, msgid, last):
            return
        if link.world.is_ending:
            break
    await link.quit()


async def post(link, chance, msgid, last):
    """False: it left inside the article."""
    posts = link.world.posts
    text = lines(chance.randrange(60000), chance.random())
    head = ("Path: soak\r\nMessage-ID: %s\r\nFrom: a@b\r\nSubject: x\r\n"
            "Newsgroups: local.post\r\n\r\n" % msgid)
    whole = stuff(head.encode() + text)
    cut = chance.randrange(len(whole) - 3)
    await link.send(whole[:cut])
    if chance.random() < 0.1:
        link.close(is_reset=chance.random() < 0.5)
        return False
    body = hashlib.sha1(whole.partition(b"\r\n\r\n")[2]).digest()
    posts[msgid] = ("maybe", body)
    await link.send(whole[cut:])
    link.asked = b"an article"
    await link.expect(last)
    posts[msgid] = ("once", body)
    return True


# --- all of them

# The kind, how many of a hundred.
KINDS = ((downloader, 31), (resident, 14), (reader, 16), (poster, 10), (vanisher, 9),
         (dawdler, 6), (half_closer, 7), (flooder, 5), (guesser, 2))


def kind_of(n):
    """The kind of client number n, so that any number has them all."""
    at = n * 37 % 100
    for kind, share in KINDS:
        at -= share
        if at < 0:
            return kind


async def live(world, way, n):
    """Client number n of a lane, until the soak ends."""
    kind = kind_of(n)
    chance = random.Random("%s.%s.%d" % (world.seed, way.mode, n))
    while not world.is_ending:
        link, was_calm = Link(world, way), world.is_calm
        try:
            await kind(link, chance)
            world.counts["sessions"] += 1
        except Ended as end:
            world.counts["ended " + end.how] += 1
            if was_calm and not world.is_over and end.how != "stalled":
                world.fail("%s, %s, all being well: %s"
                           % (way.mode, kind.__name__, end))
        except Wrong as wrong:
            world.fail("%s, %s: %s" % (way.mode, kind.__name__, wrong))
        finally:
            link.close()
        await asyncio.sleep(chance.uniform(0, 1 if link.is_full else 0.1))
