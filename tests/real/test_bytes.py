# SPDX-License-Identifier: BSD-2-Clause
"""Octet for octet: the proxy's answer is that of a server which has the
article."""

import statistics
import time

import news
from report import NEEDS_GROUPS, row

COMMANDS = (("ARTICLE", b"220"), ("HEAD", b"221"), ("BODY", b"222"),
            ("STAT", b"223"))
COMPARED = {"direct": "It is what the others are compared with."}


def answer(client, verb, code, msgid):
    text = "%s %s" % (verb, msgid)
    if verb == "STAT":
        return client.expect(text, code)
    return client.block(text, code)


@row("bare socket", "compares every octet with the servers'",
     COMPARED)
def test_the_same_octets(service, inn, newsd, articles):
    with news.News(service.port, service.user, service.password) as through, \
            news.News(inn.port, inn.USER, inn.PASSWORD) as at_inn, \
            news.News(newsd.port, newsd.USER, newsd.PASSWORD) as at_newsd:
        homes = {"inn": at_inn, "newsd": at_newsd}
        for article in articles.at(*service.homes):
            for verb, code in COMMANDS:
                got = answer(through, verb, code, article.msgid)
                wanted = [answer(homes[home], verb, code, article.msgid)
                          for home in article.homes]
                assert got in wanted, (verb, article.msgid)
                if verb == "BODY":
                    assert got.partition(b"\r\n")[2] == \
                        news.stuffed(article.body), article.msgid


# What a newsreader asks in a group; {last} is the group's last number.
IN_GROUP = [("LISTGROUP", b"211"), ("LISTGROUP {group} 2-{last}", b"211"),
            ("XOVER 1-{last}", b"224"), ("OVER 3-", b"224"),
            ("XHDR Message-ID 1-{last}", b"221"), ("HDR Lines 2", b"225"),
            ("XPAT Subject 1-{last} *1*", b"221"), ("ARTICLE 5", b"220"),
            ("HEAD", b"221"), ("BODY {last}", b"222"), ("LIST", b"215"),
            ("LIST OVERVIEW.FMT", b"215"), ("LIST COUNTS", b"215"),
            ("LIST NEWSGROUPS local.*", b"215")]


@row("bare socket", "compares every answer in a group with INN's", {
    **COMPARED, **NEEDS_GROUPS})
def test_the_same_answers_in_a_group(service, inn, articles):
    with news.News(service.port, service.user, service.password) as through, \
            news.News(inn.port, inn.USER, inn.PASSWORD) as at_inn:
        for group in "local.talk", "local.test":
            last = len(articles.in_group(group, "inn"))
            for text in ["GROUP " + group, "STAT 2", "NEXT", "LAST"]:
                assert through.command(text) == at_inn.command(text), text
            for text, code in IN_GROUP:
                text = text.format(group=group, last=last)
                assert through.block(text, code) == \
                    at_inn.block(text, code), text
            for text, code in (("ARTICLE 70000", b"423"),
                               ("GROUP local.nothing", b"411"),
                               ("OVER 70000-", b"423"),
                               ("HDR Subject 70000", b"423")):
                assert through.expect(text, code)[:3] == \
                    at_inn.expect(text, code)[:3]


def test_no_late_acknowledgement(open_proxy, articles):
    """nnrpd sends the status line and the block apart, by Nagle's rule: if
    the proxy's kernel holds back the acknowledgement, each command takes
    40 ms more."""
    took = []
    with news.News(open_proxy.port) as client:
        for article in [a for a in articles.articles
                        if a.homes == ("inn",)][:50]:
            start = time.monotonic()
            answer(client, "BODY", b"222", article.msgid)
            took.append(time.monotonic() - start)
    assert statistics.median(took) < 0.02, took
