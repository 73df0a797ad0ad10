# SPDX-License-Identifier: BSD-2-Clause
"""Random sessions, the same for a seed.

through the proxy as with one server      test_as_with_one_server
several at once                           test_each_as_with_its_own_server
with faults on both sides                 test_faults_*
"""

import contextlib
import random
import threading

import pytest

from client import Client
from fake import takes
from timing import ms
from wire import article, articles, lines, stuff

NAMES = ["a", "b", "c", "d", "e", "f"]
GROUPS = {"local.one": {3: "<a@x>", 4: "<b@x>", 7: "<c@x>"},
          "local.two": {100: "<d@x>", 101: "<a@x>"}, "local.empty": {}}
NUMBERS = [1, 3, 4, 5, 7, 99, 100, 101, 102]
BLOCKS = ("100", "101", "215", "220", "221", "222", "224", "225", "230", "231")


def commands(chance):
    """One of all that a reader may say."""
    n, m = chance.choice(NUMBERS), chance.choice(NUMBERS)
    msgid = "<%s@x>" % chance.choice(NAMES + ["none"])
    group = chance.choice([*GROUPS, "local.one", "local.none"])
    which = chance.choice([msgid, msgid, n, ""])
    span = chance.choice([n, "%d-" % n, "%d-%d" % (n, m), msgid, ""])
    return chance.choice([
        "GROUP " + group, "LISTGROUP " + group, "LISTGROUP",
        "LISTGROUP %s %d-" % (group, n), "NEXT", "LAST", "DATE", "LIST",
        "LIST COUNTS local.*", "LIST NEWSGROUPS", "LIST OVERVIEW.FMT",
        "NEWGROUPS 20240101 000000", "NEWNEWS * 20240101 000000",
        "XPAT Subject %d- *" % n, "XFOO", "XBLOCK x",
        *["%s %s" % (verb, which) for verb in ("ARTICLE", "HEAD", "BODY")],
        *["STAT %s" % which] * 3,
        *["%s %s" % (verb, span) for verb in ("OVER", "XOVER", "HDR Subject",
                                              "XHDR Subject")]]).strip()


def a_server(bed, name, **options):
    be = bed.fake(name, articles(*NAMES, size=400),
                  groups={g: dict(numbers) for g, numbers in GROUPS.items()},
                  posting="yes", **options)
    be.on["XFOO"] = lambda c, line: c.say("250 %s %s" % (c.group, c.number))
    be.on["XBLOCK"] = lambda c, line: c.send(b"230 x\r\nGROUP\r\n..\r\n.\r\n")
    return be


def answer(client, command):
    """Status line and block; of a refusal its code only, for its words may
    be the proxy's."""
    status = client.line()
    if status[0] in "45":
        return status[:3]
    verb = command.split()[0]
    if status[:3] in BLOCKS and verb != "STAT" \
            or (status[:3] == "211" and verb == "LISTGROUP"):
        return status, client.block()
    return status


def run(client, plan):
    """All answers to a plan: bursts of commands, or articles to post."""
    out = []
    for step in plan:
        if isinstance(step, bytes):
            client.say("POST")
            out.append(client.line()[:3])
            client.send(step)
            out.append(client.line())
        else:
            client.say(*step)
            out += [(command, answer(client, command)) for command in step]
    return out


def make_plan(chance, bursts, tag):
    plan = []
    for n in range(bursts):
        if chance.random() < 0.1:
            plan.append(stuff(article("<%s.%d@new>" % (tag, n), lines(
                chance.randrange(3000), n), Newsgroups="local.two")))
            continue
        plan.append([commands(chance)
                     for _ in range(chance.choice((1, 1, 2, 5, 16)))])
    return plan


@pytest.mark.modes("hy", "st")
@pytest.mark.parametrize("seed", range(25))
def test_as_with_one_server(bed, seed):
    plan = make_plan(random.Random(seed), 30, "r%d" % seed)
    direct = Client(a_server(bed, "direct").address)
    client = bed.proxy(a_server(bed, "be", pipeline_depth=1 + seed % 6),
                       proxy={"pipeline_depth": 1 + seed % 17}).client()
    want, got = run(direct, plan), run(client, plan)
    for a, b in zip(want, got):
        assert a == b
    client.fence()
    direct.close()


@pytest.mark.modes("hy", "st")
@pytest.mark.parametrize("seed", range(3))
def test_each_as_with_its_own_server(bed, seed):
    """Their connections go from one to the other, and nothing with them."""
    be = a_server(bed, "be", max_connections=8)
    proxy, direct = bed.proxy(be), a_server(bed, "direct")
    wrong = []

    def work(n):
        chance = random.Random("%d.%d" % (seed, n))
        for _ in range(12):
            plan = [step for step in make_plan(chance, 6, "x")
                    if not isinstance(step, bytes)]
            one, two = Client(direct.address), proxy.client()
            want, got = run(one, plan), run(two, plan)
            wrong.extend(pair for pair in zip(want, got)
                         if pair[0] != pair[1])
            one.close()
            two.say("QUIT")
            two.rest()
            two.close()

    # Fewer than there are slots; one that ends may hold its own a while.
    jobs = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert not wrong, wrong[:3]
    assert be.peak <= 8


# --- faults ------------------------------------------------------------------

def sick_script(seed):
    """A server that is correct for a while, then hangs, breaks or lies."""
    def script(conn):
        chance = random.Random("%s.%d" % (seed, conn.n))
        conn.greet()
        left = chance.randrange(3, 40)
        while left:
            line = conn.read_line()
            if line.startswith("POST") and chance.random() < 0.2:
                takes(last=lambda c: (c.reset() if chance.random() < 0.5
                                      else c.hang()))(conn, line)
            conn.answer(line)
            left -= 1
        conn.read_line()
        end = chance.randrange(5)
        if end == 0:
            conn.hang()
        elif end == 1:
            conn.send(b"abc\r\n")
        elif end == 2:
            conn.send(b"222 0 <a@x>\r\nhalf a li")
        elif end == 3:
            conn.reset()

    return script


@pytest.mark.parametrize("seed", range(4))
def test_faults_leave_nothing_behind(bed, seed):
    """Everybody misbehaves.  What was answered 240 was posted once, what was
    not was posted once or never; nobody hangs; all counts are zero."""
    fakes = [a_server(bed, "be%d" % i, max_connections=3,
                      replacement_cooldown="20ms", response_timeout=ms(300),
                      post_timeout=ms(300), stall_timeout=ms(300),
                      keepalive=ms(100), connect_timeout=ms(500))
             for i in range(3)]
    for be in fakes:
        be.script = sick_script("%d%s" % (seed, be.name))
    proxy = bed.proxy(*fakes, proxy={
        "wait_timeout": ms(1000), "command_timeout": ms(1500),
        "client_stall_timeout": ms(1000)})
    done, errors = [], []

    def session(chance, tag):
        client = proxy.client()
        for step in make_plan(chance, chance.randrange(1, 12), tag):
            if not isinstance(step, bytes):
                client.say(*step)
                if chance.random() < 0.1:
                    return client
                for command in step:
                    answer(client, command)
                continue
            client.say("POST")
            if client.line()[:3] != "340":
                continue
            if chance.random() < 0.2:
                client.send(step[:chance.randrange(len(step))])
                return client
            client.send(step)
            if client.line()[:3] == "240":
                done.append(step)
        return client

    def work(n):
        chance = random.Random("%d.%d" % (seed, n))
        for i in range(12):
            with contextlib.suppress(OSError):
                try:
                    client = session(chance, "f%d.%d.%d" % (seed, n, i))
                    client.reset() if chance.random() < 0.5 \
                        else client.close()
                except AssertionError as error:
                    if "the connection ended" not in str(error) \
                            and "cut inside" not in str(error):
                        errors.append(error)

    jobs = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert not errors, errors[:3]
    posted = [raw for be in fakes for raw in be.posted]
    assert len(posted) == len(set(posted)), "posted twice"
    assert set(done) <= set(posted), "240, and not posted"
    assert max(be.peak for be in fakes) <= 3
    proxy.stop()
    proxy.assert_at_rest()
