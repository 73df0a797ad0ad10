# SPDX-License-Identifier: BSD-2-Clause
"""Medians and spreads of the runs, the table, the JSON."""

import json
import statistics

REFERENCE = "nntpmux"
GB = 1e9


def divide(a, b):
    return a / b if b else None


def latency(name):
    return lambda run: run["latency_us"][name] if run["commands"] else None


def cpu_per(amount):
    def get(run):
        if "peak_rss_kb" not in run:
            return None         # nothing was between: no proxy
        return divide(run["watched_cpu_s"], amount(run))
    return get


# Title, how it is got from a run, digits, whether less is better.
COLUMNS = (
    ("GB/s", lambda run: run["bytes"] / run["seconds"] / GB, 2, False),
    ("s/GB", cpu_per(lambda run: run["bytes"] / GB), 3, True),
    ("kcmd/s", lambda run: run["commands"] / run["seconds"] / 1e3, 1, False),
    ("us/cmd", cpu_per(lambda run: run["commands"] / 1e6), 2, True),
    ("p50 us", latency("p50"), 0, True),
    ("p99 us", latency("p99"), 0, True),
    ("p99.9 us", latency("p99.9"), 0, True),
    ("share", lambda run: divide(run["share"]["min"], run["share"]["max"]), 2,
     False),
    ("B/client", lambda run: run.get("bytes_per_client"), 0, True),
    ("peak MB", lambda run: run["peak_rss_kb"] / 1024
     if "peak_rss_kb" in run else None, 1, True),
)

# Which columns mean something for which kind of workload, and which of them
# are compared with the reference.
SHOWN = {
    "bulk": ("GB/s", "s/GB", "kcmd/s", "us/cmd", "p50 us", "p99 us",
             "p99.9 us", "share", "peak MB"),
    "stat": ("kcmd/s", "us/cmd", "p50 us", "p99 us", "p99.9 us", "share",
             "peak MB"),
    "idle": ("B/client", "peak MB"),
}
COMPARED = {"bulk": ("GB/s", "s/GB"), "stat": ("kcmd/s", "us/cmd"),
            "idle": ("B/client",)}
for _kind, _like in (("fair", "bulk"), ("slow", "bulk"), ("small", "bulk"),
                     ("tls-backend", "bulk"), ("tls-client", "bulk"),
                     ("deep", "stat"), ("many", "stat")):
    SHOWN[_kind], COMPARED[_kind] = SHOWN[_like], COMPARED[_like]


class Cell:
    """A median with the range that it comes from."""

    def __init__(self, values, digits):
        self.values = values
        self.digits = digits
        self.median = statistics.median(values)

    def text(self):
        value = "%.*f" % (self.digits, self.median)
        if len(self.values) == 1 or not self.median:
            return value
        spread = (max(self.values) - min(self.values)) / 2 / self.median
        return "%s ±%.0f%%" % (value, spread * 100)


def cells(runs, kind):
    """The cells of one row, by title."""
    row = {}
    for title, get, digits, _ in COLUMNS:
        if title not in SHOWN[kind]:
            continue
        values = [get(run) for run in runs]
        if None not in values:
            row[title] = Cell(values, digits)
    return row


def compare(row, reference, title):
    """How many times the reference: the median of what it was in each round,
    for a machine does not stay the same for all of them. Where it was not
    always more, nor always less, the difference is inside the noise: "~"."""
    if title not in row or title not in reference:
        return ""
    mine, other = row[title], reference[title]
    if mine is other:
        return "1"
    if 0 in other.values:
        return ""
    ratios = [a / b for a, b in zip(mine.values, other.values)]
    is_equal = min(ratios) <= 1 <= max(ratios)
    return "%s%.2f" % ("~" if is_equal else "", statistics.median(ratios))


def rows(workload, runs):
    """[(variant, {title: Cell}, error or None)] in the order of the runs."""
    by_variant = {}
    for run in runs:
        if run["workload"] == workload.name:
            by_variant.setdefault(run["variant"], []).append(run)
    result = []
    for variant, its_runs in by_variant.items():
        errors = [run["error"] for run in its_runs if "error" in run]
        result.append((variant, {} if errors else
                       cells(its_runs, workload.kind),
                       errors[0] if errors else None))
    return result


def reference_row(table):
    for variant, row, _ in table:
        if variant == REFERENCE or variant.startswith(REFERENCE + " tls"):
            return row
    return {}


def format_workload(workload, runs):
    table = rows(workload, runs)
    reference = reference_row(table)
    titles = [column[0] for column in COLUMNS
              if column[0] in SHOWN[workload.kind]]
    compared = COMPARED[workload.kind]
    lines = [[workload.name] + titles + ["times " + c for c in compared]]
    for variant, row, error in table:
        if error:
            lines.append(["  " + variant, "failed: " + error])
            continue
        lines.append(["  " + variant] +
                     [row[t].text() if t in row else "-" for t in titles] +
                     [compare(row, reference, t) or "-" for t in compared])
    return lines


def align(lines):
    widths = {}
    for line in lines:
        for i, word in enumerate(line):
            if not word.startswith("failed"):
                widths[i] = max(widths.get(i, 0), len(word))
    return ["  ".join(word.ljust(widths[i]) if i == 0 else
                      word.rjust(widths.get(i, 0))
                      for i, word in enumerate(line)).rstrip()
            for line in lines]


def table(workloads, runs):
    text = []
    for workload in workloads:
        lines = format_workload(workload, runs)
        if len(lines) > 1:
            text += ["", workload.words + ":"] + align(lines)
    return "\n".join(text)


def write_json(path, about, runs):
    path.write_text(json.dumps(dict(about, runs=runs), indent=1) + "\n")
