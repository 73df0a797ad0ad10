# SPDX-License-Identifier: BSD-2-Clause
"""Groups, what holds in hybrid and in stateful: a session
with a group is as with one server.  Pinning itself: test_pinning.py.

GROUP one line, LISTGROUP a block         test_group_is_one_line_*
all from the same backend                 test_all_from_one_connection
411, 412, 423, 501 pass                   test_refusal_of_a_backend_*
no group -> 412                           test_without_a_group_*
two clients have two groups               test_two_clients_two_groups
XPAT, XHDR 221, HDR 225, OVER             test_block_in_a_group_*
pipelined                                 test_many_in_one_write, ...
the proxy's own commands                  test_local_commands_*
number of an article                      test_number_*
COMPRESS and relatives, pinned too        test_framing_breakers_*
"""

import pytest

from fake import Gate, numbered, reply
from wire import article, articles, body, head, stuff

pytestmark = pytest.mark.modes("hy", "st")

NEED_A_GROUP = [
    "NEXT", "LAST", "LISTGROUP", "XPAT Subject 1- *", "XPAT Subject 1-5 a b",
    "ARTICLE", "ARTICLE 1", "HEAD", "HEAD 1", "BODY", "BODY 1", "STAT",
    "STAT 1", "OVER", "OVER 1", "OVER 1-", "OVER 1-5", "XOVER", "XOVER 1-5",
    "HDR Subject", "HDR Subject 1-5", "XHDR Subject", "XHDR Subject 1"]


def test_group_is_one_line_listgroup_a_block(bed):
    be = bed.mirrors(7)[0]
    client = bed.proxy(be).client()
    assert client.ask("GROUP local.test") == "211 3 7 9 local.test"
    client.fence()
    want = ("211 3 7 9 local.test list follows", b"7\r\n8\r\n9\r\n.\r\n")
    for command in ("LISTGROUP", "LISTGROUP local.test"):
        assert client.fetch(command) == want
        client.fence()
    assert client.fetch("LISTGROUP local.test 8-")[1] == b"8\r\n9\r\n.\r\n"
    assert client.fetch("LISTGROUP local.test 20-30")[1] == b".\r\n"
    client.fence()
    assert be.accepts == 1


@pytest.mark.parametrize("command", ["LISTGROUP local.test",
                                     "LISTGROUP local.test 8-9",
                                     "listgroup local.test",
                                     "group local.test"])
def test_each_of_these_selects(bed, command):
    client = bed.proxy(bed.mirrors(7)[0]).client()
    assert client.code(command) == "211"
    if command.startswith("l") or command.startswith("L"):
        client.block()
    assert client.ask("STAT") == "223 7 <a@x>"
    assert client.ask("NEXT") == "223 8 <b@x>"


def test_all_from_one_connection(bed):
    one, two = bed.mirrors(1, 101)
    client = bed.proxy(one, two).client()
    low = int(client.ask("GROUP local.test").split()[2])
    be, other = (one, two) if low == 1 else (two, one)
    for command, code in ((
            ("OVER %d-", 224), ("XOVER %d-", 224), ("OVER", 224),
            ("HDR Subject %d-", 225), ("XHDR Subject %d-", 221),
            ("XPAT Subject %d- *a*", 221), ("ARTICLE %d", 220),
            ("HEAD %d", 221), ("BODY %d", 222), ("LISTGROUP", 211),
            ("ARTICLE", 220), ("HEAD", 221), ("BODY", 222),
            ("LIST", 215), ("LIST NEWSGROUPS", 215), ("LIST COUNTS", 215),
            ("NEWGROUPS 20240101 000000", 231),
            ("NEWNEWS * 20240101 000000", 230))):
        status, _ = client.fetch(command % low if "%" in command else command)
        assert status[:3] == str(code), command
    for command, want in (("STAT %d" % low, "223 %d <a@x>" % low),
                          ("NEXT", "223 %d <b@x>" % (low + 1)),
                          ("STAT", "223 %d <b@x>" % (low + 1)),
                          ("NEXT", "223 %d <c@x>" % (low + 2)),
                          ("LAST", "223 %d <b@x>" % (low + 1)),
                          ("DATE", "111 20240101000000")):
        assert client.ask(command) == want
    client.fence()
    assert other.seen == [] and be.accepts == 1


@pytest.mark.parametrize("first", [1, 4000000000, 9999999999999990])
def test_article_by_number_is_byte_identical(bed, first):
    names = ["a", "b", "c"]
    be = bed.fake(articles=articles(*names, size=20000), first=first)
    client = bed.proxy(be).client()
    assert client.code("GROUP local.test") == "211"
    for n, (msgid, whole) in enumerate(be.articles.items(), first):
        for verb, code, part in (("ARTICLE", 220, whole),
                                 ("HEAD", 221, head(whole)),
                                 ("BODY", 222, body(whole))):
            assert client.fetch("%s %d" % (verb, n)) \
                == ("%d %d %s" % (code, n, msgid), stuff(part))
            assert client.fetch(verb)[0].split()[1] == str(n)
    client.fence()


# --- refusals ----------------------------------------------------------------

@pytest.mark.parametrize("command,code", [
    ("GROUP local.none", 411), ("LISTGROUP local.none", 411), ("STAT 99", 423),
    ("ARTICLE 99", 423), ("OVER 99-100", 423), ("XOVER 99-", 420),
    ("HDR Subject 99", 423), ("XHDR Subject 99", 420), ("LAST", 422),
    ("XPAT Subject 99 *", 420)])
def test_refusal_of_a_backend_passes(bed, command, code):
    be = bed.mirrors(7)[0]
    client = bed.proxy(be).client()
    assert client.code("GROUP local.test") == "211"
    assert client.code(command) == str(code)
    assert client.ask("STAT") == "223 7 <a@x>", "the group is lost"
    client.fence()
    assert be.accepts == 1


@pytest.mark.parametrize("answer", [
    "412 no group", "420 no current", "421 no next", "423 none", "430 none",
    "501 syntax", "502 not that one", "503 not now", "403 broken"])
def test_refusal_of_a_backend_by_its_own_words(bed, answer):
    be = bed.mirrors(7)[0]
    be.on["NEXT"] = reply(answer)
    client = bed.proxy(be).client()
    assert client.code("GROUP local.test") == "211"
    got = client.ask("NEXT")
    if got[:3] == "400":        # it speaks of the proxy, not of the client
        assert answer[:3] in ("403", "502")
        client.at_end()
        return
    assert got == answer
    assert client.ask("STAT") == "223 7 <a@x>"


def test_empty_group(bed):
    be = bed.fake(articles=articles("a"), groups={"local.empty": {}})
    client = bed.proxy(be).client()
    assert client.ask("GROUP local.empty") == "211 0 1 0 local.empty"
    assert client.code("STAT") == "420"
    assert client.code("NEXT") == "420"
    assert client.code("STAT 1") == "423"
    assert client.fetch("LISTGROUP")[1] == b".\r\n"


@pytest.mark.parametrize("command", NEED_A_GROUP)
def test_without_a_group_412_and_no_backend_is_asked(bed, command):
    be = bed.mirrors(1)[0]
    client = bed.proxy(be).client()
    assert client.code(command) == "412"
    assert client.code("DATE") == "111"
    assert client.code(command) == "412"
    assert be.seen == ["DATE"]


@pytest.mark.parametrize("command", NEED_A_GROUP)
def test_without_a_group_412_on_a_connection_that_had_one(bed, command):
    be = bed.mirrors(1)[0]
    proxy = bed.proxy(be)
    former = proxy.client()
    assert former.code("GROUP local.test") == "211"
    assert former.code("QUIT") == "205"
    former.at_end()
    client = proxy.client()
    assert client.code("DATE") == "111"
    assert client.code(command) == "412"
    assert be.seen[-1] == "DATE"
    client.fence()


@pytest.mark.parametrize("first", ["GROUP local.none", "LISTGROUP local.none",
                                   "XFOO", "GROUP", "STAT <a@x>", "LIST"])
def test_without_a_group_412_after(bed, first):
    client = bed.proxy(bed.mirrors(1)[0]).client()
    if client.code(first) == "215":
        client.block()
    for command in NEED_A_GROUP:
        assert client.code(command) == "412"
    assert client.code("GROUP local.test") == "211"
    assert client.ask("STAT") == "223 1 <a@x>"


@pytest.mark.parametrize("command,code", [
    ("STAT <a@x>", 223), ("BODY <a@x>", 222), ("OVER <a@x>", 224),
    ("XOVER <a@x>", 224), ("HDR Subject <a@x>", 225),
    ("XHDR Subject <a@x>", 221)])
def test_by_message_id_no_group_is_needed(bed, command, code):
    client = bed.proxy(bed.mirrors(1)[0]).client()
    assert client.code(command) == str(code)
    if code != 223:
        client.block()
    client.fence()


def test_411_of_a_group_that_is_gone_leaves_the_old_one(bed):
    be = bed.mirrors(7)[0]
    client = bed.proxy(be).client()
    client.say("GROUP local.test", "STAT 9", "GROUP local.none", "STAT",
               "LISTGROUP local.none", "LAST")
    client.expect(211, 223, 411)
    assert client.line() == "223 9 <c@x>"
    client.expect(411)
    assert client.line() == "223 8 <b@x>"


# --- framing -----------------------------------------------------------------

@pytest.mark.parametrize("command,code", [
    ("OVER 1-5", 224), ("XOVER 1-5", 224), ("OVER", 224),
    ("HDR Subject 1-5", 225), ("HDR Subject 1-5", 221), ("HDR Subject", 225),
    ("XHDR Subject 1-5", 221), ("XHDR Subject 1-5", 225),
    ("XPAT Subject 1-5 *", 221), ("XPAT Subject 1-5 *", 225),
    ("LISTGROUP", 211), ("LISTGROUP local.test 1-2", 211)])
@pytest.mark.parametrize("data", [
    b".\r\n", b"1\tx\r\n2\ty\r\n.\r\n", b"..\r\n1 ..\r\n\r\n\xff\0\r\n.\r\n"],
    ids=["empty", "rows", "odd"])
def test_block_in_a_group_is_byte_exact(bed, command, code, data):
    be = bed.mirrors(1)[0]
    client = bed.proxy(be).client()
    assert client.code("GROUP local.test") == "211"
    be.on[command.split()[0]] = reply("%d words\tand  more " % code, data)
    assert client.fetch(command) == ("%d words\tand  more " % code, data)
    client.fence()


@pytest.mark.parametrize("verb", ["ARTICLE", "HEAD", "BODY", "STAT"])
def test_what_a_bare_or_numbered_command_may_answer(bed, verb):
    """As by message-id: the code alone says whether a block follows."""
    be = bed.mirrors(1)[0]
    client = bed.proxy(be).client()
    assert client.code("GROUP local.test") == "211"
    be.on[verb] = reply("223 1 <a@x>")
    assert client.ask(verb + " 1") == "223 1 <a@x>"
    client.fence()


def test_group_answer_split_at_every_byte(bed):
    be, answer, cut = bed.mirrors(1)[0], b"211 3 1 3 local.test\r\n", []
    be.on["GROUP"] = lambda c, line: (c.select("local.test"),
                                      c.send_split(answer, *cut))
    client = bed.proxy(be).client()
    for at in range(1, len(answer)):
        cut[:] = [at]
        client.say("GROUP local.test", "STAT")
        assert client.line() == "211 3 1 3 local.test"
        assert client.line() == "223 1 <a@x>"


@pytest.mark.parametrize("answer", [
    "211 3 1 3 local.test", "211 3 1 3", "211", "211 three articles",
    "211 99999999999999999999 1 99999999999999999999 local.test",
    "211 0 0 0 local.test", "211 -1 x y local.test"])
def test_group_answer_in_other_words(bed, answer):
    be = bed.mirrors(1)[0]
    be.on["GROUP"] = lambda c, line: (c.select("local.test"), c.say(answer))
    client = bed.proxy(be).client()
    assert client.ask("GROUP local.test") == answer
    assert client.ask("STAT 2") == "223 2 <b@x>"
    client.fence()


def test_listgroup_one_byte_per_packet(bed):
    be = bed.mirrors(7)[0]
    block = b"7\r\n8\r\n9\r\n.\r\n"
    be.on["LISTGROUP"] = lambda c, line: (c.select("local.test"), c.trickle(
        b"211 3 7 9 local.test\r\n" + block))
    client = bed.proxy(be).client()
    for _ in range(2):
        assert client.fetch("LISTGROUP local.test")[1] == block
    assert client.ask("STAT") == "223 7 <a@x>"


# --- several commands, several clients ---------------------------------------

def test_many_in_one_write(bed):
    names = ["n%d" % n for n in range(30)]
    be = bed.fake(articles=articles(*names, size=3000), first=5)
    client = bed.proxy(be).client()
    assert client.code("GROUP local.test") == "211"
    for _ in range(2):
        client.say(*("ARTICLE %d" % n for n in range(5, 35)))
        for n, (msgid, whole) in enumerate(be.articles.items(), 5):
            assert client.line() == "220 %d %s" % (n, msgid)
            assert client.block() == stuff(whole)
    client.fence()
    assert be.accepts == 1


def test_groups_and_articles_in_one_write(bed):
    be = bed.fake(articles=articles("a", "b"), groups={
        "local.one": {1: "<a@x>"}, "local.two": {1: "<b@x>"}})
    client = bed.proxy(be).client()
    for _ in range(3):
        client.say("GROUP local.one", "ARTICLE 1", "GROUP local.two",
                   "ARTICLE 1", "GROUP local.none", "STAT", "GROUP local.one",
                   "STAT")
        for group, msgid in ("one", "<a@x>"), ("two", "<b@x>"):
            assert client.line() == "211 1 1 1 local." + group
            assert client.line() == "220 1 " + msgid
            assert client.block() == stuff(be.articles[msgid])
        client.expect(411)
        assert client.line() == "223 1 <b@x>"
        client.expect(211)
        assert client.line() == "223 1 <a@x>"
    assert be.accepts == 1


def test_the_first_write_of_a_client(bed):
    """Whether there is a group is known when a command's turn has come."""
    client = bed.proxy(bed.mirrors(1)[0]).client()
    client.say("STAT 1", "GROUP local.none", "STAT 1", "GROUP local.test",
               "STAT 2", "NEXT", "HELP", "OVER 1", "QUIT")
    client.expect(412, 411, 412, 211, 223)
    assert client.line() == "223 3 <c@x>"
    client.expect(100)
    client.block()
    client.expect(224)
    client.block()
    client.expect(205)
    client.at_end()


def test_half_closed_client_gets_every_answer(bed):
    client = bed.proxy(bed.mirrors(1)[0]).client()
    client.say("GROUP local.test", "ARTICLE 2", "NEXT", "OVER 1-", "STAT 1")
    client.half_close()
    client.expect(211, 220)
    client.block()
    client.expect(223, 224)
    client.block()
    client.expect(223)
    client.at_end()


def test_two_clients_two_groups(bed):
    be = bed.fake(articles=articles("a", "b"), groups={
        "local.one": {1: "<a@x>"}, "local.two": {1: "<b@x>"}})
    proxy = bed.proxy(be)
    one, two = proxy.client(), proxy.client()
    assert one.code("GROUP local.one") == two.code("GROUP local.two") == "211"
    for _ in range(5):
        assert one.ask("STAT 1") == "223 1 <a@x>"
        assert two.ask("STAT") == "223 1 <b@x>"
    one.say(*["BODY 1"] * 5)
    two.say(*["BODY 1"] * 5)
    for client, msgid in (one, "<a@x>"), (two, "<b@x>"):
        for _ in range(5):
            assert client.line() == "222 1 " + msgid
            assert client.block() == stuff(body(be.articles[msgid]))


def test_many_clients_many_groups(bed):
    names = ["g%d" % n for n in range(8)]
    be = bed.fake(articles=articles(*names), groups={
        "local.%s" % name: numbered(["<%s@x>" % name], n + 1)
        for n, name in enumerate(names)})
    proxy = bed.proxy(be)
    clients = [proxy.client() for _ in names]
    for client, name in zip(clients, names):
        client.say("GROUP local." + name, "STAT")
    for n, (client, name) in enumerate(zip(clients, names), 1):
        client.expect(211)
        assert client.line() == "223 %d <%s@x>" % (n, name)
    for n, (client, name) in enumerate(zip(clients, names), 1):
        assert client.ask("STAT %d" % n) == "223 %d <%s@x>" % (n, name)
        assert client.code("STAT %d" % (n + 1)) == "423"


def test_local_commands_in_a_group(bed):
    be = bed.mirrors(7)[0]
    proxy = bed.proxy(be)
    client = proxy.client()
    assert client.code("GROUP local.test") == "211"
    before = len(be.all_lines())
    for command, code in (("HELP", "100"), ("CAPABILITIES", "101")):
        assert client.fetch(command)[0][:3] == code
    for command, code in (
            ("MODE READER", "201"), ("MODE STREAM", "501"), ("", "501"),
            ("AUTHINFO USER x", "502"), ("POST", "440"),
            ("STARTTLS", "502" if proxy.is_secure else "500"),
            ("IHAVE <n@x>", "500"), ("CHECK <n@x>", "500"),
            ("STAT " + "x" * 600, "501"), ("GROUP", "501"),
            ("GROUP a b", "501"), ("NEXT 1", "501")):
        assert client.code(command) == code, command
    client.send(b"TAKETHIS <n@x>\r\nSubject: x\r\n\r\nNEXT\r\n.\r\n")
    client.expect(500)
    assert len(be.all_lines()) == before
    assert client.ask("STAT") == "223 7 <a@x>"
    assert client.code("QUIT") == "205"
    client.at_end()


@pytest.mark.parametrize("command", [
    "COMPRESS DEFLATE", "XFEATURE COMPRESS GZIP",
    "XFEATURE COMPRESS GZIP TERMINATOR", "XZVER 1-5", "XZVER",
    "XZHDR Subject 1-5", "compress deflate"])
def test_framing_breakers_500_in_a_group_too(bed, command):
    be = bed.mirrors(7)[0]
    client = bed.proxy(be).client()
    client.say("GROUP local.test", command, "STAT")
    client.expect(211, 500, 223)
    assert be.seen == ["GROUP local.test", "STAT"]


# --- numbers -----------------------------------------------------------------

def test_number_of_an_article_in_the_own_group(bed):
    be = bed.fake(articles=articles("a", "b"), groups={
        "local.test": {7: "<a@x>"}})
    client = bed.proxy(be).client()
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert client.code("GROUP local.test") == "211"
    assert client.ask("STAT <a@x>") == "223 7 <a@x>"
    assert client.ask("STAT <b@x>") == "223 0 <b@x>"
    assert client.fetch("OVER <a@x>")[1].startswith(b"7\t")
    assert client.fetch("XOVER <b@x>")[1].startswith(b"0\t")
    assert client.fetch("HDR Subject <a@x>")[1].startswith(b"7 about")
    assert client.fetch("ARTICLE <a@x>")[0] == "220 7 <a@x>"


def test_current_article_is_not_moved_by_message_ids(bed):
    client = bed.proxy(bed.mirrors(7)[0]).client()
    client.say("GROUP local.test", "STAT 8", "STAT <a@x>", "STAT", "NEXT")
    client.expect(211, 223, 223)
    assert client.line() == "223 8 <b@x>"
    assert client.line() == "223 9 <c@x>"


def test_slow_answer_in_a_group_is_streamed(bed):
    be, gate = bed.mirrors(1)[0], Gate()
    be.on["XOVER"] = lambda c, line: (
        c.send(b"224 rows\r\n1\tx\r\n"), gate.wait(c),
        c.send(b"2\ty\r\n.\r\n"))
    client = bed.proxy(be).client()
    client.say("GROUP local.test", "XOVER 1-")
    client.expect(211, 224)
    assert client.line() == "1\tx"
    gate.open()
    assert client.block() == b"2\ty\r\n.\r\n"


def test_large_overview(bed):
    names = ["n%d" % n for n in range(3000)]
    be = bed.fake(articles={"<%s@x>" % n: article("<%s@x>" % n)
                            for n in names})
    client = bed.proxy(be).client()
    assert client.ask("GROUP local.test") == "211 3000 1 3000 local.test"
    block = client.fetch("XOVER 1-1000000")[1]
    rows = block.split(b"\r\n")[:-2]
    assert [int(row.split(b"\t")[0]) for row in rows] == list(range(1, 3001))
    client.fence()
