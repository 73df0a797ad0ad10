# SPDX-License-Identifier: BSD-2-Clause
"""Everything else that Python's nntplib can do: groups, lists, posting."""

import datetime
import io
import warnings

import pytest

import corpus
import posted
from report import NEEDS_GROUPS, row
from test_nntplib import check_head, connect, lines_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import nntplib

GROUP = "local.tides"
LONG_AGO = datetime.datetime(1999, 12, 31)


def check_numbered(client, number, article):
    """The article under that number, by all four commands."""
    assert client.stat(number)[1:] == (number, article.msgid)
    response, info = client.head(number)
    assert response.startswith("221 %d %s" % (number, article.msgid))
    check_head(article, info.lines)
    assert client.body(number)[1].lines == lines_of(article.body)
    response, info = client.article(number)
    assert (info.number, info.message_id) == (number, article.msgid)
    assert info.lines[info.lines.index(b"") + 1:] == lines_of(article.body)


@row("nntplib", "GROUP; STAT, HEAD, BODY, ARTICLE by number", NEEDS_GROUPS)
def test_by_number(service, articles):
    wanted = articles.in_group(GROUP, "inn")
    with connect(service) as client:
        _, count, first, last, name = client.group(GROUP)
        assert (count, first, last) == (len(wanted), 1, len(wanted))
        assert name == GROUP
        for number in (1, 2, len(wanted) // 2, len(wanted)):
            check_numbered(client, number, wanted[number - 1])
        with pytest.raises(nntplib.NNTPTemporaryError, match="^423"):
            client.article(len(wanted) + 1)
        with pytest.raises(nntplib.NNTPTemporaryError, match="^411"):
            client.group("local.nothing")
        check_numbered(client, 3, wanted[2])


@row("nntplib", "NEXT, LAST, the current article", NEEDS_GROUPS)
def test_next_and_last(service, articles):
    wanted = articles.in_group(GROUP, "inn")
    with connect(service) as client:
        client.group(GROUP)
        assert client.stat()[1:] == (1, wanted[0].msgid)
        with pytest.raises(nntplib.NNTPTemporaryError, match="^422"):
            client.last()
        for number in range(2, len(wanted) + 1):
            assert client.next()[1:] == (number, wanted[number - 1].msgid)
        with pytest.raises(nntplib.NNTPTemporaryError, match="^421"):
            client.next()
        assert client.last()[1:] == (len(wanted) - 1, wanted[-2].msgid)
        assert client.body()[1].lines == lines_of(wanted[-2].body)


@row("nntplib", "OVER, HDR, XHDR", NEEDS_GROUPS)
def test_overview(service, articles):
    wanted = articles.in_group(GROUP, "inn")
    with connect(service) as client:
        client.group(GROUP)
        _, lines = client.over((1, len(wanted)))
        assert [number for number, _ in lines] == \
            list(range(1, len(wanted) + 1))
        for (_, fields), article in zip(lines, wanted):
            assert fields["message-id"] == article.msgid
            assert fields["subject"] == article.headers["Subject"]
            assert fields["from"] == article.headers["From"]
            assert int(fields[":bytes"]) > len(article.body)
            assert GROUP in fields["xref"]
        assert client.over((5, None))[1][0][0] == 5
        for field, text in (("subject", "Subject"), ("message-id",
                                                     "Message-ID")):
            _, got = client.xhdr(field, "1-%d" % len(wanted))
            assert got == [(str(number), article.headers[text])
                           for number, article in enumerate(wanted, 1)]
        for command in "HDR Subject", "XPAT Subject", "XHDR Subject":
            pattern = " *" if command.startswith("XPAT") else ""
            _, got = client._longcmdstring("%s 2-3%s" % (command, pattern))
            assert got == ["%d %s" % (n, wanted[n - 1].headers["Subject"])
                           for n in (2, 3)]


@row("nntplib", "two sessions in two groups", NEEDS_GROUPS)
def test_two_groups(service, articles):
    with connect(service) as one, connect(service) as two:
        one.group("local.talk")
        two.group("local.test")
        for number in range(1, 10):
            assert one.stat(number)[2] == articles.in_group(
                "local.talk", "inn")[number - 1].msgid
            assert two.stat(number)[2] == articles.in_group(
                "local.test", "inn")[number - 1].msgid


@row("nntplib", "by message-id while in a group", NEEDS_GROUPS)
def test_by_message_id_in_a_group(service, articles):
    """In hybrid mode the other server is asked too, and the place in the
    group is kept."""
    wanted = articles.in_group(GROUP, "inn")
    with connect(service) as client:
        client.group(GROUP)
        client.stat(7)
        for article in articles.at(*service.homes)[::10]:
            assert client.body(article.msgid)[1].lines == \
                lines_of(article.body)
        assert client.stat()[1:] == (7, wanted[6].msgid)
        assert client.next()[1:] == (8, wanted[7].msgid)


@row("nntplib", "LIST and its variants, NEWGROUPS, DATE, HELP")
def test_lists(service):
    with connect(service) as client:
        active = {info.group: info for info in client.list()[1]}
        assert set(active) >= set(corpus.GROUPS)
        assert active["local.talk"].flag == "y"
        some = [info.group for info in client.list("local.t*")[1]]
        assert sorted(some) == sorted(corpus.TEXT_GROUPS)
        assert client.descriptions("local.t*")[1] == {
            group: "A test." for group in corpus.TEXT_GROUPS}
        assert client.description("local.talk") == "A test."
        for variant in "OVERVIEW.FMT", "HEADERS", "ACTIVE.TIMES", \
                "NEWSGROUPS":
            response, _ = client._longcmdstring("LIST " + variant)
            assert response.startswith("215"), variant
        groups = [info.group for info in client.newgroups(LONG_AGO)[1]]
        assert set(groups) <= set(active)
        now = datetime.datetime.now(datetime.timezone.utc)
        date = client.date()[1].replace(tzinfo=datetime.timezone.utc)
        assert abs(now - date) < datetime.timedelta(minutes=2)
        assert client.help()[0].startswith("100")


@row("nntplib", "NEWNEWS")
def test_newnews(service, articles):
    """Answered by one server, as by a news server it should be."""
    with connect(service) as client:
        _, got = client.newnews(GROUP, LONG_AGO)
        wanted = [sorted(a.msgid for a in articles.in_group(GROUP, home))
                  for home in service.homes]
        assert sorted(got) in wanted


@row("nntplib", "CAPABILITIES are true")
def test_capabilities(service):
    with connect(service) as client:
        words = client.getcapabilities()
        assert words["VERSION"][0] == "2"
        assert ("READER" in words) == (service.mode != "per-command")
        assert "POST" in words
        assert client.nntp_version == 2


@row("nntplib", "is refused GROUP, and goes on", {
    mode: "It has groups." for mode in ("direct", "hybrid", "stateful")})
def test_no_groups(service, articles):
    with connect(service) as client:
        with pytest.raises(nntplib.NNTPPermanentError, match="^500"):
            client.group(GROUP)
        for command in (lambda: client.article(5), lambda: client.over((1, 5)),
                        lambda: client.xhdr("subject", "1-5")):
            with pytest.raises(nntplib.NNTPPermanentError, match="^503"):
                command()
        for command in client.next, client.last:
            with pytest.raises(nntplib.NNTPPermanentError, match="^500"):
                command()
        client.stat(articles.articles[0].msgid)


@row("nntplib", "POST")
def test_post(service, inn):
    with connect(service) as client:
        for _ in range(2):
            post = posted.Post()
            assert client.post(post.wire()).startswith("240")
            posted.check(inn, post)
        with pytest.raises(nntplib.NNTPTemporaryError, match="^441"):
            client.post(io.BytesIO(b"Subject: no group\r\n\r\nno\r\n"))
        client.date()


@row("nntplib", "POST while in a group", NEEDS_GROUPS)
def test_post_in_a_group(service, inn, articles):
    wanted = articles.in_group(GROUP, "inn")
    with connect(service) as client:
        client.group(GROUP)
        client.stat(4)
        post = posted.Post()
        assert client.post(post.wire()).startswith("240")
        assert client.stat()[1:] == (4, wanted[3].msgid)
        posted.check(inn, post)


@row("nntplib", "IHAVE, once and again")
def test_ihave(service, inn):
    post = posted.Post(path="feeder.example!not-for-mail")
    with connect(service) as client:
        assert client.ihave(post.msgid, post.wire()).startswith("235")
        posted.check(inn, post)
        with pytest.raises(nntplib.NNTPTemporaryError, match="^435"):
            client.ihave(post.msgid, post.wire())
        client.date()
    posted.check(inn, post)
