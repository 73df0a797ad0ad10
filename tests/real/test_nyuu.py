# SPDX-License-Identifier: BSD-2-Clause
"""nyuu posts a file in parts and checks that they have arrived."""

import os
import random
import xml.etree.ElementTree as xml

import corpus
import news
import yenc
from programs import run
from report import NEEDS_GROUPS, row

FILE_BYTES = 1_000_000
PART_BYTES = 100_000
SEGMENT = "{http://www.newzbin.com/DTD/2003/nzb}segment"


def post_and_check(service, inn, directory, *arguments):
    """10 parts with 4 connections, checked with 2 others: then all of them
    are at INN, each once."""
    name = directory.name + ".bin"
    data = random.Random(name).randbytes(FILE_BYTES)
    (directory / name).write_bytes(data)
    script = os.environ["NNTPMUX_NYUU"] + "/node_modules/nyuu/bin/nyuu.js"
    log = run([node(), script, "-h", "127.0.0.1", "-P", service.port,
               "-u", service.user, "-p", service.password, "-n", "4",
               "-k", "2", "--check-delay", "0s", "--check-tries", "3",
               "--check-retry-delay", "1s", "-a", PART_BYTES,
               "-f", "A Poster <poster@harbour.example>",
               "-g", corpus.POSTS, "-o", "posted.nzb",
               "--log-level", "4", *arguments, name], directory)
    segments = sorted(xml.parse(directory / "posted.nzb").iter(SEGMENT),
                      key=lambda segment: int(segment.get("number")))
    ids = ["<%s>" % segment.text for segment in segments]
    assert len(ids) == FILE_BYTES // PART_BYTES, log
    with news.News(inn.port, inn.USER, inn.PASSWORD) as client:
        bodies = [news.undone(client.block("BODY " + msgid, b"222"))
                  for msgid in ids]
        assert yenc.decoded(bodies) == data
        client.expect("GROUP " + corpus.POSTS, b"211")
        listed = client.block("XHDR Message-ID 1-", b"221")
        assert [listed.count(msgid.encode()) for msgid in ids] == \
            [1] * len(ids)


def node():
    """Wherever npm's node is."""
    for folder in os.environ["PATH"].split(":"):
        if os.access(folder + "/node", os.X_OK):
            return folder + "/node"
    raise AssertionError("no node in PATH")


@row("nyuu", "posts a file with 4 connections, checks it (POST, STAT)")
def test_post(service, inn, tmp_path):
    post_and_check(service, inn, tmp_path)


@row("nyuu", "the same with IHAVE")
def test_ihave(service, inn, tmp_path):
    post_and_check(service, inn, tmp_path, "--post-method", "IHAVE",
                   "-H", "Path: feeder.example!not-for-mail")


@row("nyuu", "the same, checking in the group (GROUP)", NEEDS_GROUPS)
def test_check_group(service, inn, tmp_path):
    post_and_check(service, inn, tmp_path, "--check-group", corpus.POSTS)
