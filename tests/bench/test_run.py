# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark works. No time is a test here: it is the smoke run, of which
every byte is checked, and the arithmetic of the table."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from conftest import ROOT, program
from runner import report, variants, workloads

LIMIT_S = 280


def smoke(output, *options):
    return subprocess.run(
        [sys.executable, str(ROOT / "bench" / "run"), "--smoke",
         "--program", program("NNTPMUX_PROGRAM", "nntpmux"),
         "--newsd", program("NEWSD", "bench/newsd/newsd"),
         "--load", program("BENCH_LOAD", "bench/load/load"),
         "--blind", program("BENCH_BLIND", "bench/blind/blind"),
         "--output", str(output), *options], timeout=LIMIT_S,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        check=False)


def test_smoke(tmp_path):
    done = smoke(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    files = {path.suffix: path for path in tmp_path.iterdir()}
    assert set(files) == {".json", ".svg", ".txt"}
    runs = json.loads(files[".json"].read_text())["runs"]
    ours = {(run["workload"], run["variant"]): run for run in runs
            if run["variant"] == "nntpmux"}
    assert {workload for workload, _ in ours} == {
        "bulk-4", "small-4", "stat-20", "stat-deep", "fair-10", "many-20",
        "bulk-4-slow", "idle-100"}
    assert {run["variant"] for run in runs} >= {"blind", "blind, sharing"}
    for (workload, _), run in ours.items():
        if workload.startswith("idle"):
            assert run["bytes_per_client"] > 0
            continue
        assert run["commands"] == 300 and run["watched_cpu_s"] > 0
        assert run["verified"] == (
            0 if workload.startswith(("stat", "many")) else 300)
        slow = run["slow"]
        assert slow["connections"] == (2 if workload.endswith("slow") else 0)
        assert slow["commands"] == slow["verified"] >= slow["connections"]
    xml.etree.ElementTree.parse(files[".svg"])
    text = files[".txt"].read_text()
    assert text in done.stdout and "\n  direct" in text


def test_a_broken_proxy_fails(tmp_path):
    """One that starts, listens, and answers nothing."""
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\n"
                      'for word; do [ "$word" = -t ] && exit 0; done\n'
                      "echo going down; exit 1\n")
    broken.chmod(0o755)
    done = smoke(tmp_path / "out", "--program", str(broken), "--workloads",
                 "bulk-4", "--variants", "nntpmux,direct")
    assert done.returncode == 1
    assert "failed: bulk-4, nntpmux, round 1: nntpmux ended: going down" in \
        done.stderr.replace("broken ended", "nntpmux ended")


def test_without_nntpmux_there_are_no_numbers(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho no such key; exit 78\n")
    broken.chmod(0o755)
    done = smoke(tmp_path, "--program", str(broken), "--workloads", "stat-20")
    assert done.returncode == 1 and "no such key" in done.stderr


def test_list(tmp_path):
    done = smoke(tmp_path, "--list")
    assert done.returncode == 0 and "haproxy-splice" in done.stdout


@pytest.mark.parametrize("descriptors, blind", [
    (22200, {"haproxy-tcp", "nginx-stream"}), (22199, set()), (11400, set()),
])
def test_idle_clients_need_descriptors(descriptors, blind, capsys):
    many, = (w for w in workloads.ALL if w.name == "many")
    chosen = variants.for_workload(variants.ALL, many, descriptors)
    assert {v.name for v in chosen} == {
        "direct", "nntpmux", "blind, sharing", "nntp-proxy"} | blind
    assert ("left out: many, haproxy-tcp" in capsys.readouterr().out) == \
        (not blind)


def test_counts_instructions():
    done = subprocess.run(
        [str(ROOT / "bench" / "count"), "--runs", "1",
         "--program", program("NNTPMUX_PROGRAM", "nntpmux"),
         "--newsd", program("NEWSD", "bench/newsd/newsd"),
         "--load", program("BENCH_LOAD", "bench/load/load")],
        timeout=LIMIT_S, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    counts = re.findall(r"^(STAT|BODY).{20} +(\d+) +0.00%", done.stdout,
                        re.MULTILINE)
    assert len(counts) == 5
    assert all(int(count) > 100 for _, count in counts), done.stdout


# --- the table ---

def run_of(variant, gigabytes, cpu_s):
    return {"workload": "bulk-4", "variant": variant, "seconds": 2.0,
            "bytes": gigabytes * 1e9, "commands": gigabytes * 1000,
            "watched_cpu_s": cpu_s, "peak_rss_kb": 2048,
            "latency_us": {"p50": 1, "p99": 2, "p99.9": 3},
            "share": {"min": 1, "max": 2}}


def row_of(runs, variant):
    workload = workloads.bulk(4)
    table = report.rows(workload, runs)
    row = {name: cells for name, cells, _ in table}[variant]
    reference = report.reference_row(table)
    return row, {title: report.compare(row, reference, title)
                 for title in report.COMPARED["bulk"]}


def test_medians_and_spread():
    runs = [run_of("nntpmux", n, 1) for n in (8, 2, 4)]
    row, _ = row_of(runs, "nntpmux")
    assert row["GB/s"].text() == "2.00 ±75%"
    assert row["s/GB"].text() == "0.250 ±75%"
    assert row["kcmd/s"].text() == "2.0 ±75%"


@pytest.mark.parametrize("others, ratio", [
    ((3, 6), "~0.97"), ((4, 8), "~1.30"), ((6, 6), "1.35"), ((3, 4), "0.78"),
])
def test_rounds_are_compared(others, ratio):
    runs = [run_of("nntpmux", n, 1) for n in (4, 5)]
    runs += [run_of("other", n, 1) for n in others]
    _, times = row_of(runs, "other")
    assert times["GB/s"] == ratio


def test_no_proxy_has_no_cost():
    runs = [run_of("nntpmux", 4, 1), run_of("direct", 4, 0)]
    del runs[1]["peak_rss_kb"]
    row, times = row_of(runs, "direct")
    assert "s/GB" not in row and times["s/GB"] == ""
    assert times["GB/s"] == "~1.00"


def test_a_failed_run_is_said():
    runs = [run_of("nntpmux", 4, 1),
            {"workload": "bulk-4", "variant": "other", "error": "it burns"}]
    assert "failed: it burns" in report.table([workloads.bulk(4)], runs)
