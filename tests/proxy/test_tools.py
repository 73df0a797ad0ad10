# SPDX-License-Identifier: BSD-2-Clause
"""The tools of these tests, tried on each other, without the proxy."""

import socket

import pytest

import matrix
from client import Client
from fake import Gate, Gone, queued_at_peer, reply, takes
from timing import wait_until
from wire import END, article, articles, body, head, lines, stuff, unstuff

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")


@pytest.fixture
def direct(bed):
    """A fake and a client that talks straight to it."""
    be = bed.fake(articles=articles("a", "b", size=5000))
    client = Client(be.address)
    yield be, client
    client.close()


def test_stuffing():
    assert stuff(b"") == END
    assert stuff(b".\r\n..x\r\ny\r\n") == b"..\r\n...x\r\ny\r\n.\r\n"
    assert head(article("<a@x>", b"b\r\n")).endswith(b"<a@x>\r\n")
    assert body(article("<a@x>", b"b\r\n")) == b"b\r\n"
    assert len(lines(1000)) > 1000 and lines(99, 1) != lines(99, 2)


def test_correct_server(direct):
    be, client = direct
    assert client.greeting == "200 fake server ready"
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert client.fetch("ARTICLE <a@x>")[1] == stuff(be.articles["<a@x>"])
    assert client.fetch("BODY <b@x>")[1] == stuff(body(be.articles["<b@x>"]))
    assert client.fetch("HEAD <b@x>")[1] == stuff(head(be.articles["<b@x>"]))
    assert client.code("BODY <c@x>") == "430"
    for command, code in (("OVER <a@x>", "224"), ("HDR Subject <a@x>", "225"),
                          ("XHDR Subject <a@x>", "221"), ("LIST", "215"),
                          ("CAPABILITIES", "101"), ("HELP", "100"),
                          ("NEWNEWS * 1 1", "230"), ("NEWGROUPS 1 1", "231")):
        assert client.fetch(command)[0][:3] == code
    assert client.code("XFOO") == "500"
    client.fence()
    assert client.ask("QUIT") == "205 bye"
    client.at_end()
    assert be.seen[0] == "STAT <a@x>" and "QUIT" in be.all_lines()
    assert be.asked("STAT") == ["STAT <a@x>"]


def test_login_is_asked_for(bed):
    be = bed.fake(login=("u", "p q"))
    client = Client(be.address)
    assert client.code("DATE") == "480"
    assert client.login("u", "x") == "481"
    assert client.login("u", "p q") == "281"
    assert client.code("DATE") == "111"
    client.close()


def test_peak_counts_what_is_open(bed):
    be = bed.fake()
    first = [Client(be.address) for _ in range(3)]
    assert (be.peak, be.held, be.accepts) == (3, 3, 3)
    for client in first:
        client.close()
    be.wait_held(0)
    last = Client(be.address)
    assert (be.peak, be.held, be.accepts) == (3, 1, 4)
    last.close()


def test_bytes_go_one_by_one(bed):
    be = bed.fake()
    be.script = lambda c: c.trickle(b"200 x\r\n")
    client = Client(be.address, greet=False)
    assert [client.sock.recv(99) for _ in range(7)] \
        == [b"2", b"0", b"0", b" ", b"x", b"\r", b"\n"]
    client.close()


def test_split_waits_for_the_reader(bed):
    be = bed.fake()
    be.script = lambda c: c.send_split(b"200 xy\r\n", 5)
    client = Client(be.address, greet=False)
    wait_until(lambda: be.conns and queued_at_peer(be.conns[0].sock) == 5)
    assert client.sock.recv(99) == b"200 x"
    assert client.sock.recv(99) == b"y\r\n"
    client.close()


def test_gate_and_unsolicited_bytes(bed):
    be, gate = bed.fake(), Gate()

    def late(conn, line):
        gate.wait(conn)
        conn.say("223 0 <a@x>")

    be.on["STAT"] = late
    client = Client(be.address)
    client.say("STAT <a@x>")
    be.wait_seen(1, "STAT")
    be.say_all(b"400 early\r\n")
    gate.open()
    assert client.line() == "400 early"
    assert client.line() == "223 0 <a@x>"
    client.close()


def test_a_gate_lets_go_when_the_peer_is_gone(bed):
    be, gate, ended = bed.fake(), Gate(), Gate()

    def wait(conn):
        try:
            gate.wait(conn)
        except Gone:
            ended.open()
            raise

    be.script = wait
    Client(be.address, greet=False).close()
    ended.wait()


def test_scripts_by_connection(bed):
    be = bed.fake()
    be.script = [lambda c: c.say("400 no"), None]
    assert Client(be.address).greeting == "400 no"
    client = Client(be.address)
    be.on["DATE"] = reply("111 x")
    assert client.ask("DATE") == "111 x"
    be.close_all()
    client.at_end()


def test_down_and_up(bed):
    be = bed.fake()
    client = Client(be.address)
    be.down()
    client.at_end()
    with pytest.raises(ConnectionRefusedError):
        Client(be.address)
    be.up()
    assert Client(be.address).code("DATE") == "111"


def test_ports_without_a_server(bed):
    host, port = bed.refusing().url.split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
    hole = bed.black_hole()
    host, port = hole.url.split(":")
    sock = socket.socket()
    sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        sock.connect((host, int(port)))
    sock.close()


def test_client_sees_a_cut_block(bed):
    be = bed.fake()
    be.on["LIST"] = lambda c, line: (c.send(b"215 x\r\na\r\n."), c.reset())
    client = Client(be.address)
    assert client.code("LIST") == "215"
    with pytest.raises(AssertionError, match="cut inside"):
        client.block()


def test_a_fault_in_a_script_is_kept(bed):
    be = bed.fake()
    be.script = lambda c: 1 / 0
    Client(be.address, greet=False).at_end()
    wait_until(lambda: be.errors)
    assert isinstance(be.errors.pop(), ZeroDivisionError)


# --- groups and posting ------------------------------------------------------

@pytest.fixture
def group(bed):
    """A fake with a group of three articles, 7 to 9, and a client of it."""
    be = bed.fake(articles=articles("a", "b", "c", "d"), groups={
        "local.test": {7: "<a@x>", 8: "<b@x>", 9: "<c@x>"},
        "local.empty": {}})
    client = Client(be.address)
    yield be, client
    client.close()


def test_group_and_current_article(group):
    _, client = group
    for command in ("NEXT", "LAST", "STAT", "STAT 7", "OVER", "XOVER 7-",
                    "HDR Subject 7", "XPAT Subject 7- *", "LISTGROUP"):
        assert client.code(command) == "412"
    assert client.ask("STAT <a@x>") == "223 0 <a@x>"
    assert client.ask("GROUP local.test") == "211 3 7 9 local.test"
    assert client.ask("STAT <a@x>") == "223 7 <a@x>"
    assert client.ask("STAT <d@x>") == "223 0 <d@x>"
    assert client.ask("NEXT") == "223 8 <b@x>"
    assert client.ask("STAT 9") == "223 9 <c@x>"
    assert client.code("NEXT") == "421"
    assert client.ask("LAST") == "223 8 <b@x>"
    assert client.ask("STAT") == "223 8 <b@x>"
    assert client.code("ARTICLE 5") == "423"
    assert client.code("GROUP local.none") == "411"
    assert client.ask("LAST") == "223 7 <a@x>"
    assert client.code("LAST") == "422"
    assert client.code("GROUP local.empty") == "211"
    assert client.code("NEXT") == "420"


def test_blocks_of_a_group(group):
    be, client = group
    assert client.fetch("LISTGROUP local.test 8-") == (
        "211 3 7 9 local.test list follows", b"8\r\n9\r\n.\r\n")
    assert client.fetch("LISTGROUP")[1] == b"7\r\n8\r\n9\r\n.\r\n"
    assert client.fetch("HDR Subject 8-9") == (
        "225 rows follow", b"8 about <b@x>\r\n9 about <c@x>\r\n.\r\n")
    assert client.fetch("XHDR Subject <d@x>") == (
        "221 rows follow", b"0 about <d@x>\r\n.\r\n")
    assert client.fetch("XPAT Subject 7- *a@x* *c@x*")[1] \
        == b"7 about <a@x>\r\n9 about <c@x>\r\n.\r\n"
    status, block = client.fetch("XOVER 7-8")
    assert status[:3] == "224"
    rows = [row.split(b"\t") for row in block.split(b"\r\n")[:-2]]
    assert [(row[0], row[4], len(row)) for row in rows] \
        == [(b"7", b"<a@x>", 8), (b"8", b"<b@x>", 8)]
    assert client.fetch("OVER <b@x>")[1].startswith(b"8\tabout <b@x>\t")
    assert client.code("OVER 1-5") == "423"
    assert client.fetch("BODY 9")[1] == stuff(body(be.articles["<c@x>"]))


def test_lists_of_groups(group):
    _, client = group
    want = {"LIST": b"local.empty 0 1 y\r\nlocal.test 9 7 y\r\n.\r\n",
            "LIST ACTIVE *.test": b"local.test 9 7 y\r\n.\r\n",
            "LIST COUNTS *.test": b"local.test 9 7 3 y\r\n.\r\n",
            "LIST NEWSGROUPS *.test": b"local.test\tabout local.test\r\n.\r\n"}
    for command, block in want.items():
        assert client.fetch(command)[1] == block
    assert b"Message-ID:" in client.fetch("LIST OVERVIEW.FMT")[1]
    assert client.code("LIST FOO") == "501"


@pytest.mark.parametrize("text", [b"", b".\r\n", b"x\r\n", b"..\r\n.x\r\n",
                                  b"a\r\n\r\n.\r\n", b".a\r\n..\r\n"])
def test_unstuffed_is_what_was_stuffed(text):
    assert unstuff(stuff(text)) == text


def test_posted_article_is_kept(group):
    be, client = group
    whole = article("<new@x>", b".dot\r\n..\r\n")
    assert client.code("POST") == "340"
    client.send(stuff(whole) + b"DATE\r\n")
    client.expect(240, 111)
    assert be.posted == [stuff(whole)] and be.halves == []
    assert client.fetch("ARTICLE <new@x>")[1] == stuff(whole)
    assert client.ask("GROUP local.test") == "211 4 7 10 local.test"
    assert client.code("IHAVE <new@x>") == "435"
    assert client.code("IHAVE <more@x>") == "335"
    client.send(stuff(article("<more@x>")))
    client.expect(235)
    assert "<more@x>" in be.articles and len(be.posted) == 2


def test_half_an_article_is_kept_apart(group):
    be, client = group
    assert client.code("POST") == "340"
    client.send(b"Subject: x\r\n\r\nhalf\r\n.")
    client.half_close()
    client.at_end()
    assert be.posted == [] and be.halves == [b"Subject: x\r\n\r\nhalf\r\n."]


def test_posting_with_other_answers(bed):
    be = bed.fake()
    be.on["POST"] = takes(last="441 no")
    be.on["IHAVE"] = reply("436 later")
    client = Client(be.address)
    assert client.code("POST") == "340"
    client.send(b"x\r\n.\r\n")
    client.expect(441)
    assert be.posted == [b"x\r\n.\r\n"]
    assert client.code("IHAVE <a@x>") == "436"
    client.close()


def test_matrix_meets_each_combination_once():
    assert len(matrix.EVERY) == 72
    chosen = [matrix.choose(n) for n in range(1000, 1072)]
    assert all(one in chosen for one in matrix.EVERY)
    for before, after in zip(chosen, chosen[1:]):
        assert before["sanitizer"] != after["sanitizer"] \
            or before["tls"] != after["tls"]
