# SPDX-License-Identifier: BSD-2-Clause
"""HUP: the configuration is read again; all of it holds, or nothing changes.

a bad file changes nothing, says why  test_bad_*
keys that need a restart              test_restart_*
backends come and go                  test_added_*, test_removed_*
settings of a backend change          test_limit_*, test_password_*, test_moved_*
nobody else notices                   test_hundred_times
pinned sessions                       test_pinned_*
listeners, users, the rest            test_listener_*, test_user_*, test_log_*
"""

import os
import random
import threading

import pytest

import everywhere
from fake import Gate, reply
from timing import Clock, ms, scaled, wait_until
from wire import article, articles, body, stuff

FREE = pytest.mark.modes("hy", "pc")
ONE = pytest.mark.modes("hy")


# --- a file that is wrong ----------------------------------------------------

@ONE
@pytest.mark.parametrize("text, why", [
    ("[proxy]\nnonsense = 1\n", r"nntpmux.ini:2: .*nonsense"),
    ("[backend a]\nmax_connections = 5\n", r"nntpmux.ini:1: .*no address"),
    ("[log]\n", r"no backend"),
])
def test_bad_file_changes_nothing(bed, text, why):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    client = proxy.client()
    assert not proxy.reload(text=text)
    assert proxy.log_contains("error .*" + why), proxy.log()
    assert client.code("STAT <a@x>") == "223"
    assert proxy.client().code("STAT <a@x>") == "223"


@ONE
def test_bad_file_is_a_pipe(bed):
    """Nobody writes it: that must not be waited for for ever."""
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    proxy.ini_path.unlink()
    os.mkfifo(proxy.ini_path)
    assert not proxy.hang_up()
    assert proxy.log_contains(r"nntpmux.ini:0: no end of it")
    assert proxy.client().code("STAT <a@x>") == "223"


@ONE
def test_bad_file_is_gone(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    text = proxy.ini_path.read_bytes()
    proxy.ini_path.unlink()
    assert not proxy.hang_up()
    proxy.ini_path.write_bytes(text)
    assert proxy.hang_up()
    assert proxy.client().code("STAT <a@x>") == "223"


@ONE
def test_bad_address_changes_nothing(bed):
    """The other listener is taken by somebody else: nothing of it holds."""
    be, other = bed.fake(articles=articles("a")), bed.fake()
    proxy = bed.proxy(be)
    sections = {"listen more": {"address": other.url}}
    assert not proxy.reload(sections=sections, log={"level": "debug"})
    assert proxy.log_contains(r"can't listen on %s" % other.url)
    assert proxy.client().code("STAT <a@x>") == "223"
    assert not proxy.log_contains(" debug ")


@ONE
def test_restart_is_needed_for_some_keys(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    assert proxy.reload(mode="per-command", proxy={"threads": 3})
    assert proxy.log_contains(r"warn .*nntpmux.ini:\d+: mode needs a restart:"
                              " it stays hybrid")
    assert proxy.log_contains(r"warn .*nntpmux.ini:\d+: threads needs a "
                              "restart: it stays 2")
    assert proxy.client().code("GROUP local.test") == "211"


# --- backends ------------------------------------------------------------------

@FREE
def test_added_backend_is_asked(bed):
    old, new = bed.fake(), bed.fake(articles=articles("a"))
    proxy = bed.proxy(old)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "430"
    assert proxy.reload(old, new)
    assert client.code("STAT <a@x>") == "223"
    assert proxy.client().code("STAT <a@x>") == "223"


@FREE
def test_added_before_the_others_by_file_order(bed):
    """Whatever place it has inside: groups are asked for at the first."""
    if bed.mode == "pc":
        verb, code = "LIST", "215"
    else:
        verb, code = "GROUP local.test", "211"
    old, new = bed.mirrors(1, 101)
    proxy = bed.proxy(old)
    assert proxy.reload(new, old)
    assert proxy.client().code(verb) == code
    assert [be.asked(verb.split()[0]) for be in (old, new)] == [[], [verb]]


@FREE
def test_removed_backend_ends_what_it_does(bed):
    """Its answer in flight arrives whole, its connections end then."""
    gate = Gate()
    old, new = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("a"))
    whole = old.articles["<a@x>"]
    block = stuff(whole)

    def half(conn, line):
        conn.send(b"220 0 <a@x>\r\n" + block[:20])
        gate.wait(conn)
        conn.send(block[20:])
    old.on["ARTICLE"] = half
    proxy = bed.proxy(old)
    client, idle = proxy.client(), proxy.client()
    assert idle.code("STAT <a@x>") == "223"
    client.say("ARTICLE <a@x>")
    old.wait_seen(1, "ARTICLE")
    assert proxy.reload(new)
    client.say("STAT <a@x>")
    assert idle.code("STAT <a@x>") == "223"
    gate.open()
    assert client.line() == "220 0 <a@x>"
    assert client.block() == block
    assert client.line() == "223 0 <a@x>"
    old.wait_held(0)
    assert new.asked("STAT") == ["STAT <a@x>"] * 2
    assert old.asked("STAT") == ["STAT <a@x>"]
    proxy.wait_log(r"backend=%s is gone" % old.name)
    assert all(c.quit for c in old.conns)


@FREE
def test_removed_while_waited_for(bed):
    """Who stands in its queue is served by the others."""
    gate = Gate()
    old, new = bed.fake(articles=articles("a"), max_connections=1), bed.fake(
        articles=articles("a"))
    old.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(old)
    busy, waiting = proxy.client(), proxy.client()
    busy.say("BODY <a@x>")
    old.wait_seen(1, "BODY")
    waiting.say("STAT <a@x>", "STAT <a@x>")
    proxy.client().fence()
    assert proxy.reload(new)
    waiting.expect(223, 223)
    assert old.asked("STAT") == []
    gate.open()
    assert busy.line()[:3] == "222"
    busy.block()
    old.wait_held(0)


@FREE
def test_removed_while_it_is_connected_to(bed):
    """What was not sent yet goes elsewhere at once."""
    gate = Gate()
    old, new = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("a"))
    old.script = lambda conn: (gate.wait(conn), conn.serve())
    proxy = bed.proxy(old, backend={"connect_timeout": "5m"})
    client = proxy.client()
    client.say("STAT <a@x>", "STAT <a@x>")
    old.wait_accepts(1)
    assert proxy.reload(new)
    client.expect(223, 223)
    gate.open()
    old.wait_held(0)
    assert old.seen == []


@FREE
def test_removed_backends_miss_is_no_miss_of_another(bed):
    """What one said that leaves meanwhile does not count for who takes its
    place: bits of backends are used again."""
    gate = Gate()
    old, slow, new = bed.fake(), bed.fake(), bed.fake(articles=articles("a"))
    slow.on["STAT"] = lambda c, line: (gate.wait(c), c.say("430 no"))
    proxy = bed.proxy(old, slow, routing={"strategy": "round-robin"})
    client = proxy.client()
    client.say("STAT <a@x>")
    slow.wait_seen(1)
    assert proxy.reload(slow)
    proxy.wait_log(r"backend=%s is gone" % old.name)
    assert proxy.reload(slow, new)
    gate.open()
    assert client.line()[:3] == "223"


@FREE
def test_removed_and_there_again(bed):
    """The same server leaves and comes back while it has an answer in flight:
    what is there counts against max_connections."""
    gate = Gate()
    one, two = bed.fake(articles=articles("a"), max_connections=2), bed.fake(
        articles=articles("a"), max_connections=1)
    one.on["BODY"] = lambda c, line: (gate.wait(c), c.on_BODY(line))
    proxy = bed.proxy(one)
    busy = [proxy.client() for _ in range(2)]
    for client in busy:
        client.say("BODY <a@x>")
    one.wait_seen(2)
    assert proxy.reload(two)
    assert proxy.reload(one)
    client = proxy.client()
    client.say("STAT <a@x>")
    assert proxy.client().greeting
    gate.open()
    for c in busy:
        assert c.line()[:3] == "222"
        c.block()
    assert client.line()[:3] == "223"
    assert one.peak <= 2


def test_renamed_backend_keeps_its_connections(bed):
    be = bed.fake(articles=articles("a"), max_connections=1)
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    be.name = "other"
    assert proxy.reload(be)
    assert client.code("STAT <a@x>") == "223"
    assert proxy.client().greeting
    assert be.accepts == 1


# --- settings ---------------------------------------------------------------------

@FREE
def test_limit_holds_at_once(bed):
    gates = [Gate(), Gate()]
    be = bed.fake(articles=articles("a"), max_connections=4)
    be.on["BODY"] = lambda c, line: (gates[0].wait(c), c.on_BODY(line))
    proxy = bed.proxy(be)
    busy = [proxy.client() for _ in range(4)]
    for client in busy:
        client.say("BODY <a@x>")
    be.wait_seen(4)
    be.options["max_connections"] = 1
    assert proxy.reload(be)
    gates.pop(0).open()
    for client in busy:
        assert client.line()[:3] == "222"
        client.block()
    be.wait_held(1)
    be.options["max_connections"] = 3
    assert proxy.reload(be)
    for client in busy:
        client.say("BODY <a@x>")
    be.wait_seen(7)
    assert be.held == 3
    gates[0].open()
    for client in busy:
        assert client.line()[:3] == "222"
        client.block()
    assert be.held <= 3


def test_password_is_used_for_new_connections(bed):
    be = bed.fake(articles=articles("a"), login=("joe", "old"),
                  username="joe", password="old")
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    be.login = ("joe", "new")
    be.options["password"] = "new"
    assert proxy.reload(be)
    if bed.mode != "st":
        be.wait_held(0)
    assert client.code("STAT <a@x>") == "223"
    assert proxy.client().code("STAT <a@x>") == "223"
    assert "AUTHINFO PASS new" in be.all_lines()
    assert "new" not in proxy.log().split() and "old" not in \
        proxy.log().split()


@ONE
def test_password_mended_is_tried_at_once(bed):
    """The breaker was open because of it."""
    be = bed.fake(articles=articles("a"), login=("joe", "right"),
                  username="joe", password="wrong")
    proxy = bed.proxy(be, sections={"health": {"unhealthy_threshold": 1}},
                      proxy={"command_timeout": "1s"})
    assert proxy.client().code("STAT <a@x>") == "400"
    proxy.wait_log("breaker=open")
    be.options["password"] = "right"
    assert proxy.reload(be)
    assert proxy.client().code("STAT <a@x>") == "223"


@ONE
def test_password_mended_while_the_old_one_is_tried(bed):
    """What comes of that is not held against the new one."""
    gate = Gate()
    be = bed.fake(articles=articles("a"), login=("joe", "right"),
                  username="joe", password="wrong")
    be.script = lambda conn: (gate.wait(conn), conn.serve())
    proxy = bed.proxy(be, sections={"health": {"unhealthy_threshold": 1}})
    client = proxy.client()
    client.say("STAT <a@x>")
    be.wait_accepts(1)
    be.options["password"] = "right"
    assert proxy.reload(be)
    gate.open()
    assert client.line()[:3] == "223"
    assert "AUTHINFO PASS wrong" in be.all_lines()
    assert not proxy.log_contains("breaker=open")


@FREE
def test_moved_backend_is_another_one(bed):
    """Another port: what the old one has in flight ends there."""
    gate = Gate()
    old, new = bed.fake("moves", articles=articles("a")), bed.fake(
        "moves", articles=articles("a"))
    old.on["STAT"] = lambda c, line: (gate.wait(c), c.say("430 no"))
    proxy = bed.proxy(old)
    client = proxy.client()
    client.say("STAT <a@x>")
    old.wait_seen(1)
    assert proxy.reload(new)
    assert proxy.client().code("STAT <a@x>") == "223"
    gate.open()
    assert client.line()[:3] == "223"
    old.wait_held(0)


@FREE
@pytest.mark.parametrize("change", ["port", "password"])
def test_made_anew_what_it_lacks_is_asked_again(bed, change):
    """What a server does not do depends on the server, and on the login."""
    options = {"username": "joe", "password": "x", "articles": articles("a")}
    old = bed.fake(login=("joe", "x"), **options)
    old.on["STAT"] = reply("500 what")
    new = old
    proxy = bed.proxy(old)
    assert proxy.client().code("STAT <a@x>") == "503"
    if change == "port":
        new = bed.fake(login=("joe", "x"), **options)
        new.name = old.name
    else:
        new.login = ("joe", "y")
        new.options["password"] = "y"
        del new.on["STAT"]
    assert proxy.reload(new)
    assert proxy.client().code("STAT <a@x>") == "223"


@ONE
def test_probe_under_way_when_it_leaves(bed):
    """It is configured again before that probe has ended: others follow."""
    gate = Gate()
    sick, well = bed.fake(articles=articles("a")), bed.fake()
    sick.script = lambda conn: conn.say("400 not now")
    proxy = bed.proxy(sick, sections={"health": {"unhealthy_threshold": 1}},
                      backend={"replacement_cooldown": "0s"},
                      proxy={"command_timeout": "1s"})
    assert proxy.client().code("STAT <a@x>") == "400"
    proxy.wait_log("breaker=open")
    sick.script = lambda conn: (gate.wait(conn), conn.serve())
    sick.wait_accepts(sick.accepts + 1)
    assert proxy.reload(well)
    proxy.wait_log("backend=%s leaves" % sick.name)
    assert proxy.reload(sick)
    gate.open()
    proxy.wait_log("breaker=closed")
    assert proxy.client().code("STAT <a@x>") == "223"


# --- pinned sessions ------------------------------------------------------------------

@pytest.mark.modes("hy", "st")
def test_pinned_session_stays_with_its_backend(bed):
    one, two = bed.mirrors(1, 101)
    proxy = bed.proxy(one)
    reader = proxy.reader()
    assert proxy.reload(two, one)
    assert reader.ask("STAT 2") == "223 2 <b@x>"
    assert reader.code("GROUP local.test") == "211"
    assert two.asked("GROUP") == []


@pytest.mark.modes("hy", "st")
def test_pinned_session_stays_with_its_section(bed):
    """Of two for one server the other one leaves."""
    be = bed.mirrors(1)[0]
    everywhere.secure(be)
    proxy = bed.proxy(be, listen={"backends": "twin"}, sections={
        "backend twin": {"address": be.url, **be.options}})
    reader = proxy.reader()
    be.name = "twin"
    assert proxy.reload(be, sections={})
    assert reader.ask("STAT 2") == "223 2 <b@x>"


@pytest.mark.modes("hy", "st")
def test_pinned_session_of_a_removed_backend_is_told(bed):
    one, two = bed.mirrors(1, 101)
    proxy = bed.proxy(one)
    reader, other = proxy.reader(), proxy.client()
    assert proxy.reload(two)
    assert reader.line()[:3] == "400"
    reader.at_end()
    one.wait_held(0)
    assert other.code("GROUP local.test") == "211"
    proxy.wait_log("backend=%s is gone" % one.name)


@pytest.mark.modes("hy", "st")
def test_pinned_answer_in_flight_arrives_first(bed):
    one, two = bed.mirrors(1, 101)
    gate = Gate()
    one.on["OVER"] = lambda c, line: (gate.wait(c), c.on_OVER(line))
    proxy = bed.proxy(one)
    reader = proxy.reader()
    reader.say("OVER 1-3", "STAT 1")
    one.wait_seen(1, "OVER")
    assert proxy.reload(two)
    gate.open()
    assert reader.line()[:3] == "224"
    assert reader.block().count(b"\r\n") == 4
    assert reader.line()[:3] in ("223", "400")


@pytest.mark.modes("hy", "st")
@pytest.mark.parametrize("last", ["STAT 1", "HELP"])
def test_pinned_client_that_has_ended_is_not_told(bed, last):
    """It has all that it asked for: no line that it did not ask for."""
    one, two = bed.mirrors(1, 101)
    gate = Gate()
    one.on["STAT"] = lambda c, line: (gate.wait(c), c.on_STAT(line))
    proxy = bed.proxy(one)
    reader = proxy.reader()
    reader.say("STAT 1", last)
    reader.half_close()
    one.wait_seen(1, "STAT")
    assert proxy.reload(two)
    gate.open()
    assert reader.line()[:3] == "223"
    if last == "HELP":
        assert reader.line()[:3] == "100"
        reader.block()
    else:
        assert reader.line()[:3] in ("223", "400")
    reader.at_end()


@ONE
def test_pinned_group_in_flight_is_no_pin(bed):
    """211 comes from a backend that leaves meanwhile."""
    one, two = bed.mirrors(1, 101)
    gate = Gate()
    one.on["GROUP"] = lambda c, line: (gate.wait(c), c.on_GROUP(line))
    proxy = bed.proxy(one)
    client = proxy.client()
    client.say("GROUP local.test")
    one.wait_seen(1)
    assert proxy.reload(two)
    gate.open()
    assert client.line()[:3] == "211"
    assert client.line()[:3] == "400"
    client.at_end()


@ONE
def test_article_that_is_posted_arrives(bed):
    one, two = bed.fake(posting="yes"), bed.fake(posting="yes")
    proxy = bed.proxy(one)
    client = proxy.client()
    assert client.code("POST") == "340"
    client.send(article("<p@x>")[:10])
    assert proxy.reload(two)
    client.send(article("<p@x>")[10:] + b".\r\n")
    assert client.line()[:3] == "240"
    assert len(one.posted) == 1 and two.posted == []


# --- listeners, users, the rest ---------------------------------------------------------

@ONE
def test_listener_comes_and_goes(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    old = proxy.client()
    assert proxy.reload(sections={"listen more": {"address": "[::1]:0"}})
    proxy.wait_ready(2)
    more = proxy.client("more")
    assert more.code("STAT <a@x>") == "223"
    assert proxy.reload(sections={})
    assert more.code("STAT <a@x>") == "223"
    assert old.code("STAT <a@x>") == "223"
    with pytest.raises(OSError):
        proxy.client("more")


@ONE
def test_listener_at_a_unix_socket(bed):
    be = bed.fake(articles=articles("a"))
    path = bed.tmp / "sock"
    listen = {"address": "unix:%s" % path, "unix_mode": "0600"}
    proxy = bed.proxy(be, proxy={"threads": 2, "sandbox": "no"})
    assert proxy.reload(sections={"listen more": listen})
    proxy.wait_ready(2)
    assert path.stat().st_mode & 0o777 == 0o600
    assert proxy.client("more").code("STAT <a@x>") == "223"
    listen["unix_mode"] = "0666"
    assert proxy.hang_up() and proxy.reload(sections={"listen more": listen})
    assert path.stat().st_mode & 0o777 == 0o666
    assert proxy.reload(sections={})
    assert not path.exists()


@ONE
def test_file_outside_of_the_sandbox(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    if proxy.log_contains("sandbox=no"):
        return      # a kernel without it
    (bed.tmp / "else").mkdir()
    assert not proxy.reload(sections={"listen more": {
        "address": "unix:%s" % (bed.tmp / "else" / "sock")}})
    assert proxy.log_contains("error .*restart"), proxy.log()


@ONE
@pytest.mark.parametrize("name", ["include", "password_file"])
def test_file_to_read_outside_of_the_sandbox(bed, name):
    """It is root's own, and a restart can read it."""
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    path = bed.tmp / "else" / "file"
    path.parent.mkdir()
    path.write_text("[health]\ntimeout = 1s\n")
    path.chmod(0o600)
    options = {"proxy": {"include": path}} if name == "include" else \
        {"backend": {"username": "me", "password_file": path}}
    assert not proxy.reload(**options)
    assert proxy.log_contains("outside of the sandbox.* restart"), proxy.log()
    assert proxy.client().code("STAT <a@x>") == "223"
    bed.proxy(be, **options).client().fence()


@ONE
def test_file_that_was_replaced(bed):
    """Editors write a new file and give it the name: all that were named, and
    those that a pattern finds, wherever it has its wildcards."""
    be = bed.fake(login=("me", "old"), articles=articles("a"), username="me")
    secrets, more = bed.tmp / "secrets", bed.tmp / "a [b] c"
    (more / "sub").mkdir(parents=True)
    secrets.mkdir()
    secret = secrets / "password"

    def write(path, text):
        new = path.with_name("new")
        new.write_text(text)
        new.chmod(0o600)
        new.replace(path)

    write(secret, "old\n")
    proxy = bed.proxy(be, backend={"password_file": secret},
                      proxy={"include": "%s/*/*.ini" % str(more).replace(
                          "[", "\\[")})
    assert proxy.client().code("STAT <a@x>") == "223"
    be.login = ("me", "new")
    write(secret, "new\n")
    write(more / "sub" / "x.ini", "[proxy]\nthreads = x\n")
    assert not proxy.hang_up()
    write(more / "sub" / "x.ini", "[health]\ntimeout = 4s\n")
    assert proxy.hang_up(), proxy.log()
    be.close_all()
    assert proxy.client().code("STAT <a@x>") == "223"


@ONE
def test_listeners_whose_ports_the_kernel_chose(bed):
    """Written alike, they are two: each keeps its own."""
    be = bed.fake(articles=articles("a"))
    more = {"listen more": {"address": "127.0.0.1:0"}}
    proxy = bed.proxy(be, sections=more, listeners=2)
    assert proxy.reload(log={"level": "debug"})
    assert proxy.client("main").code("STAT <a@x>") == "223"
    assert proxy.client("more").code("STAT <a@x>") == "223"
    proxy.client("more").close()
    proxy.wait_log("listen=more")
    assert proxy.reload(sections={})
    assert proxy.client("main").code("STAT <a@x>") == "223"
    with pytest.raises(OSError):
        proxy.client("more")


@ONE
def test_listener_is_gone_its_clients_use_new_backends(bed):
    """One for all backends is one for those that come."""
    old, new = bed.fake(), bed.fake(articles=articles("a"))
    path = str(bed.tmp / "sock")
    proxy = bed.proxy(old, listeners=2, sections={
        "listen more": {"address": "unix:" + path}})
    client = proxy.client("more")
    assert client.code("STAT <a@x>") == "430"
    assert proxy.reload(new, sections={})
    assert client.code("STAT <a@x>") == "223"


@FREE
def test_listener_backends_change(bed):
    one, two = bed.fake(articles=articles("a")), bed.fake(
        articles=articles("b"))
    proxy = bed.proxy(one, two, listen={"backends": "be0"})
    client = proxy.client()
    assert client.code("STAT <b@x>") == "430"
    assert proxy.reload(listen={"backends": "be1"})
    assert client.code("STAT <b@x>") == "223"
    assert client.code("STAT <a@x>") == "430"


@ONE
def test_user_is_needed_from_now_on(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("STAT <a@x>") == "223"
    assert proxy.reload(users={"joe": {"password_plain": "x"}})
    assert client.code("STAT <a@x>") == "480"
    assert client.login("joe", "y") == "481"
    assert client.login("joe", "x") == "281"
    assert client.code("STAT <a@x>") == "223"


@ONE
def test_user_is_needed_time_to_log_in_begins(bed):
    """It is no fault of a client that nobody asked it before."""
    be = bed.fake(articles=articles("a"))
    users = {"joe": {"password_plain": "x"}}
    proxy = bed.proxy(be, users=users, proxy={"login_timeout": ms(1000)})
    proxy.client().at_end()
    assert proxy.reload(users={})
    client, clock = proxy.client(), Clock()
    wait_until(lambda: clock() > scaled(1.1), what="login_timeout")
    assert proxy.reload(users=users)
    assert client.login("joe", "x") == "281"
    assert client.code("STAT <a@x>") == "223"


@ONE
def test_user_is_needed_no_more(bed):
    """Who was logged in is as welcome as all others."""
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, users={"joe": {"password_plain": "x"}})
    joe = proxy.client()
    assert joe.login("joe", "x") == "281"
    assert proxy.reload(users={})
    assert joe.code("STAT <a@x>") == "223"


@ONE
def test_user_that_is_gone_is_told(bed):
    be = bed.fake(articles=articles("a"))
    users = {"joe": {"password_plain": "x"}, "ann": {"password_plain": "y"}}
    proxy = bed.proxy(be, users=users)
    joe, ann = proxy.client(), proxy.client()
    assert joe.login("joe", "x") == "281"
    assert ann.login("ann", "y") == "281"
    assert proxy.reload(users={"ann": {"password_plain": "z"}})
    assert joe.line()[:3] == "400"
    joe.at_end()
    assert ann.code("STAT <a@x>") == "223"
    again = proxy.client()
    assert again.login("ann", "y") == "481"
    assert again.login("ann", "z") == "281"
    joe.close()
    proxy.wait_log("user=joe end=user-gone")


@ONE
def test_user_may_post_no_more(bed):
    be = bed.fake(posting="yes")
    users = {"joe": {"password_plain": "x"}}
    proxy = bed.proxy(be, users=users)
    joe = proxy.client()
    assert joe.login("joe", "x") == "281"
    assert joe.code("POST") == "340"
    joe.send(article("<p@x>") + b".\r\n")
    joe.expect(240)
    assert proxy.reload(users={"joe": {"password_plain": "x",
                                       "posting": "no"}})
    assert joe.code("POST") == "440"


@ONE
def test_log_level_and_max_clients(bed):
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, listen=everywhere.IN_THE_CLEAR)
    client = proxy.client()
    assert proxy.reload(log={"level": "debug"},
                        proxy={"threads": 2, "max_clients": 1})
    full = proxy.client()
    assert full.greeting[:3] == "400"
    assert client.code("STAT <a@x>") == "223"
    assert proxy.log_contains(" debug ")


@ONE
def test_max_clients_goes_up(bed):
    """The limit of descriptors follows it."""
    proxy = bed.proxy(bed.fake(), proxy={"max_clients": 1})
    assert proxy.reload(proxy={"max_clients": 300})
    assert not proxy.log_contains("for want of descriptors")
    for _ in range(150):
        assert proxy.client().greeting[:3] == "201"


@ONE
def test_max_clients_goes_down_below_what_there_are(bed):
    """They stay, and there are descriptors for backends."""
    be = bed.fake(articles=articles("a"))
    proxy = bed.proxy(be, proxy={"max_clients": 300},
                      listen=everywhere.IN_THE_CLEAR)
    clients = [proxy.client() for _ in range(150)]
    assert proxy.reload(proxy={"max_clients": 1})
    assert clients[-1].code("STAT <a@x>") == "223"
    assert proxy.client().greeting[:3] == "400"


# --- nobody else notices --------------------------------------------------------------------

def fetch_all(proxy, stop, faults, wanted, seed):
    """One client after the other: each article comes, whole."""
    chance = random.Random(seed)
    try:
        while not stop.is_set():
            client = proxy.client()
            for msgid in chance.choices(sorted(wanted), k=20):
                status, block = client.fetch("BODY " + msgid)
                assert status == "222 0 " + msgid, status
                assert block == wanted[msgid]
            client.close()
    except Exception as error:
        faults.append(error)


@FREE
def test_hundred_times(bed):
    """Under load, with backends that come, go and change."""
    names = "abcdef"
    fakes = [bed.fake(articles=articles(*names), max_connections=3)
             for _ in range(4)]
    wanted = {msgid: stuff(body(whole))
              for msgid, whole in fakes[0].articles.items()}
    proxy, stop, faults = bed.proxy(*fakes), threading.Event(), []
    threads = [threading.Thread(target=fetch_all, daemon=True, args=(
        proxy, stop, faults, wanted, i)) for i in range(8)]
    for thread in threads:
        thread.start()
    chance = random.Random(1)
    proxy.reload(*fakes)
    fds = proxy.fds()
    for i in range(100):
        chosen = chance.sample(fakes, chance.randint(1, 4))
        for be in chosen:
            be.options["max_connections"] = chance.randint(1, 3)
        assert proxy.reload(*chosen)
        assert not faults, faults
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults, faults
    assert all(be.peak <= 3 for be in fakes)
    proxy.reload(fakes[0])
    for be in fakes[1:]:
        be.wait_held(0)
    wait_until(lambda: proxy.fds() < fds + 16, what="no descriptors to leak")
