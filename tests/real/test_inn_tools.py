# SPDX-License-Identifier: BSD-2-Clause
"""The tools that come with INN, pointed at somebody else's server."""

import compare
import corpus
import news
import posted
from programs import InnTools
from report import NEEDS_GROUPS, row


def tools(service, inn, stage):
    return InnTools(stage, inn.libraries, service)


@row("getlist", "LIST ACTIVE, NEWSGROUPS, OVERVIEW.FMT")
def test_getlist(service, inn, stage):
    client = tools(service, inn, stage)

    def ask(*arguments):
        return client.run("getlist", "-A", "-R", "-h", "127.0.0.1", "-p",
                          str(service.port), *arguments).splitlines()

    active = [line.split(" ")[0] for line in ask("active", "local.t*")]
    assert sorted(active) == sorted(corpus.TEXT_GROUPS)
    descriptions = ask("newsgroups")
    assert "local.talk\tA test." in descriptions
    assert "Subject:" in ask("overview.fmt")


@row("inews", "posts (POST)")
def test_inews(service, inn, stage):
    post = posted.Post()
    tools(service, inn, stage).run(
        "inews", "-h", "-S", "-p", str(service.port),
        stdin=post.text().encode())
    posted.check(inn, post)


@row("rnews", "feeds a batch (IHAVE)")
def test_rnews(service, inn, stage):
    posts = [posted.Post(path="feeder.example!not-for-mail")
             for _ in range(3)]
    batch = "".join("#! rnews %d\n%s" % (len(post.text().encode()),
                                         post.text()) for post in posts)
    client = tools(service, inn, stage)
    client.run("rnews", "-N", "-v", "-P", str(service.port), "-S",
               "127.0.0.1", client.write("batch", batch))
    for post in posts:
        posted.check(inn, post)


@row("innxmit", "tries MODE STREAM, then feeds (IHAVE)")
def test_innxmit(service, inn, stage):
    client = tools(service, inn, stage)
    posts = [posted.Post(path="feeder.example!not-for-mail")
             for _ in range(3)]
    batch = client.write("batch", "".join(
        "%s %s\n" % (client.write("articles/%d" % number, post.text()),
                     post.msgid)
        for number, post in enumerate(posts + posts[:1])))
    log = client.run("innxmit", "-d", "-v", "-a", "-P", str(service.port),
                     "127.0.0.1", batch)
    assert "offered 4 accepted 3 refused 1 rejected 0" in log, log
    for post in posts:
        posted.check(inn, post)


@row("pullnews", "pulls a group by number, feeds another server",
     NEEDS_GROUPS)
def test_pullnews(service, inn, newsd, articles, stage, tmp_path):
    """Into newsd, by IHAVE: those that newsd lacked are there then, and
    those that it had are refused."""
    client = tools(service, inn, stage)
    marks = client.write("marks", "%s %s %s\n\tlocal.talk\n" % (
        service.address, service.user, service.password))
    sink = newsd.another(tmp_path / "sink")
    client.run("pullnews", "-c", marks, "-q", "-s",
               "127.0.0.1:%d" % sink.port)
    with news.News(sink.port) as there:
        for article in articles.in_group("local.talk", "inn"):
            wire = there.block("ARTICLE " + article.msgid, b"220")
            compare.check(article, news.undone(wire))
    sink.stop()


@row("actsync", "compares two servers' groups (LIST)")
def test_actsync(service, inn, stage):
    client = tools(service, inn, stage)
    active = client.write("active", "local.talk 0 1 y\nlocal.gone 0 1 y\n")
    text = client.run("actsync", "-A", "-p", "0", "-o", "a1", active,
                      service.address)
    names = [line.split(" ")[0] for line in text.splitlines()]
    assert set(corpus.GROUPS) <= set(names), text
    assert "local.gone" not in names
