# SPDX-License-Identifier: BSD-2-Clause
"""nzbget downloads files whose parts are spread over both servers."""

import hashlib

import nzb
import nzbget

CONNECTIONS = 8


def sums(files):
    """Name to checksum."""
    return {name: hashlib.sha256(data).hexdigest()
            for name, data in files.items()}


def download(directory, articles, server):
    """What nzbget made of the NZB (name to bytes), and its log."""
    path = directory / "files.nzb"
    nzb.write(path, [posted for _, posted in articles.files.values()])
    paths, log = nzbget.download(str(directory / "nzbget"), str(path),
                                 [server])
    files = {}
    for name, path in paths.items():
        with open(path, "rb") as file:
            files[name] = file.read()
    return files, log


def test_download_through_the_proxy(tmp_path, articles, proxy):
    files, log = download(tmp_path, articles, nzbget.server(
        proxy.port, CONNECTIONS, proxy.user or "", proxy.password or ""))
    put_in = {name: data for name, (data, _) in articles.files.items()}
    assert sums(files) == sums(put_in), log
    assert " failed" not in log, log
    for name in put_in:
        assert "Successfully downloaded files/%s\n" % name in log, log


def test_one_server_alone_is_not_enough(tmp_path, articles, inn):
    """So a download that succeeded did use both."""
    files, log = download(tmp_path, articles, nzbget.server(
        inn.port, CONNECTIONS, inn.USER, inn.PASSWORD))
    assert not files
    assert "430 No such article" in log, log
