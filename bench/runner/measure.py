# SPDX-License-Identifier: BSD-2-Clause
"""One run: the chain is started afresh, the load is put on, all ends."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import workloads
from .processes import Failed, Process, start_newsd
from .variants import Chain


SMOKE_COMMANDS = 300


class Bench:
    """What all runs share: programs, cores, a certificate, the news server."""

    def __init__(self, options, cores, home):
        self.program = options.program
        self.load = options.load
        self.newsd = options.newsd
        self.blind = pathlib.Path(options.blind)
        self.haproxy = shutil.which("haproxy", path=self.path())
        self.nginx = shutil.which("nginx", path=self.path())
        self.nntp_proxy = options.nntp_proxy or shutil.which("nntp-proxy")
        self.proxy_cores = options.proxy_cores or {cores[0]}
        self.load_cores = options.load_cores or {cores[-1]}
        self.home = home
        self.pem = self.make_certificate()
        self.server = None
        self.server_port = 0

    @staticmethod
    def path():
        return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"

    def make_certificate(self):
        """Certificate and key in one file, or None: no TLS here."""
        pem, key = self.home / "bench.pem", self.home / "bench.key"
        if self.haproxy is None or shutil.which("openssl") is None:
            return None
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-days", "2", "-subj", "/CN=bench", "-keyout", str(key), "-out",
             str(pem)], check=True, timeout=60, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        pem.write_text(pem.read_text() + key.read_text())
        return pem

    def cores_for(self, workers):
        """Two workers need two cores, and may have to share the load's."""
        if workers <= len(self.proxy_cores):
            return self.proxy_cores
        return self.proxy_cores | self.load_cores

    def start_server(self):
        self.server, self.server_port = start_newsd(
            self.newsd, self.home, self.load_cores)

    def stop(self):
        if self.server is not None:
            self.server.stop()


def run_load(bench, chain, workload, options):
    command = [bench.load, "--connect", "127.0.0.1:%d" % chain.port,
               *workload.load_options(), "--time", options.time,
               "--warm-up", min(300, options.time)]
    if options.smoke and workload.kind != workloads.IDLE:
        command += ["--count", SMOKE_COMMANDS]
    watched = chain.proxy
    if watched is not None:
        command += ["--watch", watched.pid]
    before_kb = watched.memory_kb("VmRSS") if watched else 0
    process = Process(command, chain.home, bench.load_cores, "load")
    process.wait_for("ready")
    result = {}
    if workload.kind == workloads.IDLE and watched is not None:
        grown = watched.memory_kb("VmRSS") - before_kb
        result["bytes_per_client"] = grown * 1024 / workload.clients
    process.finish(options.time / 1000 + 60)
    result.update(json.loads(process.log.read_text().splitlines()[-1]))
    if watched is not None:
        result["peak_rss_kb"] = watched.memory_kb("VmHWM")
    return result


def run(bench, variant, workload, options):
    """Gives a dictionary of numbers, or of one text: "error"."""
    home = pathlib.Path(tempfile.mkdtemp(dir=bench.home))
    chain = Chain(bench, home, workload.all_clients(), variant.workers)
    try:
        variant.start(chain, workload)
        result = run_load(bench, chain, workload, options)
        result["load_average"] = os.getloadavg()[0]
    except Failed as failure:
        result = {"error": str(failure)}
    finally:
        chain.stop()
        shutil.rmtree(home)
    return dict(result, workload=workload.name, variant=variant.name)
