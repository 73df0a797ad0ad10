# SPDX-License-Identifier: BSD-2-Clause
"""The documentation checks of check-docs.sh, under pytest as well."""

import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent


def build_directory():
    program = os.environ.get("NNTPMUX_PROGRAM")
    return pathlib.Path(program).resolve().parent if program else SOURCE


def test_documentation_is_what_the_program_does():
    done = subprocess.run(
        [str(HERE / "check-docs.sh")], cwd=build_directory(), timeout=60,
        env=dict(os.environ, srcdir=str(SOURCE)), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
