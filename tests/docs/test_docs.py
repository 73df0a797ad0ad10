# SPDX-License-Identifier: BSD-2-Clause
"""The documentation checks of check-docs.sh, under pytest as well, and what
systemd says of the unit."""

import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
# In tenths, as "systemd-analyze security" counts: 0 is none, 100 all there is.
EXPOSURE_MAX = 12


def build_directory():
    program = os.environ.get("NNTPMUX_PROGRAM")
    return pathlib.Path(program).resolve().parent if program else SOURCE


def test_documentation_is_what_the_program_does():
    done = subprocess.run(
        [str(HERE / "check-docs.sh")], cwd=build_directory(), timeout=60,
        env=dict(os.environ, srcdir=str(SOURCE)), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout


def analyze(*words):
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *map(str, words)], timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    assert done.returncode == 0, done.stdout


def test_unit_is_understood_and_has_little_power(tmp_path):
    """The program need not be installed for that."""
    text = (SOURCE / "etc" / "nntpmux.service.in").read_text()
    for old, new in (("@bindir@/nntpmux", "/bin/true"),
                     ("@sysconfdir@", "/etc")):
        assert old in text
        text = text.replace(old, new)
    units = [tmp_path / name for name in ("nntpmux.service",
                                          "nntpmux.socket")]
    units[0].write_text(text)
    units[1].write_text((SOURCE / "etc" / "nntpmux.socket").read_text())
    analyze("verify", "--man=no", *units)
    analyze("security", "--offline=true", "--threshold=%d" % EXPOSURE_MAX,
            units[0])
