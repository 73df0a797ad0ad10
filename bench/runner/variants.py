# SPDX-License-Identifier: BSD-2-Clause
"""What stands between the clients and the news server.

A variant says which kinds of workload it can do and whether it can be had here
(missing(), a reason or None); start() puts it into a Chain.
"""

import pathlib
import subprocess
import tempfile

from . import settings
from .processes import Process, free_port
from .workloads import (
    BULK, DEEP, FAIR, IDLE, MANY, SLOW, SMALL, STAT, TLS_BACKEND, TLS_CLIENT)

SHIPPED_MAX_CLIENTS = 10000     # of nntpmux


class Chain:
    """What runs for one run: the proxy that is measured, and helpers on the
    cores of the load. Clients connect to port, at first the server's."""

    def __init__(self, bench, home, clients, workers):
        self.bench = bench
        self.home = home
        self.clients = clients
        self.proxy_cores = bench.cores_for(workers)
        self.port = bench.server_port
        self.proxy = None
        self.helpers = []

    def put(self, command, port, is_proxy=True, name=None):
        """Starts a program that listens at port, in front of what is there."""
        cores = self.proxy_cores if is_proxy else self.bench.load_cores
        process = Process(command, self.home, cores, name)
        if is_proxy:
            self.proxy = process
        else:
            self.helpers.append(process)
        process.wait_for_port(port, greets=False)
        self.port = port

    def put_haproxy(self, name):
        is_proxy = name.startswith("haproxy")
        port = free_port()
        path = settings.write(name + ".cfg", self.home, port=port,
                              backend=self.port, pem=self.bench.pem,
                              most=self.clients + 100)
        self.put([self.bench.haproxy, "-db", "-f", path], port, is_proxy, name)

    def stop(self):
        for process in [self.proxy] + self.helpers:
            if process is not None:
                process.stop()


class Variant:
    name = None
    kinds = ()
    workers = 1
    is_blind = False    # a connection to the server for each client

    def missing(self, bench):
        return None


class Direct(Variant):
    name = "direct"
    kinds = (BULK, SMALL, STAT, DEEP, MANY, SLOW)

    def start(self, chain, workload):
        pass


class Nntpmux(Variant):
    """With its defaults, or with other settings."""

    def __init__(self, name, kinds, *changes, workers=1, tls=None):
        self.name = name
        self.kinds = kinds
        self.workers = workers
        self.changes = changes  # SECTION.KEY=VALUE
        self.tls = tls          # "server", "client"

    def command(self, bench, path):
        command = [bench.program, "-c", path, "-n", self.workers]
        for change in self.changes:
            command += ["-s", change]
        return command

    def write(self, home, bench, port, backend, connections, clients):
        listen = server = proxy = ""
        if clients > SHIPPED_MAX_CLIENTS:
            proxy = "[proxy]\nmax_clients = %d\n" % (clients + 100)
        if self.tls == "client":
            listen = ("tls = implicit\ntls_cert = %s\ntls_key = %s\n"
                      % (bench.pem, bench.pem))
        if self.tls == "server":
            server = "tls = implicit\ntls_verify = no\n"
        return settings.write("nntpmux.ini", home, port=port, backend=backend,
                              connections=connections, listen=listen,
                              server=server, proxy=proxy)

    def missing(self, bench):
        if self.tls and not bench.pem:
            return "needs haproxy and openssl beside it"
        with tempfile.TemporaryDirectory() as home:
            path = self.write(pathlib.Path(home), bench, 1, 2, 1, 1)
            done = subprocess.run(
                [str(word) for word in self.command(bench, path)] + ["-t"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                timeout=20, check=False)
            said = done.stdout.replace(home + "/", "").strip()
        if done.returncode == 0:
            return None
        return "this nntpmux does not take its settings: " + \
            (said or "exit code %d" % done.returncode).splitlines()[0]

    def start(self, chain, workload):
        if self.tls == "server":
            chain.put_haproxy("tls-server")
        port = free_port()
        path = self.write(chain.home, chain.bench, port, chain.port,
                          workload.backend_connections(), chain.clients)
        chain.put(self.command(chain.bench, path), port)
        if self.tls == "client":
            chain.put_haproxy("tls-client")


class Haproxy(Variant):
    is_blind = True

    def __init__(self, name, kinds):
        self.name = name
        self.kinds = kinds

    def missing(self, bench):
        if bench.haproxy is None:
            return "haproxy is not installed"
        if "tls" in self.name and not bench.pem:
            return "openssl is not installed"
        return None

    def start(self, chain, workload):
        if self.name == "haproxy-tls-backend":
            chain.put_haproxy("tls-server")
        chain.put_haproxy(self.name)
        if self.name == "haproxy-tls-client":
            chain.put_haproxy("tls-client")


class Blind(Variant):
    """The least that a proxy can do: a bound (bench/blind)."""

    def __init__(self, name, kinds, shares):
        self.name = name
        self.kinds = kinds
        self.is_blind = not shares

    def missing(self, bench):
        return None if bench.blind.exists() else "bench/blind is not built"

    def start(self, chain, workload):
        port = free_port()
        chain.put([chain.bench.blind, port, chain.port] + (
            [] if self.is_blind else [workload.backend_connections()]), port)


class Nginx(Variant):
    name = "nginx-stream"
    is_blind = True
    kinds = (BULK, SMALL, STAT, DEEP, IDLE, MANY, SLOW)
    module = "/usr/lib/nginx/modules/ngx_stream_module.so"

    def missing(self, bench):
        if bench.nginx is None or not pathlib.Path(self.module).exists():
            return "nginx or libnginx-mod-stream is not installed"
        return None

    def start(self, chain, workload):
        port = free_port()
        path = settings.write("nginx.conf", chain.home, port=port,
                              backend=chain.port, module=self.module,
                              directory=chain.home,
                              most=2 * chain.clients + 100)
        chain.put([chain.bench.nginx, "-e", "stderr", "-c", path], port)


class NntpProxy(Variant):
    """The Rust one; see bench/README.md for how it is had."""
    name = "nntp-proxy"
    kinds = (BULK, SMALL, STAT, DEEP, FAIR, IDLE, MANY, SLOW)

    def missing(self, bench):
        if bench.nntp_proxy is None:
            return "nntp-proxy is not there (cargo install nntp-proxy)"
        return None

    def start(self, chain, workload):
        port = free_port()
        path = settings.write("nntp-proxy.toml", chain.home, port=port,
                              backend=chain.port,
                              connections=workload.backend_connections())
        chain.put([chain.bench.nntp_proxy, "--config", path], port)


ALL = (
    Direct(),
    Nntpmux("nntpmux",
            (BULK, SMALL, STAT, DEEP, FAIR, IDLE, MANY, SLOW)),
    Nntpmux("nntpmux relay=copy", (BULK, SMALL, SLOW), "proxy.relay=copy"),
    Nntpmux("nntpmux relay=splice", (BULK,), "proxy.relay=splice"),
    Nntpmux("nntpmux spin=50us", (BULK, STAT, DEEP), "proxy.spin=50us"),
    Nntpmux("nntpmux deep", (STAT, DEEP), "proxy.pipeline_depth=64",
            "backend news.pipeline_depth=64"),
    Nntpmux("nntpmux 2 workers", (BULK, STAT, DEEP), workers=2),
    Nntpmux("nntpmux tls-backend", (TLS_BACKEND,), tls="server"),
    Nntpmux("nntpmux tls-client", (TLS_CLIENT,), tls="client"),
    Haproxy("haproxy-tcp", (BULK, SMALL, STAT, DEEP, IDLE, MANY, SLOW)),
    Haproxy("haproxy-splice", (BULK, SMALL, SLOW)),
    Haproxy("haproxy-tls-backend", (TLS_BACKEND,)),
    Haproxy("haproxy-tls-client", (TLS_CLIENT,)),
    Blind("blind", (BULK, SMALL), shares=False),
    Blind("blind, sharing", (STAT, MANY), shares=True),
    Nginx(),
    NntpProxy(),
)


def count_descriptors(variant, workload):
    """That its process needs: one per client, and those to the server."""
    clients = workload.all_clients()
    return clients + (clients if variant.is_blind else
                      workload.backend_connections()) + 200


def for_workload(variants, workload, descriptors):
    """Those that make sense; says which a limit of descriptors leaves out."""
    chosen = []
    for variant in variants:
        if workload.kind not in variant.kinds:
            continue
        if count_descriptors(variant, workload) > descriptors:
            print("left out: %s, %s: %d descriptors are not enough" % (
                workload.name, variant.name, descriptors))
            continue
        chosen.append(variant)
    return chosen
