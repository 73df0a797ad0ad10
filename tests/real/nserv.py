# SPDX-License-Identifier: BSD-2-Clause
"""nzbget's own news server for tests, with its own idea of NNTP: it answers
"220, 0 <id>" to BODY and 281 to AUTHINFO USER, and has no STAT, DATE, MODE or
CAPABILITIES. It makes its articles out of files."""

import os
import random

import xml.etree.ElementTree as xml

from processes import Process, answers, free_port, wait_until
from servers import Service

FILES = {"jetty.bin": 2_000_000, "buoy.bin": 300_000}
PART_BYTES = 250_000
PORT_TRIES = 5
SEGMENT = "{http://www.newzbin.com/DTD/2003/nzb}segment"


class Nserv:
    """files: name to bytes; nzbs: name to the path of an NZB file."""

    def __init__(self, directory):
        data = os.path.join(directory, "data")
        os.makedirs(data)
        self.files = {}
        for name, size in FILES.items():
            self.files[name] = random.Random(name).randbytes(size)
            with open(os.path.join(data, name), "wb") as file:
                file.write(self.files[name])
        self.nzbs = {name: os.path.join(data, name + ".nzb")
                     for name in FILES}
        for _ in range(PORT_TRIES):
            self.port = free_port()
            self.process = Process(
                ["nzbget", "--nserv", "-d", data, "-b", "127.0.0.1", "-p",
                 str(self.port), "-z", str(PART_BYTES)],
                os.path.join(directory, "output"))
            wait_until(lambda: not self.process.is_running() or
                       answers(self.port), "nserv to listen")
            if self.process.is_running():
                return
        self.process.check()

    def message_ids(self, name):
        return ["<%s>" % segment.text
                for segment in xml.parse(self.nzbs[name]).iter(SEGMENT)]

    def service(self):
        return Service("direct", self.port, "someone", "anything",
                       ("nserv",))

    def backend(self):
        return {"address": "127.0.0.1:%d" % self.port,
                "username": "someone", "password": "anything"}

    def stop(self):
        self.process.stop()
