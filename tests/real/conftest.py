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
import nserv as nserv_server        # noqa: E402
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
    for name in report.SERVICES & set(metafunc.fixturenames):
        metafunc.parametrize(name, report.modes_for(metafunc.definition),
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
    """Has what INN has in one of the groups, and sends its posts there."""
    server = leafnode_server.Leafnode(stage, "b", parts, inn.service(),
                                      ["local.talk"])
    server.fetch()
    server.listen()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nserv(stage):
    server = nserv_server.Nserv(stage + "/nserv")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def start(stage):
    """start(name, mode, backends, user, password, more): an nntpmux, or the one
    of this name that runs already; all are ended with the tests."""
    running = {}

    def start_one(name, *arguments):
        if name not in running:
            running[name] = servers.Nntpmux(
                "%s/%s" % (stage, name), os.environ["NNTPMUX_PROGRAM"],
                *arguments)
        return running[name]

    yield start_one
    for proxy in running.values():
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


def before(start, server, name, request, others):
    """server itself, or an nntpmux in front of it. In the modes in which a
    session may have several backends, others come after it. No users: not
    all of these servers have a login."""
    mode = request.param
    if mode == "direct":
        return server.service()
    backends = {name: {**server.backend(), "posting": "yes"}}
    if mode != "stateful":
        backends.update(others)
    return start("%s-%s" % (name, mode), mode, backends).service(
        tuple(backends))


@pytest.fixture(scope="session")
def leaf_service(request, start, leafnode, newsd):
    return before(start, leafnode, "leafnode", request,
                  {"newsd": newsd.backend()})


@pytest.fixture(scope="session")
def nserv_service(request, start, nserv, inn):
    return before(start, nserv, "nserv", request, {"inn": inn.backend()})


@pytest.fixture(scope="session")
def open_proxy(start, inn, newsd):
    """nntpmux without users."""
    return start("open", "hybrid", {"inn": inn.backend(),
                                    "newsd": newsd.backend()}).service(
                                        ("inn", "newsd"))
