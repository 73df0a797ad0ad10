# SPDX-License-Identifier: BSD-2-Clause
"""The same numbers as a picture: a bar for each median, a line for the range.
SVG, written by hand, so that nothing need be installed."""

from xml.sax.saxutils import escape

from . import report

BAR, GAP, HEAD, LEFT, WIDTH = 14, 4, 34, 190, 420
OURS, THEIRS = "#2f6db5", "#9a9a9a"


def text(x, y, words, size=11, anchor="start"):
    return '<text x="%d" y="%d" font-size="%d" text-anchor="%s">%s</text>' % (
        x, y, size, anchor, escape(words))


def bar(y, variant, cell, scale):
    colour = OURS if variant.startswith(report.REFERENCE) else THEIRS
    low, high = min(cell.values) * scale, max(cell.values) * scale
    middle = y + BAR / 2
    return [
        text(LEFT - 6, y + BAR - 3, variant, anchor="end"),
        '<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
            LEFT, y, cell.median * scale, BAR, colour),
        '<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="black"/>' % (
            LEFT + low, LEFT + high, middle, middle),
        text(LEFT + int(high) + 6, y + BAR - 3, cell.text())]


def chart(y, workload, title, table):
    """Elements of one chart and the place below it."""
    bars = [(variant, row[title]) for variant, row, _ in table if title in row]
    if not bars:
        return [], y
    most = max(max(cell.values) for _, cell in bars) or 1
    parts = [text(8, y + 20, "%s: %s, %s" % (workload.name, workload.words,
                                             title), 13)]
    y += HEAD
    for variant, cell in bars:
        parts += bar(y, variant, cell, WIDTH / most)
        y += BAR + GAP
    return parts, y


def write(path, workloads, runs, caption):
    parts, y = [text(8, 16, caption, 12)], 20
    for workload in workloads:
        table = report.rows(workload, runs)
        for title in report.COMPARED[workload.kind]:
            more, y = chart(y, workload, title, table)
            parts += more
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
        'font-family="sans-serif">\n<rect width="100%%" height="100%%" '
        'fill="white"/>\n%s\n</svg>\n' % (
            LEFT + WIDTH + 140, y + 20, "\n".join(parts)))
