# SPDX-License-Identifier: BSD-2-Clause
"""Quotas, of backends and of users (quota, state_dir).

counted at the socket                          test_counted_*
warned at 75, 90, 100 %, then not eligible     test_spent_*
kept over restarts, by name                    test_kept_*
a second is lost by kill -9, at most (issue)   test_killed_*
a file that is not ours                        test_damaged, test_state_dir_*
users: 481, and 400 when logged in             test_user_*
"""

import re
import time

import pytest

from test_rates import Reader
from timing import wait_until
from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

SIZE = 3000
USERS = {"alice": {"password_plain": "secret"},
         "bob": {"password_plain": "other"}}


@pytest.fixture
def state(bed):
    path = bed.tmp / "state"
    path.mkdir()
    return path


def used(state):
    """What the file says: {"backend NAME": bytes}; it is whole."""
    lines = (state / "quotas").read_text().split("\n")
    assert lines[0] == "nntpmux quotas 1" and lines[-1] == ""
    assert lines[-2] == "end %d" % (len(lines) - 3)
    return {name: int(n) for name, _, n in
            (line.rpartition(" ") for line in lines[1:-2])}


def account(bed, *names, quota, **options):
    """A backend that is paid by the byte."""
    be = bed.fake(articles=articles(*(names or "a"), size=SIZE), quota=quota,
                  **options)
    be.capabilities = ["VERSION 2"]
    return be


def spend(proxy, name, command="BODY <a@x>"):
    """Read until the log says that it is used up."""
    client = proxy.client()
    for _ in range(1000):
        if proxy.log_contains("backend=%s quota: 100%%" % name):
            return client
        if client.ask(command)[:1] != "2":
            break
        client.block()
    proxy.wait_log("backend=%s quota: 100%%" % name)
    return client


# --- counted

def test_counted_at_the_socket(bed, state):
    """What is sent and what is received, logins and good-byes among it."""
    be = account(bed, quota="1M", login=("u", "p"), username="u",
                 password="p")
    proxy = bed.proxy(be, proxy={"state_dir": state})
    client = proxy.client()
    for _ in range(5):
        client.fetch("BODY <a@x>")
    assert client.code("STAT <b@x>") == "430"
    client.close()
    proxy.stop()
    sent = sum(len(line) + 2 for line in be.all_lines())
    counts = proxy.counts(be.name)
    assert counts["bytes"] > 5 * SIZE
    assert counts["used"] == counts["bytes"] + sent
    assert used(state) == {"backend " + be.name: counts["used"]}


def test_counted_only_with_a_quota(bed, state):
    be = bed.fake(articles=articles("a", size=SIZE))
    proxy = bed.proxy(be, proxy={"state_dir": state})
    proxy.client().fetch("BODY <a@x>")
    proxy.stop()
    assert used(state) == {}


# --- spent

def test_spent_marks_in_the_log(bed):
    be = account(bed, quota=20 * SIZE)
    proxy = bed.proxy(be)
    spend(proxy, be.name)
    marks = re.findall(r"backend=%s quota: (\d+)%% of %d bytes"
                       % (be.name, 20 * SIZE), proxy.log())
    assert marks[-1] == "100" and set(marks) <= {"75", "90", "100"}
    assert proxy.log_contains(r"warn .*quota: 100% .* no more commands")


@pytest.mark.parametrize("percent,mark", [(74, None), (76, 75), (91, 90),
                                          (101, 100)])
def test_spent_so_far(bed, state, percent, mark):
    """Each mark is told, at the start if it was passed before."""
    be = account(bed, quota="1M")
    write(state, "backend %s %d" % (be.name, (1 << 20) * percent // 100))
    proxy = bed.proxy(be, proxy={"state_dir": state})
    if mark is None:
        proxy.client().fetch("BODY <a@x>")
        assert "quota" not in proxy.log()
    else:
        proxy.wait_log(r"backend=%s quota: %d%% of 1048576 bytes"
                       % (be.name, mark))


def test_spent_others_go_on(bed):
    one = account(bed, quota=10 * SIZE)
    two = bed.fake(articles=articles("a", "b", size=SIZE))
    proxy = bed.proxy(one, two, routing={"strategy": "round-robin"})
    client = spend(proxy, one.name)
    before = len(one.seen)
    for _ in range(10):
        assert client.fetch("BODY <a@x>")[0][:3] == "222"
    assert client.code("STAT <c@x>") == "430"      # which is final
    assert len(one.seen) == before


def test_spent_block_account_behind_a_flat_one(bed):
    flat = bed.fake(articles=articles("x"))
    block = account(bed, "a", quota=10 * SIZE, tier=1)
    proxy = bed.proxy(flat, block)
    client = spend(proxy, block.name)
    before = len(block.seen)
    assert client.code("STAT <a@x>") == "430"
    assert client.code("STAT <x@x>") == "223"
    assert len(block.seen) == before


def test_spent_the_tier_behind_is_asked(bed):
    first = account(bed, quota=10 * SIZE)
    second = bed.fake(articles=articles("a"), tier=1)
    client = spend(bed.proxy(first, second), first.name)
    assert client.fetch("BODY <a@x>")[0][:3] == "222"
    assert len(second.asked("BODY")) >= 1


def test_spent_all_of_them_403(bed):
    """It does not pass by itself, so nobody is told to try again."""
    be = account(bed, quota=10 * SIZE, posting="yes")
    proxy = bed.proxy(be)
    client = spend(proxy, be.name)
    before = len(be.seen)
    for command in ("BODY <a@x>", "STAT <z@x>", "GROUP local.test", "DATE",
                    "POST"):
        assert client.code(command) == "403", command
    assert client.code("CAPABILITIES") == "101"
    client.block()
    assert client.code("QUIT") == "205"
    assert len(be.seen) == before


def test_spent_inside_a_group(bed):
    be = account(bed, quota=10 * SIZE)
    proxy = bed.proxy(be)
    reader = proxy.reader()
    spend(proxy, be.name)
    assert reader.code("STAT 1") == "403"
    assert reader.code("QUIT") == "205"


def test_spent_nothing_is_spent_on_it(bed, state):
    """No connection ahead of need, and no check."""
    write(state, "backend be0 2000000")
    be = account(bed, quota="1M", min_idle=2)
    proxy = bed.proxy(be, proxy={"state_dir": state},
                      sections={"health": {"interval": "50ms"}})
    proxy.wait_log("backend=be0 quota: 100%")
    assert proxy.client().code("STAT <a@x>") == "403"
    proxy.stop()
    assert be.accepts == 0
    assert used(state) == {"backend be0": 2000000}


def test_spent_what_is_under_way_ends_well(bed):
    be = account(bed, quota=SIZE)
    be.articles = articles("a", size=50 * SIZE)
    client = bed.proxy(be).client()
    assert len(client.fetch("BODY <a@x>")[1]) > 50 * SIZE
    assert client.code("BODY <a@x>") == "403"


# --- kept

def write(state, *lines):
    (state / "quotas").write_text("\n".join(
        ["nntpmux quotas 1", *lines, "end %d" % len(lines), ""]))


def test_kept_over_a_restart(bed, state):
    be = account(bed, quota=10 * SIZE)
    first = bed.proxy(be, proxy={"state_dir": state})
    spend(first, be.name)
    first.stop()
    before = used(state)["backend " + be.name]
    assert before >= 10 * SIZE
    again = bed.proxy(be, proxy={"state_dir": state})
    assert again.client().code("BODY <a@x>") == "403"
    again.stop()
    # The operator has bought as much again.
    be.options["quota"] = 20 * SIZE + before
    more = bed.proxy(be, proxy={"state_dir": state})
    more.client().fetch("BODY <a@x>")
    more.stop()
    assert used(state)["backend " + be.name] > before + SIZE


def test_kept_by_name(bed, state):
    """Of names that are not there just now, too."""
    write(state, "backend gone 77", "user carol 88", "backend be0 5")
    be = account(bed, quota="1M")
    proxy = bed.proxy(be, users=USERS, proxy={"state_dir": state})
    client = proxy.client()
    assert client.login("alice", "secret") == "281"
    client.fetch("BODY <a@x>")
    proxy.stop()
    now = used(state)
    assert now["backend gone"] == 77 and now["user carol"] == 88
    assert now["backend be0"] > SIZE
    assert list(state.iterdir()) == [state / "quotas"]


def test_kept_always_whole(bed, state):
    """Whenever somebody looks, or the power fails."""
    be = account(bed, quota="1G")
    proxy = bed.proxy(be, proxy={"state_dir": state})
    client, seen = proxy.client(), set()

    def look():
        client.fetch("BODY <a@x>")
        if (state / "quotas").exists():
            seen.add(used(state).get("backend " + be.name))
        return len(seen) >= 3
    wait_until(look, what="three versions of the file")


def test_killed_at_most_a_second_is_lost(bed, state):
    be = bed.fake(articles=articles("a", size=700000), quota="1G")
    proxy = bed.proxy(be, proxy={"state_dir": state}, users={
        "alice": {"password_plain": "secret", "rate": "2M", "quota": "1G"}})
    readers = []
    for _ in range(4):
        client = proxy.client()
        assert client.login("alice", "secret") == "281"
        readers.append(Reader(client))
    wait_until(lambda: sum(r.bytes for r in readers) > 4 << 20,
               what="4 MB")
    before = sum(r.bytes for r in readers)
    time.sleep(1)
    proxy.child.kill()
    assert proxy.wait_end() == -9
    for reader in readers:
        reader.end()
    now = used(state)
    assert now["user alice"] >= before
    assert now["backend " + be.name] >= before
    # And it is what the next one begins with.
    again = bed.proxy(be, proxy={"state_dir": state})
    again.client().fetch("BODY <a@x>")
    again.stop()
    assert used(state)["user alice"] == now["user alice"]
    assert used(state)["backend " + be.name] > now["backend " + be.name]


# --- files and directories

def refused(bed, state):
    ini = bed.ini({"proxy": {"state_dir": state},
                   "listen main": {"address": "127.0.0.1:0"},
                   "backend a": {"address": "127.0.0.1:1", "quota": "1G"}})
    done = bed.run("-c", ini)
    assert done.returncode == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("text", [
    "", "[proxy]\n", "nntpmux quotas 2\nend 0\n",
    "nntpmux quotas 1\nbackend a 12\n",
    "nntpmux quotas 1\nbackend a 12\nend 1\nmore\n",
    "nntpmux quotas 1\nbackend a twelve\nend 1\n"])
def test_damaged(bed, state, text):
    (state / "quotas").write_text(text)
    assert "%s/quotas:" % state in refused(bed, state)
    assert (state / "quotas").read_text() == text


def test_state_dir_that_is_not_there(bed, state):
    assert "No such file" in refused(bed, state / "none")


def test_state_dir_of_another(bed, state):
    bed.proxy(bed.fake(), proxy={"state_dir": state})
    assert "another process" in refused(bed, state)


def test_state_dir_that_vanishes(bed, state):
    """It is told, and nothing else happens."""
    be = account(bed, quota="1M")
    proxy = bed.proxy(be, proxy={"state_dir": state})
    client = proxy.client()
    client.fetch("BODY <a@x>")
    wait_until((state / "quotas").exists, what="the file")
    (state / "quotas.new").mkdir()
    client.fetch("BODY <a@x>")
    proxy.wait_log("error .*quotas can't be saved: Is a directory")
    (state / "quotas.new").rmdir()
    proxy.wait_log("quotas are saved again")


@pytest.mark.parametrize("section", ["backend a", "user alice"])
def test_state_dir_is_missed(bed, section):
    sections = {"backend a": {"address": "news.example.com"},
                "user alice": {"password_plain": "x"}}
    sections[section]["quota"] = "1G"
    done = bed.run("-c", bed.ini(sections), "-t")
    assert done.returncode == 0
    assert "[%s] has a quota, which begins at 0" % section in done.stderr
    sections["proxy"] = {"strict": "yes"}
    assert bed.run("-c", bed.ini(sections), "-t").returncode == 78


# --- users

def test_user_spends_his_quota(bed, state):
    be = bed.fake(articles=articles("a", size=SIZE))
    users = {**USERS, "alice": {"password_plain": "secret",
                                "quota": 10 * SIZE}}
    proxy = bed.proxy(be, users=users, proxy={"state_dir": state})
    client, other = proxy.client(), proxy.client()
    assert client.login("alice", "secret") == "281"
    assert other.login("bob", "other") == "281"
    got = 0
    while True:
        status = client.ask("BODY <a@x>")
        if status[:3] != "222":
            break
        got += len(client.block())
    assert status.startswith("400 ") and 9 * SIZE <= got <= 11 * SIZE
    client.at_end()
    proxy.wait_log("end=user-spent ")
    late = proxy.client()
    assert late.code("AUTHINFO USER alice") == "381"
    line = late.ask("AUTHINFO PASS secret")
    assert line.startswith("481 ") and "quota" in line
    assert late.login("bob", "other") == "281"
    assert other.fetch("BODY <a@x>")[0][:3] == "222"
    for one in (client, other, late):
        one.close()
    proxy.stop()
    assert used(state)["user alice"] >= 10 * SIZE
    assert "user bob" not in used(state)
    again = bed.proxy(be, users=users, proxy={"state_dir": state})
    assert again.client().login("alice", "secret") == "481"


def test_user_quota_is_of_all_connections(bed):
    be = bed.fake(articles=articles("a", size=SIZE))
    users = {"alice": {"password_plain": "secret", "quota": 10 * SIZE}}
    proxy = bed.proxy(be, users=users)
    clients = [proxy.client() for _ in range(5)]
    for client in clients:
        assert client.login("alice", "secret") == "281"
    for client in clients:
        client.fetch("BODY <a@x>")
        client.fetch("BODY <a@x>")
    for client in clients:
        assert client.code("QUIT") == "205"
    assert proxy.client().login("alice", "secret") == "481"


def test_user_quota_counts_what_is_posted(bed):
    be = bed.fake(posting="yes")
    users = {"alice": {"password_plain": "secret", "quota": "64K"}}
    proxy = bed.proxy(be, users=users)
    client = proxy.client()
    assert client.login("alice", "secret") == "281"
    assert client.code("POST") == "340"
    client.send(b"Newsgroups: local.test\r\n\r\n" + b"X" * 70000
                + b"\r\n.\r\n")
    assert client.line()[:3] == "240"
    assert client.code("DATE") == "400"
    assert len(be.posted) == 1
