# SPDX-License-Identifier: BSD-2-Clause
"""leafnode as the server behind nntpmux: other numbers, other words and other
gaps than INN's. It has no CAPABILITIES, NEWNEWS, XPAT, IHAVE."""

import pytest

import compare
import news
import posted
from programs import run
from report import NEEDS_GROUPS, row
from test_bytes import COMPARED
from test_nntplib import check, connect, nntplib

GROUP = "local.talk"
SERVER = "(leafnode as server)"


def stored(articles):
    return articles.in_group(GROUP, "inn")


@row("nntplib " + SERVER, "ARTICLE, HEAD, BODY, STAT by message-id")
def test_by_message_id(leaf_service, articles):
    wanted = stored(articles)[::8]
    if "newsd" in leaf_service.homes:
        wanted += articles.at("newsd")[::20]
    with connect(leaf_service) as client:
        for article in wanted:
            check(client, article)
        with pytest.raises(nntplib.NNTPTemporaryError, match="^430"):
            client.body("<nobody.has.this@harbour.example>")


# It answers HDR with the code of XHDR. {first} and {last}: the numbers of the
# group's first and last article.
BLOCKS = [("LISTGROUP", b"211"), ("XOVER {first}-{last}", b"224"),
          ("XHDR Subject {first}-{last}", b"221"),
          ("HDR Message-ID {first}", b"221"), ("ARTICLE {last}", b"220"),
          ("HEAD", b"221"), ("BODY {first}", b"222"), ("LIST", b"215"),
          ("LIST NEWSGROUPS", b"215"), ("LIST OVERVIEW.FMT", b"215"),
          ("NEWGROUPS 19990101 000000", b"231")]


@row("bare socket " + SERVER, "compares every answer in a group",
     {**COMPARED, **NEEDS_GROUPS})
def test_the_same_answers(leaf_service, leafnode):
    with news.News(leaf_service.port) as through, \
            news.News(leafnode.port) as there:
        status = there.command("GROUP " + GROUP)
        assert through.command("GROUP " + GROUP) == status
        first, last = status.decode().split()[2:4]
        for text, code in BLOCKS:
            text = text.format(first=first, last=last)
            assert through.block(text, code) == there.block(text, code), text
        for text in ("STAT " + first, "NEXT", "LAST", "STAT 70000",
                     "GROUP local.nothing", "XOVER 70000-"):
            assert through.command(text)[:3] == there.command(text)[:3], text


@row("slrnpull " + SERVER, "pulls a group", NEEDS_GROUPS)
def test_slrnpull(leaf_service, articles, parts, tmp_path):
    (tmp_path / "slrnpull.conf").write_text("%s 10000 0 0\n" % GROUP)
    for name in ("news", "out.going"):
        (tmp_path / name).mkdir()
    run([parts + "/usr/bin/slrnpull", "-d", tmp_path, "-h",
         leaf_service.address, "--no-post"], tmp_path)
    compare.check_all(stored(articles), [
        path.read_bytes() for path in (tmp_path / "news/local/talk").iterdir()
        if path.name.isdigit()])


@row("rpost " + SERVER, "posts, and fetchnews takes it on to INN")
def test_post(leaf_service, leafnode, inn, parts, tmp_path):
    post = posted.Post()
    text = run([parts + "/usr/bin/rpost", leaf_service.address, "-M"],
               tmp_path, stdin=post.text().encode())
    assert "\n240 " in text, text
    assert len(leafnode.outgoing()) == 1
    leafnode.fetch("-P")
    posted.check(inn, post)
    assert leafnode.outgoing() == []
