# SPDX-License-Identifier: BSD-2-Clause
"""Python's nntplib fetches every article by its message-id; what comes is
what was put in."""

import concurrent.futures
import warnings

import pytest

from report import row

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import nntplib

CLIENTS = 8
TIMEOUT_S = 60


def connect(service, user=None, password=None):
    return nntplib.NNTP("127.0.0.1", service.port, user or service.user,
                        password or service.password, readermode=True,
                        timeout=TIMEOUT_S)


def lines_of(text):
    return text.split(b"\r\n")[:-1]


def split_path(head):
    """The header lines but Path and Xref, sorted, and the text of Path. A
    news server writes these two anew; the rest is the author's, but not
    always the order."""
    path = [line for line in head if line.startswith(b"Path: ")]
    assert len(path) == 1, head
    return sorted(line for line in head if not line.startswith(
        (b"Path: ", b"Xref: "))), path[0][6:]


def check_head(article, head):
    put_in, origin = split_path(lines_of(article.head()))
    got, path = split_path(head)
    assert got == put_in
    assert path == origin or path.endswith(b"!" + origin)


def check(client, article):
    """All four commands for one article."""
    body = lines_of(article.body)
    response, info = client.article(article.msgid)
    assert response.startswith("220 0 " + article.msgid)
    assert (info.number, info.message_id) == (0, article.msgid)
    blank = info.lines.index(b"")
    check_head(article, info.lines[:blank])
    assert info.lines[blank + 1:] == body
    response, info = client.head(article.msgid)
    assert response.startswith("221 0 " + article.msgid)
    check_head(article, info.lines)
    response, info = client.body(article.msgid)
    assert response.startswith("222 0 " + article.msgid)
    assert info.lines == body
    response, number, msgid = client.stat(article.msgid)
    assert response.startswith("223 0 " + article.msgid)
    assert (number, msgid) == (0, article.msgid)


def fetch(service, articles):
    """One client, one after another; gives how many."""
    with connect(service) as client:
        for article in articles:
            check(client, article)
    return len(articles)


def fetch_all(service, everything):
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        fetched = sum(pool.map(
            lambda n: fetch(service, everything[n::CLIENTS]),
            range(CLIENTS)))
    assert fetched == len(everything) > 80


@row("nntplib", "ARTICLE, HEAD, BODY, STAT by message-id")
def test_by_message_id(service, articles):
    """All there is; past the proxy some, because nnrpd and the kernel's late
    acknowledgements make it slow (news.py)."""
    everything = articles.at(*service.homes)
    if service.mode == "direct":
        everything = everything[::3]
    fetch_all(service, everything)


def test_without_a_login(open_proxy, articles):
    fetch_all(open_proxy, articles.articles[::2])


@row("nntplib", "is told that an article is missing")
def test_an_article_that_nobody_has(service, articles):
    with connect(service) as client:
        for command in client.article, client.head, client.body, client.stat:
            with pytest.raises(nntplib.NNTPTemporaryError, match="^430"):
                command("<nobody.has.this@harbour.example>")
        check(client, articles.at(*service.homes)[0])


@row("nntplib", "is refused with a wrong password")
def test_a_wrong_password(service):
    with pytest.raises(nntplib.NNTPError, match="^481"):
        connect(service, service.user, "wrong")


def test_a_login_where_there_are_no_users(open_proxy):
    with pytest.raises(nntplib.NNTPError, match="^502"):
        connect(open_proxy, "downloader", "wrong")
