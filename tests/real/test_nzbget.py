# SPDX-License-Identifier: BSD-2-Clause
"""nzbget downloads files; the parts of some are spread over both servers."""

import hashlib

import nzb
import nzbget
from report import row

CONNECTIONS = 8


def sums(files):
    """Name to checksum."""
    return {name: hashlib.sha256(data).hexdigest()
            for name, data in files.items()}


def download(directory, files, server):
    """What nzbget made of an NZB with these files of the corpus (name to
    bytes), and its log."""
    path = directory / "files.nzb"
    nzb.write(path, [posted for _, posted in files.values()])
    paths, log = nzbget.download(str(directory / "nzbget"), str(path),
                                 [server])
    files = {}
    for name, path in paths.items():
        with open(path, "rb") as file:
            files[name] = file.read()
    return files, log


def check_download(directory, articles, service, **keys):
    wanted = articles.files_at(*service.homes)
    files, log = download(directory, wanted, {
        **nzbget.server(service.port, CONNECTIONS, service.user or "",
                        service.password or ""), **keys})
    assert sums(files) == sums({name: data for name, (data, _)
                                in wanted.items()}), log
    assert " failed" not in log, log
    for name in wanted:
        assert "Successfully downloaded files/%s\n" % name in log, log


@row("nzbget", "downloads an NZB with 8 connections")
def test_download(tmp_path, articles, service):
    check_download(tmp_path, articles, service)


@row("nzbget", "the same with JoinGroup=yes", {
    "per-command": "Told to join the group, it gives up each article when "
    "GROUP is answered 500: JoinGroup=no is the setting for this mode."})
def test_download_with_join_group(tmp_path, articles, service):
    check_download(tmp_path, articles, service, JoinGroup="yes")


def test_download_without_a_login(tmp_path, articles, open_proxy):
    check_download(tmp_path, articles, open_proxy)


def test_one_server_alone_is_not_enough(tmp_path, articles, inn):
    """So a download that succeeded did use both."""
    files, log = download(
        tmp_path, {name: file for name, file in articles.files.items()
                   if name not in articles.files_at("inn")},
        nzbget.server(inn.port, CONNECTIONS, inn.USER, inn.PASSWORD))
    assert not files
    assert "430 No such article" in log, log
