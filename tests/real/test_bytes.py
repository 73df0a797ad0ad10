# SPDX-License-Identifier: BSD-2-Clause
"""Octet for octet: the proxy's answer is that of a server which has the
article."""

import statistics
import time

import news

COMMANDS = (("ARTICLE", b"220"), ("HEAD", b"221"), ("BODY", b"222"),
            ("STAT", b"223"))


def answer(client, verb, code, msgid):
    text = "%s %s" % (verb, msgid)
    if verb == "STAT":
        return client.expect(text, code)
    return client.block(text, code)


def test_the_same_octets(proxy, inn, newsd, articles):
    with news.News(proxy.port, proxy.user, proxy.password) as through, \
            news.News(inn.port, inn.USER, inn.PASSWORD) as at_inn, \
            news.News(newsd.port, newsd.USER, newsd.PASSWORD) as at_newsd:
        homes = {"inn": at_inn, "newsd": at_newsd}
        for article in articles.articles:
            for verb, code in COMMANDS:
                got = answer(through, verb, code, article.msgid)
                wanted = [answer(homes[home], verb, code, article.msgid)
                          for home in article.homes]
                assert got in wanted, (verb, article.msgid)
                if verb == "BODY":
                    assert got.partition(b"\r\n")[2] == \
                        news.stuffed(article.body), article.msgid


def test_no_late_acknowledgement(proxy, inn, articles):
    """nnrpd sends the status line and the block apart, by Nagle's rule: if
    the proxy's kernel holds back the acknowledgement, each command takes
    40 ms more."""
    took = []
    with news.News(proxy.port, proxy.user, proxy.password) as client:
        for article in [a for a in articles.articles
                        if a.homes == ("inn",)][:50]:
            start = time.monotonic()
            answer(client, "BODY", b"222", article.msgid)
            took.append(time.monotonic() - start)
    assert statistics.median(took) < 0.02, took
