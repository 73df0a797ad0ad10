# SPDX-License-Identifier: BSD-2-Clause
"""The fixture start: servers that end in order after each test."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
pytest.register_assert_rewrite("newsd")

import newsd            # noqa: E402


@pytest.fixture
def start(tmp_path):
    """start(option, ...) gives a running Newsd."""
    servers = []

    def start_one(*options):
        home = tmp_path / ("newsd%d" % len(servers))
        home.mkdir()
        servers.append(newsd.Newsd(home, *options))
        return servers[-1]

    yield start_one
    try:
        for server in servers:
            if server.child.poll() is None:
                server.stop()
    finally:
        for server in servers:
            server.kill()
