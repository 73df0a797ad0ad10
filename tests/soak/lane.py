# SPDX-License-Identifier: BSD-2-Clause
"""One nntpmux of a soak in its mode, the relays before its backends, and what
is watched of it all the time."""

import asyncio
import collections
import math
import pathlib
import random
import re
import signal
import time

import news
from proxy import Proxy, program, reports, run
from relay import Relay
from timing import SLOW, ms

USER, PASSWORD = "joe", "hunter2-client"
# Those with places, a rate, and a quota that is never reached. One waits for a
# place, and is there for ever; the other one is refused, and may be removed.
WAITS, REFUSED = "amy", "rex"
PASSWORDS = {USER: PASSWORD, WAITS: "hunter2-amy", REFUSED: "hunter2-rex"}
# What a session has moved before its login, at most.
BEFORE_LOGIN = 300
# A client that takes nothing is put out after this.
CLIENT_STALL = 3 * SLOW
FIRST_BYTE, STALL, MEND = 10 * SLOW, 2 * SLOW, 20
SHUTDOWN = 10
MAX_CLIENTS, PER_ADDRESS = 1000, 300
# Where a connection, or its place, may be.
PLACES = ("idle", "lent", "connecting", "closing", "cooling")
# Descriptors besides those of clients and backends: loops, log, listener.
OTHER_FDS = 30
# A sanitizer does not give at once to others what was freed.
SANITIZERS = (b"__asan_init", b"__tsan_init")
KEPT_BACK = 1 << 30


def is_sanitized():
    code = pathlib.Path(program()).read_bytes()
    return any(name in code for name in SANITIZERS)


def sections(mode, chance):
    """What all have, and what the seed chooses."""
    return {
        "proxy": {
            "threads": chance.choice((1, 2, 3)),
            "pipeline_depth": chance.choice((1, 4, 16, 40)),
            "drain_limit": chance.choice(("16K", "1M")),
            "relay": chance.choice(("copy", "splice", "auto")),
            "wait_timeout": ms(8000), "command_timeout": ms(FIRST_BYTE
                                                            / SLOW * 1000),
            "client_stall_timeout": ms(CLIENT_STALL / SLOW * 1000),
            "login_timeout": ms(10000),
            "shutdown_timeout": "%ds" % SHUTDOWN, "max_clients": MAX_CLIENTS,
            "max_clients_per_address": PER_ADDRESS},
        "user " + USER: {"password_plain": PASSWORD},
        "routing": {
            "stateful_reserve": 0 if mode == "stateful"
            else chance.choice((1, 1, 2)),
            "strategy": chance.choice(("least-loaded", "round-robin",
                                       "weighted-round-robin")),
            "group_affinity": chance.choice(("first", "any")),
            "resume": chance.choice(("yes", "yes", "exact")),
            "tier_down": chance.choice(("fail", "spill")),
            "tier_full": chance.choice(("wait", "spill"))},
        "health": {
            "interval": ms(1000), "timeout": ms(1000),
            "unhealthy_threshold": chance.choice((1, 3, 5)),
            "healthy_threshold": chance.choice((1, 2))},
        "log": {"stats_interval": "1s"}}


def some_users(chance):
    """The sections of those with places."""
    return {"user " + name: {
        "password_plain": PASSWORDS[name], "over_limit": over_limit,
        "max_connections": chance.randrange(2, 5), "quota": "1T",
        "rate": chance.choice(("2M", "20M", "200M"))}
        for name, over_limit in ((WAITS, "wait"), (REFUSED, "refuse"))}


BACKEND = {
    "username": news.USER, "posting": "yes", "connect_timeout": ms(2000),
    "response_timeout": ms(2000), "post_timeout": ms(4000),
    "stall_timeout": ms(STALL / SLOW * 1000), "idle_timeout": ms(5000),
    "max_lifetime": ms(10000), "keepalive": ms(1000),
    "replacement_cooldown": ms(100)}


class Backend:
    """What proxy.Proxy needs to know of one."""

    def __init__(self, server, relay, least, chance):
        self.name = server.name
        self.url = "%s:%d" % relay.open()
        self.options = {"max_connections": chance.randrange(least, 9),
                        "pipeline_depth": chance.choice((1, 4, 10)),
                        "queue_mode": chance.choice(("lifo", "fifo")),
                        "min_idle": chance.choice((0, 0, 2)),
                        "tier": news.TIERS[server.name],
                        "password_file": server.home / "password",
                        "quota": chance.choice((0, "1T")),
                        "rate": chance.choice((0, "200M"))}
        self.plain = self.options       # without what an event changes


class Lane:
    """The proxy of one mode."""

    def __init__(self, home, mode, servers, seed):
        self.mode, self.home = mode, home / mode
        self.home.mkdir()
        self.relays = {name: Relay(lambda server=server: server.address,
                                   random.Random("%s.%s" % (seed, name)))
                       for name, server in servers.items()}
        chance = random.Random("%s.%s" % (seed, mode))
        others = sections(mode, chance)
        self.users = self.plain_users = some_users(chance)
        others.update(self.users)
        self.state = self.home / "state"
        self.state.mkdir()
        others["proxy"]["state_dir"] = self.state
        # Any of the backends, alone, has connections for posters.
        self.least = 1 + max(1, others["routing"]["stateful_reserve"])
        backends = [Backend(server, self.relays[name], self.least, chance)
                    for name, server in servers.items()]
        self.connections = {be.name: be.options["max_connections"]
                            for be in backends}
        self.proxy = Proxy(self.home, backends, mode=mode, backend=BACKEND,
                           sections=others)
        self.backends = {be.name: be for be in backends}
        self.away = {}              # backend: when it was there again
        self.reloading = asyncio.Lock()
        self.address = self.proxy.address
        self.links = set()          # connections of clients that are open
        # Of each user with places: logins said and not yet closed; and those
        # that were said when all had settled, for who came while there were
        # more places stays, were answered, and have not said QUIT.
        self.claims = collections.Counter()
        self.inside = collections.Counter()
        self.ends, self.moved = collections.Counter(), collections.Counter()
        self.log_at, self.breakers, self.seen = 0, {}, {}
        self.verdicts = 0           # reloads that the log tells of
        self.most = {"bytes": 0, "fds": 0}
        # Descriptors that are not of clients, in the calm: now and then all
        # who left are gone.
        self.least_fds = self.fds_max()
        self.bytes_max = self.memory_bound()

    def memory_bound(self):
        """What the program says that it will never take more than."""
        text = run(self.home, "-c", self.proxy.ini_path, "-T").stdout
        assert "hunter2" not in text, "a secret in the dump"
        bound = int(re.search(r"never more than (\d+)M", text).group(1)) << 20
        return bound + KEPT_BACK if is_sanitized() else bound

    # --- another configuration

    def change(self, name, **options):
        """The backend is there, with its own options but for these."""
        if self.away.get(name) == math.inf:
            self.away[name] = time.monotonic()
        be = self.backends[name]
        be.options = {**be.plain, **options}

    def leave_out(self, name):
        self.away[name] = math.inf

    def change_users(self, **users):
        """Those with places are as they were at first, but for these; None:
        it is not there."""
        self.users = {name: keys for name, keys in {
            **self.plain_users,
            **{"user " + name: keys and {**self.plain_users["user " + name],
                                         **keys}
               for name, keys in users.items()}}.items() if keys}

    def places(self, name):
        return self.plain_users["user " + name]["max_connections"]

    def missing(self):
        """Backends that were left out while a command that is answered now
        may have been under way."""
        since = time.monotonic() - FIRST_BYTE
        return {name for name, back in self.away.items() if back > since}

    async def reload(self):
        """HUP; the configuration holds when this returns."""
        async with self.reloading:
            there = [be for name, be in self.backends.items()
                     if self.away.get(name) != math.inf]
            # One must be there: with all of them left out, all stay.
            self.proxy.backends = there or list(self.backends.values())
            others = self.proxy.options["sections"]
            for name in self.plain_users:
                others.pop(name, None)
            others.update(self.users)
            self.proxy.write_ini(self.proxy.make_text(**self.proxy.options))
            n = self.verdicts
            self.proxy.signal(signal.SIGHUP)
            while self.verdicts == n:
                await asyncio.sleep(0.02)

    def claim(self, link):
        """Somebody wants a place of its user. How many did at once, at most,
        each of them remembers: 481 is read later than it was decided."""
        self.claims[link.name] += 1
        for one in self.links:
            if one.name == link.name:
                one.most_claims = max(one.most_claims,
                                      self.claims[link.name])

    # --- watched all the time

    def fds_max(self):
        """A client that has left is like one that has only said all it had to
        say: while backends are sick, its commands keep it for a while."""
        return MAX_CLIENTS + self.fds_of_backends()

    def fds_of_backends(self):
        return sum(self.connections.values()) + OTHER_FDS

    def watch(self, is_settled):
        """What is wrong now, as words, or None."""
        fds = self.proxy.fds() if self.proxy.is_alive() else 0
        if is_settled:
            self.least_fds = min(self.least_fds, fds - len(self.links))
            for name in WAITS, REFUSED:
                if self.inside[name] > self.places(name):
                    return "%d of %s are inside" % (self.inside[name], name)
        if not self.proxy.is_alive():
            return "the proxy ended with %s" % self.proxy.child.returncode
        for name, relay in self.relays.items():
            if relay.peak > self.connections[name]:
                return "%d connections at %s" % (relay.peak, name)
        for what, n, most in (("bytes", self.proxy.rss(), self.bytes_max),
                              ("fds", fds, self.fds_max())):
            self.most[what] = max(self.most[what], n)
            if n > most:
                return "%d %s are more than %d" % (n, what, most)
        return self.watch_log()

    def watch_log(self):
        """Read on in the log."""
        with open(self.proxy.log_path, "rb") as file:
            file.seek(self.log_at)
            text = file.read()
        text = text[:text.rfind(b"\n") + 1]
        self.log_at += len(text)
        text = text.decode("utf-8", "replace")
        for word in "defect", "hunter2":
            if word in text:
                return re.search(".*%s.*" % word, text).group()
        if "the configuration stays as it was" in text:
            return "a reload failed"
        self.verdicts += text.count("the configuration was read again")
        for name, state, numbers in re.findall(
                r"stats backend=(\S+) breaker=(\S+) (.*)", text):
            self.breakers[name] = state
            counts = dict(re.findall(r"(\w+)=(\d+)", numbers))
            if sum(int(counts[key]) for key in PLACES) \
                    > self.connections[name]:
                return "%s: %s" % (name, numbers)
        for name, pattern in (("mended", r"\bmended <"),
                              ("not mended", r"not mended <"),
                              ("another article", "has another article"),
                              ("breaker opened", "breaker=open phase=")):
            self.seen[name] = self.seen.get(name, 0) \
                + len(re.findall(pattern, text))
        for name, came, went in re.findall(
                r" user=(\S+) end=.* bytes_in=(\d+) bytes_out=(\d+)", text):
            self.ends[name] += 1
            self.moved[name] += int(came) + int(went)
        return reports(self.home) or None

    def all_closed(self):
        """Every breaker, since clear_breakers()."""
        return self.breakers == dict.fromkeys(self.relays, "closed")

    def clear_breakers(self):
        self.breakers = {}

    # --- the end

    def finish(self):
        """After TERM: it ended in time and well, and at rest."""
        assert self.least_fds <= self.fds_of_backends(), \
            "%d descriptors are of nobody" % self.least_fds
        code = self.proxy.wait_end(SHUTDOWN + 5 * SLOW)
        assert code == 0, "its exit code is %d" % code
        self.proxy.backends = list(self.backends.values())
        self.proxy.assert_at_rest(("lent", "waiting", "pending", "stateful"))
        assert not (wrong := self.watch_log()), wrong
        self.check_used()

    def check_used(self):
        """The quotas have what the log tells, but for what was before the
        logins; of who was removed now and then, no more than that."""
        rows = map(str.split, (self.state / "quotas").read_text()
                   .splitlines()[1:-1])
        used = {name: int(n) for kind, name, n in rows if kind == "user"}
        for name in WAITS, REFUSED:
            least = self.moved[name] - BEFORE_LOGIN * self.ends[name]
            if name == REFUSED:
                least = 0
            assert least <= used.get(name, 0) <= self.moved[name], \
                "%s has used %d, and %d were moved" % (
                    name, used.get(name, 0), self.moved[name])

    def kill(self):
        if self.proxy.is_alive():
            self.proxy.child.kill()
            self.proxy.child.wait()
        self.proxy.stderr.close()
