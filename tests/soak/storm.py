# SPDX-License-Identifier: BSD-2-Clause
"""What goes wrong during a soak, and when: all of it comes from the seed.

An event is a row of EVENTS and a coroutine: it begins something at one
backend, lasts, and ends it.  Backends have their events one after the other,
each its own, so any number of them may be sick at a time.

An event that concerns nntpmux itself, a reload or a standstill, is such a row too:
its coroutine gets the world, with all lanes in it.
"""

import asyncio
import collections
import random
import signal

import relay

Step = collections.namedtuple("Step", "at backend event seconds roll")
Event = collections.namedtuple("Event", "weight longest run")


def scale(step, low, high):
    """A value between, decided by the step; small ones as often as large."""
    return low * (high / low) ** step.roll


def mood(make):
    """An event: every relay before the backend is in this mood."""
    async def run(world, step):
        made = make(step)
        for way in world.relays(step.backend):
            way.set_mood(made)
        await asyncio.sleep(step.seconds)
        for way in world.relays(step.backend):
            way.set_mood(relay.FAIR)
    return run


def hole_then_reset():
    """Packets vanish; when the way is free again, nobody remembers."""
    vanish = mood(lambda step: relay.Hole())

    async def run(world, step):
        await vanish(world, step)
        for way in world.relays(step.backend):
            way.break_all(True)
    return run


def breaks(is_reset):
    async def run(world, step):
        for way in world.relays(step.backend):
            way.break_all(is_reset)
    return run


def restart(number):
    """The server goes, stays away for a while, and comes back."""
    async def run(world, step):
        server = world.servers[step.backend]
        await server.end(number)
        await asyncio.sleep(step.seconds * step.roll)
        await server.start()
    return run


async def freeze(world, step):
    server = world.servers[step.backend]
    server.signal(signal.SIGSTOP)
    await asyncio.sleep(step.seconds)
    server.signal(signal.SIGCONT)


def errs(kind, most):
    """newsd does it to some of its answers."""
    async def run(world, step):
        server = world.servers[step.backend]
        await server.set_faults("%s=%.4f,seed=%d" % (
            kind, scale(step, most / 20, most), int(step.roll * 1e6)))
        await asyncio.sleep(step.seconds)
        await server.set_faults("none")
    return run


def reload(change):
    """Every proxy reads another configuration, and in the end the old one
    again.  change(lane, step) makes the other one."""
    async def run(world, step):
        for lane in world.lanes:
            change(lane, step)
            await lane.reload()
        await asyncio.sleep(step.seconds)
        for lane in world.lanes:
            lane.change(step.backend)
            await lane.reload()
    return run


def shrink(lane, step):
    """Not so far that there could be no posting."""
    most = lane.connections[step.backend]
    lane.change(step.backend, min_idle=0, max_connections=lane.least
                + int(step.roll * (most - lane.least + 1)))


def other_users(lane, step):
    """Other places, another rate, another way to be refused, or one less."""
    n = int(step.roll * 1000)
    lane.change_users(
        amy={"max_connections": 1 + n % 5, "rate": "5M",
             "over_limit": ("wait", "refuse")[n % 7 == 0]},
        rex=None if n % 3 == 0 else {"max_connections": 1 + n % 4,
                                     "rate": "1M"})


async def reload_users(world, step):
    for lane in world.lanes:
        other_users(lane, step)
        await lane.reload()
    await asyncio.sleep(step.seconds)
    for lane in world.lanes:
        lane.change_users()
        await lane.reload()


async def stop_proxies(world, step):
    """As if the machine stood still, but for the others."""
    for lane in world.lanes:
        lane.proxy.signal(signal.SIGSTOP)
    await asyncio.sleep(step.seconds)
    for lane in world.lanes:
        lane.proxy.signal(signal.SIGCONT)


LIMITED = b"502 too many connections\r\n"
DENIED = b"400 come back later\r\n"

# How often against the others, the longest in seconds, what it does.
EVENTS = {
    "delay": Event(3, 4, mood(lambda s: relay.Delay(scale(s, 0.01, 0.6)))),
    "throttle": Event(3, 4, mood(
        lambda s: relay.Throttle(int(scale(s, 100, 1 << 20))))),
    "split": Event(3, 4, mood(lambda s: relay.Split(int(scale(s, 4, 300))))),
    "black-hole": Event(3, 5, mood(lambda s: relay.Hole())),
    "black-hole-reset": Event(2, 5, hole_then_reset()),
    "dead": Event(3, 2, mood(
        lambda s: relay.Dead(int(scale(s, 300, 1 << 20))))),
    "mute": Event(2, 4, mood(lambda s: relay.Mute())),
    "refuse": Event(3, 4, mood(lambda s: relay.Refuse())),
    "greets-502": Event(1, 3, mood(lambda s: relay.Says(LIMITED))),
    "greets-400": Event(1, 3, mood(lambda s: relay.Says(DENIED))),
    "reset-at-n": Event(6, 4, mood(
        lambda s: relay.Cut(int(scale(s, 300, 1 << 20)), True))),
    "close-at-n": Event(6, 4, mood(
        lambda s: relay.Cut(int(scale(s, 300, 1 << 20)), False))),
    "reset-all": Event(2, 0, breaks(True)),
    "close-all": Event(2, 0, breaks(False)),
    "restart": Event(2, 3, restart(signal.SIGTERM)),
    "kill": Event(2, 3, restart(signal.SIGKILL)),
    "freeze": Event(2, 4, freeze),
    "close-in-block": Event(4, 4, errs("close-in-block", 0.5)),
    "close-before": Event(2, 4, errs("close-before", 0.3)),
    "silent": Event(1, 4, errs("silent", 0.1)),
    "garbage": Event(2, 4, errs("garbage", 0.3)),
    "answers-400": Event(2, 4, errs("400", 0.3)),
    "reload-without": Event(6, 4, reload(
        lambda lane, step: lane.leave_out(step.backend))),
    "reload-limit": Event(6, 4, reload(shrink)),
    "reload-users": Event(6, 4, reload_users),
    "dribble": Event(2, 4, errs("slow", 0.3)),
    "stop-proxies": Event(2, 3, stop_proxies),
}


def plan_backend(seed, backend, seconds):
    chance = random.Random("%s.%s" % (seed, backend))
    names = list(EVENTS)
    weights = [EVENTS[name].weight for name in names]
    at = chance.uniform(0.5, 3)
    while at < seconds:
        name = chance.choices(names, weights)[0]
        longest = EVENTS[name].longest
        step = Step(at, backend, name,
                    min(chance.uniform(0.2, 1) * longest, seconds - at),
                    chance.random())
        yield step
        at += step.seconds + chance.choice((0.1, 0.5, 1, 3))


def plan(seed, backends, seconds):
    """All steps, in order of time; the same for the same arguments."""
    return sorted(step for backend in backends
                  for step in plan_backend(seed, backend, seconds))


async def blow(world, steps):
    """Carry out the plan.  Gives how often each event was."""
    counts = collections.Counter()
    begin = world.loop.time()

    async def run_all(mine):
        for step in mine:
            await asyncio.sleep(max(0, begin + step.at - world.loop.time()))
            counts[step.event] += 1
            await EVENTS[step.event].run(world, step)

    mine = collections.defaultdict(list)
    for step in steps:
        mine[step.backend].append(step)
    await asyncio.gather(*map(run_all, mine.values()))
    return counts
