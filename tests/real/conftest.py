# SPDX-License-Identifier: BSD-2-Clause
"""The stage: filled news servers, and nntpmux before them in three modes."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import corpus       # noqa: E402
import inn as inn_server    # noqa: E402
import leafnode as leafnode_server  # noqa: E402
import report       # noqa: E402
import servers      # noqa: E402

USER, PASSWORD = "downloader", "pass-wörd"


def pytest_addoption(parser):
    parser.addoption("--update-readme", action="store_true",
                     help="write the table of clients into README.md")


def pytest_configure(config):
    """A test run that is told to end takes its servers down first."""
    signal.signal(signal.SIGTERM, interrupt)
    config.pluginmanager.register(report.Table(
        HERE / "README.md", config.getoption("--update-readme")))


def interrupt(*_):
    raise KeyboardInterrupt


def pytest_generate_tests(metafunc):
    if "service" in metafunc.fixturenames:
        metafunc.parametrize("service", report.modes_for(metafunc.definition),
                             indirect=True, scope="session")


@pytest.fixture(scope="session")
def stage():
    """A directory that INN and leafnode, which are not root, can look into.
    Its name must be short: see leafnode.py."""
    path = tempfile.gettempdir()
    yield path


@pytest.fixture(scope="session")
def parts():
    """Where the packages are that are unpacked and not installed."""
    return os.environ["NNTPMUX_PARTS"]


@pytest.fixture(scope="session")
def articles():
    return corpus.Corpus()


@pytest.fixture(scope="session")
def inn(stage, articles):
    server = inn_server.Inn(stage + "/inn", os.environ["NNTPMUX_INN"])
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


@pytest.fixture(scope="session")
def leafnode(stage, parts, inn):
    """Has what INN has in two of the groups."""
    server = leafnode_server.Leafnode(
        stage, "b", parts, inn.service(), ["local.talk", "local.posts"])
    server.fetch()
    server.listen()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def start(stage):
    """start(name, mode, backends, user, password): an nntpmux, which is
    ended with the tests."""
    started = []

    def start_one(name, *arguments):
        proxy = servers.Nntpmux("%s/%s" % (stage, name),
                                os.environ["NNTPMUX_PROGRAM"], *arguments)
        started.append(proxy)
        return proxy

    yield start_one
    for proxy in started:
        proxy.stop()


@pytest.fixture(scope="session")
def proxies(start, inn, newsd):
    """mode to Service; clients must log in. In stateful mode a client has
    one backend only, so there is only one."""
    both = {"inn": {**inn.backend(), "posting": "yes"},
            "newsd": newsd.backend()}
    one = {"inn": both["inn"]}
    who = (USER, PASSWORD)
    return {
        "per-command": start("per-command", "per-command", both, *who)
        .service(("inn", "newsd")),
        "hybrid": start("hybrid", "hybrid", both, *who)
        .service(("inn", "newsd")),
        "stateful": start("stateful", "stateful", one, *who)
        .service(("inn",)),
    }


@pytest.fixture(scope="session")
def service(request, proxies, inn):
    """The news server that a client is given: INN itself, or nntpmux in each
    of its modes."""
    if request.param == "direct":
        return inn.service()
    return proxies[request.param]


@pytest.fixture(scope="session")
def open_proxy(start, inn, newsd):
    """nntpmux without users."""
    return start("open", "hybrid", {"inn": inn.backend(),
                                    "newsd": newsd.backend()}).service(
                                        ("inn", "newsd"))
