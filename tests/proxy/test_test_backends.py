# SPDX-License-Identifier: BSD-2-Clause
"""--test-backends: each phase of a connection to each backend."""

import re

import pytest

from certs import serving
from fake import reply
from proxy import ini
from sick import silent

pytestmark = pytest.mark.modes("hy")


def ask(bed, *backends):
    """The program's end, and what it says: {backend: [(phase, text)]}."""
    path = bed.ini(ini({"backend " + be.name: {"address": be.url,
                                               **be.options}
                        for be in backends}))
    path.chmod(0o600)
    done = bed.run("--test-backends", "-c", path)
    told = {}
    for line in done.stdout.splitlines():
        head = re.fullmatch(r"backend (\S+) \((\S+)\)", line)
        if head:
            phases = told.setdefault(head.group(1), [])
        else:
            phase, text = re.fullmatch(r"    (\S+) +\d+ ms  (.*)",
                                       line).groups()
            phases.append((phase, text))
    assert list(told) == [be.name for be in backends]
    return done, told


def test_all_phases(bed):
    be = bed.fake("be", login=("me", "secret"), username="me",
                  password="secret")
    done, told = ask(bed, be)
    assert done.returncode == 0, done.stderr
    assert told["be"] == [
        ("connect", be.url), ("greeting", "200 fake server ready"),
        ("mode-reader", "200 posting allowed"), ("login", "381 password?"),
        ("login", "281 welcome"),
        ("capabilities", "VERSION 2, READER, OVER MSGID, HDR, "
         "LIST ACTIVE NEWSGROUPS OVERVIEW.FMT"),
        ("ready", "in all")]
    assert "secret" not in done.stdout + done.stderr
    assert be.asked("QUIT") == [] and be.all_lines()[-1] == "QUIT"


@pytest.mark.parametrize("starttls", [False, True])
def test_tls(bed, starttls):
    be = bed.fake("be", secure=serving(bed.authority.issue("localhost")),
                  starttls=starttls, tls_ca_file=bed.authority.path)
    be.alias = "localhost"
    done, told = ask(bed, be)
    assert done.returncode == 0, done.stdout
    phases = dict(told["be"])
    assert phases["resolve"].endswith(("address", "addresses"))
    assert phases["tls"].startswith("TLSv1.3 TLS_")


def test_failures(bed):
    """Each with its words; all at the same time."""
    other = bed.authority.issue("other.test")
    wrong = bed.fake("wrong", secure=serving(other), tls_name="news.test",
                     tls_ca_file=bed.authority.path)
    plain = bed.fake("plain", tls="implicit")
    plain.script = lambda conn: (conn.greet(), conn.hang())
    mute = bed.fake("mute", connect_timeout="500ms")
    mute.script = silent
    refused = bed.fake("refused", username="me", password="secret")
    refused.on["AUTHINFO"] = reply("481 no secret here")
    done, told = ask(bed, wrong, plain, mute, refused,
                     bed.refusing("closed"), bed.fake("good"))
    assert done.returncode == 1
    last = {name: phases[-2:] for name, phases in told.items()}
    assert last["wrong"][0] == (
        "tls", "its certificate is for another name (see tls_name)")
    assert last["wrong"][1] == ("failed", "no TLS with backend")
    assert last["plain"][0] == ("tls", "what it speaks there is not TLS")
    assert last["mute"][0] == ("greeting", "no greeting; is TLS spoken there?")
    assert last["refused"] == [("login", "481 no ****** here"),
                               ("failed", "backend refused")]
    assert last["closed"][1] == ("failed", "can't connect")
    assert last["good"][1] == ("ready", "in all")
