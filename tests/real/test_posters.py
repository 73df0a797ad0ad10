# SPDX-License-Identifier: BSD-2-Clause
"""Programs that post what they find in a file."""

import leafnode as leafnode_server
import posted
from programs import run, sinntp
from report import row


@row("rpost", "posts a batch of two (POST)")
def test_rpost(service, inn, parts, tmp_path):
    posts = [posted.Post(), posted.Post()]
    names = []
    for number, post in enumerate(posts):
        path = tmp_path / str(number)
        path.write_text(post.text(), encoding="utf-8")
        names.append("%s\n" % path)
    (tmp_path / "batch").write_text("".join(names))
    text = run([parts + "/usr/bin/rpost", service.address, "-u", "-U",
                service.user, "-P", service.password, "-M", "-b", "batch"],
               tmp_path)
    assert text.count("\n240 ") == 2, text
    for post in posts:
        posted.check(inn, post)


@row("sinntp", "nntp-push (POST)")
def test_sinntp(service, inn, parts, tmp_path):
    post = posted.Post()
    run(sinntp(service, parts, "push"), tmp_path,
        stdin=post.text().encode())
    posted.check(inn, post)


@row("slrnpull", "posts what is waiting (POST)")
def test_slrnpull(service, inn, parts, tmp_path):
    """slrn doubles the dots when it puts an article there."""
    (tmp_path / "slrnpull.conf").write_text("default 10 0 0\n")
    secret = tmp_path / "authinfo"
    secret.write_text("%s\n%s\n" % (service.user, service.password))
    secret.chmod(0o600)
    for name in ("news", "out.going"):
        (tmp_path / name).mkdir()
    posts = [posted.Post(), posted.Post()]
    for number, post in enumerate(posts):
        (tmp_path / "out.going" / ("X%d" % number)).write_text(
            post.text().replace("\n.", "\n.."), encoding="utf-8")
    run([parts + "/usr/bin/slrnpull", "-d", tmp_path, "-h", service.address,
         "--post-only"], tmp_path)
    for post in posts:
        posted.check(inn, post)
    assert not list((tmp_path / "out.going").glob("X*"))


@row("fetchnews", "posts what leafnode's users wrote (POST)", {
    "per-command": "It posts only to a server where it has found the group "
    "(GROUP)."})
def test_fetchnews(service, inn, parts, stage):
    """Written by hand where leafnode puts it: with its message-id, and
    readable, which tells fetchnews that it is complete."""
    spool = leafnode_server.Leafnode(stage, service.mode[0].upper(), parts,
                                     service, [])
    post = posted.Post(path="leaf.harbour.internal!not-for-mail")
    spool.write("out.going/1-1-0", post.text())
    log = spool.fetch("-P")
    assert "1 article posted" in log or "posted" in log, log
    posted.check(inn, post)
    assert spool.outgoing() == []
