# SPDX-License-Identifier: BSD-2-Clause
"""SABnzbd downloads files; the parts of some are spread over both servers."""

import nzb
import sabnzbd
from report import row
from test_nzbget import sums


def check_download(directory, parts, articles, service, send_group):
    wanted = articles.files_at(*service.homes)
    path = directory / "files.nzb"
    nzb.write(path, [posted for _, posted in wanted.values()])
    client = sabnzbd.Sabnzbd(directory / "sabnzbd", parts, service,
                             send_group)
    try:
        outcome, files = client.download(path)
    finally:
        client.stop()
    assert outcome == "Completed", client.log()
    assert sums(files) == sums({name: data for name, (data, _)
                                in wanted.items()}), client.log()


@row("SABnzbd", "downloads an NZB with 8 connections")
def test_download(tmp_path, parts, articles, service):
    check_download(tmp_path, parts, articles, service, send_group=False)


@row("SABnzbd", "the same with send_group=1", {
    "per-command": "It takes the 500 to GROUP for one to BODY and asks again "
    "for ever: send_group=0, its default, is the setting for this mode."})
def test_download_with_group(tmp_path, parts, articles, service):
    check_download(tmp_path, parts, articles, service, send_group=True)
