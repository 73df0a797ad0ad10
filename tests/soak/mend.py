# SPDX-License-Identifier: BSD-2-Clause
"""Large articles, each cut at a random byte by its backend while another one
has it: README.md, "Each one cut".

    mend.py [--articles N] [--seed TEXT] [--mode MODE] [--relay HOW]

Four rounds, one command after the other: BODY, ARTICLE, ARTICLE cut inside its
header, and BODY when the other backend has another article under the id.
"""

import argparse
import asyncio
import pathlib
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "proxy")]

import link                     # noqa: E402
import news                     # noqa: E402
import relay                    # noqa: E402
from proxy import Proxy         # noqa: E402
from timing import ms           # noqa: E402

SIZE = 700000
# Of what the first and the other server hold: all; be3 has another variant.
FIRST, SAME, DIFFERENT = "be0", "be1", "be3"
SECTIONS = {
    # One that breaks off each article would be left alone.
    "health": {"unhealthy_threshold": 1000, "interval": 0},
    "log": {"stats_interval": "1s"}}
BACKEND = {"username": news.USER, "replacement_cooldown": 0,
           "stall_timeout": ms(5000)}


class Backend:
    def __init__(self, server, address, tier):
        self.name, self.url = server.name, "%s:%d" % address
        self.options = {"tier": tier,
                        "password_file": server.home / "password"}


class Bench:
    """A proxy before two servers; the first is cut by a relay."""

    def __init__(self, home, args, other):
        self.chance = random.Random("%s.%s" % (args.seed, other))
        self.home, self.args = home / other, args
        self.home.mkdir()
        self.first = news.News(self.home, FIRST)
        self.other = news.News(self.home, other)
        self.proxy = None
        self.relay = relay.Relay(lambda: self.first.address, self.chance)

    async def start(self):
        await self.first.start()
        await self.other.start()
        self.proxy = Proxy(self.home, [
            Backend(self.first, self.relay.open(), 0),
            Backend(self.other, self.other.address, 1)],
            mode=self.args.mode, proxy={"relay": self.args.relay},
            backend=BACKEND, sections=SECTIONS)

    async def stop(self):
        if self.proxy and self.proxy.is_alive():
            self.proxy.child.kill()
            self.proxy.wait_end()
        await self.relay.close()
        await self.first.stop()
        await self.other.stop()

    async def whole(self, verb, msgid):
        """The block as the first server has it, terminator included."""
        got = await self.first.ask(verb + " " + msgid)
        return got.partition(b"\r\n")[2].rpartition(b"205 ")[0]

    def fetch(self, verb, msgid):
        """The block, or what came of it; and whether it was whole."""
        client = self.proxy.client()
        status = client.ask("%s %s" % (verb, msgid))
        assert status.split()[0] == link.CODE[verb.encode()].decode(), status
        client.say("QUIT")
        got = client.rest()
        client.close()
        self.proxy.clients.clear()
        block, end, tail = got.rpartition(b"\r\n.\r\n205 ")
        if not end:
            return got, False
        assert tail.count(b"\r\n") == 1, tail
        return block + b"\r\n.\r\n", True

    async def cut(self, verb, seed, low, high):
        """The article whole; what came; whether all of it; where it was
        cut, at random between low(whole) and high(whole)."""
        msgid = "<%d.%d@gen>" % (SIZE, seed)
        whole = await self.whole(verb, msgid)
        at = self.chance.randrange(low(whole), high(whole))
        self.relay.set_mood(relay.CutArticle(at, self.chance.random() < 0.5))
        got, is_whole = await asyncio.to_thread(self.fetch, verb, msgid)
        return whole, got, is_whole, at


def seeds(n):
    """Of articles that all servers have."""
    return [seed for seed in range(8 * n) if seed % 8 in (0, 1)][:n]


def head_n(whole):
    return whole.index(b"\r\n\r\n") + 4


async def all_right(bench, verb, n):
    """Each is whole and right; an ARTICLE may end in its header, if no more
    than that had come when it was cut."""
    right = in_header = 0
    for seed in seeds(n):
        whole, got, is_whole, _ = await bench.cut(verb, seed, lambda w: 0,
                                                  len)
        if is_whole:
            assert got == whole, "wrong bytes of %d" % seed
            right += 1
        else:
            assert verb == "ARTICLE" and whole.startswith(got) \
                and len(got) < head_n(whole), "%d is cut" % seed
            in_header += 1
    asked = (await bench.other.stats())["commands"][verb]
    assert asked >= 0.99 * n, "the other was asked for %d of %d" % (asked, n)
    return "%d of %d right, %d cut in the header, the other was asked %d" \
        " times" % (right, n, in_header, asked)


async def none_in_header(bench, n):
    for seed in seeds(n):
        whole, got, is_whole, at = await bench.cut(
            "ARTICLE", seed, lambda w: 0, head_n)
        assert not is_whole and whole[:at].startswith(got), \
            "%d, cut at %d of its header, went on" % (seed, at)
    return "%d of %d end without a terminator" % (n, n)


async def never_glued(bench, n):
    """The other article as a whole, if nothing of the text came before the
    cut; else the start of the first one, and no terminator."""
    whole_n = cut_n = 0
    for seed in seeds(n):
        # Half of them where little or nothing can be compared.
        whole, got, is_whole, _ = await bench.cut(
            "BODY", seed, lambda w: 0,
            lambda w, seed=seed: 300 if seed % 8 else len(w))
        if is_whole:
            link.check_body(b"<%d.%d@gen>" % (SIZE, seed), got[:-3])
            whole_n += 1
        else:
            assert whole.startswith(got), "wrong bytes of %d" % seed
            cut_n += 1
    return "%d cut, %d the other's as a whole, none glued" % (cut_n, whole_n)


async def run(home, args):
    for other, name, play in (
            (SAME, "BODY", lambda b: all_right(b, "BODY", args.articles)),
            (SAME, "ARTICLE", lambda b: all_right(b, "ARTICLE",
                                                  args.articles)),
            (SAME, "ARTICLE, in the header",
             lambda b: none_in_header(b, max(1, args.articles // 10))),
            (DIFFERENT, "BODY, the other has another article",
             lambda b: never_glued(b, args.articles))):
        bench = Bench(pathlib.Path(tempfile.mkdtemp(dir=home)), args, other)
        begin = time.monotonic()
        try:
            await bench.start()
            found = await play(bench)
            bench.proxy.stop()
        finally:
            await bench.stop()
        print("%s, %s: %s, %.0f s" % (args.mode, name, found,
                                      time.monotonic() - begin), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--seed", default="")
    parser.add_argument("--relay", default="splice",
                        choices=("auto", "copy", "splice"))
    parser.add_argument("--mode", default="hybrid",
                        choices=("hybrid", "per-command"))
    args = parser.parse_args()
    args.seed = args.seed or secrets.token_hex(4)
    home = pathlib.Path(tempfile.mkdtemp(prefix="mend."))
    # TERM as well ends what was started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("seed %s, logs in %s" % (args.seed, home), flush=True)
    asyncio.run(run(home, args))
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
