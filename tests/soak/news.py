# SPDX-License-Identifier: BSD-2-Clause
"""The news servers of a soak: bench/newsd, which dies, comes back, freezes
and errs when it is told to, and what articles they have.

Which of the four servers has <SIZE.SEED@gen> is decided by SEED alone
(HOLDERS), so a client knows what may be answered 430 to it.  The last one
has other data under the same ids: a mend must never take it for the others'.
Posted articles are kept in files, over restarts too.
"""

import asyncio
import json
import os
import pathlib
import re
import signal

from proxy import program

# Of each server, the values of SEED % 8 that it has; nobody has 7.
HOLDERS = {"be0": {0, 1, 2, 3}, "be1": {0, 1, 4, 5}, "be2": {0, 2, 4, 6},
           "be3": {0, 1, 2, 3, 4, 5, 6}}
TIERS = {"be0": 0, "be1": 0, "be2": 0, "be3": 1}
VARIANTS = {"be3": 1}
GROUP, IN_GROUP, SIZE_IN_GROUP = b"local.soak", 80, 2000
FIRST = 1000            # article numbers: be0 from 1000, be1 from 2000, …
USER, PASSWORD = "reader", "hunter2-backend"


def holders(seed):
    return {name for name, has in HOLDERS.items() if seed % 8 in has}


def count_variants(seed):
    """How many different bodies there are under one id."""
    return len({VARIANTS.get(name, 0) for name in holders(seed)})


def newsd():
    return os.environ.get("NNTPMUX_NEWSD") or str(
        pathlib.Path(program()).parent / "bench" / "newsd" / "newsd")


class News:
    """One server.  It listens on another port after each start; whoever
    connects asks for address anew."""

    def __init__(self, home, name):
        self.home, self.name = home / name, name
        self.child, self.address, self.control = None, None, None
        self.output = open(home / (name + ".log"), "ab")
        (self.home / "spool").mkdir(parents=True)
        (self.home / "password").write_text(PASSWORD + "\n")
        # Articles of its group by number, filled by learn().
        self.numbers = {}

    def arguments(self):
        has = ",".join(map(str, sorted(HOLDERS[self.name])))
        return ["--port-file", self.home / "port",
                "--control", "127.0.0.1:0",
                "--control-port-file", self.home / "control",
                "--user", USER, "--password-file", self.home / "password",
                "--spool", self.home / "spool", "--keep-posts",
                "--has", has + "/8", "--cache", "64M",
                "--variant", VARIANTS.get(self.name, 0),
                "--first-number", FIRST * (int(self.name[2:]) + 1),
                "--generate", "%dx%d:%s" % (IN_GROUP, SIZE_IN_GROUP,
                                            GROUP.decode()),
                "--group", "local.post"]

    async def start(self):
        files = [self.home / "port", self.home / "control"]
        for file in files:
            file.unlink(missing_ok=True)
        self.child = await asyncio.create_subprocess_exec(
            newsd(), *map(str, self.arguments()), stdout=self.output,
            stderr=self.output)
        while not all(f.exists() and f.read_text().strip() for f in files):
            assert self.child.returncode is None, "newsd does not start"
            await asyncio.sleep(0.01)
        self.address, self.control = (
            ("127.0.0.1", int(f.read_text())) for f in files)

    async def end(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        code = await self.child.wait()
        assert code == (0 if number == signal.SIGTERM else -number), \
            "%s ended with %d" % (self.name, code)

    def signal(self, number):
        self.child.send_signal(number)

    async def stop(self):
        if self.child and self.child.returncode is None:
            self.signal(signal.SIGCONT)
            await self.end()
        self.output.close()

    # --- the control port: no login, no faults

    async def ask(self, *commands):
        """All that is answered to these, in one piece."""
        reader, writer = await asyncio.open_connection(*self.control)
        writer.write("".join(c + "\r\n" for c in (*commands, "QUIT"))
                     .encode())
        try:
            return (await reader.read()).partition(b"\r\n")[2]
        finally:
            writer.close()

    async def set_faults(self, spec):
        answer = await self.ask("XFAULT " + spec)
        assert answer.startswith(b"290"), answer

    async def stats(self):
        answer = await self.ask("XSTATS")
        return json.loads(answer.split(b"\r\n")[1])

    async def learn(self):
        """Numbers and message-ids of its group."""
        answer = await self.ask("GROUP " + GROUP.decode(), "XOVER 1-")
        for row in re.findall(rb"^(\d+)\t[^\t]*\t[^\t]*\t[^\t]*\t(<[^\t]*>)",
                              answer, re.M):
            self.numbers[int(row[0])] = row[1]

    async def have(self, msgids):
        """Those of them that it has."""
        out = set()
        for at in range(0, len(msgids), 200):
            some = msgids[at:at + 200]
            codes = (await self.ask(*("STAT " + m for m in some))) \
                .split(b"\r\n")
            out |= {m for m, code in zip(some, codes)
                    if code.startswith(b"223")}
        return out
