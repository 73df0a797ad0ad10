# SPDX-License-Identifier: BSD-2-Clause
"""The fixture bed: whatever a test starts, and its orderly end."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
pytest.register_assert_rewrite("client", "fake", "proxy", "timing")

import fake             # noqa: E402
import proxy            # noqa: E402


class Bed:
    """Fakes, proxies and their end.

    At the end of each test every proxy must still live, end by TERM with
    exit code 0 and all counts at rest; no script of a fake may have failed;
    no sanitizer may have reported anything.
    """

    def __init__(self, tmp):
        self.tmp = tmp
        self.servers = []
        self.proxies = []

    def add(self, server):
        self.servers.append(server)
        return server

    def fake(self, name=None, articles=None, **options):
        name = name or "be%d" % len(self.servers)
        return self.add(fake.Fake(name, articles, **options))

    def refusing(self, name="refusing", **options):
        return self.add(fake.Refusing(name, **options))

    def black_hole(self, name="hole", **options):
        return self.add(fake.BlackHole(name, **options))

    def proxy(self, *backends, **options):
        tmp = self.tmp / ("proxy%d" % len(self.proxies))
        tmp.mkdir()
        started = proxy.Proxy.__new__(proxy.Proxy)
        self.proxies.append((tmp, started))
        started.__init__(tmp, backends, **options)
        return started

    def run(self, *args, **options):
        return proxy.run(self.tmp, *args, **options)

    def ini(self, sections, name="nntpmux.ini"):
        """Write a file; sections may also be its text."""
        path = self.tmp / name
        if isinstance(sections, dict):
            sections = proxy.ini(sections)
        if isinstance(sections, str):
            sections = sections.encode()
        path.write_bytes(sections)
        return path

    def end(self):
        faults = []
        for tmp, started in self.proxies:
            if hasattr(started, "child"):
                faults += attempt(started.stop)
                if started.child.poll() is None:
                    started.child.kill()
                    started.child.wait()
            if proxy.reports(tmp):
                faults.append(proxy.reports(tmp))
        for server in self.servers:
            faults += attempt(server.stop)
            faults += ["script of %s: %r" % (server.name, error)
                       for error in server.errors]
        assert not faults, "\n".join(faults)


def attempt(call):
    try:
        call()
    except AssertionError as error:
        return [str(error)]
    return []


@pytest.fixture
def bed(tmp_path):
    bed = Bed(tmp_path)
    yield bed
    bed.end()
