# SPDX-License-Identifier: BSD-2-Clause
"""leafnode: a small news server (leafnode, begun by something like inetd for
each connection) that gets its articles from another server (fetchnews).

Both have their directories compiled in. So they run as copies in which the
two names are replaced by names of the same length below the stage, which has
to have a short name for that (run.sh).
"""

import os
import socket
import subprocess
import threading

from processes import copy_program, give_to_news, write
from servers import Service

SPOOL, CONFIG = "/var/spool/news", "/etc/news/leafnode"
PROGRAMS = ("usr/sbin/leafnode", "usr/sbin/fetchnews")
FETCH_S = 60


class Leafnode:
    """One leafnode, filled from upstream. port is there after listen()."""

    def __init__(self, stage, letter, parts, upstream, groups):
        """letter tells the leafnodes of one stage apart; upstream: port,
        user and password of a server; groups: the ones that are fetched."""
        self.spool = "%s/%snews" % (stage, letter)
        self.config = "%s/%sleafcfg" % (stage, letter)
        self.bin = "%s/%sbin" % (stage, letter)
        self.is_root = os.geteuid() == 0
        self.listener = None
        for path in (self.spool, self.config, self.bin):
            os.makedirs(path)
        for name in ("leaf.node", "failed.postings", "interesting.groups",
                     "out.going", "temp.files"):
            os.makedirs(os.path.join(self.spool, name))
        for number in range(1000):
            os.makedirs("%s/message.id/%03d" % (self.spool, number))
        for program in PROGRAMS:
            copy_program(os.path.join(parts, program),
                         os.path.join(self.bin, os.path.basename(program)),
                         {SPOOL: self.spool, CONFIG: self.config})
        self.write_config(upstream)
        for group in groups:
            write("%s/interesting.groups/%s" % (self.spool, group), "")
        give_to_news(self.spool)
        give_to_news(self.config)

    def write_config(self, upstream):
        """expire and maxage: the articles have a date of long ago. The
        host's name must not be one of those that are kept for examples."""
        write(self.config + "/config",
              "server = 127.0.0.1\nport = %d\nusername = %s\n"
              'password = "%s"\nexpire = 30000\nmaxage = 30000\n'
              "hostname = leaf.harbour.internal\ntimeout_fetchnews = 20\n" % (
                  upstream.port, upstream.user, upstream.password))

    def command(self, name, *arguments):
        switch = []
        if self.is_root:
            switch = ["--reuid", "news", "--regid", "news", "--clear-groups"]
        return ["setpriv", "--pdeathsig", "KILL", *switch, "--",
                os.path.join(self.bin, name), *arguments]

    def fetch(self, *arguments):
        """Gets what is new, posts what is waiting; gives the log."""
        done = subprocess.run(
            self.command("fetchnews", "-vvv", "-n", "-w", *arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=FETCH_S, check=False)
        log = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, log
        return log

    def stored(self, group):
        """The articles of a group: number to bytes."""
        directory = os.path.join(self.spool, *group.split("."))
        articles = {}
        for name in os.listdir(directory):
            if name.isdigit():
                with open(os.path.join(directory, name), "rb") as file:
                    articles[int(name)] = file.read()
        return articles

    def write(self, name, text):
        path = os.path.join(self.spool, name)
        write(path, text)
        give_to_news(path)

    def outgoing(self):
        return os.listdir(self.spool + "/out.going")

    def listen(self):
        self.listener = Inetd(self.command("leafnode"))
        self.port = self.listener.port

    def service(self):
        return Service("direct", self.port, None, None, ("leafnode",))

    def backend(self):
        return {"address": "127.0.0.1:%d" % self.port}

    def stop(self):
        if self.listener:
            self.listener.stop()


class Inetd:
    """One process for each connection, with the socket as its input and
    output."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.children = []
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                sock = self.socket.accept()[0]
            except OSError:     # stop() has shut it down
                break
            with sock:
                self.children.append(subprocess.Popen(
                    self.arguments, stdin=sock, stdout=sock,
                    stderr=subprocess.DEVNULL))
        # In this thread, because the kernel ends a child with the thread
        # that began it.
        for child in self.children:
            child.terminate()
            child.wait()

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
