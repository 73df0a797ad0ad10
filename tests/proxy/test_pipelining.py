# SPDX-License-Identifier: BSD-2-Clause
"""Pipelining (of a pinned session:                  test_pinning.py).

4 x BODY, one connection, in order     test_burst_over_one_connection
pipelined to the backend               test_backend_gets_*, test_pipeline_*
behind a wait for a connection         test_commands_that_have_waited_*
half a command behind a whole one      test_half_a_command_*
over-long and empty line behind STAT   test_bad_line_behind_stat
local and forwarded mixed              test_mixed_in_any_order
AUTHINFO USER + PASS + DATE            test_login_in_one_write
DATE + QUIT                            test_date_and_quit
1000 x BODY without reading            test_client_that_does_not_read_*
430s that need another backend         test_misses_that_need_the_other
fairness                               test_pool_is_shared_fairly
"""

import itertools
import threading

import pytest

from fake import Gate, reply
from timing import SLOW, Clock, ms, scaled, wait_until
from wire import article, articles, body, stuff


def test_burst_over_one_connection(bed):
    names = ["a", "b", "c", "d"]
    be = bed.fake(articles=articles(*names, size=50000), max_connections=1)
    client = bed.proxy(be).client()
    for _ in range(2):
        client.say(*("BODY <%s@x>" % name for name in names))
        for name in names:
            msgid = "<%s@x>" % name
            assert client.line() == "222 0 " + msgid
            assert client.block() == stuff(body(be.articles[msgid]))
    client.fence()
    assert be.accepts == 1


@pytest.mark.modes("hy", "pc")
def test_burst_over_many_connections_in_order(bed):
    names = ["n%d" % i for i in range(60)]
    fakes = [bed.fake(articles=articles(*names, size=20000))
             for _ in range(2)]
    client = bed.proxy(*fakes).client()
    client.say(*("BODY <%s@x>" % name for name in names))
    for name in names:
        msgid = "<%s@x>" % name
        assert client.line() == "222 0 " + msgid
        assert client.block() == stuff(body(fakes[0].articles[msgid]))
    client.fence()


@pytest.mark.modes("hy", "pc")
def test_answers_in_order_though_the_first_is_slow(bed):
    slow, quick = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("b", "c"))
    gate = Gate()
    for be in slow, quick:
        be.on["BODY"] = lambda c, line: (
            "<a@x>" in line and gate.wait(c), c.on_BODY(line))
    client = bed.proxy(slow, quick).client()
    client.say("BODY <a@x>", "BODY <b@x>", "STAT <c@x>", "HELP")
    wait_until(lambda: "BODY <a@x>" in slow.seen + quick.seen)
    gate.open()
    assert client.line() == "222 0 <a@x>"
    client.block()
    assert client.line() == "222 0 <b@x>"
    client.block()
    assert client.line() == "223 0 <c@x>"
    assert client.line()[:3] == "100"


def four_first(conn, meanwhile=lambda conn: None):
    """Answers one, and then none before four have come."""
    line = conn.serve_login()
    meanwhile(conn)
    conn.answer(line)
    for line in conn.read_lines(4):
        conn.answer(line)
    conn.serve_commands()


def test_backend_gets_commands_ahead_of_answers(bed):
    names = ["a", "b", "c", "d"]
    be = bed.fake(articles=articles(*names), max_connections=1,
                  pipeline_depth=4)

    be.script = four_first
    client = bed.proxy(be).client()
    assert client.code("DATE") == "111"     # a stateful one is pinned now
    client.say(*("STAT <%s@x>" % name for name in names))
    for name in names:
        assert client.line() == "223 0 <%s@x>" % name


@pytest.mark.modes("hy", "pc")
def test_commands_that_have_waited_leave_together(bed):
    names, gate = ["a", "b", "c", "d"], Gate()
    be = bed.fake(articles=articles(*names), max_connections=1,
                  pipeline_depth=4)
    be.script = lambda conn: four_first(conn, gate.wait)
    proxy = bed.proxy(be)
    other, client = proxy.client(), proxy.client()
    other.say("STAT <a@x>")
    be.wait_accepts(1)
    client.say("HELP", *("STAT <%s@x>" % name for name in names))
    assert client.line()[:3] == "100"   # and all of them are waiting
    client.block()
    gate.open()
    assert other.line() == "223 0 <a@x>"
    for name in names:
        assert client.line() == "223 0 <%s@x>" % name


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_backend_never_gets_more_than_its_depth(bed, depth):
    names = ["n%d" % i for i in range(12)]
    be = bed.fake(articles=articles(*names), max_connections=1,
                  pipeline_depth=depth)
    ahead = []

    def counting(conn):
        conn.answer(conn.serve_login())
        waiting = [conn.read_line()]
        while True:
            while len(waiting) < depth or conn.has_more():
                if len(ahead) + len(waiting) == len(names):
                    break
                waiting.append(conn.read_line())
            assert len(waiting) <= depth
            ahead.append(len(waiting))
            conn.answer(waiting.pop(0))
            if len(ahead) == len(names):
                conn.serve_commands()

    be.script = counting
    client = bed.proxy(be).client()
    assert client.code("DATE") == "111"
    client.say(*("STAT <%s@x>" % name for name in names))
    for name in names:
        assert client.line() == "223 0 <%s@x>" % name
    assert max(ahead) <= depth


def test_pipeline_depth_of_a_client(bed):
    names = ["n%d" % i for i in range(8)]
    be, gate = bed.fake(articles=articles(*names), pipeline_depth=1), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    client = bed.proxy(be, proxy={"pipeline_depth": 3}).client()
    client.say(*("STAT <%s@x>" % name for name in names))
    be.wait_seen(1)
    assert len(be.seen) <= 3
    gate.open()
    for name in names:
        assert client.line() == "223 0 <%s@x>" % name


@pytest.mark.modes("hy", "pc")
def test_pipelined_commands_die_with_the_connection_and_are_asked_again(bed):
    names = ["a", "b", "c", "d"]
    be = bed.fake(articles=articles(*names), max_connections=1,
                  replacement_cooldown="50ms")

    def answers_one(conn):
        line = conn.serve_login()
        conn.answer(line)
        conn.wait_read()

    be.script = [answers_one, None]
    client = bed.proxy(be).client()
    client.say(*("STAT <%s@x>" % name for name in names))
    for name in names:
        assert client.line() == "223 0 <%s@x>" % name


def test_half_a_command_behind_a_whole_one(bed):
    client = bed.proxy(bed.fake(articles=articles("a"))).client()
    client.send("STAT <a@x>\r\nSTA")
    client.expect(223)
    client.send("T <a@x>\r\nD")
    client.expect(223)
    client.send("ATE\r\nHEL")
    client.expect(111)
    client.send("P\r\n")
    client.expect(100)


def test_commands_split_anywhere(bed):
    be = bed.fake(articles=articles("a"))
    client = bed.proxy(be).client()
    text = b"STAT <a@x>\r\nDATE\r\nMODE READER\r\n"
    for at in range(1, len(text)):
        client.send(text[:at])
        client.send(text[at:])
        client.expect(223, 111, 201)


@pytest.mark.parametrize("line", ["STAT " + "x" * 600, "", "x" * 5000,
                                  "STAT <a@x>" + " " * 600])
def test_bad_line_behind_stat(bed, line):
    client = bed.proxy(bed.fake(articles=articles("a"))).client()
    client.say("STAT <a@x>", line, "STAT <a@x>")
    client.expect(223, 501, 223)
    client.fence()


def test_mixed_in_any_order(bed):
    be = bed.fake()
    client = bed.proxy(be).client()
    codes = {"DATE": "111", "CAPABILITIES": "101", "HELP": "100",
             "MODE READER": "201", "LIST": "215"}
    for order in itertools.permutations(codes):
        client.say(*order)
        for command in order:
            assert client.line()[:3] == codes[command]
            if codes[command] in ("101", "100", "215"):
                client.block()


def test_misses_and_errors_in_order(bed, mode):
    number, group = (503, 500) if mode == "pc" else (412, 411)
    client = bed.proxy(bed.fake(articles=articles("a"))).client()
    client.say("STAT <no@x>", "XFOO", "STAT <a@x>", "STAT 1", "BODY <no@x>",
               "POST", "GROUP x", "", "DATE")
    client.expect(430, 500, 223, number, 430, 440, group, 501, 111)


@pytest.mark.modes("hy", "st")
def test_articles_a_group_and_the_date(bed):
    be = bed.fake(articles=articles("a", "b", "c", "d", size=50000))
    client = bed.proxy(be).client()
    for _ in range(2):
        client.say(*("BODY " + msgid for msgid in be.articles),
                   "GROUP local.test", "DATE")
        for msgid in be.articles:
            assert client.line().split()[::2] == ["222", msgid]
            assert client.block() == stuff(body(be.articles[msgid]))
        client.expect(211, 111)
    client.fence()


def test_login_in_one_write(bed):
    users = {"alice": {"password_plain": "secret"}}
    client = bed.proxy(bed.fake(), users=users).client()
    client.say("AUTHINFO USER alice", "AUTHINFO PASS secret", "DATE")
    client.expect(381, 281, 111)


def test_failed_login_in_one_write(bed):
    users = {"alice": {"password_plain": "secret"}}
    be = bed.fake()
    client = bed.proxy(be, users=users).client()
    client.say("AUTHINFO USER alice", "AUTHINFO PASS wrong", "DATE", "QUIT")
    client.expect(381, 481, 480, 205)
    client.at_end()
    assert be.seen == []


def test_date_and_quit(bed):
    client = bed.proxy(bed.fake()).client()
    client.say("DATE", "QUIT")
    client.expect(111, 205)
    client.at_end()


def test_client_that_does_not_read_holds_no_memory(bed):
    be = bed.fake(articles={"<a@x>": article("<a@x>", b"x" * 99998 + b"\r\n"),
                            "<b@x>": article("<b@x>")}, max_connections=2)
    proxy = bed.proxy(be)
    other = proxy.client()
    assert other.code("STAT <b@x>") == "223"
    before = proxy.rss()
    client = proxy.client(rcvbuf=16384)
    sender = threading.Thread(target=lambda: client.say(
        *["BODY <a@x>"] * 1000))
    sender.start()
    be.wait_seen(2, "BODY")
    for _ in range(20):
        assert other.code("STAT <b@x>") == "223", "one slow client blocks all"
    assert proxy.rss() - before < (16 << 20 if SLOW == 1 else 128 << 20)
    want = stuff(body(be.articles["<a@x>"]))
    for _ in range(1000):
        assert client.line() == "222 0 <a@x>"
        assert client.block() == want
    sender.join()
    client.fence()
    assert be.peak <= 2


def run_all(jobs):
    """Threads for all jobs; their first error is raised."""
    errors = []

    def run(job):
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.modes("hy", "pc")
def test_misses_that_need_the_other(bed):
    even = bed.fake(articles=articles(*map(str, range(0, 20, 2))),
                    max_connections=1)
    odd = bed.fake(articles=articles(*map(str, range(1, 20, 2))),
                   max_connections=1)
    proxy = bed.proxy(even, odd)

    def job(client, shift):
        names = [(n * 7 + shift) % 21 for n in range(40)]
        for _ in range(2):
            client.say(*("STAT <%d@x>" % n for n in names))
            for n in names:
                line = client.line()
                assert line == "223 0 <%d@x>" % n if n < 20 \
                    else line[:3] == "430"

    clients = [proxy.client() for _ in range(20)]
    run_all([lambda c=c, i=i: job(c, i) for i, c in enumerate(clients)])
    assert even.peak == odd.peak == 1


@pytest.mark.modes("hy", "pc")
def test_pool_is_shared_fairly(bed):
    be = bed.fake(articles=articles("a"), max_connections=2)
    be.on["STAT"] = lambda c, line: (c.pace(0.001), c.on_STAT(line))
    proxy = bed.proxy(be)
    counts = [0] * 10
    limit = scaled(2)

    def lockstep(i):
        client, clock = proxy.client(), Clock()
        while clock() < limit:
            assert client.code("STAT <a@x>") == "223"
            counts[i] += 1

    def pipelining(i):
        client, clock = proxy.client(), Clock()
        client.say(*["STAT <a@x>"] * 16)
        while clock() < limit:
            assert client.line() == "223 0 <a@x>"
            counts[i] += 1
            client.say("STAT <a@x>")
        client.close()

    run_all([lambda i=i: lockstep(i) for i in range(9)]
            + [lambda: pipelining(9)])
    assert min(counts) * 2 >= max(counts), counts


@pytest.mark.modes("hy", "pc")
def test_one_client_alone_gets_all_of_the_pool(bed):
    be = bed.fake(max_connections=4, pipeline_depth=1)
    gate, started = Gate(), []

    def together(conn, line):
        started.append(conn.n)
        if len(started) >= 2:
            gate.open()
        gate.wait(conn)
        conn.say("223 0 " + line.split()[1])

    be.on["STAT"] = together
    proxy = bed.proxy(be)
    one, two = proxy.client(), proxy.client()
    one.say("STAT <a@x>")
    two.say("STAT <b@x>")
    assert one.line() == "223 0 <a@x>"
    assert two.line() == "223 0 <b@x>"


@pytest.mark.modes("hy", "pc")
def test_retry_of_the_head_while_later_ones_run(bed):
    one = bed.fake(articles=articles("b", "c"), max_connections=1)
    two = bed.fake(articles=articles("a"), max_connections=1)
    client = bed.proxy(one, two).client()
    for _ in range(20):
        client.say("STAT <a@x>", "STAT <b@x>", "STAT <c@x>", "STAT <no@x>")
        assert client.line() == "223 0 <a@x>"
        assert client.line() == "223 0 <b@x>"
        assert client.line() == "223 0 <c@x>"
        assert client.line()[:3] == "430"


def test_answer_of_a_later_one_does_not_overtake(bed):
    be, gate = bed.fake(articles=articles("a"), max_connections=4), Gate()
    be.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    client = bed.proxy(be).client()
    client.say("STAT <a@x>", "HELP", "XFOO", "DATE")
    be.wait_seen(1, "STAT")
    gate.open()
    client.expect(223, 100)
    client.block()
    client.expect(500, 111)


@pytest.mark.modes("hy", "pc")
def test_wrong_answer_in_a_pipeline_is_not_shifted(bed):
    be = bed.fake(articles=articles("a", "b", "c"), max_connections=1,
                  replacement_cooldown="50ms")
    lie = reply(b"223 0 <a@x>\r\n223 0 <a@x>\r\n")

    def script(conn):
        conn.answer(conn.serve_login())
        while True:
            line = conn.read_line()
            (lie if line.endswith("<a@x>") else conn.__class__.answer)(
                conn, line)

    be.script = [script, None]
    client = bed.proxy(be, proxy={"wait_timeout": ms(500)}).client()
    assert client.ask("STAT <b@x>") == "223 0 <b@x>"
    client.say("STAT <a@x>", "STAT <b@x>", "STAT <c@x>")
    assert client.line() == "223 0 <a@x>"
    rest = [client.line() for _ in range(2)] if client.peek(3) == b"223" \
        else [client.line()]
    assert rest == ["223 0 <b@x>", "223 0 <c@x>"] or rest[0][:3] == "400"
