# SPDX-License-Identifier: BSD-2-Clause
"""The servers of the real test: INN, newsd, nntpmux before both.

Each lives in a directory of its own, listens on loopback only, and is
ended, by its own process id, by stop(). Should the tests be killed, the
kernel kills the servers (setpriv --pdeathsig).
"""

import glob
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
import warnings

import corpus
import news

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

START_S = 30
STOP_S = 30
PORT_TRIES = 5


def wait_until(condition, what, limit_s=START_S):
    limit = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.01)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


class Process:
    """A running server whose output goes to a file."""

    def __init__(self, arguments, log, user=None, env=None):
        switch = []
        if user:
            switch = ["--reuid", user, "--regid", user, "--clear-groups"]
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *switch, "--", *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                start_new_session=True)

    def is_running(self):
        return self.child.poll() is None

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def check(self):
        assert self.is_running(), "ended with %s:\n%s" % (
            self.child.returncode, self.output()[-3000:])

    def stop(self, wake=None):
        """Ends it; gives its exit code. wake() is called after the signal."""
        self.child.terminate()
        if wake:
            wake()
        try:
            return self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError("did not end: %s" % self.child.args)


class Inn:
    """innd, which takes articles from a peer, and nnrpd, which serves
    readers after a login. Nothing of /etc/news is used."""

    USER, PASSWORD = "reader", "sail and oar"

    def __init__(self, directory, libraries):
        """libraries: the directory that has INN's bin/ and libinn*.so."""
        self.dir = directory
        self.libraries = libraries
        self.processes = []
        root = os.geteuid() == 0
        self.user = "news" if root else pwd.getpwuid(os.geteuid()).pw_name
        self.switch_to = "news" if root else None
        self.env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                    "INNCONF": os.path.join(self.dir, "etc/inn.conf"),
                    "LD_LIBRARY_PATH": libraries, "TMPDIR": self.dir}
        self.configure()
        self.feed_port = self.start_daemon("innd", "-f", "-P")
        self.port = self.start_daemon(
            "nnrpd", "-D", "-f", "-b", "127.0.0.1", "-c",
            self.dir + "/etc/readers.conf", "-p")

    def program(self, name):
        return os.path.join(self.libraries, "bin", name)

    def configure(self):
        group = "news" if self.switch_to else None
        for name in ("etc", "etc/filter", "db", "run", "log", "log/OLD", "tmp",
                     "spool", "articles", "overview", "outgoing", "incoming",
                     "incoming/bad", "archive", "http"):
            os.makedirs(os.path.join(self.dir, name))
        write(self.dir + "/etc/inn.conf", self.inn_conf())
        write(self.dir + "/etc/storage.conf",
              'method tradspool {\n newsgroups: "*"\n class: 0\n}\n')
        write(self.dir + "/etc/incoming.conf",
              'max-connections: 10\n'
              'streaming: true\n'
              'peer test {\n hostname: "127.0.0.1"\n}\n')
        write(self.dir + "/etc/newsfeeds", "ME:*::\n")
        write(self.dir + "/etc/expire.ctl", "*:A:1:never:never\n")
        write(self.dir + "/etc/control.ctl", "all:*:*:drop\n")
        write(self.dir + "/etc/readers.conf", self.readers_conf())
        hashed = crypt.crypt(self.PASSWORD, crypt.mksalt(crypt.METHOD_SHA512))
        write(self.dir + "/etc/passwd", "%s:%s\n" % (self.USER, hashed))
        groups = corpus.GROUPS + ["control", "control.cancel", "junk"]
        write(self.dir + "/db/active", "".join(
            "%s 0000000000 0000000001 y\n" % group for group in groups))
        write(self.dir + "/db/newsgroups", "".join(
            "%s\tA test.\n" % group for group in groups))
        write(self.dir + "/db/active.times", "")
        write(self.dir + "/db/history", "")
        for folder, _, files in os.walk(self.dir):
            for path in [folder] + [os.path.join(folder, f) for f in files]:
                shutil.chown(path, self.switch_to, group)
        self.run("makedbz", "-i", "-o")

    def inn_conf(self):
        paths = {"bin": self.libraries + "/bin", "news": self.libraries,
                 "control": self.libraries + "/bin/control"}
        for key, name in (("db", "db"), ("etc", "etc"), ("run", "run"),
                          ("log", "log"), ("tmp", "tmp"), ("spool", "spool"),
                          ("articles", "articles"), ("overview", "overview"),
                          ("outgoing", "outgoing"), ("incoming", "incoming"),
                          ("archive", "archive"), ("http", "http"),
                          ("filter", "etc/filter")):
            paths[key] = os.path.join(self.dir, name)
        keys = {"domain": "inn.example", "pathhost": "inn.example",
                "organization": "Test", "mta": '"/bin/true %s"',
                "ovmethod": "tradindexed", "hismethod": "hisv6",
                "artcutoff": "0", "maxartsize": "0", "wireformat": "true",
                "bindaddress": "127.0.0.1", "bindaddress6": '"::1"',
                "runasuser": self.user, "runasgroup": self.user,
                "nnrpdloadlimit": "0", "pgpverify": "false",
                "doinnwatch": "false"}
        keys.update(("path" + key, path) for key, path in paths.items())
        return "".join("%s: %s\n" % pair for pair in keys.items())

    def readers_conf(self):
        return ('auth reader {\n hosts: "127.0.0.1"\n'
                ' auth: "ckpasswd -f %s/etc/passwd"\n}\n'
                'access reader {\n users: "%s"\n newsgroups: "*"\n'
                ' access: RP\n}\n' % (self.dir, self.USER))

    def run(self, name, *arguments):
        log = os.path.join(self.dir, "log", name + ".output")
        process = Process([self.program(name), *arguments], log,
                          self.switch_to, self.env)
        code = process.child.wait(START_S)
        assert code == 0, "%s: %s\n%s" % (name, code, process.output())

    def start_daemon(self, name, *arguments):
        """INN takes no port 0: a free port is looked for, and another one
        if somebody took it in between. Gives the port."""
        log = os.path.join(self.dir, "log", name + ".output")
        for _ in range(PORT_TRIES):
            port = free_port()
            process = Process([self.program(name), *arguments, str(port)],
                              log, self.switch_to, self.env)
            wait_until(lambda: not process.is_running() or answers(port),
                       name + " to listen")
            if process.is_running():
                self.processes.append(process)
                return port
        raise AssertionError("%s does not start:\n%s\n%s" % (
            name, process.output(), self.logs()))

    def logs(self):
        text = ""
        for path in glob.glob(self.dir + "/log/*"):
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += "--- %s\n%s" % (path, file.read()[-2000:])
        return text

    def feed(self, articles):
        news.feed(self.feed_port, articles)

    def backend(self):
        """The keys of an nntpmux [backend] section."""
        return {"address": "127.0.0.1:%d" % self.port,
                "username": self.USER, "password": self.PASSWORD}

    def stop(self):
        # innd looks at the signal only when something else happens.
        for process in reversed(self.processes):
            process.stop(wake=lambda: answers(self.feed_port))


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            return sock.recv(3) in (b"200", b"201")
    except OSError:
        return False


class Newsd:
    """bench/newsd: the second news server, with a login too."""

    USER, PASSWORD = "second", "tide-table"

    def __init__(self, directory, program, articles):
        spool = os.path.join(directory, "spool")
        os.makedirs(spool)
        write(os.path.join(spool, "newsgroups"), "".join(
            "%s\tA test.\n" % group for group in corpus.GROUPS))
        for number, article in enumerate(articles):
            path = os.path.join(spool, "%06d.art" % number)
            with open(path, "wb") as out:
                out.write(article.whole())
        write(os.path.join(directory, "password"), self.PASSWORD + "\n")
        port_file = os.path.join(directory, "port")
        self.process = Process(
            [program, "--spool", spool, "--no-generate", "--port-file",
             port_file, "--user", self.USER, "--password-file",
             os.path.join(directory, "password")],
            os.path.join(directory, "output"))
        wait_until(lambda: not self.process.is_running() or
                   "listening on " in self.process.output(),
                   "newsd to listen")
        self.process.check()
        with open(port_file, encoding="ascii") as file:
            self.port = int(file.read())

    def backend(self):
        return {"address": "127.0.0.1:%d" % self.port,
                "username": self.USER, "password": self.PASSWORD}

    def stop(self):
        assert self.process.stop() == 0, self.process.output()


class Nntpmux:
    """The proxy before backends (name to keys). With user, its clients must
    log in."""

    def __init__(self, directory, program, backends, user=None,
                 password=None):
        os.makedirs(directory)
        self.user, self.password = user, password
        sections = {"proxy": {"threads": "2"},
                    "listen main": {"address": "127.0.0.1:0"},
                    "log": {"level": "info", "stats_interval": "0"}}
        for name, keys in backends.items():
            keys = dict(keys)
            secret = os.path.join(directory, name + ".password")
            write(secret, keys.pop("password") + "\n")
            os.chmod(secret, 0o600)
            sections["backend " + name] = {**keys, "password_file": secret}
        if user:
            sections["user " + user] = {"password": crypt.crypt(
                password, crypt.mksalt(crypt.METHOD_SHA512))}
        path = os.path.join(directory, "nntpmux.ini")
        write(path, "".join(
            "[%s]\n%s\n" % (name, "".join(
                "%s = %s\n" % pair for pair in keys.items()))
            for name, keys in sections.items()))
        os.chmod(path, 0o600)
        self.process = Process(
            [program, "-c", path], os.path.join(directory, "log"),
            env={name: value for name, value in os.environ.items()
                 if not name.startswith("NNTPMUX_")})
        wait_until(lambda: not self.process.is_running() or self.find_port(),
                   "nntpmux to listen")
        self.process.check()
        self.port = self.find_port()

    def find_port(self):
        found = re.search(r"listening on 127\.0\.0\.1:(\d+) \(main\)",
                          self.process.output())
        return found and int(found.group(1))

    def stop(self):
        code = self.process.stop()
        assert code == 0, "exit code %d:\n%s" % (code, self.process.output())
