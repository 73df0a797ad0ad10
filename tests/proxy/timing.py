# SPDX-License-Identifier: BSD-2-Clause
"""The one place that knows about time.

Every limit of a test is given for a plain build on an idle machine and is
multiplied by NNTPMUX_SLOW (a sanitizer build: 3 or so).  wait_until() is the
only place that polls.
"""

import os
import time

SLOW = float(os.environ.get("NNTPMUX_SLOW", "1"))
LIMIT = 15 * SLOW       # longest that a test waits for anything to happen
POLL = 0.002


def scaled(seconds):
    """A limit in seconds on this build."""
    return seconds * SLOW


def ms(n):
    """A duration for a setting: n milliseconds, longer on a slow build."""
    return "%dms" % (n * SLOW)


def wait_until(condition, timeout=None, what="the condition"):
    """Call condition until it is true; gives its value."""
    limit = time.monotonic() + (LIMIT if timeout is None else scaled(timeout))
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError("waited in vain for " + what)
        time.sleep(POLL)


class Clock:
    """Seconds since it was made."""

    def __init__(self):
        self.start = time.monotonic()

    def __call__(self):
        return time.monotonic() - self.start
