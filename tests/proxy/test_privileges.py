# SPDX-License-Identifier: BSD-2-Clause
"""What the running program may do: as little as it needs.

user, group, capabilities             test_user_*, test_nothing_*
memory that nobody sees               test_memory_*
files: Landlock                       test_sandbox_*
system calls: seccomp                 test_seccomp_*
secrets from the service manager      test_credentials_*

The whole suite runs in the default sandbox. What only root can try is tried
the other way round by others: then the program must refuse to start.
"""

import os
import pathlib
import re
import resource
import signal
import stat
import warnings

import pytest

from peer import queued_at_peer
from posting import post, poster
from timing import wait_until
from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

HASH_OF = {n: crypt.crypt("open%dsesame" % n, "$6$salt") for n in (1, 3)}
IS_ROOT = os.geteuid() == 0
USER = {"user": "nobody"} if IS_ROOT else {}


def status(proxy, thread=None):
    """/proc/PID/status as a dictionary."""
    text = pathlib.Path("/proc/%d/task/%s/status" % (
        proxy.pid, thread or proxy.pid)).read_text()
    return dict(re.findall(r"^(\w+):[ \t]*(.*)$", text, re.M))


def threads(proxy):
    return os.listdir("/proc/%d/task" % proxy.pid)


# --- who it is -------------------------------------------------------------------

def test_user_is_dropped_in_all_threads(bed):
    if not IS_ROOT:
        done = bed.run("-u", "root", "-l", "127.0.0.1:0", "-b",
                       "nntp://127.0.0.1:9")
        assert done.returncode == 1 and "root" in done.stderr
        return
    uid = "65534\t65534\t65534\t65534"
    proxy = bed.proxy(bed.fake(articles=articles("a")), proxy=USER)
    assert proxy.client().code("STAT <a@x>") == "223"
    assert len(threads(proxy)) >= 5
    for thread in threads(proxy):
        now = status(proxy, thread)
        assert now["Uid"] == uid
        assert now["Gid"] == "65534\t65534\t65534\t65534"
        assert now["Groups"].strip() == ""
        assert now["NoNewPrivs"] == "1"
        for kind in "CapPrm", "CapEff", "CapInh", "CapAmb":
            assert int(now[kind], 16) == 0, kind
    proxy.wait_log("user=nobody gid=65534 ")


def test_threads_have_names(bed):
    """The debugger of whoever asks why it is slow shows them."""
    state = bed.tmp / "state"
    state.mkdir()
    proxy = bed.proxy(bed.fake(), users={"joe": {"password_plain": "x"}},
                      proxy={"state_dir": state})
    expected = {"nntpmux", "worker0", "worker1", "acceptor", "housekeeper",
                "bookkeeper", "password"}
    wait_until(lambda: {status(proxy, thread)["Name"] for thread in
                        threads(proxy)} == expected, what="their names")


def test_user_and_group_as_options(bed):
    if not IS_ROOT:
        done = bed.run("-u", "root", "-g", "root", "-l", "127.0.0.1:0", "-b",
                       "nntp://127.0.0.1:9")
        assert done.returncode == 1
        return
    proxy = bed.proxy(bed.fake(), args=["-u", "nobody", "-g", "daemon"])
    now = status(proxy)
    assert now["Uid"].split()[0] == "65534"
    assert set(now["Gid"].split()) == {"1"}
    assert now["Groups"].strip() == ""
    proxy.client().fence()


def test_user_gets_the_log_and_the_socket(bed, public):
    """What was made as root is opened and used as the user."""
    os.chown(public, 65534 if IS_ROOT else -1, -1)
    log, sock = public / "log", public / "sock"
    proxy = bed.proxy(bed.fake(), proxy=USER, ready=False,
                      listen={"address": "unix:%s" % sock},
                      log={"target": "file:%s" % log})
    proxy.wait_socket(sock)
    assert proxy.client().code("HELP") == "100"
    if IS_ROOT:
        assert log.stat().st_uid == sock.stat().st_uid == 65534
    proxy.signal(signal.SIGUSR1)
    wait_until(lambda: "log reopened" in log.read_text(), what="the log")
    log.rename(public / "old")
    proxy.signal(signal.SIGUSR1)
    wait_until(log.exists, what="a new log")
    proxy.signal()
    assert proxy.wait_end() == 0
    assert not sock.exists()


def test_user_can_plant_no_link_for_root(bed, public):
    """Who has broken into the running one has its directories: what root
    opens there at the next start must not be a file from elsewhere."""
    os.chown(public, 65534 if IS_ROOT else -1, -1)
    for name in "log", "pid":
        victim = bed.tmp / ("victim of " + name)
        victim.write_text("precious")
        victim.chmod(0o600)
        planted = public / name
        planted.symlink_to(victim)
        if IS_ROOT:
            os.chown(planted, 65534, -1, follow_symlinks=False)
    start = ["-b", "nntp://127.0.0.1:9", "-l", "127.0.0.1:0"]
    start += ["-u", "nobody"] if IS_ROOT else []
    options = [["-p", public / "pid"]]
    if IS_ROOT:     # anybody else loses nothing by a link in the log's place
        options.append(["-s", "log.target=file:%s" % (public / "log")])
    for option in options:
        done = bed.run(*start, *option)
        assert done.returncode == 1
        assert "symbolic link" in done.stderr
    for name in "log", "pid":
        victim = bed.tmp / ("victim of " + name)
        assert victim.read_text() == "precious"
        assert victim.stat().st_uid == os.geteuid()


def test_user_gets_no_other_name_of_a_file(bed, public):
    """A log that was there, and has another name: it is written, not given
    away."""
    log = public / "log"
    log.write_text("")
    (public / "other").hardlink_to(log)
    proxy = bed.proxy(bed.fake(), proxy=USER, ready=False,
                      log={"target": "file:%s" % log})
    wait_until(lambda: "listening" in log.read_text(), what="the log")
    assert log.stat().st_uid == os.geteuid()
    end(proxy)


def test_user_root_is_warned(bed):
    proxy = bed.proxy(bed.fake())
    assert bool(proxy.log_contains("running as root")) == IS_ROOT
    assert status(proxy)["NoNewPrivs"] == "1"


@pytest.mark.parametrize("keys,words", [
    ({"user": "no-such-user"}, "user = no-such-user"),
    ({"user": "nobody", "group": "no-such-group"}, "group = no-such-group"),
    ({"group": "daemon"}, "group needs user")])
def test_user_mistakes(bed, keys, words):
    done = bed.run("-t", "-c", bed.ini({"proxy": keys,
                                        "backend b": {"address": "h"}}))
    assert done.returncode == 78
    assert re.search(r"nntpmux\.ini:\d: %s" % re.escape(words), done.stderr)


# --- memory ----------------------------------------------------------------------

def test_memory_is_in_no_core(bed):
    """Nor may another process of the same user look at it: what is in /proc
    belongs to root then."""
    proxy = bed.proxy(
        bed.fake(username="me", password="precious"),
        proxy=USER, limits=(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,
                                                   resource.RLIM_INFINITY)
                            if IS_ROOT else (0, 0)))
    assert os.stat("/proc/%d/environ" % proxy.pid).st_uid == 0
    limits = pathlib.Path("/proc/%d/limits" % proxy.pid).read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M)
    if IS_ROOT:
        assert status(proxy)["Uid"].split()[0] == "65534"


def test_memory_after_an_abort(bed):
    proxy = bed.proxy(bed.fake(username="me", password="precious"))
    proxy.signal(signal.SIGABRT)
    assert proxy.wait_end() == -signal.SIGABRT
    assert not [f for f in proxy.tmp.iterdir() if "core" in f.name]


def by_name(be):
    """It has to be looked up."""
    be.options["address"] = be.url.replace("127.0.0.1", "localhost")
    return be


def find_in_memory(proxy, secret):
    """Where the secret is in the memory of the process, by map."""
    found = []
    with open("/proc/%d/maps" % proxy.pid) as maps, \
            open("/proc/%d/mem" % proxy.pid, "rb", 0) as memory:
        for line in maps:
            start, end = (int(n, 16) for n in line.split()[0].split("-"))
            # A sanitizer has very large ones of its own.
            if line.split()[1][:2] != "rw" or end - start > 256 << 20:
                continue
            memory.seek(start)
            if secret in memory.read(end - start):
                found.append(line.strip())
    return found


@pytest.mark.parametrize("pieces", [1, 3])
def test_memory_forgets_what_a_client_said(bed, pieces):
    """The hash is kept, the password is not, however it came."""
    secret = b"open%dsesame" % pieces
    proxy = bed.proxy(bed.fake(articles=articles("a")),
                      users={"joe": {"password": HASH_OF[pieces]}})
    client = proxy.client()
    text = b"AUTHINFO USER joe\r\nAUTHINFO PASS %s\r\nSTAT <a@x>\r\n" % secret
    step = len(text) // pieces + 1
    for i in range(0, len(text), step):
        client.send(text[i:i + step])
        wait_until(lambda: not queued_at_peer(client.sock), what="a read")
    client.expect(381, 281, 223)
    assert client.code("AUTHINFO PASS " + secret.decode()) == "502"
    if not IS_ROOT:
        with pytest.raises(PermissionError):
            find_in_memory(proxy, secret)
        return
    assert find_in_memory(proxy, b"joe"), "nothing can be found at all"
    assert find_in_memory(proxy, secret) == []


# --- files -----------------------------------------------------------------------

def log_in(bed, **keys):
    """A proxy whose log is a file in a directory of its own."""
    directory = bed.tmp / "logs"
    directory.mkdir()
    log, sock = directory / "log", bed.tmp / "sock"
    proxy = bed.proxy(bed.fake(articles=articles("a")), ready=False,
                      proxy=keys, listen={"address": "unix:%s" % sock},
                      log={"target": "file:%s" % log})
    proxy.wait_socket(sock)
    return proxy, log


def rotate(proxy, log, target):
    """The log is gone, and a link to target in its place. What the program
    says to that."""
    log.rename(log.parent / "old")
    log.symlink_to(target)
    proxy.signal(signal.SIGUSR1)
    old = log.parent / "old"
    wait_until(lambda: "reopen" in old.read_text()
               or (log.exists() and "reopen" in log.read_text()),
               what="the log")
    return old.read_text()


def end(proxy):
    proxy.signal()
    assert proxy.wait_end() == 0


def test_sandbox_refuses_a_file_elsewhere(bed):
    """It is root's own file, so nothing but the sandbox is in the way."""
    proxy, log = log_in(bed)
    elsewhere = bed.tmp / "elsewhere"
    elsewhere.mkdir()
    said = rotate(proxy, log, elsewhere / "stolen")
    assert "can't reopen the log: Permission denied" in said
    assert not list(elsewhere.iterdir())
    assert proxy.client().code("STAT <a@x>") == "223"
    log.unlink()
    proxy.signal(signal.SIGUSR1)
    wait_until(lambda: log.exists() and "log reopened" in log.read_text(),
               what="the log")
    end(proxy)


def test_sandbox_can_be_left_out(bed):
    """Without it the same succeeds: the test above tells the two apart."""
    proxy, log = log_in(bed, sandbox="no")
    elsewhere = bed.tmp / "elsewhere"
    elsewhere.mkdir()
    rotate(proxy, log, elsewhere / "log")
    assert "log reopened" in (elsewhere / "log").read_text()
    assert "sandbox=no" in (log.parent / "old").read_text()
    end(proxy)


def test_sandbox_is_in_the_log_and_in_the_version(bed):
    proxy = bed.proxy(bed.fake())
    abi = proxy.wait_log(r"user=\S+ gid=\d+ sandbox=landlock-(\d+) "
                         r"seccomp=no$").group(1)
    version = bed.run("-V").stdout
    assert "Landlock, version %s" % abi in version
    assert "seccomp: yes" in version and "libseccomp 2." in version


def test_sandbox_and_a_log_that_is_a_device(bed):
    """It is allowed, and nothing beside it; so a reload finds it again."""
    sock = bed.tmp / "sock"
    proxy = bed.proxy(bed.fake(articles=articles("a")), ready=False,
                      log={"target": "file:/dev/null"},
                      listen={"address": "unix:%s" % sock})
    proxy.wait_socket(sock)
    proxy.reload_silently(listen={"address": "unix:%s" % sock,
                                  "unix_mode": "0600"})
    wait_until(lambda: stat.S_IMODE(sock.stat().st_mode) == 0o600,
               what="the new mode")
    assert proxy.client().code("STAT <a@x>") == "223"
    end(proxy)


def test_sandbox_lets_names_be_resolved(bed):
    proxy = bed.proxy(by_name(bed.fake(articles=articles("a"))))
    assert proxy.client().code("STAT <a@x>") == "223"


def test_sandbox_lets_pidfile_and_socket_be_removed(bed):
    pid, sock = bed.tmp / "pid", bed.tmp / "sock"
    proxy = bed.proxy(bed.fake(), ready=False, proxy={"pidfile": pid},
                      listen={"address": "unix:%s" % sock})
    proxy.wait_socket(sock)
    assert stat.S_ISSOCK(sock.stat().st_mode)
    end(proxy)
    assert not sock.exists() and not pid.exists()


def test_sandbox_of_a_daemon_that_was_told_relative_paths(bed, public):
    """They are relative to where it was started, and allow nothing else,
    though it works in /."""
    log = bed.tmp / "logs" / "log"
    log.parent.mkdir()
    sock, secret = bed.tmp / "sock", bed.tmp / "secret"
    secret.write_text("x\n")
    secret.chmod(0o600)
    bed.ini({"proxy": {"threads": 1, "pidfile": "pid"},
             "listen main": {"address": "unix:%s" % sock},
             "backend b": {"address": "127.0.0.1:9", "username": "me",
                           "password_file": "secret"},
             "log": {"target": "file:%s" % log}})
    done = bed.run("-d", "-c", "nntpmux.ini")
    assert done.returncode == 0, done.stderr
    pid = int((bed.tmp / "pid").read_text())
    try:
        log.rename(log.parent / "old")
        log.symlink_to(public / "stolen")
        os.kill(pid, signal.SIGUSR1)
        wait_until(lambda: "can't reopen" in (log.parent / "old").read_text(),
                   what="a refusal")
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not (bed.tmp / "pid").exists()
                   and not sock.exists(), what="its end")
    assert not list(public.iterdir())


# --- system calls ----------------------------------------------------------------

def test_seccomp_leaves_what_is_needed(bed):
    """Names, logins, pools, articles both ways, reopened logs, the end."""
    be = by_name(poster(bed, login=("me", "secret"), username="me",
                        password="secret"))
    log = bed.tmp / "proxy.log"
    sock = bed.tmp / "sock"
    proxy = bed.proxy(be, ready=False, proxy={"seccomp": "yes", **USER},
                      listen={"address": "unix:%s" % sock},
                      users={"joe": {"password_plain": "right"}},
                      log={"target": "file:%s" % log})
    proxy.wait_socket(sock)
    client = proxy.client()
    assert {status(proxy, t)["Seccomp"] for t in threads(proxy)} == {"2"}
    assert client.login("joe", "wrong") == "481"
    assert client.login("joe", "right") == "281"
    assert client.fetch("ARTICLE <a@x>")[0][:3] == "220"
    assert client.code("GROUP local.test") == "211"
    assert post(client) == "240"
    assert " seccomp=yes" in log.read_text()
    end(proxy)


def test_seccomp_lets_quotas_be_kept(bed, public):
    """As another user, inside the sandbox, while it runs and at the end."""
    state = public / "state"
    state.mkdir()
    if IS_ROOT:
        os.chown(state, 65534, 65534)
    be = bed.fake(articles=articles("a", size=3000), quota="1M")
    proxy = bed.proxy(be, proxy={"seccomp": "yes", "state_dir": state,
                                 **USER})
    assert proxy.client().fetch("BODY <a@x>")[0][:3] == "222"
    wait_until(lambda: (state / "quotas").exists() and "backend be0 " in
               (state / "quotas").read_text(), what="the file")
    proxy.stop()
    assert not proxy.log_contains("can't be saved"), proxy.log()


def test_state_dir_must_be_its_users(bed, public):
    """Found out at the start, and not when there is something to be kept."""
    state = public / "state"
    state.mkdir(mode=0o700 if IS_ROOT else 0)
    path = bed.ini({"proxy": {"state_dir": state, **USER},
                    "listen main": {"address": "127.0.0.1:0"},
                    "backend b": {"address": "127.0.0.1:9"}})
    done = bed.run("-c", path)
    assert done.returncode == 1
    assert re.search("state_dir: .*Permission denied", done.stderr), \
        done.stderr


# --- credentials -----------------------------------------------------------------

def test_credentials_of_the_service_manager(bed, public):
    (public / "primary").write_text("precious\n")
    be = bed.fake(login=("me", "precious"), username="me",
                  password_file="primary")
    proxy = bed.proxy(be, env={"CREDENTIALS_DIRECTORY": str(public)})
    assert proxy.client().code("DATE") == "111"


def test_credentials_that_are_not_there(bed):
    path = bed.ini({"backend b": {"address": "h", "username": "me",
                                  "password_file": "primary"}})
    done = bed.run("-t", "-c", path,
                   env={"CREDENTIALS_DIRECTORY": str(bed.tmp)})
    assert done.returncode == 78
    assert "%s/primary: No such file" % bed.tmp in done.stderr
    done = bed.run("-t", "-c", path)
    assert "%s/primary: No such file" % bed.tmp in done.stderr


def test_credentials_with_a_path_are_as_they_stand(bed, public):
    secret = public / "secret"
    secret.write_text("precious\n")
    secret.chmod(0o600)
    path = bed.ini({"backend b": {"address": "h", "username": "me",
                                  "password_file": secret}})
    done = bed.run("-t", "-c", path, env={"CREDENTIALS_DIRECTORY": "/nowhere"})
    assert (done.returncode, done.stderr) == (0, "")
