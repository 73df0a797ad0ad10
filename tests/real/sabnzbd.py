# SPDX-License-Identifier: BSD-2-Clause
"""Runs SABnzbd, unpacked from Debian's package, with one server."""

import json
import os
import sys
import urllib.parse
import urllib.request

from processes import Process, free_port, wait_until, write

KEY = "00112233445566778899aabbccddeeff"
LIMIT_S = 60
CONNECTIONS = 8
# It does not download where it finds no unrar, which is not free software.
# Nothing is unpacked here, so one that only tells a version will do.
UNRAR = '#!/bin/sh\necho "UNRAR 6.20 freeware"\n'
CONFIG = """__version__ = 19
[misc]
api_key = {key}
nzb_key = {key}
download_dir = {directory}/incomplete
complete_dir = {directory}/complete
auto_browser = 0
check_new_rel = 0
enable_broadcast = 0
selftest_host = 127.0.0.1
enable_unrar = 0
enable_unzip = 0
enable_7zip = 0
enable_all_par = 0
[ntfosd]
ntfosd_enable = 0
[servers]
[[it]]
name = it
displayname = it
host = 127.0.0.1
port = {port}
username = "{user}"
password = "{password}"
connections = {connections}
ssl = 0
enable = 1
timeout = 30
send_group = {send_group}
"""


class Sabnzbd:
    """In directory, which is made; stop() ends it."""

    def __init__(self, directory, parts, service, send_group):
        self.dir = str(directory)
        os.makedirs(self.dir + "/bin")
        write(self.dir + "/bin/unrar", UNRAR)
        os.chmod(self.dir + "/bin/unrar", 0o755)
        write(self.dir + "/sabnzbd.ini", CONFIG.format(
            key=KEY, directory=self.dir, port=service.port,
            user=service.user or "", password=service.password or "",
            connections=CONNECTIONS, send_group=int(send_group)))
        self.port = free_port()
        self.process = Process(
            [sys.executable, "-OO", parts + "/usr/bin/sabnzbdplus", "-f",
             self.dir + "/sabnzbd.ini", "-b", "0", "-s",
             "127.0.0.1:%d" % self.port, "-c"],
            self.dir + "/output",
            env={"PATH": self.dir + "/bin:/usr/bin:/bin", "HOME": self.dir,
                 "LANG": "C.UTF-8",
                 "PYTHONPATH": parts + "/usr/share/sabnzbdplus"})
        wait_until(self.is_ready, "SABnzbd to listen")

    def is_ready(self):
        self.process.check()
        try:
            return self.ask("version")
        except OSError:
            return False

    def ask(self, mode, **arguments):
        url = "http://127.0.0.1:%d/api?%s" % (
            self.port, urllib.parse.urlencode(
                {"mode": mode, "output": "json", "apikey": KEY, **arguments}))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=LIMIT_S) as answer:
            return json.load(answer)

    def download(self, nzb_path):
        """Gives "Completed" or "Failed", and the files: name to bytes."""
        self.ask("addlocalfile", name=str(nzb_path), pp="0")
        wait_until(lambda: self.outcome() in ("Completed", "Failed"),
                   "the download", LIMIT_S)
        files = {}
        for folder, _, names in os.walk(self.dir + "/complete"):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    files[name] = file.read()
        return self.outcome(), files

    def outcome(self):
        slots = self.ask("history")["history"]["slots"]
        return slots[0]["status"] if slots else None

    def log(self):
        with open(self.dir + "/logs/sabnzbd.log", encoding="utf-8") as file:
            return file.read()

    def stop(self):
        self.process.stop()
