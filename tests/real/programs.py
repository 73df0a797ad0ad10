# SPDX-License-Identifier: BSD-2-Clause
"""Running a client until it ends, and the client of suck's author, INN's own
tools and sinntp with what they have to be told."""

import os
import subprocess
import sys
import tempfile

import processes

LIMIT_S = 60
PASSWORDS = 0o600


def run(arguments, directory, stdin=b"", raw=False, **environ):
    """Gives what the program wrote, as text or as bytes; it must end with
    exit code 0."""
    done = subprocess.run(
        [str(word) for word in arguments], cwd=directory, input=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S,
        check=False, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                          "HOME": str(directory), **environ})
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, "%s\nexit code %d" % (
        text, done.returncode)
    return done.stdout if raw else text


def sinntp(service, parts, command, *arguments):
    return [sys.executable, "-W", "ignore",
            parts + "/usr/share/sinntp/sinntp", command, "-S",
            service.address, "-U", service.user, "-P", service.password,
            "--no-netrc", "-q", *arguments]


class InnTools:
    """A configuration in which INN's tools find only their server."""

    def __init__(self, stage, programs, service):
        """In a directory of the stage: as root, rnews becomes "news"."""
        self.directory = tempfile.mkdtemp(prefix="tools-", dir=stage)
        os.chmod(self.directory, 0o755)
        self.programs = programs
        self.service = service
        for name in ("etc", "articles", "outgoing"):
            os.makedirs(os.path.join(self.directory, name))
        paths = ("news db etc run log tmp spool articles outgoing incoming "
                 "archive http filter").split()
        processes.write(self.directory + "/etc/inn.conf", "".join(
            ["pathbin: %s/bin\n" % programs] +
            ["path%s: %s\n" % (name, self.path_of(name)) for name in paths] +
            ["domain: harbour.example\npathhost: tools.harbour.example\n"
             'mta: "/bin/true %s"\nserver: 127.0.0.1\n'
             "enableoverview: false\nhismethod: hisv6\n"]))
        processes.write(self.directory + "/etc/storage.conf",
                        'method tradspool {\n newsgroups: "*"\n class: 0\n}\n')
        secret = self.directory + "/etc/passwd.nntp"
        processes.write(secret, "127.0.0.1:%s:%s\n" % (
            service.user, service.password))
        os.chmod(secret, PASSWORDS)
        os.makedirs(self.directory + "/run")
        # The tools say so if there is none of these.
        for name in ("etc/history", "spool/tradspool.map", "tradspool.map"):
            path = os.path.join(self.directory, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            processes.write(path, "")
        processes.give_to_news(self.directory)

    def write(self, name, text):
        """Gives the path of the new file."""
        path = os.path.join(self.directory, name)
        processes.write(path, text)
        processes.give_to_news(path)
        return path

    def path_of(self, name):
        if os.path.isdir(os.path.join(self.directory, name)):
            return os.path.join(self.directory, name)
        return self.directory

    def run(self, name, *arguments, **options):
        return run([self.programs + "/bin/" + name, *arguments],
                   self.directory, LD_LIBRARY_PATH=self.programs,
                   PERL5LIB=self.programs,
                   INNCONF=self.directory + "/etc/inn.conf", **options)
