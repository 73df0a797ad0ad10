#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Proves that the tests see what they are for.

Each *.patch here breaks the mechanism behind one invariant. The tests that
its header names must pass on the tree as it is and fail on the patched one:

    # invariant: 4
    # test: tests/proxy/test_balancing.py::test_never_more_sockets
    # test: tests/unit/test_pool
    # env: NNTPMUX_LOAD_SECONDS=5

A test is what pytest takes (node ids, options) or a unit test's program with
its options. Several lines: at least one of them must fail.

The tree (tracked and new files) is copied, built once, and copied again for
each patch, so only what the patch touches is compiled. Exit code 1 if a patch
survives, does not apply or does not build.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import signal
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTEST_FAILED = 1


class Broken(Exception):
    """A step that says nothing about the tests went wrong."""


class Mutant:
    """One patch and its header."""

    def __init__(self, path):
        self.path, self.name = path, path.stem
        text = path.read_text()
        self.invariants = self.header(text, "invariant")
        self.tests = self.header(text, "test")
        self.env = dict(row.split("=", 1) for row in self.header(text, "env"))
        if not self.invariants or not self.tests:
            raise SystemExit("%s: needs # invariant: and # test:" % path)

    @staticmethod
    def header(text, key):
        return re.findall(r"^# %s:\s*(\S.*?)\s*$" % key, text, re.M)


def end_all(group):
    """Whatever is left of a step: a mutant may spin."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(argv, cwd, limit, env=None):
    """A step to its end; gives the finished process. Output is kept."""
    child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors="replace",
                             start_new_session=True,
                             env={**os.environ, **(env or {})})
    try:
        output, _ = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise Broken("not done in %d s: %s" % (limit, shlex.join(argv)))
    finally:
        end_all(child.pid)
        child.wait()
    return subprocess.CompletedProcess(argv, child.returncode, output)


def must(argv, cwd, limit, env=None):
    done = run(argv, cwd, limit, env)
    if done.returncode != 0:
        raise Broken("%s\n%s" % (shlex.join(argv), done.stdout[-4000:]))


def copy_tree(to):
    """Tracked and new files; without git, everything but what a build made."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "-z",
                             "--exclude-standard"], capture_output=True)
    names = os.fsdecode(listed.stdout).split("\0")[:-1] \
        if listed.returncode == 0 else \
        [str(f.relative_to(ROOT)) for f in ROOT.rglob("*")
         if f.is_file() and f.suffix not in (".o", ".a")]
    for name in names:
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


class Tree:
    """A copy of the source in DIR/src and its build in DIR/build."""

    def __init__(self, top):
        self.top, self.src, self.build = top, top / "src", top / "build"

    def make_base(self, options):
        self.src.mkdir(parents=True)
        self.build.mkdir()
        copy_tree(self.src)
        must(["./bootstrap"], self.src, 300)
        # Criterion waits for ever for a child whose tear-down aborts.
        must(["../src/configure", "-q", "--enable-plain-tests",
              "CFLAGS=" + options.cflags],
             self.build, 300)

    def copy(self, top):
        shutil.copytree(self.top, top, symlinks=True)
        return Tree(top)

    def patch(self, mutant):
        done = run(["patch", "-p1", "--fuzz=0", "-i", str(mutant.path)],
                   self.src, 60)
        if done.returncode != 0:
            raise Broken("does not apply:\n" + done.stdout)

    def make(self, tests, limit):
        units = [shlex.split(test)[0] for test in tests if is_unit(test)]
        wanted = units if len(units) == len(tests) else ["nntpmux", *units]
        must(["make", "-s", *wanted], self.build, limit)

    def test(self, test, mutant, limit):
        """True when it passes; Broken when it says neither."""
        word = shlex.split(test)
        env = {"NNTPMUX_PROGRAM": str(self.build / "nntpmux"),
               "PYTHONDONTWRITEBYTECODE": "1", **mutant.env}
        if is_unit(test):
            return run(["./" + word[0], *word[1:]], self.build, limit,
                       env).returncode == 0
        temp = tempfile.mkdtemp(dir=self.top)
        done = run([sys.executable, "-m", "pytest", "-x",
                    "-c", "tests/proxy/pytest.ini", "--rootdir", ".",
                    "--basetemp", temp + "/t", *word], self.src, limit, env)
        if done.returncode not in (0, PYTEST_FAILED):
            raise Broken("pytest ended with %d:\n%s"
                         % (done.returncode, done.stdout[-4000:]))
        return done.returncode == 0


def is_unit(test):
    return ".py" not in test


def try_mutant(base, mutant, top, limit):
    """Gives (result, seconds); result is "" when the patch was found out."""
    start = time.monotonic()
    try:
        tree = base.copy(top / mutant.name)
        tree.patch(mutant)
        tree.make(mutant.tests, limit)
        survived = all(tree.test(test, mutant, limit)
                       for test in mutant.tests)
        result = "SURVIVED" if survived else ""
    except Broken as error:
        result = "BROKEN: %s" % error
    finally:
        shutil.rmtree(top / mutant.name, ignore_errors=True)
    return result, time.monotonic() - start


def try_base(base, mutants, limit):
    """Every named test once on the tree as it is."""
    base.make(sorted({t for m in mutants for t in m.tests}), limit)
    tried = set()
    for mutant in mutants:
        for test in mutant.tests:
            key = (test, *mutant.env.items())
            if key not in tried and not base.test(test, mutant, limit):
                raise Broken("fails on the tree as it is: " + test)
            tried.add(key)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="only these patches")
    parser.add_argument("--patches", type=pathlib.Path, default=HERE)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=int, default=300,
                        help="seconds for one build or test")
    parser.add_argument("--cflags", default="-O1 -g")
    options = parser.parse_args()

    mutants = [Mutant(f) for f in sorted(options.patches.glob("*.patch"))
               if not options.names or f.stem in options.names]
    if not mutants:
        return "no patches in %s" % options.patches

    failed = 0
    with tempfile.TemporaryDirectory(prefix="mutants.") as temp:
        top = pathlib.Path(temp)
        base = Tree(top / "base")
        try:
            base.make_base(options)
            try_base(base, mutants, options.limit * 4)
        except Broken as error:
            return str(error)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            jobs = {m: pool.submit(try_mutant, base, m, top, options.limit)
                    for m in mutants}
            print("%-32s %-10s %7s  %s" % ("patch", "invariant", "seconds",
                                           "result"))
            for mutant, job in jobs.items():
                result, seconds = job.result()
                failed += bool(result)
                print("%-32s %-10s %7.1f  %s" % (
                    mutant.name, ",".join(mutant.invariants), seconds,
                    result or "found out"), flush=True)
    print("%d patches, %d not found out" % (len(mutants), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
