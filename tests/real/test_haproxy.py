# SPDX-License-Identifier: BSD-2-Clause
"""haproxy before nntpmux, with PROXY headers of both versions: addresses are
true behind it, and nobody else can claim one."""

import re
import socket

import pytest

import servers
from processes import Process, free_port, wait_until, write

HAPROXY, FORGER, DENIED = "127.0.0.2", "127.0.0.3", "127.0.0.66"
CONFIG = """\
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen news
    bind 127.0.0.1:%d
    server nntpmux 127.0.0.1:%d source %s check inter 200ms %s
"""


class Haproxy:
    def __init__(self, directory, parts, to_port, header):
        self.port = free_port()
        path = directory / "haproxy.cfg"
        write(path, CONFIG % (self.port, to_port, HAPROXY, header))
        self.process = Process(
            [parts + "/usr/sbin/haproxy", "-db", "-f", str(path)],
            directory / "haproxy.log")
        wait_until(lambda: not self.process.is_running() or self.is_there(),
                   "haproxy to listen")
        self.process.check()

    def is_there(self):
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.stop()


class Client:
    """One connection from an address of its own."""

    def __init__(self, port, source, header=b""):
        self.sock = socket.create_connection(("127.0.0.1", port), 20,
                                             (source, 0))
        self.name = "%s:%d" % self.sock.getsockname()
        self.sock.sendall(header)
        self.file = self.sock.makefile("rb")
        self.greeting = self.file.readline()

    def ask(self, command):
        self.sock.sendall(command + b"\r\n")
        return self.file.readline()

    def close(self):
        self.file.close()
        self.sock.close()


@pytest.fixture(params=["send-proxy", "send-proxy-v2"])
def behind(request, tmp_path, parts, newsd, start):
    """nntpmux, and a haproxy before it that speaks one version."""
    proxy = start("behind-" + request.param, "hybrid",
                  {"newsd": newsd.backend()}, None, None,
                  {"listen main": {"proxy_protocol": "require",
                                   "proxy_protocol_from": HAPROXY,
                                   "deny": DENIED},
                   "proxy": {"max_clients_per_address": "2"}})
    haproxy = Haproxy(tmp_path, parts, proxy.port, request.param)
    yield proxy, haproxy
    haproxy.stop()


def wait_log(proxy, pattern):
    wait_until(lambda: re.search(pattern, proxy.process.output()), pattern)


def test_true_addresses(behind):
    proxy, haproxy = behind
    first = Client(haproxy.port, "127.0.0.10")
    assert first.greeting[:3] == b"201"
    assert first.ask(b"DATE")[:3] == b"111"
    second = Client(haproxy.port, "127.0.0.10")
    assert second.greeting[:3] == b"201"
    assert Client(haproxy.port, "127.0.0.10").greeting[:3] == b"400"
    other = Client(haproxy.port, "127.0.0.11")
    assert other.greeting[:3] == b"201"
    refused = Client(haproxy.port, DENIED)
    assert refused.greeting[:3] == b"502"
    wait_log(proxy, "client=%s end=address-refused" % re.escape(refused.name))
    for client in first, second, other:
        assert client.ask(b"QUIT")[:3] == b"205"
        wait_log(proxy, "client=%s .* end=quit" % re.escape(client.name))
        client.close()


def test_forged_header_from_elsewhere(behind):
    proxy, _ = behind
    client = Client(proxy.port, FORGER,
                    b"PROXY TCP4 192.0.2.7 127.0.0.1 40000 119\r\n")
    assert client.greeting[:3] == b"502"
    wait_log(proxy, "client=%s end=address-refused" % re.escape(client.name))
    assert "192.0.2.7" not in proxy.process.output()


def test_checks_of_haproxy_are_no_trouble(behind):
    """They come under its own address, and as many as it likes."""
    proxy, haproxy = behind
    wait_log(proxy, "client=%s:.*(.|\n)*client=%s:"
             % (re.escape(HAPROXY), re.escape(HAPROXY)))
    assert "is DOWN" not in haproxy.process.output()
    assert "end=proxy-header" not in proxy.process.output()
