# SPDX-License-Identifier: BSD-2-Clause
"""The articles of the real test, the same in every run.

Two servers, "inn" and "newsd". Some hundred text articles in three groups:
some at one server only, some at both. Binary files as yEnc in parts of
700 kB: the parts of two are dealt out to the servers in turn, one is at INN.
Clients post to a group that is empty at first.
"""

import random

import yenc

GROUPS = ["local.binaries", "local.talk", "local.test", "local.tides",
          "local.posts"]
TEXT_GROUPS = GROUPS[1:4]
POSTS = GROUPS[4]
TEXT_ARTICLES = 420
FILES = {"harbour.bin": 7_300_000, "lighthouse.bin": 3_000_001,
         "lantern.bin": 1_500_000}
AT_INN_ONLY = ["lantern.bin"]
PART_BYTES = 700_000
HOMES = [("inn",), ("newsd",), ("inn", "newsd"), ("newsd",), ("inn",)]
WORDS = """anchor breakwater chart dinghy ebb fathom gale halyard inlet jib
    keel lee mooring neap oar pier quay reef sextant tide Übersee vane wharf
    yawl zephyr""".split()


class Article:
    """headers: name to text; body: CRLF lines as bytes; homes: servers."""

    def __init__(self, msgid, groups, subject, body, homes):
        self.msgid = msgid
        self.groups = groups
        self.body = body
        self.homes = homes
        self.headers = {
            "Path": "origin.example!not-for-mail",
            "From": "Harbour Master <master@harbour.example>",
            "Newsgroups": ",".join(groups),
            "Subject": subject,
            "Date": "Mon, 01 Jan 2024 00:00:00 +0000",
            "Message-ID": msgid,
        }

    def head(self):
        """The header lines with their line ends, as bytes."""
        return b"".join(b"%s: %s\r\n" % (name.encode(), text.encode())
                        for name, text in self.headers.items())

    def whole(self):
        """The article as it is stored: CRLF lines, dots not doubled."""
        return self.head() + b"\r\n" + self.body


class Corpus:
    """articles: all; files: name to (bytes, its articles in order)."""

    def __init__(self):
        self.articles = [text_article(n) for n in range(TEXT_ARTICLES)]
        self.files = {}
        for seed, (name, size) in enumerate(FILES.items()):
            data = random.Random(seed).randbytes(size)
            posted = list(binary_articles(name, data))
            self.files[name] = (data, posted)
            self.articles += posted

    def at(self, *homes):
        """Those which one of these servers has."""
        return [a for a in self.articles if set(homes) & set(a.homes)]

    def in_group(self, group, home):
        """As that server numbers them: 1 and up."""
        return [a for a in self.at(home) if group in a.groups]

    def files_at(self, *homes):
        """The files of which no part is missing there."""
        return {name: (data, posted)
                for name, (data, posted) in self.files.items()
                if all(set(homes) & set(a.homes) for a in posted)}


def text_article(n):
    rng = random.Random(1000 + n)
    groups = [TEXT_GROUPS[n % 3]]
    if n % 10 == 0:
        groups.append(TEXT_GROUPS[(n + 1) % 3])
    return Article("<text.%d@harbour.example>" % n, groups,
                   "Log of the day, page %d" % n, text_body(rng),
                   HOMES[n // 3 % len(HOMES)])


def text_body(rng):
    """Lines of words, and now and then what a relay could get wrong."""
    odd = [b".", b"..", b"...", b".hidden", b"", b" ", b"\t.", b"=ybegin",
           b"430 not a status line", b"205 nor this", bytes(range(128, 256)),
           b"x" * 990]
    lines = []
    for _ in range(rng.randint(1, 120)):
        if rng.random() < 0.2:
            lines.append(rng.choice(odd))
        else:
            words = rng.choices(WORDS, k=rng.randint(1, 12))
            lines.append(" ".join(words).encode())
    return b"".join(line + b"\r\n" for line in lines)


def binary_articles(name, data):
    bodies = list(yenc.parts_of(name, data, PART_BYTES))
    for n, body in enumerate(bodies, 1):
        homes = HOMES[n % len(HOMES)]
        if name in AT_INN_ONLY:
            homes = ("inn",)
        yield Article("<part%d.%s@harbour.example>" % (n, name),
                      [GROUPS[0]], '"%s" yEnc (%d/%d)' % (
                          name, n, len(bodies)), body, homes)
