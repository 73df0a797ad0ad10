# SPDX-License-Identifier: BSD-2-Clause
"""Of what, where and when numbers are; where our programs are."""

import os
import pathlib
import platform
import subprocess
import sys
import time

from . import space

ROOT = pathlib.Path(__file__).resolve().parents[2]


def add_program(parser, name, path):
    parser.add_argument("--" + name, metavar="FILE", type=os.path.abspath,
                        default=os.path.abspath(path),
                        help="default: " + path)


def add_programs(parser):
    """Options for the paths of our programs, which make built."""
    add_program(parser, "program", "nntpmux")
    add_program(parser, "newsd", "bench/newsd/newsd")
    add_program(parser, "load", "bench/load/load")


def git(*words):
    return subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(ROOT), *words],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        check=True, timeout=20).stdout.strip()


def commit():
    """The commit of the tree beside us; "+" if files are not as in it."""
    try:
        return git("rev-parse", "--short=12", "HEAD") + (
            "+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def describe(is_own_network):
    return {
        "commit": commit(),
        "command": " ".join(["bench/run"] + sys.argv[1:]),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "kernel": platform.release(),
        "processor": processor(),
        "cores": len(space.cores()),
        "own_network": is_own_network,
        "congestion_control": space.congestion_control(),
    }
