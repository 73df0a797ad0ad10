# SPDX-License-Identifier: BSD-2-Clause
"""The built program: started with an INI file, watched, ended."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import subprocess

import everywhere
from client import Client, is_listening
from timing import LIMIT, Clock, scaled, wait_until

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")

# What every proxy of a test has unless the test says otherwise.
DEFAULTS = {
    "proxy": {"threads": 2, "shutdown_timeout": "10s"},
    "listen main": {"address": "127.0.0.1:0"},
    "log": {"level": os.environ.get("NNTPMUX_LOG_LEVEL", "info"),
            "stats_interval": 0},
}
COUNTS = ("lent", "waiting", "pending", "stateful", "connecting")


def program():
    """The program under test: NNTPMUX_PROGRAM, or one beside us."""
    named = os.environ.get("NNTPMUX_PROGRAM")
    places = [pathlib.Path(named)] if named else \
        [pathlib.Path.cwd() / "nntpmux", SOURCE / "nntpmux",
         SOURCE / "build" / "nntpmux"]
    for place in places:
        if place.is_file():
            return str(place.resolve())
    raise AssertionError("no program at " + " or ".join(map(str, places))
                         + ": build it, or name it in NNTPMUX_PROGRAM")


def ini(sections):
    """Sections (dictionaries of dictionaries) as the text of a file."""
    out = []
    for name, keys in sections.items():
        out.append("[%s]" % name)
        out += ["%s = %s" % (key, value) for key, value in keys.items()
                if value is not None]
        out.append("")
    return "\n".join(out)


def merged(*layers):
    """Dictionaries of sections, later ones on top."""
    out = {}
    for layer in layers:
        for name, keys in layer.items():
            out.setdefault(name, {}).update(keys)
    return out


def environment(tmp, env=None):
    """The environment of a run: sanitizers report into tmp/report.*"""
    out = {k: v for k, v in os.environ.items()
           if not k.startswith("NNTPMUX_")}
    for tool in ("ASAN", "TSAN", "UBSAN", "LSAN"):
        options = [out.get(tool + "_OPTIONS", ""),
                   "log_path=%s" % (tmp / "report")]
        out[tool + "_OPTIONS"] = ":".join(filter(None, options))
    out.update(env or {})
    return out


def reports(tmp):
    """What sanitizers found in runs below tmp."""
    return "\n".join(f.read_text(errors="replace")
                     for f in sorted(tmp.glob("report.*")))


def run(tmp, *args, env=None, stdin="", limit=LIMIT):
    """The program with args, to its end; output as text."""
    done = subprocess.run([program(), *map(str, args)], input=stdin,
                          env=environment(tmp, env), timeout=limit,
                          capture_output=True, text=True, errors="replace",
                          cwd=tmp)
    assert not reports(tmp), reports(tmp)
    return done


def is_stopped(task):
    return "\nState:\tT" in (task / "status").read_text()


class Proxy:
    """A running proxy before backends (anything with name, url, options).

    Keyword arguments are sections: proxy={"wait_timeout": "1s"}; listen,
    routing, log likewise; backend for all backends; users is
    {name: {key: value}}; sections is for any other.  text is the whole
    file instead, and mode then not used.
    """

    def __init__(self, tmp, backends=(), *, mode="hybrid", proxy=None,
                 listen=None, routing=None, log=None, backend=None,
                 users=None, sections=None, text=None, args=(), env=None,
                 listeners=1, limits=None, ready=True):
        self.tmp = tmp
        self.log_path = tmp / "log"
        self.ini_path = tmp / "nntpmux.ini"
        self.backends = list(backends)
        self.options = {"mode": mode, "proxy": proxy, "listen": listen,
                        "routing": routing, "log": log, "backend": backend,
                        "users": users, "sections": sections}
        # its listener main speaks TLS, without the test's doing
        self.is_secure = text is None and "-l" not in args \
            and "tls" not in (listen or {}) and bool(everywhere.listen_keys())
        if text is None:
            text = self.make_text(**self.options)
        self.write_ini(text)
        self.stderr = open(self.log_path, "wb")
        self.child = subprocess.Popen(
            [program(), "-c", str(self.ini_path), *map(str, args)],
            stdin=subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr,
            env=environment(tmp, env), cwd=tmp,
            preexec_fn=(lambda: resource.setrlimit(*limits))
            if limits else None)
        self.pid = self.child.pid
        self.clients = []
        self.ended = False
        self.addresses = {}
        if ready:
            self.wait_ready(listeners)

    # --- the configuration

    def make_text(self, *, mode, proxy, listen, routing, log, backend, users,
                  sections):
        """The file for these options (see the class)."""
        for be in self.backends:
            everywhere.secure(be)
        return ini(merged(
            DEFAULTS, {"proxy": everywhere.proxy_keys()},
            {"listen main": {} if "tls" in (listen or {})
             else everywhere.listen_keys()},
            {"proxy": {"mode": mode, **(proxy or {})},
             "listen main": listen or {}, "log": log or {}},
            {"routing": routing} if routing else {},
            {"user " + name: keys for name, keys in (users or {}).items()},
            {"backend " + be.name: {"address": be.url, **(backend or {}),
                                    **be.options} for be in self.backends},
            sections or {}))

    def write_ini(self, text):
        self.ini_path.write_bytes(text if isinstance(text, bytes)
                                  else text.encode())

    def hang_up(self):
        """HUP; waits until the file was read. True: it holds now."""
        verdict = r"the configuration (was read again|stays as it was)"
        n = len(re.findall(verdict, self.log()))
        self.signal(signal.SIGHUP)
        return self.wait_log(verdict, n + 1).group(1) != "stays as it was"

    def reload(self, *backends, text=None, **options):
        """HUP with these backends (none: the same) and options changed."""
        if backends:
            self.backends = list(backends)
        self.options.update(options)
        self.write_ini(text if text is not None
                       else self.make_text(**self.options))
        return self.hang_up()

    def reload_silently(self, **options):
        """The same, for a proxy whose log does not say how it went."""
        self.options.update(options)
        self.write_ini(self.make_text(**self.options))
        self.signal(signal.SIGHUP)

    # --- addresses and clients

    def wait_ready(self, listeners=1):
        wait_until(lambda: len(self.find_listeners()) >= listeners
                   or self.child.poll() is not None, what="the listeners")
        assert self.child.poll() is None, "the proxy ended: " + self.log()

    def wait_socket(self, path):
        """Until the listener main, a unix socket, answers: for a proxy whose
        log does not say so."""
        wait_until(lambda: is_listening(path)
                   or self.child.poll() is not None, what="the listener")
        assert self.child.poll() is None, "the proxy ended: " + self.log()
        self.addresses["main"] = str(path)

    def find_listeners(self):
        for where, name in re.findall(r"listening on (\S+) \((\S+)\)\s*$",
                                      self.log(), re.M):
            if where.startswith("unix:"):
                self.addresses[name] = where[5:]
            else:
                host, _, port = where.rpartition(":")
                self.addresses[name] = (host.strip("[]"), int(port))
        return self.addresses

    @property
    def address(self):
        return self.addresses["main"]

    def client(self, listener="main", **options):
        if listener == "main" and self.is_secure:
            options.setdefault("secure", everywhere.trusting())
        client = Client(self.addresses[listener], **options)
        self.clients.append(client)
        return client

    def reader(self, group="local.test"):
        """A client with a group."""
        client = self.client()
        status = client.ask("GROUP " + group)
        assert status[:3] == "211", status
        return client

    # --- the log

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_contains(self, pattern):
        return re.search(pattern, self.log(), re.M)

    def wait_log(self, pattern, n=1):
        """Until n lines match; gives the last match."""
        try:
            wait_until(lambda: len(re.findall(pattern, self.log(),
                                              re.M)) >= n)
        except AssertionError:
            raise AssertionError("waited in vain for /%s/ in the log:\n%s"
                                 % (pattern, self.log())) from None
        return list(re.finditer(pattern, self.log(), re.M))[-1]

    def counts(self, name):
        """The last statistics line of a backend as a dictionary."""
        found = re.findall(r"^.*\bbackend=%s (.*\blent=.*)$" % re.escape(name),
                           self.log(), re.M)
        assert found, "no statistics of %s:\n%s" % (name, self.log())
        return {key: int(value) for key, value
                in re.findall(r"\b(\w+)=(\d+)\b", found[-1])}

    def assert_at_rest(self, only=COUNTS):
        """After the end: nothing is held for anybody."""
        for be in self.backends:
            counts = self.counts(be.name)
            busy = {k: counts[k] for k in only if counts[k]}
            assert not busy, "%s is not at rest: %s\n%s" \
                % (be.name, busy, self.log())

    # --- the process

    def rss(self):
        """Resident memory in bytes."""
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def ticks(self):
        """Processor time so far, in clock ticks."""
        with open("/proc/%d/stat" % self.pid) as f:
            field = f.read().rpartition(")")[2].split()
        return int(field[11]) + int(field[12])

    def wakeups(self):
        """Context switches of all threads so far."""
        total = 0
        for task in pathlib.Path("/proc/%d/task" % self.pid).iterdir():
            total += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)",
                                             (task / "status").read_text())))
        return total

    def is_alive(self):
        return self.child.poll() is None

    def signal(self, number=signal.SIGTERM):
        self.child.send_signal(number)

    @contextlib.contextmanager
    def stopped(self, seconds=0):
        """What is done within it, the proxy learns of when it goes on, after
        so many seconds (scaled) at least."""
        clock = Clock()
        tasks = pathlib.Path("/proc/%d/task" % self.pid)
        self.signal(signal.SIGSTOP)
        wait_until(lambda: all(map(is_stopped, tasks.iterdir())),
                   what="all threads to stop")
        try:
            yield
            wait_until(lambda: clock() > scaled(seconds),
                       what="the time to be over")
        finally:
            self.signal(signal.SIGCONT)

    def wait_end(self, limit=LIMIT):
        """The exit code."""
        try:
            self.child.wait(limit)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError("the proxy did not end:\n" + self.log())
        finally:
            self.ended = True
        return self.child.returncode

    def stop(self):
        """TERM; it ends in time and well, and at rest."""
        for client in self.clients:
            client.close()
        if self.ended:
            self.stderr.close()
            return
        early = self.child.poll()
        assert early is None, "the proxy ended with %s:\n%s" % (early,
                                                                self.log())
        self.signal()
        code = self.wait_end(scaled(20))
        self.stderr.close()
        assert code == 0, "exit code %d:\n%s" % (code, self.log())
        self.assert_at_rest(("lent", "waiting", "pending", "stateful"))
        assert "defect" not in self.log(), self.log()
