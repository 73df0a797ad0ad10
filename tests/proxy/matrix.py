#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""make check-matrix: the suite in one combination of mode, TLS, relay and
sanitizer.

    matrix.py --program PLAIN --build DIRECTORY [--list] [NUMBER]
              [-- PYTEST ARGUMENT...]

NUMBER chooses the combination; without it the day does. Runs with numbers one
after another go through all of them, and from one to the next nearly
everything changes. Programs with a sanitizer are built below DIRECTORY.
"""

import argparse
import itertools
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
DAY_S = 24 * 60 * 60

MODES = ["hybrid", "per-command", "stateful"]
SIDES = {"none": "", "clients": "clients", "backends": "backends",
         "both": "clients,backends"}
RELAYS = ["copy", "splice"]
# What configure is told, and the factor for all time limits.
SANITIZERS = {"none": (None, "1"),
              "asan": (["CC=clang", "--enable-asan", "--enable-ubsan"], "4"),
              "tsan": (["CC=gcc", "--enable-tsan"], "6")}
# From one number to the next. It has no divisor in common with how many
# combinations there are (72), so each is met once.
STRIDE = 31
NAMES = ("sanitizer", "relay", "tls", "mode")


# All of them, in an order that is no matter.
EVERY = [dict(zip(NAMES, values)) for values in itertools.product(
    SANITIZERS, RELAYS, SIDES, MODES)]


def choose(number):
    return EVERY[number * STRIDE % len(EVERY)]


def words(combination):
    return " ".join("%s=%s" % (name, combination[name])
                    for name in reversed(NAMES))


def build(directory, arguments):
    """Gives the path of the program that configure made with arguments."""
    directory.mkdir(parents=True, exist_ok=True)
    made = directory / "Makefile"
    script = SOURCE / "configure"
    if not made.exists() or made.stat().st_mtime < script.stat().st_mtime:
        subprocess.run([script, "-q", "PYTHON=" + sys.executable, *arguments],
                       cwd=directory, check=True)
    subprocess.run(["make", "-s", "-j%d" % (os.cpu_count() or 1), "nntpmux"],
                   cwd=directory, check=True)
    return directory / "nntpmux"


def environment(combination, program, slow):
    out = dict(os.environ)
    out.setdefault("NNTPMUX_SLOW", slow)
    out.update(NNTPMUX_PROGRAM=str(program),
               NNTPMUX_MODES=combination["mode"],
               NNTPMUX_TLS=SIDES[combination["tls"]],
               NNTPMUX_RELAY=combination["relay"],
               PYTHONDONTWRITEBYTECODE="1")
    return out


def run(combination, options):
    arguments, slow = SANITIZERS[combination["sanitizer"]]
    program = options.program if arguments is None else \
        build(options.build / combination["sanitizer"], arguments)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", HERE / "pytest.ini",
         "--rootdir", HERE, *options.pytest, HERE],
        env=environment(combination, program, slow), check=False).returncode


def parse():
    mine, rest = sys.argv[1:], []
    if "--" in mine:
        at = mine.index("--")
        mine, rest = mine[:at], mine[at + 1:]
    parser = argparse.ArgumentParser(description="the suite in one "
                                     "combination; behind --, for pytest")
    parser.add_argument("--program", type=pathlib.Path, required=True,
                        help="built without a sanitizer")
    parser.add_argument("--build", type=pathlib.Path, required=True,
                        help="where those with one are built")
    parser.add_argument("--list", action="store_true",
                        help="all numbers and what they stand for")
    parser.add_argument("number", type=int, nargs="?",
                        default=int(time.time() // DAY_S))
    options = parser.parse_args(mine)
    options.pytest = rest
    return options


def main():
    options = parse()
    if options.list:
        for number in range(len(EVERY)):
            print("%2d: %s" % (number, words(choose(number))))
        return 0
    number = options.number % len(EVERY)
    combination = choose(number)
    title = "combination %d of 0 to %d: %s" % (number, len(EVERY) - 1,
                                                words(combination))
    print(title, flush=True)
    start = time.monotonic()
    code = run(combination, options)
    print("%s: %s, %d s" % (title, "FAILED" if code else "ok",
                            time.monotonic() - start))
    return code


if __name__ == "__main__":
    sys.exit(main())
