# SPDX-License-Identifier: BSD-2-Clause
"""Many clients in one process, for test_load.py:

    load.py HOST PORT CLIENTS SECONDS SEED ARTICLES SIZE

Each client sends random commands, alone or pipelined, checks every byte of
every answer by the checksum that the article's name carries, and vanishes at
random moments. Prints one line of counts; exits 1 with a reason at the first
wrong byte.
"""

import asyncio
import hashlib
import random
import sys
import time

from wire import article, body, head, lines, stuff

LONGEST = 60        # seconds for one answer


def make_articles(n, size):
    """n articles whose message-ids carry the checksum of their text."""
    out = {}
    for i in range(n):
        text = lines(size + i * 37, i)
        msgid = "<%d.%s@x>" % (i, hashlib.sha1(text).hexdigest())
        out[msgid] = article(msgid, text)
    return out


class Wrong(Exception):
    pass


async def line(reader):
    raw = await asyncio.wait_for(reader.readline(), LONGEST)
    if not raw.endswith(b"\r\n"):
        raise Wrong("the connection ended inside a line: %r" % raw)
    return raw


async def block(reader, want):
    try:
        got = await asyncio.wait_for(reader.readexactly(len(want)), LONGEST)
    except asyncio.IncompleteReadError as error:
        raise Wrong("cut after %d of %d" % (len(error.partial), len(want)))
    if got != want:
        raise Wrong("%d wrong bytes" % len(want))


def expectations(wanted):
    """All commands and their answers: (command, status line, block)."""
    out = []
    for msgid, whole in wanted.items():
        name = msgid.encode()
        out += [(b"STAT " + name, b"223 0 " + name + b"\r\n", b""),
                (b"BODY " + name, b"222 0 " + name + b"\r\n",
                 stuff(body(whole))),
                (b"HEAD " + name, b"221 0 " + name + b"\r\n",
                 stuff(head(whole))),
                (b"ARTICLE " + name, b"220 0 " + name + b"\r\n",
                 stuff(whole))]
    return out


async def session(address, table, chance, counts):
    """One connection from its greeting to an end of its own making."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        if (await line(reader))[:3] not in (b"200", b"201"):
            raise Wrong("no greeting")
        for _ in range(chance.randrange(1, 12)):
            batch = [chance.choice(table)
                     for _ in range(chance.choice((1, 1, 2, 4, 8)))]
            miss = chance.random() < 0.2
            if miss:
                batch.append((b"STAT <none@x>", b"430", b""))
            writer.write(b"".join(c + b"\r\n" for c, _, _ in batch))
            if chance.random() < 0.1:
                counts["vanished"] += 1
                return
            for command, status, data in batch:
                got = await line(reader)
                if not got.startswith(status):
                    raise Wrong("%r got %r" % (command, got))
                if data and chance.random() < 0.02:
                    await reader.read(chance.randrange(1, len(data)))
                    counts["vanished"] += 1
                    return
                if data:
                    await block(reader, data)
                counts["answers"] += 1
                counts["bytes"] += len(got) + len(data)
        writer.write(b"QUIT\r\n")
        if (await line(reader))[:3] != b"205":
            raise Wrong("no 205")
        counts["quit"] += 1
    finally:
        writer.close()


async def client(address, table, chance, until, counts):
    while time.monotonic() < until:
        await session(address, table, chance, counts)


async def main(host, port, clients, seconds, seed, n, size):
    table = expectations(make_articles(int(n), int(size)))
    until = time.monotonic() + float(seconds)
    counts = dict.fromkeys(("answers", "bytes", "quit", "vanished"), 0)
    await asyncio.gather(*(
        client((host, int(port)), table,
               random.Random("%s.%d" % (seed, i)), until, counts)
        for i in range(int(clients))))
    print(" ".join("%s=%d" % item for item in counts.items()))


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except Wrong as error:
        sys.exit("wrong: %s" % error)
