# SPDX-License-Identifier: BSD-2-Clause
"""Articles for the clients to post, and a look whether they have arrived.

Always at INN itself, past nntpmux: exactly one article with this subject, and
its body is what was written.
"""

import itertools

import corpus
import news

numbers = itertools.count(1)
# What a client or a relay could get wrong on the way up: dots at the start of
# lines, a line that looks like the end, octets beyond ASCII, blanks at the
# end. A posting client may refuse lines of more than 998 octets.
BODY = "\n".join([
    "The log of a day.", "", ".", "..", "...", ".hidden", "", "A line of tar.",
    "POST", "QUIT", "x" * 900, "ends with a blank ", "\tÜber die See", "",
    "the end", ""])
# What the newsreaders take, who look at widths and character sets.
PLAIN_BODY = "".join(line + "\n" for line in BODY.split("\n")[:-1]
                     if len(line) < 70 and line.isascii())


class Post:
    """subject is unique; text: what a client posts, lines end with LF."""

    def __init__(self, group=corpus.POSTS, body=BODY, with_id=True, path=""):
        number = next(numbers)
        self.subject = "Posted in the morning, number %d" % number
        self.group = group
        self.msgid = "<post.%d@harbour.internal>" % number if with_id else ""
        self.body = body
        self.headers = [("From", "A Sailor <sailor@harbour.example>"),
                        ("Newsgroups", group), ("Subject", self.subject)]
        if with_id:
            self.headers.append(("Message-ID", self.msgid))
        if path:                # what only a server sends
            self.headers += [("Path", path),
                             ("Date", "Mon, 01 Jan 2024 00:00:00 +0000")]

    def text(self):
        return "".join("%s: %s\n" % pair for pair in self.headers) + \
            "\n" + self.body

    def wire(self):
        """As bytes with CRLF, dots not doubled."""
        return self.text().replace("\n", "\r\n").encode()


def with_subject(inn, subject, group=corpus.POSTS):
    """The numbers of the articles with this subject."""
    with news.News(inn.port, inn.USER, inn.PASSWORD) as client:
        status = client.expect("GROUP " + group, b"211").split()
        if int(status[1]) == 0:
            return []
        lines = client.block("XHDR Subject 1-", b"221").split(b"\r\n")[1:-2]
        return [int(line.split(b" ")[0]) for line in lines
                if line.partition(b" ")[2].decode() == subject]


def fetch(inn, number, group=corpus.POSTS):
    """Head and body as lines without their ends, dots undone."""
    with news.News(inn.port, inn.USER, inn.PASSWORD) as client:
        client.expect("GROUP " + group, b"211")
        wire = client.block("ARTICLE %d" % number, b"220")
    lines = [line[1:] if line.startswith(b".") else line
             for line in wire.split(b"\r\n")[1:-2]]
    blank = lines.index(b"")
    return lines[:blank], lines[blank + 1:]


def check(inn, post):
    """Exactly one, and it is right. Gives its header lines."""
    found = with_subject(inn, post.subject, post.group)
    assert len(found) == 1, "%d articles with the subject %r" % (
        len(found), post.subject)
    head, body = fetch(inn, found[0], post.group)
    assert body == post.body.encode().split(b"\n")[:-1], body
    if post.msgid:
        assert b"Message-ID: " + post.msgid.encode() in head, head
    return head


def check_none(inn, post):
    assert with_subject(inn, post.subject, post.group) == []
