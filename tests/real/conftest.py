# SPDX-License-Identifier: BSD-2-Clause
"""The stage: two filled news servers, and nntpmux before both."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import corpus       # noqa: E402
import servers      # noqa: E402


def pytest_configure():
    """A test run that is told to end takes its servers down first."""
    signal.signal(signal.SIGTERM, interrupt)


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def stage():
    """A directory that INN, which is not root, can look into."""
    path = tempfile.mkdtemp(prefix="nntpmux-real-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def articles():
    return corpus.Corpus()


@pytest.fixture(scope="session")
def inn(stage, articles):
    server = servers.Inn(stage + "/inn", os.environ["NNTPMUX_INN"])
    try:
        server.feed(articles.at("inn"))
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def newsd(stage, articles):
    server = servers.Newsd(stage + "/newsd", os.environ["NNTPMUX_NEWSD"],
                           articles.at("newsd"))
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["open", "login"])
def proxy(request, stage, inn, newsd):
    """Twice: without users, and with one who must log in."""
    who = ("downloader", "pass wörd") if request.param == "login" else ()
    server = servers.Nntpmux(
        "%s/nntpmux-%s" % (stage, request.param),
        os.environ["NNTPMUX_PROGRAM"],
        {"inn": inn.backend(), "newsd": newsd.backend()}, *who)
    yield server
    server.stop()
