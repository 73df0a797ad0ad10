# SPDX-License-Identifier: BSD-2-Clause
"""The fixture bed: whatever a test starts, and its orderly end; and the modes
of the proxy in which a test is run.

A test that uses bed is run once for each mode that its mark (or its file's)
names, without a mark for all three; its argument mode is "hy", "pc" or "st".
NNTPMUX_MODES=hybrid,per-command leaves out other modes; NNTPMUX_MODES=once
runs each test in the first mode that it has, of hybrid, per-command, stateful.
"""

import functools
import os
import pathlib
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
pytest.register_assert_rewrite("client", "fake", "peer", "posting", "proxy",
                               "server", "timing")

import certs            # noqa: E402
import fake             # noqa: E402
import proxy            # noqa: E402
from wire import articles       # noqa: E402


MODES = {"hy": "hybrid", "pc": "per-command", "st": "stateful"}
WANTED = os.environ.get("NNTPMUX_MODES", "").replace(",", " ").split()


def pytest_generate_tests(metafunc):
    if "mode" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("modes")
    modes = [m for m in MODES if mark is None or m in mark.args]
    assert not mark or len(modes) == len(mark.args), mark
    metafunc.parametrize("mode", modes[:1] if WANTED == ["once"] else modes,
                         indirect=True)


def pytest_collection_modifyitems(config, items):
    if not WANTED or WANTED == ["once"]:
        return
    unknown = set(WANTED) - set(MODES.values())
    if unknown:
        raise pytest.UsageError("NNTPMUX_MODES: no mode %s" % unknown)
    left_out = [item for item in items if hasattr(item, "callspec")
                and MODES.get(item.callspec.params.get("mode"), WANTED[0])
                not in WANTED]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def mode(request):
    return request.param


class Bed:
    """Fakes, proxies and their end.

    At the end of each test every proxy must still live, end by TERM with
    exit code 0 and all counts at rest; no script of a fake may have failed;
    no sanitizer may have reported anything.
    """

    def __init__(self, tmp, mode):
        self.tmp = tmp
        self.mode = mode
        self.servers = []
        self.proxies = []

    def add(self, server):
        self.servers.append(server)
        return server

    def fake(self, name=None, articles=None, **options):
        name = name or "be%d" % len(self.servers)
        return self.add(fake.Fake(name, articles, **options))

    @functools.cached_property
    def authority(self):
        return certs.Authority(self.tmp)

    def mirrors(self, *firsts, **options):
        """One fake for each: the same articles a, b, c, numbered from first
        on."""
        return [self.fake(articles=articles("a", "b", "c"), first=first,
                          **options) for first in firsts]

    def refusing(self, name="refusing", **options):
        return self.add(fake.Refusing(name, **options))

    def black_hole(self, name="hole", **options):
        return self.add(fake.BlackHole(name, **options))

    def proxy(self, *backends, **options):
        tmp = self.tmp / ("proxy%d" % len(self.proxies))
        tmp.mkdir()
        started = proxy.Proxy.__new__(proxy.Proxy)
        self.proxies.append((tmp, started))
        started.__init__(tmp, backends, mode=MODES[self.mode], **options)
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
def public():
    """A directory that every user may look into."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


@pytest.fixture
def bed(tmp_path, mode):
    bed = Bed(tmp_path, mode)
    yield bed
    bed.end()
