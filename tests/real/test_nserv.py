# SPDX-License-Identifier: BSD-2-Clause
"""nzbget --nserv as the server behind nntpmux."""

import pytest

import news
import nzbget
import sabnzbd
import yenc
from report import row
from test_bytes import COMPARED
from test_nntplib import check, connect, nntplib
from test_nzbget import sums

CONNECTIONS = 4
SERVER = "(nzbget --nserv as server)"


@row("nzbget " + SERVER, "downloads an NZB")
def test_nzbget(nserv_service, nserv, tmp_path):
    name = "jetty.bin"
    paths, log = nzbget.download(
        str(tmp_path / "nzbget"), nserv.nzbs[name],
        [nzbget.server(nserv_service.port, CONNECTIONS,
                       nserv_service.user or "",
                       nserv_service.password or "")])
    with open(paths[name], "rb") as file:
        assert sums({name: file.read()}) == sums({name: nserv.files[name]})
    assert " failed" not in log, log


@row("SABnzbd " + SERVER, "downloads an NZB")
def test_sabnzbd(nserv_service, nserv, parts, tmp_path):
    name = "jetty.bin"
    client = sabnzbd.Sabnzbd(tmp_path / "sabnzbd", parts, nserv_service,
                             send_group=False)
    try:
        outcome, files = client.download(nserv.nzbs[name])
    finally:
        client.stop()
    assert outcome == "Completed", client.log()
    assert sums(files) == sums({name: nserv.files[name]})


@row("bare socket " + SERVER, "BODY and ARTICLE, the same octets", COMPARED)
def test_the_same_octets(nserv_service, nserv):
    """It says "222, 0 <id>" to ARTICLE and "220, 0 <id>" to BODY, and that
    is passed on."""
    with news.News(nserv_service.port) as through, \
            news.News(nserv.port, "someone", None) as there:
        for name, data in nserv.files.items():
            bodies = []
            for msgid in nserv.message_ids(name):
                for verb, code in ("ARTICLE", b"222"), ("BODY", b"220"):
                    text = "%s %s" % (verb, msgid)
                    wire = through.block(text, code + b", 0 <")
                    assert wire == there.block(text, code + b", 0 <")
                bodies.append(news.undone(wire))
            assert yenc.decoded(bodies) == data


@row("nntplib " + SERVER, "STAT and DATE, which only the server after it has",
     {**COMPARED, "stateful": "There is only one backend in this mode."})
def test_what_it_lacks(nserv_service, articles):
    with connect(nserv_service) as client:
        for article in articles.at("inn")[::30]:
            check(client, article)
        assert client.date()[0].startswith("111")
        for command in client.article, client.stat:
            with pytest.raises(nntplib.NNTPTemporaryError, match="^430"):
                command("<nobody.has.this@harbour.example>")
