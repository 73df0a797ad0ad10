# SPDX-License-Identifier: BSD-2-Clause
"""Configuration and process: files, environment, options.

every mistake named with file:line    test_mistake_*
all in one run, exit 78               test_all_mistakes_in_one_run
secret in argv: exit 2                test_secret_in_argv
-t on good files; the samples         test_good_*, test_samples
-T                                    test_dump_*
precedence, environment               test_environment_*, test_precedence_*
the other options                     test_option_*
"""

import re
import shutil

import pytest

from proxy import SOURCE, ini
from wire import articles

# Nothing here depends on the mode.
pytestmark = pytest.mark.modes("hy")

GOOD = """\
[proxy]
threads = 2
[listen main]
address = 127.0.0.1:0
[backend primary]
address = 127.0.0.1:9
"""


def check(bed, text, *args, name="nntpmux.ini", env=None):
    """-t on a file of this text; gives the finished run."""
    return bed.run("-t", "-c", bed.ini(text, name), *args, env=env)


def output(done):
    return done.stdout + done.stderr


def lines_named(done, name="nntpmux.ini"):
    return {int(n) for n in re.findall(re.escape(name) + r":(\d+):",
                                       output(done))}


@pytest.mark.parametrize("text", [
    GOOD,
    GOOD + "; a comment\n# another\n\n   \n",
    GOOD.replace("\n", "\r\n"),
    GOOD + "username = me ; a comment\npassword = secret\n",
    GOOD + "[routing]\nstrategy = round-robin\n",
    GOOD + "[user alice]\npassword_plain = x y z\n",
    GOOD.replace("threads = 2", "threads=auto\nstrict=no"),
    GOOD + "connect_timeout = 250ms\nstall_timeout = 2m\n",
    GOOD + "[listen local]\naddress = unix:/tmp/x\nunix_mode = 0600\n",
    GOOD + "[listen v6]\naddress = [::1]:0\nallow = 10.0.0.0/8 ::1,\n"
           "  192.168.0.0/16\n  fe80::/10\ndeny = 10.1.1.1\n",
    "[backend a]\naddress = news.example.com\n",
    "\ufeff" + GOOD,
    GOOD.rstrip("\n"),
    GOOD + "weight = 7   \n",
    "[proxy]\ngreeting = " + "x" * 180 + "\n" + GOOD.partition("\n")[2],
], ids=range(15))
def test_good_file_0_and_few_words(bed, text):
    done = check(bed, text)
    assert done.returncode == 0, output(done)
    assert len(output(done).splitlines()) <= 3


MISTAKES = {
    "unknown key": ("[proxy]\nthread = 1\n", 2),
    "unknown section": ("\n[foo]\n", 2),
    "unknown kind": ("[listener main]\naddress = :1\n", 1),
    "name where none is": ("[proxy main]\nthreads = 1\n", 1),
    "no name": ("\n[backend]\naddress = a\n", 2),
    "duplicate key": ("[proxy]\nthreads = 1\nthreads = 2\n", 3),
    "duplicate section": ("[proxy]\n[log]\n[proxy]\n", 3),
    "duplicate named section": (
        "[user a]\npassword_plain = x\n[user a]\npassword_plain = x\n", 3),
    "key outside": ("threads = 1\n", 1),
    "out of range": ("[proxy]\nthreads = 0\n", 2),
    "far out of range": ("[proxy]\nmax_clients = 99999999999999999999\n", 2),
    "negative": ("[proxy]\nthreads = -1\n", 2),
    "not a number": ("[proxy]\nmax_clients = many\n", 2),
    "number and more": ("[proxy]\nmax_clients = 10x\n", 2),
    "idle under 3m": ("[proxy]\nclient_idle_timeout = 2m\n", 2),
    "no unit": ("[proxy]\nwait_timeout = 5\n", 2),
    "unknown unit": ("[proxy]\nwait_timeout = 5 parsecs\n", 2),
    "not a word": ("[routing]\nstrategy = random\n", 2),
    "not yes or no": ("[proxy]\nstrict = maybe\n", 2),
    "empty value": ("[proxy]\nthreads =\n", 2),
    "no equals sign": ("[proxy]\nthreads\n", 2),
    "unclosed section": ("[proxy\nthreads = 1\n", 1),
    "long section": ("[backend " + "x" * 60 + "]\naddress = a\n", 1),
    "long line": ("[proxy]\ngreeting = " + "x" * 20000 + "\n", 2),
    "a line that inih would cut": (
        "[proxy]\ngreeting = " + "x" * 188 + "evil=1\n" * 1 + "x" * 9000, 3),
    "NUL": ("[proxy]\nthreads = 1\0\n", 2),
    "bad address": ("[listen main]\naddress = nonsense\n", 2),
    "bad port": ("[listen main]\naddress = 127.0.0.1:70000\n", 2),
    "bad network": ("[listen main]\nallow = 10.0.0.0/33\n", 2),
    "unknown backend": ("[listen main]\nbackends = nobody\n", 2),
    "empty user": ("[user ]\npassword_plain = x\n", 1),
    "user without password": ("\n[user a]\n", 2),
    "empty password": ("[user a]\npassword_plain =\n", 2),
    "plain text as a hash": ("[user a]\npassword = secret\n", 2),
    "backend user without password": (
        "[backend b]\naddress = a\nusername = x\n", 3),
    "backend password without user": (
        "[backend b]\naddress = a\npassword = x\n", 3),
    "backend without address": ("\n[backend b]\ntier = 1\n", 2),
    "missing password file": (
        "[backend b]\naddress = a\nusername = x\n"
        "password_file = /nonexistent\n", 4),
    "; in a secret": (
        "[backend b]\naddress = a\nusername = x\npassword = a ; b\n", 4),
    "; in a secret without a blank": (
        "[backend b]\naddress = a\nusername = x\npassword = a;b\n", 4),
    "missing include": ("[proxy]\ninclude = /nonexistent/file.ini\n", 2),
    "key of a later time": ("[backend b]\naddress = a\ncolour = red\n", 3),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistake_is_named_with_its_line(bed, kind):
    text, line = MISTAKES[kind]
    if "[backend" not in text:
        text += "\n[backend primary]\naddress = 127.0.0.1:9\n"
    done = check(bed, text)
    assert done.returncode == 78, output(done)
    assert line in lines_named(done), output(done)
    started = bed.run("-c", bed.tmp / "nntpmux.ini")
    assert started.returncode == 78


def test_semicolon_in_a_secret_names_password_file(bed):
    text = "[backend b]\naddress = a\nusername = x\npassword = xyzzy ; b\n"
    done = check(bed, text)
    assert "password_file" in output(done)
    assert "xyzzy" not in output(done)


def test_all_mistakes_in_one_run(bed):
    done = check(bed, "\n".join([
        "[proxy]", "thread = 1", "max_clients = 0", "strict = maybe",
        "strict = yes", "[foo]", "bar = 1", "[backend a]", "tier = 100",
        "address = x", "[backend a]", "address = y", "[user u]", ""]))
    assert done.returncode == 78
    assert {2, 3, 4, 6, 9, 11, 13} <= lines_named(done), output(done)


def test_mistake_with_no_line_of_its_own(bed):
    done = check(bed, "[proxy]\nthreads = 1\n")
    assert done.returncode == 78 and "backend" in output(done)


@pytest.mark.parametrize("address", ["127.0.0.1:4242", "127.0.0.1:4242 ",
                                     "localhost:4242"])
def test_proxy_that_points_at_itself(bed, address):
    done = check(bed, "[listen main]\naddress = 127.0.0.1:4242\n"
                      "[backend b]\naddress = " + address + "\n")
    assert done.returncode == 78, output(done)
    assert lines_named(done)


def test_missing_file(bed):
    done = bed.run("-t", "-c", bed.tmp / "none.ini")
    assert done.returncode == 78 and "none.ini" in output(done)


def test_directory(bed):
    done = bed.run("-t", "-c", bed.tmp)
    assert done.returncode == 78 and str(bed.tmp) in output(done)


def test_strict_makes_warnings_errors(bed):
    text = GOOD.replace("127.0.0.1:0", "0.0.0.0:8119")
    done = check(bed, text)
    assert done.returncode == 0 and lines_named(done), output(done)
    done = check(bed, text, "-s", "proxy.strict=yes")
    assert done.returncode == 78


def test_include(bed):
    (bed.tmp / "d").mkdir()
    bed.ini("[user a]\npassword_plain = x\n", "d/1.ini")
    bed.ini("[user b]\npassword_plain = x\nfoo = 1\n", "d/2.ini")
    text = "[proxy]\ninclude = d/*.ini\n" + GOOD.partition("2\n")[2]
    done = check(bed, text)
    assert done.returncode == 78
    assert 3 in lines_named(done, "2.ini")
    bed.ini("[user b]\npassword_plain = x\n", "d/2.ini")
    assert check(bed, text).returncode == 0


def test_include_of_itself_ends(bed):
    done = check(bed, "[proxy]\ninclude = *.ini\n" + GOOD.partition("2\n")[2])
    assert done.returncode == 78


def test_samples(bed):
    samples = sorted((SOURCE / "etc").rglob("*.ini*"))
    assert samples
    for sample in samples:
        copy = bed.tmp / "sample.ini"
        shutil.copy(sample, copy)
        done = bed.run("-t", "-c", copy)
        assert done.returncode == 0, output(done)


# --- the command line --------------------------------------------------------

@pytest.mark.parametrize("args", [
    ["-b", "nntp://user:secret@127.0.0.1:119"],
    ["-b", "nntp://user@127.0.0.1:119?password=secret"],
    ["-s", "backend primary.password=secret"],
    ["-s", "user alice.password_plain=secret"],
    ["--set=user alice.password=secret"]])
def test_secret_in_argv(bed, args):
    done = bed.run("-t", "-c", bed.ini(GOOD), *args)
    assert done.returncode == 2
    assert "password_file" in output(done)
    assert "secret" not in output(done)


@pytest.mark.parametrize("args", [
    ["--nonsense"], ["-Z"], ["extra"], ["-c"], ["-n"], ["-s", "nonsense"],
    ["-b", "http://x/"], ["-b", "nntp://"], ["-l"]])
def test_usage_error_2(bed, args):
    done = bed.run(*args)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_option_help(bed, option):
    done = bed.run(option)
    assert done.returncode == 0
    for word in "--config", "--listen", "--set", "max_connections":
        assert word in done.stdout


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_option_version(bed, option):
    done = bed.run(option)
    assert done.returncode == 0 and done.stdout.startswith("nntpmux ")


def test_option_listen_and_backend_need_no_file(bed):
    done = bed.run("-t", "-l", "127.0.0.1:0", "-b", "nntp://127.0.0.1:9")
    assert done.returncode == 0, output(done)


def test_option_backend_is_added_to_the_file(bed):
    one, two = bed.fake("one", articles("a")), bed.fake("two", articles("a"))
    proxy = bed.proxy(one, args=["-b", "nntp://" + two.url])
    client = proxy.client()
    for _ in range(4):
        assert client.code("STAT <a@x>") == "223"
    assert one.seen and two.seen


def test_option_backend_url(bed):
    key = bed.ini("secret\n", "key")
    done = bed.run("-T", "-b", "nntp://me@news.example.com:1119"
                   "?max_connections=3&tier=2&password_file=%s" % key)
    assert done.returncode == 0, output(done)
    for line in ("address = news.example.com:1119", "username = me",
                 "max_connections = 3", "tier = 2"):
        assert re.search("^" + line + r"\b", done.stdout, re.M), line


def test_option_listen_replaces_the_sections(bed):
    done = bed.run("-T", "-c", bed.ini(GOOD), "-l", "127.0.0.1:4711",
                   "-l", "[::1]:4712", "-l", "unix:" + str(bed.tmp / "s"))
    assert done.returncode == 0
    assert len(re.findall(r"^\[listen ", done.stdout, re.M)) == 3
    assert "127.0.0.1:0" not in done.stdout


def test_option_set_and_threads(bed):
    done = bed.run("-T", "-c", bed.ini(GOOD), "-n", "5",
                   "-s", "proxy.wait_timeout=7s",
                   "-s", "backend primary.max_connections=21",
                   "--set", "routing.strategy=round-robin")
    assert done.returncode == 0
    for line in ("threads = 5", "wait_timeout = 7s", "max_connections = 21",
                 "strategy = round-robin"):
        assert re.search("^" + line + r"\b", done.stdout, re.M), line


@pytest.mark.parametrize("mode_option,code", [
    ("per-command", "500"), ("hybrid", "211"), ("stateful", "211")])
def test_option_mode(bed, mode_option, code):
    be = bed.fake()
    assert bed.proxy(be, args=["-m", mode_option]).client().code(
        "GROUP local.test") == code


def test_option_mode_wrong_value(bed):
    done = bed.run("-m", "sideways", "-b", "nntp://127.0.0.1:9")
    assert done.returncode == 2 and "hybrid" in done.stderr


@pytest.mark.parametrize("value", ["proxy.wait_timeout=soon",
                                   "proxy.nonsense=1", "nonsense.x=1",
                                   "backend nobody.tier=1"])
def test_option_set_wrong_value(bed, value):
    done = bed.run("-t", "-c", bed.ini(GOOD), "-s", value)
    assert done.returncode in (2, 78) and value.split("=")[0].split(".")[1] \
        in output(done)


# --- -T ----------------------------------------------------------------------

SECRETS = GOOD + ("username = me\npassword = xyzzy1\n"
                  "[user alice]\npassword_plain = xyzzy2\n")


def test_dump_masks_secrets(bed):
    done = bed.run("-T", "-c", bed.ini(SECRETS))
    assert done.returncode == 0
    assert "xyzzy" not in output(done)
    assert re.search(r"^password = ", done.stdout, re.M)


def test_dump_is_a_valid_file(bed):
    done = bed.run("-T", "-c", bed.ini(
        GOOD + "tier = 3\n[user a]\npassword_plain = x\n[log]\nlevel = debug"))
    assert done.returncode == 0
    again = bed.run("-t", "-c", bed.ini(done.stdout, "dump.ini"))
    assert again.returncode == 0, output(again)


def test_dump_names_origins(bed):
    done = bed.run("-T", "-c", bed.ini(GOOD), "-s", "proxy.wait_timeout=7s",
                   env={"NNTPMUX_PROXY__COMMAND_TIMEOUT": "9s"})
    rows = dict(re.findall(r"^(\w+) = .*?;\s*(.*)$", done.stdout, re.M))
    assert "nntpmux.ini:2" in rows["threads"]
    assert "command line" in rows["wait_timeout"]
    assert "NNTPMUX_PROXY__COMMAND_TIMEOUT" in rows["command_timeout"]
    assert "default" in rows["drain_limit"]


# --- environment -------------------------------------------------------------

def dump(bed, env, *args):
    done = bed.run("-T", "-c", bed.ini(GOOD), *args, env=env)
    assert done.returncode == 0, output(done)
    return done.stdout


def test_environment_names_a_key(bed):
    text = dump(bed, {"NNTPMUX_PROXY__THREADS": "7",
                      "NNTPMUX_BACKEND_PRIMARY__MAX_CONNECTIONS": "33"})
    assert re.search(r"^threads = 7\b", text, re.M)
    assert re.search(r"^max_connections = 33\b", text, re.M)


def test_environment_holds_a_secret(bed):
    be = bed.fake("primary", articles("a"), login=("me", "pw"), username="me")
    proxy = bed.proxy(be, env={"NNTPMUX_BACKEND_PRIMARY__PASSWORD": "pw"})
    assert proxy.client().code("STAT <a@x>") == "223"


def test_environment_names_the_file(bed):
    path = bed.ini(GOOD, "other.ini")
    assert bed.run("-t", env={"NNTPMUX_CONFIG": str(path)}).returncode == 0
    bad = bed.ini("[foo]\n", "bad.ini")
    assert bed.run("-t", env={"NNTPMUX_CONFIG": str(bad)}).returncode == 78
    assert bed.run("-t", "-c", path,
                   env={"NNTPMUX_CONFIG": str(bad)}).returncode == 0


@pytest.mark.parametrize("name", ["NNTPMUX_PROXY__NONSENSE",
                                  "NNTPMUX_FOO__THREADS",
                                  "NNTPMUX_BACKEND_NOBODY__TIER"])
def test_environment_that_fits_nothing_is_an_error(bed, name):
    done = check(bed, GOOD, env={name: "1"})
    assert done.returncode == 78 and name in output(done)


def test_environment_that_fits_two_is_an_error(bed):
    text = GOOD + "[backend a.b]\naddress = x\n[backend a-b]\naddress = y\n"
    done = check(bed, text, env={"NNTPMUX_BACKEND_A_B__TIER": "1"})
    assert done.returncode == 78
    assert "NNTPMUX_BACKEND_A_B__TIER" in output(done)


def test_environment_of_somebody_else(bed):
    done = check(bed, GOOD, env={"NNTPMUX_PORT": "tcp://10.0.0.1:119",
                                 "NNTPMUX_SERVICE_HOST": "10.0.0.1"})
    assert done.returncode == 0


def test_environment_wrong_value(bed):
    done = check(bed, GOOD, env={"NNTPMUX_PROXY__THREADS": "lots"})
    assert done.returncode == 78
    assert "NNTPMUX_PROXY__THREADS" in output(done)


def test_precedence_default_file_environment_command_line(bed):
    env = {"NNTPMUX_PROXY__THREADS": "3"}
    assert re.search(r"^threads = 2\b", dump(bed, {}), re.M)
    assert re.search(r"^threads = 3\b", dump(bed, env), re.M)
    assert re.search(r"^threads = 4\b", dump(bed, env, "-n", "4"), re.M)
    assert re.search(r"^threads = auto\b", bed.run(
        "-T", "-c", bed.ini(ini({"backend b": {"address": "x"}}))).stdout,
        re.M)
