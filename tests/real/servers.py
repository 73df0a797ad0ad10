# SPDX-License-Identifier: BSD-2-Clause
"""newsd, and nntpmux before all the others."""

import os
import re
import warnings

import corpus
from processes import Process, wait_until, write

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt


class Newsd:
    """bench/newsd: the second news server, with a login too."""

    USER, PASSWORD = "second", "tide-table"

    def __init__(self, directory, program, articles, login=True):
        self.program = program
        spool = os.path.join(directory, "spool")
        os.makedirs(spool)
        write(os.path.join(spool, "newsgroups"), "".join(
            "%s\tA test.\n" % group for group in corpus.GROUPS))
        for number, article in enumerate(articles):
            path = os.path.join(spool, "%06d.art" % number)
            with open(path, "wb") as out:
                out.write(article.whole())
        secret = os.path.join(directory, "password")
        write(secret, self.PASSWORD + "\n")
        who = ["--user", self.USER, "--password-file", secret]
        port_file = os.path.join(directory, "port")
        self.process = Process(
            [program, "--spool", spool, "--no-generate", "--port-file",
             port_file, *(who if login else [])],
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

    def another(self, directory):
        """An empty one, without a login."""
        return Newsd(str(directory), self.program, [], login=False)

    def stop(self):
        assert self.process.stop() == 0, self.process.output()


class Service:
    """What a client is told: where the news server is and who it is there.

    homes: the servers of the corpus whose articles it can have by
    message-id."""

    def __init__(self, mode, port, user, password, homes):
        self.mode = mode
        self.port = port
        self.user, self.password = user, password
        self.homes = homes
        self.address = "127.0.0.1:%d" % port


class Nntpmux:
    """The proxy before backends (name to keys). With user, its clients must
    log in. more: further keys, by section."""

    def __init__(self, directory, program, mode, backends, user=None,
                 password=None, more=None):
        os.makedirs(directory)
        self.mode = mode
        self.user, self.password = user, password
        sections = {"proxy": {"threads": "2", "mode": mode},
                    "listen main": {"address": "127.0.0.1:0"},
                    "log": {"level": "info", "stats_interval": "0"}}
        for name, keys in (more or {}).items():
            sections[name].update(keys)
        for name, keys in backends.items():
            keys = dict(keys)
            if "password" in keys:
                secret = os.path.join(directory, name + ".password")
                write(secret, keys.pop("password") + "\n")
                os.chmod(secret, 0o600)
                keys["password_file"] = secret
            sections["backend " + name] = keys
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

    def service(self, homes):
        return Service(self.mode, self.port, self.user, self.password, homes)

    def stop(self):
        code = self.process.stop()
        assert code == 0, "exit code %d:\n%s" % (code, self.process.output())
