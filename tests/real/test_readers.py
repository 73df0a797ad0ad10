# SPDX-License-Identifier: BSD-2-Clause
"""Newsreaders, in a terminal: slrn and tin."""

import os
import re

import pytest

import compare
import posted
from processes import copy_program, write
from programs import run
from report import NEEDS_GROUPS, row
from terminal import Terminal

GROUP = "local.talk"


class Editor:
    """What the newsreader begins as an editor: it puts the article there
    that was prepared."""

    def __init__(self, directory, post):
        article = directory / "prepared"
        article.write_text(post.text(), encoding="utf-8")
        self.path = directory / "editor"
        # Newsreaders ask whether a file that has kept its date was edited.
        self.path.write_text(
            '#!/bin/sh\nfor file; do :; done\ncat "%s" >"$file"\n'
            'touch -d "1 minute" "$file"\n' % article)
        self.path.chmod(0o755)


def environment(directory, **more):
    return {"PATH": "/usr/bin:/bin", "HOME": str(directory),
            "LANG": "C.UTF-8", **more}


# --- slrn ----------------------------------------------------------------

def slrn(service, parts, directory, groups, editor="/bin/false"):
    """Started, with the list of groups on the screen."""
    config = directory / "slrnrc"
    config.write_text(
        'nnrpaccess "127.0.0.1" "%s" "%s"\n'
        'set hostname "harbour.example"\nset username "sailor"\n'
        'set realname "A Sailor"\nset editor_command "%s \'%%s\'"\n'
        'set confirm_actions 0\nset query_next_article 0\n'
        'set use_metamail 0\nset auto_mark_article_as_read 1\n' % (
            service.user, service.password, editor), encoding="utf-8")
    config.chmod(0o600)
    (directory / "News").mkdir()
    (directory / "newsrc").write_text("".join(
        group + ":\n" for group in groups))
    screen = Terminal(
        [parts + "/usr/bin/slrn", "--nntp", "-n", "-i", "slrnrc", "-f",
         "newsrc", "-h", "127.0.0.1", "-p", str(service.port)],
        environment(directory, SLRN_SLANG_DIR=parts +
                    "/usr/share/slrn/slang"), directory)
    screen.expect("News Groups: 127.0.0.1")
    screen.expect("Redraw")
    return screen


def slrn_save(screen, path, article):
    """Saves the article that is on the screen; the file is made new."""
    screen.press("o", "ave to file")
    screen.send("\x15" + str(path) + "\r")
    screen.wait_until(lambda: path.exists() and compare.same(
        article, saved(path)), "%s in %s" % (article.msgid, path))


def saved(path):
    """Without the line and the end that a mailbox needs."""
    return path.read_bytes().partition(b"\n")[2][:-1]


@row("slrn", "opens a group, reads and saves articles", NEEDS_GROUPS)
def test_slrn_reads(service, articles, parts, tmp_path):
    wanted = articles.in_group(GROUP, "inn")
    with slrn(service, parts, tmp_path, [GROUP]) as screen:
        screen.press("\r", wanted[1].headers["Subject"])
        screen.expect("Group: " + GROUP)
        screen.press("\r", "Newsgroups:")
        slrn_save(screen, tmp_path / "first", wanted[0])
        screen.press("n", wanted[1].headers["Subject"])
        slrn_save(screen, tmp_path / "second", wanted[1])
        screen.press("q", "News Groups: 127.0.0.1")
        screen.send("q")
        assert screen.end() == 0
    assert (tmp_path / "newsrc").read_text().startswith(GROUP + ": 1-2\n")


@row("slrn", "posts (POST)", {
    "per-command": "At its start it tries XOVER, and ends when it is "
    "refused."})
def test_slrn_posts(service, inn, parts, tmp_path):
    post = posted.Post(body=posted.PLAIN_BODY)
    editor = Editor(tmp_path, post)
    with slrn(service, parts, tmp_path, [GROUP], editor.path) as screen:
        screen.press("P", "Newsgroup:")
        screen.press("\r", "Subject:")
        screen.press(post.subject + "\r", "Post the message?")
        screen.press("y", "done")
        screen.send("q")
        assert screen.end() == 0
    posted.check(inn, post)


# --- tin -----------------------------------------------------------------

@pytest.fixture(scope="session")
def tin_program(parts, stage):
    """tin asks for no Sender only in a file of the system's, and finds none
    by itself on a machine without a full name."""
    program, config = stage + "/tin", stage + "/tinconf_"
    copy_program(parts + "/usr/bin/tin", program,
                 {"/usr/local/etc/tin": config})
    os.mkdir(config)
    write(config + "/tin.defaults",
          "disable_sender=ON\ndomainname=harbour.example\n")
    return program


def tin(service, program, directory, groups):
    """Gives its command line and environment, with all files in place."""
    (directory / ".tin").mkdir()
    (directory / ".tin/tinrc").write_text(
        "mail_address=A Sailor <sailor@harbour.example>\n"
        "default_mailer_format=/bin/true\n")
    # It tells for two seconds each that one of these is missing.
    (directory / ".tin/active.mail").write_text("")
    (directory / ".cancelsecret").write_text("secret\n")
    (directory / ".newsrc").write_text("".join(
        group + ": \n" for group in groups))
    secret = directory / ".newsauth"
    secret.write_text("127.0.0.1 %s %s\n" % (service.password, service.user),
                      encoding="utf-8")
    secret.chmod(0o600)
    return ([program, "-r", "-A", "-p", str(service.port),
             "-n", "-q"],
            environment(directory, NNTPSERVER="127.0.0.1", TERM="vt100",
                        TIN_HOMEDIR=str(directory)))


@row("tin", "-S: saves a whole group", NEEDS_GROUPS)
def test_tin_saves(service, articles, tin_program, tmp_path):
    command, env = tin(service, tin_program, tmp_path, [GROUP])
    log = run([*command, "-d", "-S", "-v", "-s", tmp_path / "News"],
              tmp_path, **env)
    assert "Saved 84 articles from 1 group" in log, log
    folder = tmp_path / "News" / GROUP.replace(".", "/")
    compare.check_all(articles.in_group(GROUP, "inn"),
                      [path.read_bytes() for path in folder.iterdir()
                       if path.name.isdigit()])


@row("tin", "opens a group, reads an article", NEEDS_GROUPS)
def test_tin_reads(service, articles, tin_program, tmp_path):
    wanted = articles.in_group(GROUP, "inn")
    command, env = tin(service, tin_program, tmp_path, [GROUP])
    with Terminal([*command, "-d"], env, tmp_path) as screen:
        screen.press_when_silent("\r", "Group Selection")
        screen.expect(GROUP)
        screen.press("\r", wanted[0].headers["Subject"])
        words = re.findall(rb"[a-z ]{12,}", wanted[0].body)[0].decode()
        screen.press("\r", words.strip())
        screen.send("QQ")
        screen.press_when_silent("y", None)


@row("tin", "-w: posts (POST)", {
    "per-command": "It ends when CAPABILITIES does not list READER."})
def test_tin_posts(service, inn, tin_program, tmp_path):
    post = posted.Post(body=posted.PLAIN_BODY)
    editor = Editor(tmp_path, post)
    command, env = tin(service, tin_program, tmp_path, [post.group])
    env["VISUAL"] = env["EDITOR"] = str(editor.path)
    with Terminal([*command, "-w", post.group], env, tmp_path) as screen:
        screen.expect("Post subject")
        screen.press(post.subject + "\r", "p=post")
        screen.press("p", "Article posted")
    posted.check(inn, post)
