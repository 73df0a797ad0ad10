# SPDX-License-Identifier: BSD-2-Clause
"""The settings in bench/others, with their blanks filled in."""

import os
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "others"


def write(name, home, **values):
    """Writes bench/others/NAME into home, with @KEY@ replaced; gives its
    path."""
    def value(match):
        return str(values[match.group(1).lower()])

    path = home / name
    path.write_text(re.sub("@([A-Z]+)@", value, (FOLDER / name).read_text()))
    return path


def forget_environment():
    """nntpmux takes settings from there, too; here it has its defaults."""
    for name in list(os.environ):
        if name.startswith("NNTPMUX_"):
            del os.environ[name]
