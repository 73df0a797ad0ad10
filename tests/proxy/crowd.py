# SPDX-License-Identifier: BSD-2-Clause
"""Readers, downloaders and posters at once, for test_crowd.py:

    crowd.py HOST PORT SECONDS SEED READERS DOWNLOADERS POSTERS NAMES

NAMES is a JSON file: {message-id: [sha1 of its block, number at each
backend]}. Readers select the group, read by number what the overview names,
and leave; one that gets 403 comes again. Downloaders pipeline bodies, and
time a STAT alone. Posters post articles of their own. Prints a line of JSON
with counts, the longest STAT and what was posted (sha1 of the body); exits 1
with a reason at the first wrong byte.
"""

import asyncio
import hashlib
import json
import random
import sys
import time

from load import LONGEST, Wrong, line
from wire import article, lines, stuff

GROUP = b"local.crowd"


class Link:
    """One connection to the proxy."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, address):
        link = cls(*await asyncio.open_connection(*address, limit=1 << 20))
        await link.status(b"200")
        return link

    def say(self, *commands):
        self.writer.write(b"".join(c + b"\r\n" for c in commands))

    async def status(self, *wanted):
        got = await line(self.reader)
        if wanted and got[:3] not in wanted:
            raise Wrong("%r instead of %r" % (got, wanted))
        return got

    async def block(self):
        got = bytearray()
        while not (got == b".\r\n" or got.endswith(b"\r\n.\r\n")):
            try:
                got += await asyncio.wait_for(
                    self.reader.readuntil(b".\r\n"), LONGEST)
            except asyncio.IncompleteReadError:
                raise Wrong("cut after %d" % len(got))
        return bytes(got)

    async def close(self):
        self.say(b"QUIT")
        await self.status(b"205")
        self.writer.close()


class Crowd:
    def __init__(self, address, until, seed, names):
        self.address, self.until, self.seed = address, until, seed
        self.sums = {msgid.encode(): sums for msgid, (sums, _)
                     in names.items()}
        self.numbers = {n: msgid.encode() for msgid, (_, numbers)
                        in names.items() for n in numbers}
        self.ids = list(self.sums)
        self.counts = dict.fromkeys(
            ("sessions", "read", "full", "bodies", "stats", "misses",
             "refused"), 0)
        self.posted, self.posters, self.longest = [], {}, 0.0

    def is_over(self):
        return time.monotonic() >= self.until

    def check(self, msgid, block):
        if hashlib.sha1(block).hexdigest() != self.sums[msgid]:
            raise Wrong("wrong bytes of %r" % msgid)

    async def article(self, link, command, number, msgid):
        """ARTICLE and its answer; number is what 220 must name."""
        link.say(command)
        status = await link.status(b"220")
        if status.split()[1:3] != [number, msgid]:
            raise Wrong("%r to %r" % (status, command))
        self.check(msgid, await link.block())
        self.counts["read"] += 1

    # --- readers

    async def reader(self, chance):
        while not self.is_over():
            link = await Link.open(self.address)
            for _ in range(chance.randrange(1, 6)):
                link.say(b"GROUP " + GROUP)
                status = await link.status(b"211", b"403")
                if status[:3] == b"211":
                    await self.read(link, chance, int(status.split()[2]))
                    self.counts["sessions"] += 1
                    break
                self.counts["full"] += 1
                await asyncio.sleep(chance.uniform(0.05, 0.4))
                if self.is_over():
                    break
            await link.close()

    async def read(self, link, chance, low):
        """A while in the group, whose first number is low here."""
        for _ in range(chance.randrange(1, 10)):
            at = low + chance.randrange(len(self.ids) - 5)
            link.say(b"XOVER %d-%d" % (at, at + 4))
            await link.status(b"224")
            rows = (await link.block()).split(b"\r\n")[:-2]
            for row in rows:
                n, _, _, _, msgid = row.split(b"\t")[:5]
                if self.numbers[int(n)] != msgid:
                    raise Wrong("row %r" % row)
            if len(rows) != 5:
                raise Wrong("%d rows" % len(rows))
            await self.article(link, b"ARTICLE %d" % at, b"%d" % at,
                               self.numbers[at])
            link.say(b"NEXT", b"STAT", b"DATE")
            for code in b"223", b"223", b"111":
                status = await link.status(code)
                if code == b"223" and status.split()[1:3] != [
                        b"%d" % (at + 1), self.numbers[at + 1]]:
                    raise Wrong("%r behind %d" % (status, at))
            await asyncio.sleep(chance.uniform(0, 0.1))

    # --- downloaders

    async def downloader(self, chance):
        while not self.is_over():
            link = await Link.open(self.address)
            for _ in range(chance.randrange(5, 50)):
                await self.stat(link, chance)
                batch = [chance.choice(self.ids)
                         for _ in range(chance.choice((1, 4, 8)))]
                link.say(*(b"ARTICLE " + msgid for msgid in batch))
                for msgid in batch:
                    status = await link.status(b"220")
                    if status.split()[1:3] != [b"0", msgid]:
                        raise Wrong("%r for %r" % (status, msgid))
                    self.check(msgid, await link.block())
                    self.counts["bodies"] += 1
                if self.is_over():
                    break
            await link.close()

    async def stat(self, link, chance):
        msgid = chance.choice(self.ids + [b"<none@x>"])
        start = time.monotonic()
        link.say(b"STAT " + msgid)
        status = await link.status(b"430" if msgid == b"<none@x>" else b"223")
        self.longest = max(self.longest, time.monotonic() - start)
        self.counts["stats"] += 1
        self.counts["misses"] += status[:3] == b"430"

    # --- posters

    async def poster(self, chance, name):
        self.posters[name] = 0
        while not self.is_over():
            link = await Link.open(self.address)
            for _ in range(chance.randrange(1, 10)):
                await self.post(link, chance, name)
                if self.is_over():
                    break
            await link.close()

    async def post(self, link, chance, name):
        link.say(b"POST")
        status = await link.status(b"340", b"403")
        if status[:3] == b"403":
            self.counts["refused"] += 1
            await asyncio.sleep(chance.uniform(0.02, 0.1))
            return
        msgid = "<%s.%s.%d@crowd>" % (self.seed, name, self.posters[name])
        whole = stuff(article(msgid, lines(chance.randrange(20000),
                                           self.posters[name])))
        cut = chance.randrange(len(whole))
        for part in whole[:cut], whole[cut:]:
            link.writer.write(part)
            await link.writer.drain()
            await asyncio.sleep(0)
        await link.status(b"240")
        self.posters[name] += 1
        self.posted.append([msgid, hashlib.sha1(
            whole.partition(b"\r\n\r\n")[2]).hexdigest()])


async def main(host, port, seconds, seed, readers, downloaders, posters,
               names):
    with open(names) as file:
        names = json.load(file)
    crowd = Crowd((host, int(port)), time.monotonic() + float(seconds), seed,
                  names)
    jobs = [(crowd.reader, int(readers), ()),
            (crowd.downloader, int(downloaders), ()),
            (crowd.poster, int(posters), (1,))]
    await asyncio.gather(*(
        job(random.Random("%s.%s.%d" % (seed, job.__name__, i)),
            *(["p%d" % i] if named else []))
        for job, n, named in jobs for i in range(n)))
    print(json.dumps({"counts": crowd.counts, "longest": crowd.longest,
                      "posted": crowd.posted, "posters": crowd.posters}))


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except Wrong as error:
        sys.exit("wrong: %s" % error)
