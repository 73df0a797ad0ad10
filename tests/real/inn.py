# SPDX-License-Identifier: BSD-2-Clause
"""INN: innd and nnrpd."""

import glob
import os
import shutil
import warnings

import corpus
import news
from processes import START_S, Process, answers, free_port, give_to_news, \
    is_listening, wait_until, write
from servers import Service

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

PORT_TRIES = 5


class Inn:
    """innd, which takes articles from a peer, and nnrpd, which serves
    readers and posters after a login. Nothing of /etc/news is used."""

    USER, PASSWORD = "reader", "sail+oar"

    def __init__(self, directory, libraries):
        """libraries: the directory that has INN's bin/ and libinn*.so."""
        self.dir = directory
        self.libraries = libraries
        self.processes = []
        self.switch_to = "news" if os.geteuid() == 0 else None
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
        give_to_news(self.dir)
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
                "localmaxartsize": "0",
                "organization": "Test", "mta": '"/bin/true %s"',
                "ovmethod": "tradindexed", "hismethod": "hisv6",
                "artcutoff": "0", "maxartsize": "0", "wireformat": "true",
                "bindaddress": "127.0.0.1", "bindaddress6": '"::1"',
                "nnrpdloadlimit": "0", "pgpverify": "false",
                "doinnwatch": "false"}
        keys.update(("path" + key, path) for key, path in paths.items())
        return "".join("%s: %s\n" % pair for pair in keys.items())

    def readers_conf(self):
        return ('auth reader {\n hosts: "127.0.0.1"\n'
                ' auth: "ckpasswd -f %s/etc/passwd"\n}\n'
                'access reader {\n users: "%s"\n newsgroups: "*"\n'
                ' access: RPIN\n}\n' % (self.dir, self.USER))

    def run(self, name, *arguments):
        log = os.path.join(self.dir, "log", name + ".output")
        process = Process([self.program(name), *arguments], log,
                          self.switch_to, self.env)
        code = process.child.wait(START_S)
        assert code == 0, "%s: %s\n%s" % (name, code, process.output())

    def start_daemon(self, name, *arguments, check=answers):
        """INN takes no port 0: a free port is looked for, and another one
        if somebody took it in between. Gives the port."""
        log = os.path.join(self.dir, "log", name + ".output")
        for _ in range(PORT_TRIES):
            port = free_port()
            process = Process([self.program(name), *arguments, str(port)],
                              log, self.switch_to, self.env)
            wait_until(lambda: not process.is_running() or check(port),
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

    def speak_tls(self, cert, key):
        """Two more nnrpd; gives the port of each way to come to TLS."""
        for path, name in ((cert, "cert.pem"), (key, "key.pem")):
            shutil.copy(path, os.path.join(self.dir, "etc", name))
            os.chmod(os.path.join(self.dir, "etc", name), 0o600)
        with open(self.dir + "/etc/inn.conf", "a", encoding="ascii") as out:
            out.write("tlscertfile: %s/etc/cert.pem\n"
                      "tlskeyfile: %s/etc/key.pem\n" % (self.dir, self.dir))
        give_to_news(os.path.join(self.dir, "etc"))
        words = ["nnrpd", "-D", "-f", "-b", "127.0.0.1", "-c",
                 self.dir + "/etc/readers.conf"]
        return {"starttls": self.start_daemon(*words, "-p"),
                "implicit": self.start_daemon(*words, "-S", "-p",
                                              check=is_listening)}

    def feed(self, articles):
        news.feed(self.feed_port, articles)

    def backend(self):
        """The keys of an nntpmux [backend] section."""
        return {"address": "127.0.0.1:%d" % self.port,
                "username": self.USER, "password": self.PASSWORD}

    def service(self):
        return Service("direct", self.port, self.USER, self.PASSWORD,
                       ("inn",))

    def stop(self):
        # innd looks at the signal only when something else happens.
        for process in reversed(self.processes):
            process.stop(wake=lambda: answers(self.feed_port))
