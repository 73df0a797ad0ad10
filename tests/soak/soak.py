# SPDX-License-Identifier: BSD-2-Clause
"""The soak: README.md tells what it is.

    soak.py [--seconds N] [--seed TEXT] [--mode MODE] [--clients N] [--plan]

NNTPMUX_PROGRAM, NNTPMUX_NEWSD and NNTPMUX_SLOW are as in tests/proxy.
"""

import argparse
import asyncio
import collections
import hashlib
import json
import pathlib
import random
import resource
import secrets
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "proxy")]

import clients                  # noqa: E402
import lane                     # noqa: E402
import link                     # noqa: E402
import news                     # noqa: E402
import relay                    # noqa: E402
import storm                    # noqa: E402
from proxy import program       # noqa: E402
from timing import SLOW         # noqa: E402

MODES = ("hybrid", "stateful", "per-command")
SAMPLE_S = 0.1
# The longest time to a probe, with its jitter, and the probe.
RECOVERY_S = 45 + 10 * SLOW


class World:
    """All that a soak consists of."""

    first_limit = lane.FIRST_BYTE + 5 * SLOW
    next_limit = lane.MEND + lane.STALL + lane.FIRST_BYTE + 5 * SLOW
    client_stall, per_address = lane.CLIENT_STALL, lane.PER_ADDRESS
    user, password = lane.USER.encode(), lane.PASSWORD.encode()

    def __init__(self, home, seed, modes):
        self.home, self.seed = home, seed
        self.loop = asyncio.get_running_loop()
        self.servers = {name: news.News(home, name) for name in news.HOLDERS}
        self.modes, self.lanes = modes, []
        self.counts = collections.Counter()
        self.known, self.posts = link.Known(), {}
        self.is_calm = False        # all is well: no command may fail
        self.is_settled = False     # and those who left in the storm are gone
        self.is_ending = False      # clients finish what they do
        self.is_over = False        # the proxies are going down
        self.failed = self.loop.create_future()

    def fail(self, what):
        """Something that must never happen: ends the soak."""
        if not self.failed.done():
            self.failed.set_exception(link.Wrong(what))

    def relays(self, name):
        """All relays before one backend."""
        return [each.relays[name] for each in self.lanes]

    async def start(self):
        await asyncio.gather(*(s.start() for s in self.servers.values()))
        for server in self.servers.values():
            await server.learn()
        for mode in self.modes:
            self.lanes.append(lane.Lane(self.home, mode, self.servers,
                                        self.seed))

    async def sample(self):
        """Watches every lane until the soak is over."""
        while not self.is_over:
            for each in self.lanes:
                if wrong := each.watch(self.is_settled):
                    self.fail("%s: %s" % (each.mode, wrong))
            await asyncio.sleep(SAMPLE_S)

    async def recover(self):
        """All is well again, and every breaker has to find out."""
        for each in self.lanes:
            each.clear_breakers()
        limit = time.monotonic() + RECOVERY_S
        while not all(each.all_closed() for each in self.lanes):
            if time.monotonic() > limit:
                raise link.Wrong("not all backends are used again: %s" % [
                    each.breakers for each in self.lanes])
            await asyncio.sleep(SAMPLE_S)

    def check_waits(self):
        """In the calm nobody waits longer than for a first byte, not for the
        rest of an article either."""
        since = self.loop.time() - self.first_limit
        for each in self.lanes:
            for one in each.links:
                if one.waits_since and one.waits_since < since:
                    raise link.Wrong("%s: somebody still waits, behind %r"
                                     % (each.mode, one.asked))

    async def check_posts(self):
        """Each article that was accepted is at one server, whole; one that
        may have been is at one at most; half an article is nowhere."""
        at = collections.defaultdict(list)
        for server in self.servers.values():
            for msgid in await server.have(list(self.posts)):
                at[msgid].append(server)
        for msgid, (how, body) in self.posts.items():
            n = len(at[msgid])
            if n not in {"once": (1,), "maybe": (0, 1), "never": (0,)}[how]:
                raise link.Wrong("%s was posted %s, and is at %d servers"
                                 % (msgid, how, n))
            self.counts["posted " + how] += 1
            for server in at[msgid]:
                got = await server.ask("BODY " + msgid)
                got = got.partition(b"\r\n")[2].rpartition(b"205 ")[0]
                if hashlib.sha1(got).digest() != body:
                    raise link.Wrong("%s is not what was posted" % msgid)

    async def stop(self):
        for each in self.lanes:
            each.kill()
            for way in each.relays.values():
                await way.close()
        for server in self.servers.values():
            await server.stop()


async def weather(world, steps, calm_s):
    """The storm, then a calm, in which nothing may fail."""
    counts = await storm.blow(world, steps)
    await world.recover()
    world.is_calm = True
    await asyncio.sleep(calm_s / 2)
    world.is_settled = True
    await asyncio.sleep(calm_s / 2)
    world.check_waits()
    world.is_ending = True
    return counts


async def guarded(world, coroutine):
    """Its result; or the first thing that must never happen."""
    task = asyncio.ensure_future(coroutine)
    await asyncio.wait([task, world.failed],
                       return_when=asyncio.FIRST_COMPLETED)
    if world.failed.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        world.failed.result()
    return task.result()


async def end_under_load(world, crowd):
    """TERM while clients are busy and some backends are not there: they
    finish, or get their 400, or are cut when the time is over."""
    chance = random.Random(world.seed)
    world.is_over = True
    for name in world.servers:
        mood = chance.choice((relay.FAIR, relay.FAIR, relay.Hole(),
                              relay.Dead(10000), relay.Refuse()))
        for way in world.relays(name):
            way.set_mood(mood)
    for each in world.lanes:
        each.proxy.signal(signal.SIGTERM)
    done, late = await asyncio.wait(crowd, timeout=world.next_limit)
    for task in done:
        task.result()       # a fault of its own
    if late:
        raise link.Wrong("these hang: %s" % ", ".join(
            task.get_name() for task in late))
    await asyncio.gather(*(asyncio.to_thread(each.finish)
                           for each in world.lanes))


async def soak(world, args):
    await world.start()
    steps = storm.plan(args.seed, news.HOLDERS, args.seconds)
    crowd = [asyncio.create_task(
        clients.live(world, world.lanes[n % len(world.lanes)], n),
        name="%s %d" % (clients.kind_of(n).__name__, n))
        for n in range(args.clients)]
    watch = asyncio.ensure_future(world.sample())
    try:
        events = await guarded(world, weather(
            world, steps, max(5, args.seconds / 10) * SLOW))
        await guarded(world, end_under_load(world, crowd))
        await guarded(world, watch)
        await world.check_posts()
    finally:
        for task in (*crowd, watch):
            task.cancel()
        await asyncio.gather(*crowd, watch, return_exceptions=True)
    return events


def report(world, events):
    """What the note of a run has to tell."""
    seen = collections.Counter()
    for each in world.lanes:
        seen.update(each.seen)
    most = {each.mode: "%d MiB of %d, %d descriptors, connections %s" % (
        each.most["bytes"] >> 20, each.bytes_max >> 20, each.most["fds"],
        " ".join("%d/%d" % (way.peak, each.connections[name])
                 for name, way in each.relays.items()))
        for each in world.lanes}
    for name, value in (("events", events), ("clients", world.counts),
                        ("proxies", seen), ("most", most)):
        print("%s: %s" % (name, json.dumps(value, sort_keys=True)))
    print("%d articles verified, %.1f GB; %d mends; %d events of %d kinds" % (
        world.counts["verified"], world.counts["bytes"] / 1e9,
        seen["mended"], sum(events.values()), len(events)))


async def main(args, home):
    modes = MODES if args.mode == "all" else (args.mode,)
    world = World(home, args.seed, modes)
    try:
        events = await soak(world, args)
    except (AssertionError, link.Wrong) as wrong:
        print("WRONG: %s" % wrong)
        print("seed %s; logs and configuration in %s" % (args.seed, home))
        return 1
    finally:
        await world.stop()
    report(world, events)
    shutil.rmtree(home)
    return 0


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", default="")
    parser.add_argument("--mode", default="all", choices=(*MODES, "all"))
    parser.add_argument("--clients", type=int, default=240)
    parser.add_argument("--plan", action="store_true",
                        help="print what would go wrong, and when")
    args = parser.parse_args()
    args.seed = args.seed or secrets.token_hex(4)
    return args


def raise_descriptor_limit():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def run_soak():
    args = parse()
    raise_descriptor_limit()
    # TERM as well ends what was started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if args.plan:
        for step in storm.plan(args.seed, news.HOLDERS, args.seconds):
            print("%8.3f %s %-16s %.3f s" % (step.at, step.backend,
                                             step.event, step.seconds))
        return 0
    print("soak of %s: seed %s, mode %s, %d clients, %.0f s of storm" % (
        program(), args.seed, args.mode, args.clients, args.seconds),
        flush=True)
    begin = time.monotonic()
    code = asyncio.run(main(args, pathlib.Path(
        tempfile.mkdtemp(prefix="soak."))))
    print("seed %s: %s, %.0f s" % (args.seed, "FAILED" if code else "ok",
                                   time.monotonic() - begin))
    return code


if __name__ == "__main__":
    sys.exit(run_soak())
