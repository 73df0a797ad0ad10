# SPDX-License-Identifier: BSD-2-Clause
"""Programs that fetch a whole group without anybody at the keyboard."""

import mailbox
import subprocess

import compare
import leafnode as leafnode_server
from programs import LIMIT_S, run, sinntp
from report import NEEDS_GROUPS, row

GROUP = "local.talk"


def files_in(directory):
    """What the files whose names are numbers hold."""
    return [path.read_bytes() for path in directory.iterdir()
            if path.name.isdigit()]


@row("slrnpull", "pulls a group", NEEDS_GROUPS)
def test_slrnpull(service, articles, parts, tmp_path):
    (tmp_path / "slrnpull.conf").write_text("%s 10000 0 0\n" % GROUP)
    secret = tmp_path / "authinfo"
    secret.write_text("%s\n%s\n" % (service.user, service.password))
    secret.chmod(0o600)
    (tmp_path / "news").mkdir()
    (tmp_path / "out.going").mkdir()
    run([parts + "/usr/bin/slrnpull", "-d", str(tmp_path),
         "-h", service.address], tmp_path)
    compare.check_all(articles.in_group(GROUP, "inn"),
                      files_in(tmp_path / "news/local/talk"))


def suck(service, parts, directory, *arguments):
    for name in ("data", "temporary", "messages"):
        (directory / name).mkdir()
    (directory / "data/sucknewsrc").write_text("%s -10000\n" % GROUP)
    run([parts + "/usr/bin/suck", service.address, "-u", "-U", service.user,
         "-P", service.password, "-M", "-m", "-H", "-K", "-q",
         "-dd", "data", "-dt", "temporary", "-dm", "messages", *arguments],
        directory)
    return [path.read_bytes()
            for path in (directory / "messages").iterdir()]


@row("suck", "pulls a group: XHDR, then by message-id", NEEDS_GROUPS)
def test_suck_by_message_id(service, articles, parts, tmp_path):
    compare.check_all(articles.in_group(GROUP, "inn"),
                      suck(service, parts, tmp_path))


@row("suck", "pulls a group: XOVER, then by number", NEEDS_GROUPS)
def test_suck_by_number(service, articles, parts, tmp_path):
    compare.check_all(articles.in_group(GROUP, "inn"),
                      suck(service, parts, tmp_path, "-Z", "-n"))


@row("sinntp", "nntp-pull: a group, STAT, ARTICLE, NEXT", NEEDS_GROUPS)
def test_sinntp_pull(service, articles, parts, tmp_path):
    run(sinntp(service, parts, "pull", GROUP), tmp_path)
    box = mailbox.mbox(tmp_path / GROUP)
    got = {box[key]["Message-ID"]: box.get_bytes(key) for key in box.keys()}
    wanted = articles.in_group(GROUP, "inn")
    assert sorted(got) == sorted(article.msgid for article in wanted)
    for article in wanted:
        body = compare.with_lf(got[article.msgid]).partition(b"\n\n")[2]
        assert in_mbox(body) == in_mbox(compare.with_lf(article.body))


def in_mbox(body):
    """The format of the file marks lines and loses empty ones at the end."""
    return body.rstrip(b"\n")


@row("sinntp", "nntp-get: by message-id; nntp-list")
def test_sinntp_get(service, articles, parts, tmp_path):
    wanted = articles.at(*service.homes)
    for article in (wanted[0], wanted[1], wanted[-1]):
        path = tmp_path / "article"
        with open(path, "wb") as out:
            subprocess.run(sinntp(service, parts, "get",
                                  article.msgid), stdout=out, check=True,
                           timeout=LIMIT_S)
        compare.check(article, path.read_bytes())
    listed = run(sinntp(service, parts, "list"), tmp_path)
    assert GROUP in listed.split("\n")


@row("fetchnews", "fills leafnode from a group", NEEDS_GROUPS)
def test_fetchnews(service, articles, stage, parts):
    spool = leafnode_server.Leafnode(stage, service.mode[0], parts, service,
                                     [GROUP])
    log = spool.fetch()
    assert "84 articles fetched" in log, log
    compare.check_all(articles.in_group(GROUP, "inn"),
                      list(spool.stored(GROUP).values()))
